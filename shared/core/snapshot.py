"""What one sweep found, as a record: one entry per server, counts, coverage with its denominator, and what is missing.

The status page and the evidence read it. Pure values; `shared/cloud/snapshot.py` keeps them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from shared.core.judgement import NOT_ELIGIBLE, Judged
from shared.core.verdict import Kind, Verdict

SCHEMA = 1
PERCENTILES = (50, 90, 99, 100)


@dataclass(frozen=True, slots=True)
class Entry:
    """One server. Ids as Azure writes them, "" where there is none. changed_since: since when the verdict is this."""

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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole estate at one moment.

    protected, eligible: coverage and its denominator; asking: those that want a tier. enqueued: put on the queue now;
    healed: of these, what no event had told; waiting: would be enqueued, and is left to the next sweep. plan_hash: of
    what the brake keeps back until it is approved. incomplete: what could not be read, in words.
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
    schema: int = SCHEMA

    @property
    def percent(self) -> float | None:
        return round(100 * self.protected / self.eligible, 1) if self.eligible else None


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


def entry(one: Judged, verdict: Verdict, before: Mapping[str, tuple[str, datetime | None]], now: datetime) -> Entry:
    """One server with a verdict. before: verdict and its time in the last snapshot, by lower-case id."""
    plan = one.foreseen.plan
    was, since = before.get(one.id.key, ("", None))
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
        changed_since=since if was == verdict.kind.value and since else now,
    )


def counts(entries: Iterable[Entry]) -> dict[str, int]:
    """How many servers have each verdict, the most frequent first."""
    return dict(Counter(one.verdict for one in entries).most_common())


def coverage(found: Mapping[str, int]) -> tuple[int, int, int]:
    """From counts by verdict: protected, eligible (those that exist and can be protected), and asking for it."""
    eligible = sum(count for kind, count in found.items() if Kind(kind) not in NOT_ELIGIBLE)
    return found.get(Kind.PROTECTED, 0), eligible, eligible - found.get(Kind.NOT_OPTED_IN, 0)
