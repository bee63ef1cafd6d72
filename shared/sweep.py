"""Compares the whole estate with what its teams want, and puts on the queue only what is not as it should be.

Once an hour it heals what events missed. All plans are made before any is enqueued, so that too many changes at once
wait for a person; rows of Resource Graph only propose, and each server is read anew before anything is written.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from shared import approval, journal, plan
from shared.claim import Message, as_sent
from shared.cloud import calls, queue, snapshot
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.converge import QUEUE
from shared.core import brake, pace
from shared.core.approval import Entry as Write
from shared.core.approval import plan_hash
from shared.core.cost import cost, with_orphan_fee
from shared.core.estate import Estate, Scope
from shared.core.incidents import braked
from shared.core.judgement import Judged, Known, judge
from shared.core.pace import Turn
from shared.core.price import Prices
from shared.core.resource_id import parse
from shared.core.rules import Rules
from shared.core.snapshot import Entry, Snapshot, counts, coverage, entry, measured
from shared.core.verdict import Kind, Verdict
from shared.ledger import Changed, Ledger, ServerRow, Window
from shared.tell import tell_once

AHEAD = timedelta(hours=1)  # so much work is put on the queue; the next sweep continues
LOST = timedelta(minutes=10)  # a look that is so late will not come by itself
MOST_ASKED = 200  # rows that are asked for one by one; more of them are read in one go
MOST_TRIES = 4
MOST_NAMED = 20
# What was tried and refused is only tried again: it was let through before, and must not fill the brake for ever.
_REFUSED = frozenset({
    Kind.CANNOT_ASSIGN_ROLES, Kind.ROLES_MISSING, Kind.ROLES_INEFFECTIVE, Kind.VALIDATION_FAILED, Kind.SCOPE_LOCKED,
    Kind.AZURE_POLICY, Kind.PROVIDER, Kind.APP_RIGHTS, Kind.RESOURCE_GUARD, Kind.AZURE_UNREACHABLE,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """A server that is not as it should be, and what getting there asks of Azure. subscription: where that is counted.

    is_missed: no event has told, or its message was lost.
    """

    judged: Judged
    turn: Turn
    subscription: str
    is_change: bool
    is_missed: bool

    @property
    def risk(self) -> tuple[object, ...]:
        """Smaller is to be helped first: the unprotected, then who has the oldest backup; first backups come last."""
        point = self.judged.latest_point
        return (not self.is_change, point is not None, point.timestamp() if point else 0.0, self.judged.id.key)


def sweep(cloud: Cloud, ledger: Ledger, rules: Rules, prices: Prices | None = None) -> Snapshot:
    """Judge every server, enqueue what is to be done, keep and return the snapshot. Raises CloudError.

    prices: needed where the rules limit what changes may cost. Waits only between pages of Resource Graph, whose quota
    is 15 questions in five seconds.
    """
    asked, settings = calls.begin(), cloud.settings
    scope = Scope(settings.subscriptions, tuple(sorted(settings.management_groups)))
    view = plan.view(cloud, scope, [rules], pause=cloud.transport.sleep)
    estate, before = _complete(view.estate), _before(cloud)
    entries, unfinished = {}, []
    for one in (with_orphan_fee(each, estate, prices) for each in judge(estate, rules, view.identities)):
        entries[one.id.key] = entry(one, _said(one, estate), before, estate.now)
        if one.foreseen.plan.actions:
            unfinished.append(one.id.key)
    rows = _rows(ledger, unfinished)
    known = {key: _known(row) for key, row in rows.items()}
    again = list(judge(estate, rules, view.identities, known, unfinished))
    stopped, held = _hold(cloud, ledger, rules, estate, again, list(_work(again, rows, estate)), prices)
    for one in again:
        verdict = Verdict.of(Kind.OVER_BUDGET, stopped.why) if one.id.key in stopped.servers else _said(one, estate)
        entries[one.id.key] = entry(one, verdict, before, estate.now)
    sent, waiting = _enqueue(cloud, ledger, estate, entries.values(), held)
    made = _snapshot(estate, rules, entries.values(), sent, waiting + len(stopped.servers), stopped.plan_hash)
    _report(made, asked)
    if settings.blob_endpoint:
        snapshot.keep(cloud, made)
    else:
        journal.record("snapshot_not_kept", level=logging.WARNING, reason="there is no setting for blob storage")
    return made


def _complete(estate: Estate) -> Estate:
    """The estate; a managed subscription that is below none of the management groups is named as unread."""
    outside = sorted(estate.scope.subscriptions - estate.subscriptions.keys())
    missing = (f"subscription {one}: below none of the management groups, or not to be seen" for one in outside)
    return replace(estate, incomplete=(*estate.incomplete, *missing))


def _before(cloud: Cloud) -> dict[str, tuple[str, datetime | None]]:
    try:
        return snapshot.verdicts_before(cloud) if cloud.settings.blob_endpoint else {}
    except CloudError as error:  # nobody goes unprotected because a date cannot be read
        journal.record("snapshot_unreadable", level=logging.WARNING, reason=str(error))
        return {}


def _known(row: ServerRow) -> Known:
    """What the app knows of a server; whether it is over budget is judged anew."""
    known = plan.known_of(row)
    return replace(known, verdict=None) if row.verdict == Kind.OVER_BUDGET else known


def _said(one: Judged, estate: Estate) -> Verdict:
    """The verdict; where not everything could be read nobody is called orphaned."""
    if one.verdict.kind is Kind.ORPHANED and estate.incomplete:
        reason = "its server was not among what could be read, and not all could be read"
        return Verdict.of(Kind.AZURE_UNREACHABLE, reason)
    return one.verdict


def _rows(ledger: Ledger, keys: Collection[str]) -> dict[str, ServerRow]:
    """What the ledger knows of these servers, by lower-case id."""
    wanted = set(keys)
    if len(wanted) <= MOST_ASKED:
        found = (ledger.server(key).row for key in sorted(wanted))
    else:
        found = (row for row in ledger.known_servers() if row.server_id.lower() in wanted)
    return {row.server_id.lower(): row for row in found if row}


def _work(judged: Iterable[Judged], rows: Mapping[str, ServerRow], estate: Estate) -> Iterator[Work]:
    """Who is to be looked at: who may be changed, has something to do or to wait for, and no look under way."""
    for one in judged:
        row, planned = rows.get(one.id.key), one.foreseen.plan
        under_way = row is not None and row.next_look_at is not None and row.next_look_at > estate.now - LOST
        if under_way or one.mode != "protect" or not planned.actions:
            continue
        writes = one.foreseen.writes
        turn = pace.foreseen_turn(writes) if writes else pace.LOOK
        is_refused = row is not None and row.verdict in _REFUSED
        is_change = brake.is_change(writes, has_instance=bool(planned.instance_id)) and not is_refused
        is_known = row is not None and row.verdict.startswith("blocked_")
        yield Work(one, turn, _home(one), is_change, is_missed=bool(writes) and not is_known)


def _home(one: Judged) -> str:
    """The subscription that is written to: the vault's."""
    vault = parse(one.foreseen.vault_id or one.foreseen.plan.vault_id)
    return vault.subscription if vault else one.id.subscription


# -- the brake -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stopped:
    """What the brake keeps back: servers by lower-case id, why, and the hash by which a person lets it go."""

    servers: frozenset[str] = frozenset()
    why: str = ""
    plan_hash: str = ""


def _hold(
    cloud: Cloud,
    ledger: Ledger,
    rules: Rules,
    estate: Estate,
    judged: Iterable[Judged],
    work: list[Work],
    prices: Prices | None,
) -> tuple[Stopped, list[Work]]:
    """Keep back changes when they are too many at once and nobody has approved them; tell it once."""
    changes = [one for one in work if one.is_change]
    if not _why(rules, changes, estate, prices):
        return Stopped(), work
    allowed = {write for approved in approval.in_force(ledger, estate.now) for write in approved.entries}
    waiting = [one for one in changes if not allowed.issuperset(one.judged.entries)]
    why = _why(rules, waiting, estate, prices)
    if not why:
        return Stopped(), work
    every: list[Write] = [write for one in judged for write in one.entries]
    keys = frozenset(one.judged.id.key for one in waiting)
    stopped = Stopped(keys, f"{why}; they wait for `flexguard approve {plan_hash(every)}`", plan_hash(every))
    tell_once(braked(stopped.plan_hash, len(keys), why, estate.now), cloud, ledger, estate.now)
    return stopped, [one for one in work if one.judged.id.key not in keys]


def _why(rules: Rules, changes: Sequence[Work], estate: Estate, prices: Prices | None) -> str:
    price = 0.0
    if prices and rules.brake.monthly_price:
        price = sum(cost(one.judged, estate, prices).change.monthly for one in changes)
    return brake.stops(rules.brake, len(changes), len(estate.servers), price)


# -- the queue -----------------------------------------------------------------------------------------------------


def _enqueue(
    cloud: Cloud, ledger: Ledger, estate: Estate, entries: Iterable[Entry], work: Iterable[Work]
) -> tuple[list[Work], int]:
    """Give everybody a turn, the greatest risk first, and send; what was sent, and how many the next sweep takes."""
    seen = Counter(home.subscription if (home := parse(one.vault)) else one.subscription for one in entries)
    todo: dict[str, list[Work]] = {subscription: [] for subscription in seen}
    for one in sorted(work, key=lambda one: one.risk):
        todo.setdefault(one.subscription, []).append(one)
    sent: list[Work] = []
    for subscription, ordered in todo.items():
        for wait_s, one in _turns(cloud, ledger, subscription, ordered, seen[subscription]):
            message = Message(
                server_id=one.judged.id.text,
                seen_at=estate.now,
                is_swept=True,
                turn_at=cloud.now + timedelta(seconds=wait_s),
                turn_writes=one.turn.writes,
            )
            queue.send(cloud, QUEUE, as_sent(message), wait_s)
            sent.append(one)
    return sent, sum(map(len, todo.values())) - len(sent)


def _turns(
    cloud: Cloud, ledger: Ledger, subscription: str, work: Sequence[Work], known: int
) -> list[tuple[float, Work]]:
    """Promise turns for the next hour in one subscription. None while an earlier sweep's work is still going on."""
    rest_s = cloud.headroom(subscription).rest_s(cloud.now)
    for _ in range(MOST_TRIES):
        kept, now = ledger.window(subscription), cloud.now
        window = kept.row or Window(subscription=subscription)
        free = window.swept_until is None or window.swept_until <= now
        until = pace.pushed(window.until, now, rest_s) if rest_s else window.until
        turns: list[tuple[float, Work]] = []
        for one in work if free else ():
            taken, wait_s = pace.reserve(until, now, one.turn)
            if wait_s > AHEAD.total_seconds():
                break
            turns.append((wait_s, one))
            until = taken
        if not turns and window.servers == known:
            return []
        swept_until = now + timedelta(seconds=turns[-1][0]) if turns else window.swept_until
        promised = msgspec.structs.replace(window, until=until, servers=known, swept_until=swept_until)
        try:
            ledger.keep_window(promised, kept.version)
        except Changed:
            continue
        return turns
    raise CloudError("LedgerBusy", f"the window of {subscription} changed {MOST_TRIES} times in a row")


# -- the record ----------------------------------------------------------------------------------------------------


def _snapshot(
    estate: Estate, rules: Rules, entries: Iterable[Entry], sent: Sequence[Work], waiting: int, plan_hash: str
) -> Snapshot:
    servers = tuple(entries)
    found = counts(servers)
    protected, eligible, asking = coverage(found)
    return Snapshot(
        at=estate.now,
        rules_hash=sha256(repr(rules).encode()).hexdigest()[:16],
        counts=found,
        protected=protected,
        eligible=eligible,
        asking=asking,
        enqueued=len(sent),
        healed=sum(one.is_missed for one in sent),
        waiting=waiting,
        plan_hash=plan_hash,
        incomplete=estate.incomplete,
        servers=servers,
    )


def _report(made: Snapshot, asked: calls.Calls) -> None:
    for what in made.incomplete[:MOST_NAMED]:
        journal.record("sweep_incomplete", level=logging.WARNING, reason=what)
    journal.record("swept", **measured(made), calls=asked.by_operation, throttled=asked.throttled)
