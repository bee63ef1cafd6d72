"""What is wrong, since when, and who has been told? `flexguard incidents`: what the app's watch has written down."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from cli.connection import connect
from cli.output import EXIT_FINDINGS, EXIT_OK, Output, examples, with_output

if TYPE_CHECKING:
    from shared.core.incidents import Incident

_AT_LEAST = 2  # so many of a unit, or the next smaller one says more


@click.command(epilog=examples("flexguard incidents", "flexguard incidents --all", "flexguard incidents --json"))
@click.option("--all", "everything", is_flag=True, help="Those of the last 30 days that are over, too.")
@with_output
def command(output: Output, *, everything: bool) -> int:
    """List what people were told of: open incidents, with --all those that are over too.

    Reads what the app's watch has written down; it looks every 15 minutes. The most severe come first, and of these
    the oldest. Needs the app's table endpoint. Exit code 1: one that somebody should see to is open.

    --json prints a list; an incident has key, kind, severity, title, reason, fix, owner, place, cause, servers, named,
    opened_at, closed_at, told_to.
    """
    from shared.core.alert import Severity
    from shared.core.incidents import FORGOTTEN

    ledger = connect().needed_ledger
    ledger.watched("watch_jobs")  # which tells the time
    with output.progress("Reading incidents"):
        known = [kept.row for kept in ledger.incidents(connect().cloud.now - FORGOTTEN) if kept.row]
    order = list(Severity)
    found = sorted(
        known, key=lambda one: (one.closed_at is not None, order.index(one.severity), one.opened_at, one.key)
    )
    shown = [one for one in found if everything or one.closed_at is None]
    output.data([_as_data(one) for one in shown])
    _show(output, shown, connect().cloud.now)
    is_open = any(one.closed_at is None and one.severity is not Severity.EXPECTED for one in found)
    return EXIT_FINDINGS if is_open else EXIT_OK


def _as_data(one: "Incident") -> dict[str, Any]:
    return {
        "key": one.key,
        "kind": one.kind,
        "severity": one.severity,
        "title": one.title,
        "reason": one.words,
        "fix": one.fix,
        "owner": one.owner,
        "place": one.place,
        "cause": one.cause,
        "servers": _count(one),
        "named": [subject for subject, _ in one.shown],
        "opened_at": one.opened_at,
        "closed_at": one.closed_at,
        "told_to": one.told_to,
    }


def _count(one: "Incident") -> int:
    return one.most if one.closed_at else max(1, len(one.subjects))


def _show(output: Output, shown: "list[Incident]", now: datetime) -> None:
    if not shown:
        output.say("Nothing is open.", style="green")
        return
    output.table(
        "1 incident" if len(shown) == 1 else f"{len(shown):,} incidents",
        ["severity", "since (UTC)", "", "what, where, and what to do"],
        ([one.severity, f"{one.opened_at:%m-%d %H:%M}", _state(one, now), _said(one)] for one in shown),
    )


def _state(one: "Incident", now: datetime) -> str:
    age = _age((one.closed_at or now) - one.opened_at)
    return f"over after {age}" if one.closed_at else f"open for {age}"


def _age(age: timedelta) -> str:
    steps = ((age / timedelta(days=1), "d"), (age / timedelta(hours=1), "h"), (age / timedelta(minutes=1), "min"))
    count, unit = next((step for step in steps if step[0] >= _AT_LEAST), steps[-1])
    return f"{count:.0f} {unit}"


def _said(one: "Incident") -> str:
    names = [subject.rsplit("/", 1)[-1] for subject, _ in one.shown[:3]]
    more = _count(one) - len(names)
    where = ", ".join(names) + (f" and {more:,} more" if more > 0 and names else "")
    owner = f" [owner {one.owner}]" if one.owner else ""
    return f"{one.title}: {where or one.place}\n{one.words}\n→ {one.fix}{owner}"
