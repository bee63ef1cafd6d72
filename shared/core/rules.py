"""The rules that people write, as values. `shared/rules_file.py` reads them from YAML and says what is wrong.

The lines "name: meaning" of the docstrings are the descriptions in the published JSON Schema.
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Literal, get_args

from shared.core import limits
from shared.core.limits import SOME, SOME_NAMES, between

_UNIT_HOURS = {"hour": 1, "day": 24, "week": 7 * 24, "month": 31 * 24, "year": 366 * 24}
_SPAN = re.compile(r"([0-9]{1,4}) ?(?:(hour|day|week|month|year)s?|h)")

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Month = Literal[
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
]  # fmt: skip
Date = Literal[
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15",
    "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "last",
]  # fmt: skip
Mode = Literal["observe", "protect"]
DAYS: tuple[Day, ...] = get_args(Day)
MONTHS: tuple[Month, ...] = get_args(Month)


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in one unit, as the service wants it: "35 days" is P35D, "10 years" is P10Y, "4h" is PT4H."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> "Span":
        """Read "12 weeks". Raises ValueError with what is valid."""
        match = _SPAN.fullmatch(" ".join(text.lower().split()))
        if not match or int(match[1]) == 0:
            raise ValueError("valid is a number and one unit, such as 35 days, 12 weeks, 12 months or 10 years")
        return cls(int(match[1]), match[2] or "hour")

    @property
    def iso(self) -> str:
        """ISO 8601 with one unit, the only form that the service accepts (P{n}D|W|M|Y)."""
        return f"P{'T' if self.unit == 'hour' else ''}{self.count}{self.unit[0].upper()}"

    @property
    def longest(self) -> timedelta:
        """The longest time that it can mean (a month of 31 days, a year of 366)."""
        return timedelta(hours=self.count * _UNIT_HOURS[self.unit])

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'s' if self.count > 1 else ''}"


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A wall-clock time such as 01:30, in the time zone beside it."""

    hour: int
    minute: int

    @classmethod
    def parse(cls, text: str) -> "TimeOfDay":
        """Read "01:30". Raises ValueError with what is valid."""
        match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text.strip())
        if not match:
            raise ValueError('valid is a time in quotes, such as "01:30"')
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.hour:02d}:{self.minute:02d}"


@dataclass(frozen=True, slots=True)
class TimeZone:
    """An IANA time zone and the Windows name that the service stores for it."""

    iana: str
    windows: str

    def __str__(self) -> str:
        return self.iana


Retention = Annotated[Span, limits.KEPT]
TierName = Annotated[str, limits.TIER_NAME]
TagName = Annotated[str, limits.TAG_NAME]
TagValue = Annotated[str, limits.TAG_VALUE]
Subscription = Annotated[str, limits.GUID]


@dataclass(frozen=True, slots=True)
class Backup:
    """When the vault makes a backup.

    days: days of every week; only the first backup of a week succeeds, so name one.
    at: the time of day, in quotes.
    time_zone: an IANA time zone, such as Europe/Berlin; the service keeps its Windows name.
    spread: servers start at different times within so long after `at`, so that they do not start all at once.
    """

    days: Annotated[tuple[Day, ...], SOME]
    at: TimeOfDay
    time_zone: TimeZone = TimeZone("UTC", "UTC")
    spread: Annotated[Span, limits.SPREAD] | None = None


@dataclass(frozen=True, slots=True)
class Custom:
    """A retention rule of one's own: backups that meet every criterion that is given are kept so long.

    name: what the rule is called in the policy.
    keep: how long backups are kept.
    priority: the lower number decides when several rules fit (yearly 10, monthly 15, weekly 20, default 99).
    first_of: every backup, or the first one of a day, week, month or year.
    days: days of the week.
    weeks: which of its weekday in the month it is.
    months: months of the year.
    dates: days of the month, 1 to 28, and last.
    at: times of day of the schedule.
    """

    name: Annotated[str, limits.RULE_NAME]
    keep: Retention
    priority: Annotated[int, limits.PRIORITY]
    first_of: Literal["every", "day", "week", "month", "year"] | None = None
    days: Annotated[tuple[Day, ...], SOME] = ()
    weeks: Annotated[tuple[Literal["first", "second", "third", "fourth", "last"], ...], SOME] = ()
    months: Annotated[tuple[Month, ...], SOME] = ()
    dates: Annotated[tuple[Date, ...], SOME] = ()
    at: Annotated[tuple[TimeOfDay, ...], SOME] = ()


@dataclass(frozen=True, slots=True)
class Keep:
    """How long a recovery point is kept, by what it is the first of.

    default: a point that is nothing special.
    weekly: the first point of a week.
    monthly: the first point of a month.
    yearly: the first point of a year.
    custom: retention rules of one's own.
    """

    default: Retention
    weekly: Retention | None = None
    monthly: Retention | None = None
    yearly: Retention | None = None
    custom: tuple[Custom, ...] = ()


@dataclass(frozen=True, slots=True)
class Tier:
    """What a tag value means.

    backup: when the vault makes a backup.
    keep: how long a recovery point is kept.
    first_backup: at_once starts one as soon as a server is protected; schedule waits for the next one.
    max_age: a server whose newest good recovery point is older is overdue.
    """

    backup: Backup
    keep: Keep
    first_backup: Literal["at_once", "schedule"] = "at_once"
    max_age: Annotated[Span, limits.UP_TO_TEN_YEARS] = Span(8, "day")


@dataclass(frozen=True, slots=True)
class VaultRule:
    """Backup vaults that may be used: one by its ARM id, or all that carry a tag.

    id: the ARM id of one vault.
    tiers: the tiers that it serves; without it, all.
    tag: the name and value of a tag; every vault that carries it may be used.
    most: backup instances that a vault takes before the next one is used.
    """

    id: Annotated[str, limits.VAULT_ID] = ""
    tiers: tuple[str, ...] = ()
    tag: Annotated[dict[TagName, str], SOME_NAMES] = field(default_factory=dict)
    most: Annotated[int, between(1)] = 5000  # Assumed: the service's limit; often quoted, in no document


@dataclass(frozen=True, slots=True)
class Exempt:
    """How a server is kept out on purpose. Without an end and a reason it is not kept out.

    value: the value of the tag that says so.
    until_tag: the tag with the last day (YYYY-MM-DD, UTC) or the end (YYYY-MM-DDThh:mmZ).
    reason_tag: the tag that says why.
    longest: an end that is further away is not accepted.
    """

    value: TagValue = "none"
    until_tag: TagName = "backup-exempt-until"
    reason_tag: TagName = "backup-exempt-reason"
    longest: Annotated[Span, limits.UP_TO_TEN_YEARS] = Span(180, "day")


@dataclass(frozen=True, slots=True)
class Roles:
    """Who gives the vault's identity its two roles.

    grant: the app on each server, the app on the server's resource group, or the deployment beforehand.
    """

    grant: Literal["server", "resource_group", "predeployed"] = "server"


@dataclass(frozen=True, slots=True)
class Override:
    """Another mode for some servers, so that a rollout goes ring by ring. Everything that is given must fit.

    mode: observe looks and reports and writes nothing; protect acts.
    subscriptions: ids, one of them must be the server's.
    groups: patterns with * and ?, one of them must fit the name of the server's resource group.
    tags: names of tags and patterns of their values, all must fit.
    """

    mode: Mode
    subscriptions: Annotated[tuple[Subscription, ...], SOME] = ()
    groups: Annotated[tuple[str, ...], SOME] = ()
    tags: Annotated[dict[TagName, str], SOME_NAMES] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Default:
    """The tier of servers whose own tag names none. Everything that is given must fit.

    tier: the name of a tier.
    subscriptions: ids, one of them must be the server's.
    groups: patterns with * and ?, one of them must fit the name of the server's resource group.
    tags: names of tags and patterns of their values, all must fit.
    """

    tier: str
    subscriptions: Annotated[tuple[Subscription, ...], SOME] = ()
    groups: Annotated[tuple[str, ...], SOME] = ()
    tags: Annotated[dict[TagName, str], SOME_NAMES] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Brake:
    """How much may change at once before a person has to approve it: more than both, or more than the price.

    share_percent: the share of all servers that are known.
    servers: a number that is always allowed.
    monthly_price: what the change may cost a month at steady state, in the price file's currency; 0 is no limit.
    """

    share_percent: Annotated[int, between(0, 100)] = 10
    servers: Annotated[int, between(0)] = 50
    monthly_price: Annotated[int, between(0)] = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole rules file.

    mode: observe looks and reports and writes nothing; protect acts.
    vaults: Backup vaults that may be used; a server is protected by one in its own region.
    tiers: what a tag value means, by its name.
    tag: a server opts in by carrying this tag with the name of a tier.
    exempt: how a server is kept out on purpose.
    owner_tag: the tag that names who hears about a server.
    overrides: another mode for some servers; the first that fits decides.
    defaults: the tier of servers whose own tag names none; the first that fits decides.
    adopt: what becomes of a backup instance that someone else made: it is reported, or taken over.
    downgrade: what becomes of a tag that asks for less than before: it is a finding, or allowed.
    resume: what becomes of protection that someone stopped: it is a finding, or allowed to be resumed.
    policies: whether the app makes backup policies, or the deployment made them.
    roles: who gives the vault's identity its two roles.
    brake: how much may change at once before a person has to approve it.
    stamp: tags on what the app makes, where Azure allows tags.
    """

    mode: Mode
    vaults: Annotated[tuple[VaultRule, ...], SOME]
    tiers: Annotated[dict[TierName, Tier], SOME_NAMES]
    tag: TagName = "backup-tier"
    exempt: Exempt = field(default_factory=Exempt)
    owner_tag: TagName = "backup-owner"
    overrides: tuple[Override, ...] = ()
    defaults: tuple[Default, ...] = ()
    adopt: Literal["report", "take"] = "report"
    downgrade: Literal["finding", "allow"] = "finding"
    resume: Literal["finding", "allow"] = "finding"
    policies: Literal["create", "predeployed"] = "create"
    roles: Roles = field(default_factory=Roles)
    brake: Brake = field(default_factory=Brake)
    stamp: dict[TagName, TagValue] = field(default_factory=dict)

    def vaults_for(self, tier: str) -> tuple[VaultRule, ...]:
        return tuple(vault for vault in self.vaults if not vault.tiers or tier in vault.tiers)
