"""What came of a rehearsal? Reads the played world once and answers in plain values; it plays and prints nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.rehearsed_estate import RehearsedEstate
from cli.stage import INSTANCES
from shared.core.cost import Cost, TierCost, by_tier, cost
from shared.core.judgement import Judged, is_finding
from shared.core.price import NOTHING, Prices, Total, total
from shared.core.protection import CONFIGURED
from shared.core.verdict import Kind
from shared.plan import EstatePlan

JOBS = "microsoft.dataprotection/backupvaults/backupjobs"
MOST_NAMED = 3
_WRITES = frozenset({"PUT", "POST", "PATCH"})
_THROTTLED = 429


@dataclass(frozen=True, slots=True)
class Day:
    """The backups that began on one day (UTC). busiest: how many began within its busiest hour, which began at hour."""

    date: str
    scheduled: int
    on_demand: int
    failed: int
    busiest: int
    hour: int


@dataclass(frozen=True, slots=True)
class Waits:
    """How long servers waited since the app was deployed, in seconds: the first, half of them, 95 %, the last."""

    servers: int
    first_s: float
    half_s: float
    most_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Servers that somebody has to do something about, by verdict; reason and names are those of the first ones."""

    verdict: str
    servers: int
    names: tuple[str, ...]
    reason: str
    fix: str


@dataclass(frozen=True, slots=True)
class Incident:
    """Messages that people would have got of one kind and reason; summary is the first one's."""

    kind: str
    messages: int
    summary: str
    reason: str
    fix: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that is shown.

    before, after: servers by verdict. protected: waits until ProtectionConfigured; pointed: until a first recovery
    point; None when nobody waited. tiers, change: the price, None without a price file. errors: what the app's
    functions raised. left_out: what of the estate the local Azure cannot play.
    """

    began: datetime
    ended: datetime
    servers: int
    before: dict[str, int]
    after: dict[str, int]
    protected: Waits | None
    pointed: Waits | None
    days: tuple[Day, ...]
    findings: tuple[Finding, ...]
    incidents: tuple[Incident, ...]
    tiers: tuple[TierCost, ...] | None
    change: Total | None
    calls: dict[str, int]
    approvals: int
    crashes: int
    errors: tuple[str, ...] = ()
    left_out: tuple[str, ...] = field(default=())

    @property
    def is_fine(self) -> bool:
        """Whether nobody would have anything to do."""
        return not (self.findings or self.incidents or self.errors or self.left_out)


def outcome(played: RehearsedEstate, before: EstatePlan, prices: Prices | None) -> Outcome:
    """What happened between `before`, which was seen at the start, and now."""
    began, after, judged = before.estate.now, played.view(), played.said()
    jobs = [job.body["properties"] for job in played.of_type(JOBS)]
    jobs = [job for job in jobs if datetime.fromisoformat(job["startTime"]) >= began]
    protected = _protected(played, {one.id.key for one in before.judged if _is_protected(one, before)}, began)
    points = _points(jobs)
    costs = _costs(before, after, prices)
    return Outcome(
        began=began,
        ended=played.azure.now,
        servers=len(judged),
        before=_counted(before.judged),
        after=_counted(judged),
        protected=_waits(began, protected.values()),
        pointed=_waits(began, (points[key] for key in protected if key in points)),
        days=tuple(_days(jobs)),
        findings=tuple(_findings(judged)),
        incidents=tuple(_incidents(played.alerts)),
        tiers=by_tier((one.tier_name, costs[one.id.key]) for one in judged) if prices else None,
        change=total(one.change for one in costs.values() if one.change != NOTHING) if prices else None,
        calls=_calls(played, began),
        approvals=played.approvals,
        crashes=played.crashes,
        errors=tuple(f"{one.function}: {one.error!r}" for one in played.host.failures),
        left_out=tuple(played.left_out),
    )


# -- servers -------------------------------------------------------------------------------------------------------


def _counted(judged: Iterable[Judged]) -> dict[str, int]:
    return dict(Counter(one.verdict.kind.value for one in judged).most_common())


def _findings(judged: Iterable[Judged]) -> Iterator[Finding]:
    """The findings at the end, the most frequent first."""
    found: defaultdict[Kind, list[Judged]] = defaultdict(list)
    for one in judged:
        if is_finding(one.verdict):
            found[one.verdict.kind].append(one)
    for kind, servers in sorted(found.items(), key=lambda item: (-len(item[1]), item[0])):
        names, first = tuple(one.id.name for one in servers[:MOST_NAMED]), servers[0].verdict
        yield Finding(kind.value, len(servers), names, first.reason, first.fix)


def _is_protected(one: Judged, seen: EstatePlan) -> bool:
    return any(each.state.lower() == CONFIGURED for each in seen.estate.instances.get(one.id.key, ()))


def _protected(played: RehearsedEstate, before: set[str], began: datetime) -> dict[str, datetime]:
    """When each server, by lower-case id, was protected for the first time, but for those that were before."""
    played.azure.world.settle()
    servers = {
        instance.id.lower(): str(instance.body["properties"]["dataSourceInfo"]["resourceID"]).lower()
        for instance in played.of_type(INSTANCES)
    }
    turns = (
        (servers.get(key, ""), at) for at, key, state in played.azure.world.journal.turns if state.lower() == CONFIGURED
    )
    return _first((key, at) for key, at in turns if key and key not in before and at >= began)


def _points(jobs: Iterable[Mapping[str, Any]]) -> dict[str, datetime]:
    """When the first backup of each server ended well."""
    ended = ((str(job["dataSourceId"]).lower(), job["endTime"]) for job in jobs if job["status"] == "Completed")
    return _first((key, datetime.fromisoformat(at)) for key, at in ended)


def _first(moments: Iterable[tuple[str, datetime]]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for key, at in moments:
        found[key] = min(at, found.get(key, at))
    return found


def _waits(began: datetime, moments: Iterable[datetime]) -> Waits | None:
    waited = sorted((at - began).total_seconds() for at in moments)
    if not waited:
        return None
    last = len(waited) - 1
    return Waits(len(waited), waited[0], waited[last // 2], waited[round(last * 0.95)], waited[last])


# -- backups, messages, calls, money -------------------------------------------------------------------------------


def _days(jobs: Iterable[Mapping[str, Any]]) -> Iterator[Day]:
    """The days on which backups began, in order."""
    by_day: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for job in jobs:
        by_day[job["startTime"][:10]].append(job)
    for date, begun in sorted(by_day.items()):
        hour, busiest = max(
            Counter(job["startTime"][11:13] for job in begun).items(), key=lambda one: (one[1], -int(one[0]))
        )
        on_demand = sum(bool(job["isUserTriggered"]) for job in begun)
        failed = sum(job["status"] == "Failed" for job in begun)
        yield Day(date, len(begun) - on_demand, on_demand, failed, busiest, int(hour))


def _incidents(alerts: Iterable[Mapping[str, Any]]) -> Iterator[Incident]:
    """The messages by kind and reason, the most frequent first."""
    found: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for alert in alerts:
        found[alert["type"].removeprefix("Flexguard."), alert["data"].get("reason", "")].append(alert["data"])
    for (kind, reason), told in sorted(found.items(), key=lambda item: (-len(item[1]), item[0])):
        yield Incident(kind, len(told), told[0].get("summary", ""), reason, told[0].get("fix", ""))


def _calls(played: RehearsedEstate, began: datetime) -> dict[str, int]:
    """The app's calls to Azure's management side."""
    made = [call for call in played.app_calls() if call.at >= began]
    return {
        "all": len(made),
        "writes": sum(call.method in _WRITES and not call.operation.endswith("/read") for call in made),
        "throttled": sum(call.status == _THROTTLED for call in made),
    }


def _costs(before: EstatePlan, after: EstatePlan, prices: Prices | None) -> dict[str, Cost]:
    """What each server cost at the start and costs at the end, by lower-case id; nothing without prices."""
    if prices is None:
        return {}
    then = {one.id.key: cost(one, before.estate, prices).now for one in before.judged}
    return {
        one.id.key: Cost(then.get(one.id.key, NOTHING), cost(one, after.estate, prices).now) for one in after.judged
    }
