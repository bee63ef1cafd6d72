"""What is kept, until when, and by which rule? `flexguard retention`: of a tier or any policy, planned or as it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.connection import now, rules_path
from cli.output import EXIT_OK, BadInput, Output, examples, with_output

if TYPE_CHECKING:
    from shared.core.meaning import Meaning
    from shared.core.retention import Kept, Steady


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: a tier of the rules file, or a policy."""

    name: str
    meaning: "Meaning"


@click.command(
    epilog=examples(
        "flexguard retention gold",
        "flexguard retention gold --picture gold.svg",
        "flexguard retention silver --instead-of gold",
        "flexguard retention --policy policy.json --backups backups.json --json",
    )
)
@click.argument("tier", required=False)
@click.option("--rules", metavar="FILE", type=click.Path(path_type=Path), help="The rules file that has the tier.")
@click.option(
    "--policy",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A policy as Azure answers it, in place of a tier.",
)
@click.option(
    "--backups",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Judge these backups instead of those to come: a JSON list of {time, kind, status, override}.",
)
@click.option("--years", default=10, show_default=True, type=click.IntRange(1, 50), help="How far to look ahead.")
@click.option("--start", metavar="DATE", help="The first day to look at, such as 2027-01-01; without it, today.")
@click.option("--instead-of", metavar="TIER", help="Say too what changes for servers that had this tier.")
@click.option(
    "--picture", metavar="FILE", type=click.Path(path_type=Path), help="Draw it, too: a file that ends in .svg or .png."
)
@with_output
def command(output: Output, tier: str | None, policy: Path | None, backups: Path | None, **options: Any) -> int:
    """Show which recovery points a tier or a policy keeps, until when, and by which rule.

    TIER is a tier of the rules file; without --rules, of the one that FLEXGUARD_RULES names, or rules.yaml.

    A recovery point has one retention tag: that of the first rule, by priority, that is for it. It is kept as long as
    that rule says, counted from its backup, and no later change of tier or policy touches it. "Kept at any time" is how
    many points there are once the longest rule has run its time.

    With --backups, it says for each backup that succeeded: tag, expiry, rule, and the rules that fitted and had to
    yield. kind is scheduled or on_demand; override is the retention tag that an on-demand backup asked for. A backup
    that failed makes no point, and the next one is the first of its week, month or year in its place.
    """
    subject = _subject(tier, options["rules"], policy)
    if backups:
        return _judge(output, subject, backups)
    return _plan(output, subject, options)


def _subject(tier: str | None, rules: Path | None, policy: Path | None) -> Subject:
    if (tier is None) == (policy is None):
        raise BadInput("name a tier, or a policy with --policy FILE, and not both")
    if policy:
        from cli.backup_history import read_policy_file

        found = read_policy_file(policy)
        if found.meaning is not None:
            return Subject(found.name or policy.name, found.meaning)
    return _tier(tier or "", rules)


def _when(subject: Subject) -> str:
    from shared.core.retention_time import schedule

    return schedule(subject.meaning)


def _tier(name: str, rules: Path | None) -> Subject:
    from shared.core.policy import tier_meaning
    from shared.rules_file import load

    path = rules or rules_path()
    tiers = {known.casefold(): (known, tier) for known, tier in load(path).tiers.items()}
    if name.casefold() not in tiers:
        near = get_close_matches(name.casefold(), tiers, n=1)
        meant = f"; did you mean {tiers[near[0]][0]}?" if near else ""
        raise BadInput(f"{path} has no tier {name!r}; valid: {', '.join(known for known, _ in tiers.values())}{meant}")
    known, tier = tiers[name.casefold()]
    return Subject(known, tier_meaning(tier))


# -- as it was ----------------------------------------------------------------------------------------------------


def _judge(output: Output, subject: Subject, backups: Path) -> int:
    from cli.backup_history import read_runs
    from shared.core.retention import judge

    try:
        points = judge(subject.meaning, read_runs(backups))
    except ValueError as error:
        raise BadInput(f"{backups}: {error}") from None
    rows = ([_time(p.time), p.tag, _time(p.expiry), p.rule.name, ", ".join(p.lost)] for p in points)
    output.table(f"{subject.name}: {_when(subject)}", ["recovery point", "tag", "kept until", "by rule", "over"], rows)
    output.data([_told(point) for point in points])
    return EXIT_OK


def _told(point: "Kept") -> dict[str, Any]:
    return {
        "time": _time(point.time),
        "tag": point.tag,
        "expiry": _time(point.expiry),
        "rule": point.rule.name,
        "lost": list(point.lost),
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# -- as it will be ------------------------------------------------------------------------------------------------


def _plan(output: Output, subject: Subject, options: dict[str, Any]) -> int:
    from shared.core.meaning import Duration
    from shared.core.retention import Count, planned, steady_state

    start = _date(options["start"])
    end = Duration.parse(f"P{options['years']}Y").after(start)
    points, steady = planned(subject.meaning, start, end), steady_state(subject.meaning, start)
    rows = _rows(subject.meaning, points, steady)
    title = f"{subject.name}: {_when(subject)}, {start:%Y-%m-%d} to {end:%Y-%m-%d}"
    cells = [[str(value) if isinstance(value, Count) else value for value in row.values()] for row in rows]
    output.table(title, ["rule", "keeps", "points", "kept at any time", "first", "last"], cells)
    output.say(f"\n{len(points):,} backups, {steady.total} recovery points kept at any time.")
    change = _change(output, subject, options["instead_of"], options["rules"])
    if options["picture"]:
        _draw(output, subject, start, end, options["picture"])
    told = {"rules": rows, "kept_at_any_time": steady.total, "instead_of": change, "points": [_told(p) for p in points]}
    output.data({"subject": subject.name, "start": _time(start), "end": _time(end)} | told)
    return EXIT_OK


def _date(text: str | None) -> datetime:
    """Midnight, UTC, of a day."""
    try:
        day = datetime.fromisoformat(text) if text else now()
    except ValueError:
        raise BadInput(f"--start is {text!r}; valid is a day such as 2027-01-01") from None
    return day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)


def _rows(meaning: "Meaning", points: Sequence["Kept"], steady: "Steady") -> list[dict[str, Any]]:
    """A row per rule, in order of priority; days on the policy's clock."""
    from shared.core.retention_time import local

    rows = []
    for rule, count in steady.rules:
        mine = [local(meaning, point.time) for point in points if point.rule is rule]
        ends = (f"{mine[0]:%Y-%m-%d}", f"{mine[-1]:%Y-%m-%d}") if mine else ("", "")
        row = {"rule": rule.name, "keeps": str(rule.keep), "points": len(mine), "kept_at_any_time": count}
        rows.append(row | {"first": ends[0], "last": ends[1]})
    return rows


def _change(output: Output, subject: Subject, before: str | None, rules: Path | None) -> dict[str, Any] | None:
    """What happens to servers that had another tier."""
    if before is None:
        return None
    from shared.core.retention import shorter

    old = _tier(before, rules)
    found = shorter(subject.meaning, old.meaning)
    output.say(f"\nFrom {old.name} to {subject.name}: points already taken stay as {old.name} keeps them.")
    output.say(f"New points: {found}: a lower tier." if found else "New points: none would be kept shorter.")
    return {"tier": old.name, "is_lower": found is not None, "why": str(found) if found else ""}


# -- the picture --------------------------------------------------------------------------------------------------


def _draw(output: Output, subject: Subject, start: datetime, end: datetime, file: Path) -> None:
    from shared.page.retention_picture import draw, picture

    text = draw(picture(subject.name, subject.meaning, start, end))
    match file.suffix.lower():
        case ".svg":
            content = text.encode()
        case ".png":
            content = _png(text)
        case other:
            raise BadInput(f"--picture ends in {other!r}; valid: .svg, .png")
    try:
        file.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}") from None
    output.say(f"Drawn: {file}")


def _png(text: str) -> bytes:
    """The picture as a PNG, twice as large for sharp text. The fonts are those of this machine."""
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=text, zoom=2))
