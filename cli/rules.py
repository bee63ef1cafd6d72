"""Is the rules file right, and what would it do with an estate? `flexguard rules check`."""

from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.connection import connect, now, rules_path
from cli.output import EXIT_BAD_INPUT, EXIT_FINDINGS, EXIT_OK, BadInput, Output, examples, with_output

if TYPE_CHECKING:
    from shared.core.coverage import Coverage, Subject
    from shared.core.rules import Rules, Tier
    from shared.rules_file import Problem

LIVE = "live"
MOST_NAMED = 5  # servers, and valid words, that are named for one finding; --json names all servers


@click.group()
def command() -> None:
    """Check the rules file, alone or against an estate."""


@command.command(
    epilog=examples(
        "flexguard rules check",
        "flexguard rules check new.yaml --against live",
        "flexguard rules check --against servers.json --json",
    )
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--against",
    metavar="ESTATE",
    help="Try the rules on servers: a JSON file of them (id, tags), or `live` to read them from Azure.",
)
@with_output
def check(output: Output, file: Path | None, against: str | None) -> int:
    """Say everything that is wrong with a rules file, and what its rules do with the servers of an estate.

    FILE is the rules file; without it, the one that FLEXGUARD_RULES names, or rules.yaml.

    Errors and warnings come all at once, each with line, column, what is valid, and who says so. With --against, it
    counts for every rule the servers that it decides for, and how many of these are protected; it names tags that look
    like typing errors, with the word that was probably meant, and rules that decide for no server.

    Exit code: 0, or 1 with warnings or findings, or 2 if the file cannot be used.
    """
    from shared.rules_file import BadRules, read

    path = file or rules_path()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(f"{path} cannot be read: {reason}; name a rules file, or go where rules.yaml is") from None
    try:
        rules, warnings = read(text, str(path))
    except BadRules as bad:
        _show_problems(output, str(path), "error", bad.problems)
        output.data({"file": str(path), "errors": bad.problems, "warnings": [], "tiers": {}, "against": None})
        return EXIT_BAD_INPUT
    _show_problems(output, str(path), "warning", warnings)
    _show_tiers(output, rules)
    found, incomplete = _against(output, rules, against) if against else (None, ())
    answer: dict[str, Any] = {"file": str(path), "errors": [], "warnings": warnings, "tiers": _plain(rules.tiers)}
    tried = asdict(found) | {"idle": found.idle, "incomplete": incomplete} if found else None
    output.data(answer | {"against": tried})
    return EXIT_FINDINGS if warnings or incomplete or (found and found.has_findings) else EXIT_OK


def _show_problems(output: Output, file: str, kind: str, problems: "Sequence[Problem]") -> None:
    for one in sorted(problems, key=lambda problem: (problem.line, problem.column)):
        output.say(f"{file}:{one.line}:{one.column}: {kind}: {one}", style="red" if kind == "error" else "yellow")
    output.say(f"{file}: {len(problems) or 'no'} {kind}{'s' * (len(problems) != 1)}")


def _show_tiers(output: Output, rules: "Rules") -> None:
    rows = ([name, *_tier_cells(tier)] for name, tier in rules.tiers.items())
    output.say()
    output.table(f"Tiers (tag {rules.tag})", ["tier", "backup", "keeps", "first backup", "max age"], rows)


def _tier_cells(tier: "Tier") -> list[str]:
    backup, keep = tier.backup, tier.keep
    spread = f", spread over {backup.spread}" if backup.spread else ""
    kept = [(field.name, getattr(keep, field.name)) for field in fields(keep) if field.name != "custom"]
    kept += [(custom.name, custom.keep) for custom in keep.custom]
    return [
        f"{', '.join(day[:3] for day in backup.days)} {backup.at} {backup.time_zone}{spread}",
        "\n".join(f"{name} {span}" for name, span in kept if span),
        tier.first_backup.replace("_", " "),
        str(tier.max_age),
    ]


def _plain(value: Any) -> Any:
    """A part of the model as it would be written in the file."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if not is_dataclass(value):
        return value
    if type(value).__str__ is not object.__str__:  # a span, a time of day, a time zone
        return str(value)
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


# -- against an estate -------------------------------------------------------------------------------------------


def _against(output: Output, rules: "Rules", estate: str) -> "tuple[Coverage, tuple[str, ...]]":
    """What the rules do with an estate, and what of it could not be read."""
    from shared.core.coverage import coverage

    subjects, moment, incomplete = _live(output) if estate == LIVE else _from_file(Path(estate))
    found = coverage(subjects, moment, rules)
    output.say()
    output.table(
        f"Rules against {found.servers:,} servers ({estate})",
        ["rule", "says", "servers", "protected", "not protected", "not known"],
        ([use.rule, use.says, use.matching, use.protected, use.not_protected, use.unknown] for use in found.uses),
    )
    for slip in found.slips:
        meant = f"did you mean {slip.nearest}?" if slip.nearest else f"valid: {', '.join([*rules.tiers][:MOST_NAMED])}"
        output.say(f"\nlooks like a typo: tag {slip.tag} = {slip.value!r}; {meant}", style="yellow")
        _name(output, slip.servers)
    for mismatch in found.mismatches:
        output.say(f"\n{mismatch.reason}", style="yellow")
        _name(output, mismatch.servers)
    if found.idle:
        output.say(f"\nrules that decide for no server: {', '.join(found.idle)}", style="yellow")
    return found, incomplete


def _name(output: Output, servers: Sequence[str]) -> None:
    for server in servers[:MOST_NAMED]:
        output.say(f"  {server}")
    if len(servers) > MOST_NAMED:
        output.say(f"  and {len(servers) - MOST_NAMED:,} more (--json names them)")


def _from_file(path: Path) -> "tuple[Sequence[Subject], datetime, tuple[str, ...]]":
    from cli.estate_file import read_subjects

    return read_subjects(path), now(), ()


def _live(output: Output) -> "tuple[Sequence[Subject], datetime, tuple[str, ...]]":
    """The servers of the managed subscriptions as Azure shows them, Azure's time, and what could not be read."""
    from cli.scope import read_scope
    from shared.cloud.estate import read_estate
    from shared.core.coverage import Subject
    from shared.core.protection import CONFIGURED
    from shared.datasources.postgresql_flexible import DATASOURCE

    connection = connect()
    cloud, scope = connection.cloud, read_scope((), (), None, connection.settings.subscriptions)
    with output.progress("Reading the estate") as advance:
        estate = read_estate(cloud, scope, DATASOURCE, pause=cloud.transport.sleep, progress=advance)
    for missing in estate.incomplete:
        output.warn(f"not all could be read: {missing}")
    covered = {
        key for key, instances in estate.instances.items() if any(one.state.lower() == CONFIGURED for one in instances)
    }
    subjects = [Subject(one.id, one.tags, key in covered) for key, one in estate.servers.items()]
    return subjects, estate.now, estate.incomplete
