"""The rules that people write, as values. `shared/rules_file.py` reads them from YAML and says what is wrong."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNIT_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}
_SPAN = re.compile(r"(\d{1,4}) (day|week|month|year)s?")

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in one unit, as the service wants it: "35 days" is P35D, "10 years" is P10Y."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> "Span":
        """Read "12 weeks". Raises ValueError with what is valid."""
        match = _SPAN.fullmatch(" ".join(text.lower().split()))
        if not match or int(match[1]) == 0:
            msg = "a number and one unit, such as 35 days, 12 weeks, 12 months or 10 years"
            raise ValueError(msg)
        return cls(int(match[1]), match[2])

    @property
    def iso(self) -> str:
        """ISO 8601 with one unit, the only form that the service accepts (P{n}D|W|M|Y)."""
        return f"P{self.count}{self.unit[0].upper()}"

    @property
    def longest(self) -> timedelta:
        """The longest time that it can mean (a month of 31 days, a year of 366)."""
        return timedelta(days=self.count * _UNIT_DAYS[self.unit])

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
            msg = 'a time in quotes, such as "01:30"'
            raise ValueError(msg)
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


@dataclass(frozen=True, slots=True)
class Backup:
    """When the vault makes a backup: on these days of every week, at this time, in this time zone."""

    days: tuple[Day, ...]
    at: TimeOfDay
    time_zone: TimeZone = TimeZone("UTC", "UTC")


@dataclass(frozen=True, slots=True)
class Keep:
    """How long a recovery point is kept, by what it is the first of: a week, a month, a year, or nothing special."""

    default: Span
    weekly: Span | None = None
    monthly: Span | None = None
    yearly: Span | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """What a tag value means."""

    backup: Backup
    keep: Keep
    first_backup: Literal["at_once", "schedule"] = "at_once"
    max_age: Span = Span(8, "day")


@dataclass(frozen=True, slots=True)
class VaultRule:
    """A Backup vault that may be used, by its ARM id. tiers: the tiers it serves; empty means all."""

    id: str
    tiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exempt:
    """The tag value that keeps a server out on purpose, and the tags that say until when and why."""

    value: str = "none"
    until_tag: str = "backup-exempt-until"
    reason_tag: str = "backup-exempt-reason"


@dataclass(frozen=True, slots=True)
class Roles:
    """Who gives the vault's identity its two roles: the app, server by server, or the deployment beforehand."""

    grant: Literal["server", "predeployed"] = "server"


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole rules file."""

    mode: Literal["observe", "protect"]
    vaults: tuple[VaultRule, ...]
    tiers: dict[str, Tier]
    tag: str = "backup-tier"
    exempt: Exempt = field(default_factory=Exempt)
    owner_tag: str = "backup-owner"
    roles: Roles = field(default_factory=Roles)

    def vaults_for(self, tier: str) -> tuple[VaultRule, ...]:
        return tuple(vault for vault in self.vaults if not vault.tiers or tier in vault.tiers)
