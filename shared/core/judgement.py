"""Judges every server of an estate under a rules file: what it is today, what would be written, how it would end.

The one value that plan, status and comparison are made of. Pure; built from bulk rows, so it proposes and never acts.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.core import resource_id
from shared.core.approval import Entry, entries
from shared.core.estate import Estate, observed_of
from shared.core.filters import only_permitted
from shared.core.foresee import Foreseen, foresee
from shared.core.freshness import overdue
from shared.core.intent import Intent, Protect, read_intent
from shared.core.matching import mode_for
from shared.core.observed import Memory, Server
from shared.core.resource_id import ResourceId
from shared.core.rules import Mode, Rules, Tier
from shared.core.verdict import Kind, Verdict

NOT_ELIGIBLE = frozenset({Kind.EXEMPT, Kind.REPLICA, Kind.ELASTIC_CLUSTER, Kind.ORPHANED, Kind.GONE})
NO_FINDING = frozenset({
    Kind.PROTECTED, Kind.CONFIGURING, Kind.FIRST_BACKUP_PENDING, Kind.WAITING_FOR_ROLES, Kind.NOT_READY,
    Kind.NOT_OPTED_IN, Kind.EXEMPT, Kind.GONE,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """What the app has written down of a server: what it remembers, and what it said last."""

    memory: Memory
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One server under one rules file. server: None when it is gone and its backups are still there.

    mode: what the rules say for it, mode_rule: which of them. verdict: what is said today, in that mode.
    subscription: its name, or its id. latest_point: newest recovery point that Azure shows.
    """

    id: ResourceId
    server: Server | None
    subscription: str
    intent: Intent
    mode: Mode
    mode_rule: str
    verdict: Verdict
    foreseen: Foreseen
    latest_point: datetime | None = None

    @property
    def tier(self) -> Tier | None:
        return self.intent.tier if isinstance(self.intent, Protect) else None

    @property
    def tier_name(self) -> str:
        return self.intent.tier_name if isinstance(self.intent, Protect) else ""

    @property
    def line(self) -> "Line":
        """What is said of it today, flat, as programs and people want to read it."""
        server, plan = self.server, self.foreseen.plan
        return Line(
            id=self.id.text,
            name=self.id.name,
            subscription=self.id.subscription,
            subscription_name=self.subscription,
            group=self.id.group,
            region=server.location if server else "",
            tier=self.tier_name,
            owner=self.intent.owner,
            mode=self.mode,
            verdict=self.verdict.kind.value,
            reason=self.verdict.reason,
            fix=self.verdict.fix,
            vault=plan.vault_id,
            policy=plan.policy_id,
            latest_point=self.latest_point,
        )

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What would be written, as an approval lists it."""
        return entries(self.id.text, self.foreseen.writes)


@dataclass(frozen=True, slots=True)
class Line:
    """One server in a status. vault, policy: ids of those that it has, or would get; "" when there is none."""

    id: str
    name: str
    subscription: str
    subscription_name: str
    group: str
    region: str
    tier: str
    owner: str
    mode: str
    verdict: str
    reason: str
    fix: str
    vault: str
    policy: str
    latest_point: datetime | None


def judge(
    estate: Estate,
    rules: Rules,
    identities: Collection[str] = (),
    known: Mapping[str, Known] | None = None,
    only: Collection[str] | None = None,
) -> Iterator[Judged]:
    """Every server of the estate, and every server that is gone while its backups are there, in order of their ids.

    identities: principal ids of vaults that the deployment admits. known: what the app knows, by lower-case id.
    only: these servers, by lower-case id; None means all.
    """
    vaults = estate.usable_vaults(rules, identities)
    for key in sorted(estate.servers.keys() | estate.instances.keys()) if only is None else sorted(only):
        server = estate.servers.get(key)
        server_id = server.id if server else resource_id.parse(key)
        if server_id is None:
            continue
        tags = server.tags if server else {}
        intent = read_intent(tags, rules, estate.now, server_id)
        heard = (known or {}).get(key)
        observed = observed_of(estate, server_id, intent, rules, vaults, heard.memory if heard else Memory())
        seen = foresee(intent, observed, rules)
        mode, mode_rule = mode_for(rules, server_id, tags)
        today = only_permitted(seen.plan, rules, server_id, tags).verdict
        instance = observed.instances[0].id.lower() if observed.instances else ""
        latest_point = estate.points.get(instance)
        yield Judged(
            id=server_id,
            server=server,
            subscription=estate.subscriptions.get(server_id.subscription) or server_id.subscription,
            intent=intent,
            mode=mode,
            mode_rule=mode_rule,
            verdict=_stale(today, intent, latest_point, estate.now) or _as_heard(today, seen, heard, mode),
            foreseen=seen,
            latest_point=latest_point,
        )


def _stale(today: Verdict, intent: Intent, latest_point: datetime | None, now: datetime) -> Verdict | None:
    if today.kind is not Kind.PROTECTED or not isinstance(intent, Protect):
        return None
    return overdue(intent.tier, latest_point, now)


def _as_heard(today: Verdict, seen: Foreseen, heard: Known | None, mode: Mode) -> Verdict:
    """Where work is under way the app knows more: what it was refused stands in its own verdict.

    Where the rules say observe there is none, nobody looks again, and an old word would stand for ever.
    """
    said = heard.verdict if heard and mode == "protect" else None
    return said if said and said.kind.is_blocked and seen.plan.actions else today


def is_finding(verdict: Verdict) -> bool:
    """Whether a person has something to do about it."""
    return verdict.kind not in NO_FINDING


@dataclass(frozen=True, slots=True)
class Coverage:
    """protected of eligible servers; asking: those of them that want a tier. percent: None when none is eligible."""

    protected: int
    eligible: int
    asking: int

    @property
    def percent(self) -> float | None:
        return percent_of(self.protected, self.eligible)


def percent_of(part: int, whole: int) -> float | None:
    """A share with one decimal, rounded down: 100 is said only of all. None of nothing."""
    return (1000 * part // whole) / 10 if whole else None


def coverage(judged: Iterable[Judged]) -> Coverage:
    """How many servers are protected, of all that exist, that Azure Backup takes and that nobody has exempted."""
    eligible = [one for one in judged if one.verdict.kind not in NOT_ELIGIBLE]
    protected = sum(1 for one in eligible if one.verdict.kind is Kind.PROTECTED)
    asking = sum(1 for one in eligible if one.verdict.kind is not Kind.NOT_OPTED_IN)
    return Coverage(protected, len(eligible), asking)
