"""Whose turn is it? Lets a look ask and write when its turn has come, and counts what events change.

One row per subscription promises the turns, so that any number of app instances keep one pace together. Nothing here
sleeps: who must wait comes back. A look that finds nothing to write costs no promise, as long as ARM has room.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec

from shared.cloud.clients import Cloud
from shared.core import brake, pace
from shared.core.actions import Wait
from shared.core.incidents import Alert, over_budget
from shared.core.names import stable_guid
from shared.core.pace import AT_ONCE_S, Turn
from shared.core.planned import Plan
from shared.core.resource_id import ResourceId
from shared.core.rules import Brake
from shared.core.verdict import Kind, Verdict
from shared.ledger import Changed, Ledger, ServerRow, Window

MOST_TRIES = 4
CONTENDED_S = 8.0
SHORTEST_S = 30.0
_WAITS = "it waits for its turn, because Azure takes about ten writes a second"
_RESTS = "it waits, because Azure has asked for a rest"


@dataclass(frozen=True, slots=True)
class Turned:
    """May the look go on? verdict: None means yes. wait_s: come back then; None when there is nothing to wait for."""

    row: ServerRow
    verdict: Verdict | None = None
    wait_s: float | None = None
    alert: Alert | None = None


def before_asking(row: ServerRow, server_id: ResourceId, cloud: Cloud, ledger: Ledger) -> Turned:
    """Say whether a look may ask ARM now. Raises CloudError.

    Who has no turn takes one when few reads are left; else it costs nothing. Whoever is wished a backup takes its turn
    first: a thousand may come at once, and one that reads before its turn has to read again when it comes.
    """
    headroom = cloud.headroom(server_id.subscription)
    said = Kind(row.verdict) if row.verdict in Kind else Kind.CONFIGURING  # a later version may know others
    if closed_s := headroom.closed_s(cloud.now):
        return Turned(row, Verdict.of(said, _RESTS), closed_s * (1 + _place(row)))
    is_wished, is_short = row.wish is not None and not row.running, headroom.is_short_of_reads(cloud.now)
    if row.turn_at or not (is_wished or is_short):
        return Turned(row)
    if row.running:  # Azure works by itself; who only wants to know how it ended lets the others go first
        waited_s = (cloud.now - row.running.started_at).total_seconds()
        return Turned(row, Verdict.of(said, _WAITS), max(SHORTEST_S, waited_s / 2) * (1 + _place(row)))
    turn = pace.BACKUP if is_wished else pace.LOOK if row.instance_id else pace.FLOW
    wait_s = _reserve(server_id.subscription, turn, cloud, ledger)
    return _waiting(row, turn, wait_s, said, cloud)


def before_writing(
    row: ServerRow, plan: Plan, rules: Brake, price: float, subscription: str, cloud: Cloud, ledger: Ledger
) -> Turned:
    """Say whether a look may write what it has planned: when its turn has come, and within the budget of events.

    subscription: of the vault that is written to. price: what the change costs a month. Raises CloudError.
    """
    writes = [action for action in plan.actions if not isinstance(action, Wait)]
    if not writes:
        is_over = plan.wait is None
        left = 0 if is_over else row.turn_writes
        return Turned(_with(row, turn_writes=left, is_counted=row.is_counted and not is_over))
    if not row.is_counted and brake.is_change(writes, has_instance=bool(plan.instance_id)):
        refused = _count(row, rules, price, subscription, cloud, ledger)
        if refused:
            return refused
        row = msgspec.structs.replace(row, is_counted=True)
    missing = len(writes) - row.turn_writes
    if missing > 0:
        needed = pace.turn_for(plan.actions)
        turn = Turn(needed.writes - row.turn_writes, needed.reads)
        wait_s = _reserve(subscription, turn, cloud, ledger)
        waiting = _waiting(row, turn, wait_s, plan.verdict.kind, cloud)
        if waiting.verdict:
            return waiting
        row = waiting.row
    return Turned(_with(row, turn_writes=row.turn_writes - len(writes)))


def slow_down(subscription: str, cloud: Cloud, ledger: Ledger) -> None:
    """Let everybody rest as long as ARM has just asked this process to; written only if nobody has said so already."""
    closed_s = cloud.headroom(subscription).closed_s(cloud.now)
    if not closed_s:
        return
    kept = ledger.window(subscription)
    window = kept.row or Window(subscription=subscription)
    until = pace.pushed(window.until, cloud.now, closed_s)
    if until == window.until:
        return
    try:
        ledger.keep_window(msgspec.structs.replace(window, until=until), kept.version)
    except Changed:
        return  # somebody else has taken a turn; the next refusal says it again


def _with(row: ServerRow, *, turn_writes: int, **changes: bool) -> ServerRow:
    """The row with so many promised writes left; without any the turn is over."""
    left = max(turn_writes, 0)
    return msgspec.structs.replace(row, turn_writes=left, turn_at=row.turn_at if left else None, **changes)


def _waiting(row: ServerRow, turn: Turn, wait_s: float | None, said: Kind, cloud: Cloud) -> Turned:
    if wait_s is None:
        return Turned(row, Verdict.of(said, _WAITS), CONTENDED_S * (0.2 + _place(row)))
    turn_at = cloud.now + timedelta(seconds=wait_s)
    promised = msgspec.structs.replace(row, turn_at=turn_at, turn_writes=row.turn_writes + turn.writes)
    if wait_s <= AT_ONCE_S:
        return Turned(promised)
    return Turned(promised, Verdict.of(said, _WAITS), wait_s)


def _reserve(subscription: str, turn: Turn, cloud: Cloud, ledger: Ledger) -> float | None:
    """Take a turn: in how many seconds it comes. None when the others were too fast."""
    rest_s = cloud.headroom(subscription).rest_s(cloud.now)
    for _ in range(MOST_TRIES):
        kept = ledger.window(subscription)
        window = kept.row or Window(subscription=subscription)
        until = pace.pushed(window.until, cloud.now, rest_s) if rest_s else window.until
        until, wait_s = pace.reserve(until, cloud.now, turn)
        try:
            ledger.keep_window(msgspec.structs.replace(window, until=until), kept.version)
        except Changed:
            continue
        return wait_s
    return None


def _count(
    row: ServerRow, rules: Brake, price: float, subscription: str, cloud: Cloud, ledger: Ledger
) -> Turned | None:
    """Count one more server that an event changes; None when it may go on."""
    for _ in range(MOST_TRIES):
        kept = ledger.window(subscription)
        window = kept.row or Window(subscription=subscription)
        so_far = brake.Counted(window.since, window.counted, window.price)
        after = brake.count(so_far, cloud.now, rules, window.servers, price)
        if after is None:
            reason = (
                f"events have changed {window.counted} servers of this subscription within a day, which is the most"
            )
            alert = over_budget(subscription, window.counted, window.since or cloud.now, cloud.now)
            return Turned(_with(row, turn_writes=0), Verdict.of(Kind.OVER_BUDGET, reason), None, alert)
        counted = {"since": after.since, "counted": after.servers, "price": after.price}
        try:
            ledger.keep_window(msgspec.structs.replace(window, **counted), kept.version)
        except Changed:
            continue
        return None
    return Turned(row, Verdict.of(Kind.CONFIGURING, _WAITS), CONTENDED_S * (0.2 + _place(row)))


def _place(row: ServerRow) -> float:
    """From 0 to 1, by server: who is told the same does not come back with all the others."""
    return UUID(stable_guid(row.server_id, str(row.generation))).int / 2**128
