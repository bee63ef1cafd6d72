"""What one sweep found, as a record: one entry per server, counts, coverage with its denominator, and what is missing.

The status page and the evidence read it. Pure values; `shared/cloud/snapshot.py` keeps them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from typing import Any

from shared.core.changes import Before, Change, changed
from shared.core.estate import Estate
from shared.core.judgement import NOT_ELIGIBLE, Judged, percent_of
from shared.core.protection import CONFIGURED
from shared.core.retention_time import slots
from shared.core.rules import Rules, Tier
from shared.core.verdict import Kind, Verdict

SCHEMA = 2
READABLE = (1, SCHEMA)  # 1 has no next backups, changes, tiers and names of subscriptions
_AHEAD = timedelta(days=400)  # longer than any schedule waits
PERCENTILES = (50, 90, 99, 100)


@dataclass(frozen=True, slots=True)
class Entry:
    """One server. Ids as Azure writes them, "" where there is none. changed_since: since when the verdict is this.

    next_backup: when the policy that it has makes the next one; None where nothing is scheduled, or nobody knows.
    """

    id: str
    name: str
    subscription: str
    region: str
    tier: str
    verdict: str
    reason: str
    fix: str
    owner: str
    vault: str
    policy: str
    instance: str
    latest_point: datetime | None
    changed_since: datetime | None
    next_backup: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole estate at one moment.

    protected, eligible: coverage and its denominator; asking: those that want a tier. enqueued: put on the queue now;
    healed: of these, what no event had told; waiting: would be enqueued, and is left to the next sweep. plan_hash: of
    what the brake keeps back until it is approved. incomplete: what could not be read, in words. changes: of the last
    day, newest first. target: the share of servers that should be protected, in percent. tiers: those of the rules that
    were judged by. subscriptions: names by lower-case id.
    """

    at: datetime
    rules_hash: str
    counts: dict[str, int]
    protected: int
    eligible: int
    asking: int
    enqueued: int
    healed: int
    waiting: int
    plan_hash: str
    incomplete: tuple[str, ...]
    servers: tuple[Entry, ...]
    changes: tuple[Change, ...] = ()
    target: int = 100
    tiers: dict[str, Tier] = field(default_factory=dict)
    subscriptions: dict[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def percent(self) -> float | None:
        return percent_of(self.protected, self.eligible)


def measured(made: Snapshot) -> dict[str, Any]:
    """What one line of the log says of a snapshot: numbers, and numbers by name."""
    return {
        "at": made.at.isoformat(),
        "servers": len(made.servers),
        "protected": made.protected,
        "eligible": made.eligible,
        "enqueued": made.enqueued,
        "healed_by_sweep": made.healed,
        "waiting": made.waiting,
        "plan": made.plan_hash,
        "incomplete": len(made.incomplete),
        "verdicts": made.counts,
        "newest_point_age_h": point_ages_h(made),
    }


def point_ages_h(made: Snapshot) -> dict[str, float]:
    """Percentiles of the age of each server's newest recovery point, in hours; nothing where no server has one.

    The nearest rank: each percentile is the age of a server that is there.
    """
    ages = sorted((made.at - one.latest_point).total_seconds() / 3600 for one in made.servers if one.latest_point)
    if not ages:
        return {}
    return {f"p{percent}": round(ages[ceil(len(ages) * percent / 100) - 1], 1) for percent in PERCENTILES}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What of a day's last snapshot is looked at later. backed: servers that have a backup, by lower-case id."""

    at: datetime
    protected: int
    eligible: int
    is_complete: bool
    changes: tuple[Change, ...]
    backed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Queued:
    """What became of the work that a sweep has found, in servers; as in Snapshot."""

    enqueued: int
    healed: int
    waiting: int
    plan_hash: str


def record_of(estate: Estate, rules: Rules, servers: tuple[Entry, ...], queued: Queued, before: Before) -> Snapshot:
    """The record of one sweep."""
    found = counts(servers)
    protected, eligible, asking = coverage(found)
    return Snapshot(
        at=estate.now,
        rules_hash=hash_of(rules),
        counts=found,
        protected=protected,
        eligible=eligible,
        asking=asking,
        enqueued=queued.enqueued,
        healed=queued.healed,
        waiting=queued.waiting,
        plan_hash=queued.plan_hash,
        incomplete=estate.incomplete,
        servers=servers,
        changes=changed(before, servers, estate.now, is_complete=not estate.incomplete),
        target=rules.coverage_target,
        tiers=rules.tiers,
        subscriptions=dict(estate.subscriptions),
    )


def hash_of(rules: Rules) -> str:
    """What tells one rules file from another, as records have it."""
    return sha256(repr(rules).encode()).hexdigest()[:16]


def upcoming(estate: Estate) -> dict[str, datetime]:
    """When each server's policy makes its next backup, by lower-case id; nothing for those that have none."""
    end = estate.now + _AHEAD
    coming = {
        policy.id.lower(): next(slots(policy.meaning, estate.now, end), None)
        for policies in estate.policies.values()
        for policy in policies
        if policy.meaning
    }
    found = {
        key: coming.get(instances[0].policy_id.lower())
        for key, instances in estate.instances.items()
        if instances and instances[0].state.lower() == CONFIGURED
    }
    return {key: at for key, at in found.items() if at}


def entry(one: Judged, verdict: Verdict, before: Before, now: datetime, coming: Mapping[str, datetime]) -> Entry:
    """One server with a verdict. coming: next backups, by lower-case id."""
    plan, was = one.foreseen.plan, before.servers.get(one.id.key)
    is_same = was is not None and was.verdict == verdict.kind.value
    return Entry(
        id=one.id.text,
        name=one.id.name,
        subscription=one.id.subscription,
        region=one.server.location if one.server else "",
        tier=one.tier_name,
        verdict=verdict.kind.value,
        reason=verdict.reason,
        fix=verdict.fix,
        owner=one.intent.owner,
        vault=plan.vault_id,
        policy=plan.policy_id,
        instance=plan.instance_id,
        latest_point=one.latest_point,
        changed_since=(was.since if was and is_same else None) or now,
        next_backup=coming.get(one.id.key),
    )


def counts(entries: Iterable[Entry]) -> dict[str, int]:
    """How many servers have each verdict, the most frequent first."""
    return dict(Counter(one.verdict for one in entries).most_common())


def coverage(found: Mapping[str, int]) -> tuple[int, int, int]:
    """From counts by verdict: protected, eligible (those that exist and can be protected), and asking for it."""
    eligible = sum(count for kind, count in found.items() if Kind(kind) not in NOT_ELIGIBLE)
    return found.get(Kind.PROTECTED, 0), eligible, eligible - found.get(Kind.NOT_OPTED_IN, 0)
