"""What are the tables of the evidence, and what does each column mean? The published schema is made of this.

A table is a struct; its members are the columns, in this order. Times are in UTC and whole seconds.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

SCHEMA = 1
MANIFEST, SCHEMA_FILE = "manifest.json", "schema.json"

Answered = Literal["yes", "no", "no measure"]
Percent = Annotated[float | None, Meta(description="rounded down to one decimal; null where there is no measure")]
Measure = Annotated[str, Meta(description="the share as a fraction, such as 12 of 13, or: no measure")]
Owner = Annotated[str, Meta(description="value of the owner tag, empty where nobody is named")]
ServerId = Annotated[str, Meta(description="resource id of the server")]
VaultId = Annotated[str, Meta(description="resource id of the vault")]


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One line of a table."""


class Coverage(Row, frozen=True, kw_only=True, gc=False):
    """How many servers are protected, of all that could be: in all, and by subscription, region and tier."""

    by: Annotated[Literal["all", "subscription", "region", "tier"], Meta(description="what is counted together")]
    of: Annotated[str, Meta(description="which one; a subscription by its id")]
    protected: int
    eligible: Annotated[int, Meta(description="the denominator: servers that exist, without the exceptions")]
    percent: Percent
    measure: Measure
    asking: Annotated[int, Meta(description="eligible servers that want a tier")]
    exceptions: Annotated[int, Meta(description="servers that the denominator leaves out; each is in exceptions")]


class Day(Row, frozen=True, kw_only=True, gc=False):
    """The coverage that the last sweep of each day has recorded."""

    at: datetime
    protected: int
    eligible: int
    percent: Percent
    measure: Measure
    complete: Annotated[Literal["yes", "no"], Meta(description="no: that sweep could not read everything")]


class Server(Row, frozen=True, kw_only=True, gc=False):
    """Every server, what is said of it, and the policy and retention that it has."""

    server: ServerId
    name: str
    subscription: str
    region: str
    owner: Owner
    tier: Annotated[str, Meta(description="that it asks for, or that the rules give it")]
    mode: Annotated[str, Meta(description="observe: the app would change nothing; protect")]
    verdict: Annotated[str, Meta(description="one of those of docs/states.md")]
    reason: str
    fix: str
    vault: VaultId
    instance: Annotated[str, Meta(description="resource id of the backup instance, empty where there is none")]
    policy: Annotated[str, Meta(description="resource id of the policy that the backup follows")]
    schedule: str
    retention: Annotated[str, Meta(description="rules of the policy, the one that decides first comes first")]
    follows_tier: Annotated[Answered, Meta(description="whether the policy means what the tier of the rules means")]


class Exempted(Row, frozen=True, kw_only=True, gc=False):
    """Every server that the denominator of the coverage leaves out, why, for whom and until when."""

    server: ServerId
    name: str
    owner: Owner
    verdict: Annotated[str, Meta(description="exempt, blocked_replica, blocked_elastic_cluster, orphaned, gone")]
    reason: str
    until: Annotated[datetime | None, Meta(description="when the exemption ends; null where it has no end")]


class Attainment(Row, frozen=True, kw_only=True, gc=False):
    """Points made of points expected, and the age of the newest, for every server with a tier or a backup."""

    server: ServerId
    name: str
    owner: Owner
    tier: str
    known_since: Annotated[datetime | None, Meta(description="since when expected backups are counted")]
    expected: Annotated[int, Meta(description="scheduled times of the policy, older than a day")]
    made: Annotated[int, Meta(description="of these, followed by a good backup before the next one")]
    made_on_demand: Annotated[int, Meta(description="of those made, by an on-demand backup alone")]
    used_up: Annotated[int, Meta(description="not made, as Azure runs only the first backup of a week")]
    percent: Percent
    measure: Measure
    failed: Annotated[int, Meta(description="backups that failed in the period")]
    latest_point: datetime | None
    age_h: Annotated[float | None, Meta(description="age of the newest recovery point, in hours")]
    max_age_h: Annotated[float | None, Meta(description="what the tier allows, in hours")]
    within: Annotated[Answered, Meta(description="whether the newest point is young enough")]
    unclear: Annotated[str, Meta(description="why there is no measure")]


class Job(Row, frozen=True, kw_only=True, gc=False):
    """Every job of the vaults about servers of the scope, backups and restores, that began in the period."""

    started_at: datetime | None
    ended_at: datetime | None
    server: ServerId
    vault: VaultId
    instance: str
    kind: Annotated[Literal["scheduled", "on demand"], Meta(description="who asked for it: the policy, or somebody")]
    category: Annotated[str, Meta(description="Azure's word: Backup, Restore, …")]
    status: Annotated[str, Meta(description="Azure's word: Completed, Failed, …")]
    code: Annotated[str, Meta(description="error code that says most, of a failed job")]
    reason: Annotated[str, Meta(description="that code in words")]
    job: Annotated[str, Meta(description="name of the job in its vault")]


class OnDemand(Row, frozen=True, kw_only=True, gc=False):
    """Every backup that somebody asked for, and why."""

    started_at: datetime | None
    server: ServerId
    name: str
    owner: Owner
    status: str
    why: Annotated[str, Meta(description="the app's reason; empty where the app did not start it, or has forgotten")]
    job: str
    vault: VaultId


class Vault(Row, frozen=True, kw_only=True, gc=False):
    """How the vaults keep what is in them."""

    vault: VaultId
    name: str
    region: str
    state: str
    redundancy: Annotated[str, Meta(description="LocallyRedundant, ZoneRedundant or GeoRedundant")]
    cross_region_restore: str
    soft_deletion: Annotated[str, Meta(description="Off, On or AlwaysOn; empty where Azure does not say")]
    soft_deletion_days: int | None
    immutability: Annotated[str, Meta(description="Disabled, Unlocked or Locked; empty where Azure does not say")]
    guard: Annotated[Literal["yes", "no"], Meta(description="whether a Resource Guard stands before it")]
    identity: Annotated[Literal["system", "user", "none"], Meta(description="which identity works for it")]
    admitted: Annotated[Literal["yes", "no"], Meta(description="whether rules and deployment let it be used")]
    servers: Annotated[int, Meta(description="backup instances of servers of the scope")]


class Change(Row, frozen=True, kw_only=True, gc=False):
    """Every change of a verdict or a tier that sweeps have seen in the period."""

    at: datetime
    server: ServerId
    was: Annotated[str, Meta(description="verdict before; empty: it is new")]
    verdict: str
    tier_was: str
    tier: str
    reason: str


class Incident(Row, frozen=True, kw_only=True, gc=False):
    """Every incident that was open in the period."""

    opened_at: datetime
    closed_at: datetime | None
    severity: str
    kind: str
    title: str
    reason: str
    fix: str
    owner: Owner
    place: str
    cause: str
    servers: Annotated[int, Meta(description="how many it was about at once, at most")]
    named: Annotated[str, Meta(description="some of them")]
    incident: Annotated[str, Meta(description="its key")]


class Control(Row, frozen=True, kw_only=True, gc=False):
    """What controls ask, in short, and which tables speak of it. What no table shows is said."""

    framework: str
    control: str
    asks: str
    tables: str
    shows: str
    missing: Annotated[str, Meta(description="what the control asks for, and this evidence does not show")]


TABLES: dict[str, type[Row]] = {
    "coverage": Coverage,
    "coverage_by_day": Day,
    "servers": Server,
    "exceptions": Exempted,
    "rpo": Attainment,
    "jobs": Job,
    "on_demand": OnDemand,
    "vaults": Vault,
    "changes": Change,
    "incidents": Incident,
    "controls": Control,
}


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the evidence. rows: null for what is no table."""

    name: str
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, Meta(description="in bytes")]
    rows: int | None = None


class Missing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that could not be read, or not all of it. source: of what; tables that lack it may be too short."""

    source: str
    what: str


class Share(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a whole; the percentage is null, and the measure says so, where the whole is nothing."""

    part: int
    whole: int
    percent: Percent
    measure: Measure


class Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was looked at: subscriptions by id, management groups by name, or one server."""

    subscriptions: list[str]
    management_groups: list[str]
    server: str


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the evidence is about. from_, to: the period; servers, vaults and posture are as of made_at."""

    schema: int = SCHEMA
    version: Annotated[str, Meta(description="of Flexguard")]
    made_at: datetime
    from_: datetime = msgspec.field(name="from")
    to: datetime
    scope: Scope
    rules_hash: Annotated[str, Meta(description="of the rules that were judged by; the sweep's record has the same")]
    coverage: Annotated[Share, Meta(description="protected servers of those that could be")]
    attainment: Annotated[Share, Meta(description="points made of points expected")]
    freshness: Annotated[Share, Meta(description="servers whose newest point is young enough, of those with a tier")]
    missing: Annotated[list[Missing], Meta(description="every source that failed or was truncated; empty: none")]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every file of the evidence but this one, with what it must be."""

    evidence: Head
    files: list[File]


class Table[R](msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table as its JSON file has it."""

    schema: int
    table: str
    rows: list[R]


def table_of(row_type: Any) -> Any:
    """The type of a table's file; types that are made at run time are nothing that a checker follows."""
    return Table[row_type]


def read_rows[R: Row](content: bytes, row_type: type[R]) -> list[R]:
    """The rows of a table's file. Raises msgspec.DecodeError."""
    read: Table[R] = msgspec.json.decode(content, type=table_of(row_type))
    return read.rows


def moment(at: datetime | None) -> datetime | None:
    """A time as the evidence has it: in UTC, and whole seconds."""
    return at.astimezone(UTC).replace(microsecond=0) if at else None
