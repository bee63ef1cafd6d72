"""What the status page says, as plain values: `compose` makes them, `render` and the JSON answer show them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.core.last_jobs import LastJob
from shared.core.tiers import Tier


class Group(StrEnum):
    """How soon somebody must look at a server, the most urgent first."""

    ACT = "act"
    WAIT = "wait"
    GOOD = "good"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Open:
    """An incident that is open. names: of the first things that it is about; count: of all. link: where to look, ""."""

    severity: str
    title: str
    names: tuple[str, ...]
    words: str
    fix: str
    owner: str
    since: datetime
    count: int = 1
    link: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One server. label: the verdict in words. age_s: of its newest good point, limit_s: what its tier allows.

    step: the age as a share of the limit, 0 to STEPS, one more when it is older. None where there is nothing to say.
    """

    id: str
    name: str
    place: str
    region: str
    tier: str
    owner: str
    group: Group
    verdict: str
    label: str
    reason: str
    fix: str
    since: datetime | None
    latest_point: datetime | None
    age_s: int | None
    limit_s: int | None
    step: int | None
    last_job: LastJob | None
    next_backup: datetime | None

    @property
    def is_failed(self) -> bool:
        return self.last_job is not None and self.last_job.status.lower() == "failed"


@dataclass(frozen=True, slots=True)
class Cause:
    """Servers that one next step helps. names: the first of them."""

    verdict: str
    label: str
    fix: str
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """Servers that changed in the same way within the last day. names: the first of them; at: when the last one did."""

    before: str
    after: str
    group: Group
    count: int
    names: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class TierLine:
    """A tier, and how many of the servers that ask for it are protected. tier: as the sweep judged by it."""

    name: str
    tier: Tier
    schedule: str
    max_age: str
    protected: int
    servers: int


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page. at: of the sweep; made_at: now. missing: what could not be read, also of jobs and incidents.

    is_complete: the sweep has read everything. percent: None when nothing is eligible, or when it has not: then nobody
    knows. incidents: None when they could not be read. rows: the most urgent first.
    """

    at: datetime
    made_at: datetime
    age_s: int
    is_stale: bool
    rules_hash: str
    protected: int
    eligible: int
    asking: int
    target: int
    percent: float | None
    is_complete: bool
    missing: tuple[str, ...]
    groups: dict[Group, int]
    counts: dict[str, int]
    plan_hash: str
    waiting: int
    causes: tuple[Cause, ...]
    incidents: tuple[Open, ...] | None
    moves: tuple[Move, ...]
    tiers: tuple[TierLine, ...]
    rows: tuple[Row, ...]
