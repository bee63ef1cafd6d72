"""Why is this server as it is, and what comes next? `flexguard explain`: one server, read live, on one page."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.connection import connect, rules_path
from cli.output import EXIT_FINDINGS, EXIT_OK, Output, examples, with_output
from cli.scope import with_scope
from cli.server_name import server_id as named

if TYPE_CHECKING:
    from shared.core.estate import Scope
    from shared.core.observed import Server
    from shared.explain import Explained

Section = tuple[str, list[tuple[str, str]]]


@click.command(
    epilog=examples(
        "flexguard explain pg-orders",
        "flexguard explain pg-orders --subscription 00000000-0000-0000-0000-000000000000 --json",
    )
)
@click.argument("server_name", metavar="SERVER")
@with_scope
@click.option("--rules", metavar="FILE", type=click.Path(path_type=Path), help="The rules file to judge by.")
@with_output
def command(output: Output, server_name: str, scope: "Callable[[frozenset[str]], Scope]", rules: Path | None) -> int:
    """Say everything about one server: what it gets, why, and what comes next.

    SERVER is a full resource id, or a name that only one server has. Asks Azure itself, as the app does: the tags and
    the rule that won, the mode, the vault and its roles, the backup instance and its policy, the last and the next
    backup, what is said of it, and what the app would do next. Exit code 1: somebody has something to do.
    """
    from shared import rules_file
    from shared.core.judgement import is_finding
    from shared.explain import explain

    read = rules_file.load(rules or rules_path())
    connection = connect()
    server_id = named(connection, server_name, scope)
    found = explain(connection.cloud, server_id, read, connection.ledger)
    output.data(_as_data(found))
    for title, rows in _sections(found):
        output.table("", [title, ""], rows)
        output.say()
    return EXIT_FINDINGS if is_finding(found.verdict) else EXIT_OK


# -- for programs ------------------------------------------------------------------------------------------------


def _as_data(found: "Explained") -> dict[str, Any]:
    seen, ahead = found.observed, found.foreseen
    return {
        "id": seen.server_id.text,
        "at": seen.now,
        "server": _flat(seen.server),
        "eligible": not found.ineligible,
        "tier": getattr(found.intent, "tier_name", ""),
        "owner": found.intent.owner,
        "notes": found.intent.notes,
        "rules": found.candidates,
        "mode": found.mode,
        "mode_rule": found.mode_rule,
        "verdict": found.verdict.kind,
        "reason": found.verdict.reason,
        "fix": found.verdict.fix,
        "final": ahead.final.kind,
        "final_reason": ahead.final.reason,
        "next_actions": [{"action": type(one).__name__, "reason": one.reason} for one in ahead.writes],
        "vault": found.vault,
        "vault_why": found.vault_why,
        "roles": found.roles,
        "instance": found.instance,
        "policy": found.policy.id if found.policy else "",
        "policy_means_tier": found.follows,
        "latest_point": found.latest_point,
        "latest_job": found.latest_job,
        "next_backup": found.next_backup,
        "on_demand": found.due,
        "remembered": found.row,
        "not_remembered_because": found.row_why,
    }


def _flat(server: "Server | None") -> dict[str, Any] | None:
    return {name: getattr(server, name) for name in server.__slots__ if name != "id"} if server else None


# -- for people --------------------------------------------------------------------------------------------------


def _sections(found: "Explained") -> Iterator[Section]:
    seen = found.observed
    yield seen.server_id.name, _verdict(found)
    yield "Rules, in order of precedence", _rules(found)
    yield "Server", _server(found)
    yield "Protection", _protection(found)
    yield "What the app remembers", _remembered(found)


def _verdict(found: "Explained") -> list[tuple[str, str]]:
    ahead = found.foreseen
    rows = [("verdict", found.verdict.kind.value), ("reason", found.verdict.reason)]
    rows += [("what to do", found.verdict.fix)] if found.verdict.fix else []
    rows += [("next", f"{type(one).__name__}: {one.reason}") for one in ahead.writes]
    if ahead.final != ahead.plan.verdict:
        rows.append(("in the end", f"{ahead.final.kind}: {ahead.final.reason}"))
    return rows


def _rules(found: "Explained") -> list[tuple[str, str]]:
    rows = [
        (("→ " if one.is_winner else "  ") + one.rule, f"{one.says}: {one.why}" if one.says else one.why)
        for one in found.candidates
    ]
    rows.append(("  mode", f"{found.mode}, by {found.mode_rule} of the rules file"))
    return [*rows, *(("  note", note) for note in found.intent.notes)]


def _server(found: "Explained") -> list[tuple[str, str]]:
    from shared.core.matching import shortened

    server = found.observed.server
    if server is None:
        return [("id", found.observed.server_id.text), ("state", "it does not exist")]
    tags = ", ".join(f"{shortened(name)} = {shortened(value)}" for name, value in sorted(server.tags.items()))
    return [
        ("id", server.id.text),
        ("region", server.location),
        ("state", f"{server.state}, {server.replication_role or 'no role'}{', elastic cluster' * server.is_cluster}"),
        ("eligible", f"no: {found.ineligible}" if found.ineligible else "yes"),
        ("storage", f"{server.storage_gb} GB provisioned"),
        ("tags", tags or "none"),
        ("owner", found.intent.owner or "nobody"),
    ]


def _protection(found: "Explained") -> list[tuple[str, str]]:
    if found.vault is None:
        return [("vault", "none")]
    rows = [("vault", f"{found.vault.name}: {found.vault_why}")]
    rows += [("role", f"{name}: {'yes' if held else 'missing'}") for name, held in found.roles.items()]
    if instance := found.instance:
        errors = "".join(f"; {code}: {message}" for code, message in instance.errors)
        rows += [("instance", f"{instance.name}: {instance.state}{errors}"), ("policy", _policy(found))]
    job = found.latest_job
    rows += [
        ("last point", _time(found.latest_point)),
        ("last job", f"{job.status} {_time(job.started_at)} {', '.join(job.codes)}".strip() if job else "none"),
        ("next backup", _time(found.next_backup)),
        ("on demand", f"due: {found.due.reason}" if found.due.why else f"not due: {found.due.reason}"),
    ]
    return rows


def _policy(found: "Explained") -> str:
    if found.policy is None:
        return "the one that it names does not exist"
    judged = {True: "it means the tier", False: "it does not mean the tier", None: "no tier is asked for"}
    return f"{found.policy.name}: {judged[found.follows]}"


def _remembered(found: "Explained") -> list[tuple[str, str]]:
    from shared.core.due import BECAUSE

    row = found.row
    if row is None:
        return [("nothing", found.row_why)]
    rows = [("looked at", _time(row.observed_at)), ("said", f"{row.verdict}: {row.reason}")]
    rows += [("looks again", _time(row.next_look_at))] if row.next_look_at else []
    rows += [("running", f"{row.running.kind} since {_time(row.running.started_at)}")] if row.running else []
    backup, because = row.backup, BECAUSE.get(row.backup.why, row.backup.why)
    rows.append(("on demand", f"{backup.step}{f' {_time(backup.at)}, as {because}' if backup.at else ''}"))
    rows += [("wish", f"{BECAUSE.get(row.wish.why)} since {_time(row.wish.at)}")] if row.wish else []
    rows += [("last wish", f"of {_time(row.answer.at)}: {row.answer.reason}")] if row.answer else []
    return rows


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "none"
