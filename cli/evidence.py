"""What does the auditor get, is it what was written, and what has changed since? `flexguard evidence`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from cli.connection import connect, rules_path
from cli.output import EXIT_FINDINGS, EXIT_OK, BadInput, Output, examples, with_output
from cli.scope import with_scope

if TYPE_CHECKING:
    from shared.core.estate import Scope
    from shared.dossier.check import Found
    from shared.dossier.compare import Difference
    from shared.dossier.model import Manifest, Share
    from shared.evidence import Evidence

MOST_SHOWN = 40
_MEASURES = {"coverage": "servers protected", "attainment": "points made", "freshness": "newest point young enough"}


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "flexguard evidence --out evidence-2026-11",
        "flexguard evidence --out november --from 2026-11-01 --to 2026-11-14",
        "flexguard evidence --out evidence --json > summary.json",
        "flexguard evidence verify november",
        "flexguard evidence diff october november",
    ),
)
@with_scope
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Where to write; a new or an empty folder.")
@click.option("--from", "since", metavar="DATE", help="First day of the period, in UTC; without it 14 days ago.")
@click.option("--to", "until", metavar="DATE", help="Last day of the period, in UTC; without it now.")
@click.option("--rules", metavar="FILE", type=click.Path(path_type=Path), help="The rules file to judge by.")
@with_output
def command(
    output: Output,
    scope: "Callable[[frozenset[str]], Scope]",
    out: Path | None,
    since: str | None,
    until: str | None,
    rules: Path | None,
) -> int:
    """Write what an auditor wants to see: coverage, exceptions, points made, jobs, posture, changes.

    Every table is there as CSV and as JSON, with a schema; manifest.json has the SHA-256 of every file, scope, period,
    version, rules, and every source that failed or was cut. Jobs, changes and incidents are those of the period;
    servers, policies and vaults are as they are now. docs/evidence.md says what each column means.

    Exit code 1: not all could be read, so something is missing; the summary and the manifest say what.
    """
    if click.get_current_context().invoked_subcommand:
        return EXIT_OK
    from shared.dossier.files import write

    folder = Folder(_empty(out))
    found = _gathered(output, scope, rules, (_moment("--from", since), _moment("--to", until, days=1)))
    manifest, digest = write(folder, found.head, found.tables)
    output.data({"out": str(out), "manifest_sha256": digest, "manifest": manifest})
    _show(output, manifest, digest, folder.path)
    return EXIT_FINDINGS if found.head.missing else EXIT_OK


def _gathered(
    output: Output,
    scope: "Callable[[frozenset[str]], Scope]",
    rules: Path | None,
    period: tuple[datetime | None, datetime | None],
) -> "Evidence":
    from shared import rules_file
    from shared.evidence import BadPeriod, gather

    read, connection = rules_file.load(rules or rules_path()), connect()
    cloud, where = connection.cloud, scope(connection.settings.subscriptions)
    try:
        with output.progress("Reading the estate, its jobs and its records") as advance:
            return gather(cloud, connection.ledger, read, where, *period, pause=cloud.transport.sleep, progress=advance)
    except BadPeriod as reason:
        raise BadInput(str(reason)) from None


@dataclass(frozen=True)
class Folder:
    """A place for files. Each is only there when it is whole."""

    path: Path

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        unfinished = self.path / f".{name}.unfinished"
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(self.path / name)


def _empty(out: Path | None) -> Path:
    """The folder to write to, made if it is not there. Raises BadInput."""
    if out is None:
        raise BadInput("where to? give --out and a new folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise BadInput(f"--out {out}: there is something in it; evidence goes into a new or an empty folder")
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror}") from None
    return out


def _moment(option: str, text: str | None, *, days: int = 0) -> datetime | None:
    """A day, from its first moment on and `days` later, or a moment, in UTC. Raises BadInput."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text}: valid is a day such as 2026-11-22, or 2026-11-22T09:00:00Z") from None
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return at + timedelta(days=days) if len(text) == len("2026-11-22") else at


def _show(output: Output, manifest: "Manifest", digest: str, out: Path) -> None:
    head = manifest.evidence
    output.say(f"Evidence from {head.from_:%Y-%m-%d %H:%M} to {head.to:%Y-%m-%d %H:%M} UTC", style="bold")
    output.say(f"{out}\n")
    output.table(
        "", ["measure", "", "percent"], (_measure(words, getattr(head, name)) for name, words in _MEASURES.items())
    )
    output.say()
    tables = [file for file in manifest.files if file.rows is not None and file.name.endswith(".csv")]
    output.table("", ["table", "rows"], ([file.name.removesuffix(".csv"), file.rows] for file in tables))
    output.say()
    for one in head.missing:
        output.warn(f"incomplete, {one.source}: {one.what}")
    if head.missing:
        output.say(
            "Not all could be read: the manifest says what is missing, and so do the lines above.", style="yellow"
        )
    output.say(f"SHA-256 of manifest.json: {digest}")
    output.say("Keep it apart from the files: flexguard evidence verify --sha256 takes it.")


def _measure(words: str, share: "Share") -> list[str]:
    return [words, share.measure, "" if share.percent is None else f"{share.percent} %"]


# -- verify --------------------------------------------------------------------------------------------------------


@command.command(
    "verify",
    epilog=examples(
        "flexguard evidence verify november",
        "flexguard evidence verify 2026-11-22.zip",
    ),
)
@click.argument("path", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--sha256", "digest", metavar="HEX", default="", help="What manifest.json must have, noted elsewhere.")
@with_output
def verify(output: Output, path: Path, digest: str) -> int:
    """Say whether evidence is what was written, and name every file that is missing, changed or added.

    DIR is a folder, or a zip that the app has kept. Without --sha256 the files are held against the manifest, and
    nothing tells whether somebody wrote both. Exit code 1: something is not as it was.
    """
    found = _found(path, digest.strip().lower())
    head = found.manifest.evidence
    output.data({
        "intact": not found.problems,
        "manifest_sha256": found.digest,
        "problems": found.problems,
        "evidence": head,
    })  # fmt: skip
    if found.problems:
        output.say(f"{path} is not what was written:\n", style="red")
        output.table("", ["file", "what"], ([one.file, one.what] for one in found.problems))
        return EXIT_FINDINGS
    output.say(
        f"{path} is what was written: {len(found.manifest.files)} files, made {head.made_at:%Y-%m-%d %H:%M} UTC",
        style="green",
    )
    output.say(f"SHA-256 of manifest.json: {found.digest}")
    if not digest:
        output.say("Compare it with the one that you noted, or give that as --sha256.")
    for one in head.missing:
        output.warn(f"it was incomplete when it was written, {one.source}: {one.what}")
    return EXIT_OK


def _found(path: Path, digest: str = "") -> "Found":
    from shared.dossier.check import Unreadable, look

    try:
        return look(path, digest)
    except Unreadable as reason:
        raise BadInput(str(reason)) from None


# -- diff ----------------------------------------------------------------------------------------------------------


@command.command(
    "diff", epilog=examples("flexguard evidence diff october november", "flexguard evidence diff a b --json")
)
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help=f"Show every difference, not the first {MOST_SHOWN}.")
@with_output
def diff(output: Output, before: Path, after: Path, *, everything: bool) -> int:
    """Show what is different in B: protection, policies, exceptions and the posture of vaults.

    A and B are folders or zips with evidence. What is not as it was written is not compared. Exit code 1: a
    server lost its protection or its backup, or a vault keeps less well what is in it.
    """
    from shared.dossier.compare import compare

    found = [_found(before), _found(after)]
    for path, one in zip((before, after), found, strict=True):
        for problem in one.problems:
            output.warn(f"{path}: {problem.file}: {problem.what}")
    if any(one.problems for one in found):
        raise BadInput("what is not as it was written is not compared")
    was, now = (one.manifest.evidence for one in found)
    differences = sorted(compare(*found), key=lambda one: not one.is_worse)
    measures = {name: [getattr(was, name), getattr(now, name)] for name in _MEASURES}
    output.data({"was": was.made_at, "now": now.made_at, "measures": measures, "differences": differences})
    output.say(f"From {was.made_at:%Y-%m-%d %H:%M} to {now.made_at:%Y-%m-%d %H:%M} UTC", style="bold")
    output.table("", ["measure", "was", "", "now", ""], (_both(name, *shares) for name, shares in measures.items()))
    output.say()
    _show_differences(output, differences, len(differences) if everything else MOST_SHOWN)
    return EXIT_FINDINGS if any(one.is_worse for one in differences) else EXIT_OK


def _both(name: str, was: "Share", now: "Share") -> list[str]:
    words = _MEASURES[name]
    return [words, *_measure(words, was)[1:], *_measure(words, now)[1:]]


def _show_differences(output: Output, found: "list[Difference]", most: int) -> None:
    if not found:
        output.say("Servers, exceptions and vaults are the same.", style="green")
        return
    rows = (
        [one.id.rsplit("/", 1)[-1], one.what, one.was or "none", one.now or "none", "worse" if one.is_worse else ""]
        for one in found[:most]
    )
    output.table(f"{len(found):,} differences", ["about", "what", "was", "now", ""], rows)
    if len(found) > most:
        output.say(f"and {len(found) - most:,} more; --all shows them, --json has everything")
