"""The rules that people write, as values. `shared/rules_file.py` reads them from YAML and says what is wrong.

What a tier says is in `tiers.py`. The lines "name: meaning" of the docstrings are the descriptions in the published
JSON Schema.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from shared.core import limits
from shared.core.alert_rules import Alerts
from shared.core.limits import SOME, SOME_NAMES, between
from shared.core.tiers import DAYS, MONTHS, Backup, Custom, Day, Keep, OnDemand, Span, Tier, TimeOfDay, TimeZone

__all__ = [
    "DAYS", "MONTHS", "Backup", "Brake", "Custom", "Day", "Default", "Exempt", "Keep", "Mode", "OnDemand", "Override",
    "Roles", "Rules", "Span", "Starts", "Tier", "TimeOfDay", "TimeZone", "VaultRule",
]  # fmt: skip

Mode = Literal["observe", "protect"]
TierName = Annotated[str, limits.TIER_NAME]
TagName = Annotated[str, limits.TAG_NAME]
TagValue = Annotated[str, limits.TAG_VALUE]
Subscription = Annotated[str, limits.GUID]
_LONGEST_EXEMPTION = Span(180, "day")


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
    longest: Annotated[Span, limits.UP_TO_TEN_YEARS] = _LONGEST_EXEMPTION


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
class Starts:
    """How many backups on demand the app starts. First backups that follow protection at once are not held back.

    most_at_once: in one vault, running at the same time, whoever started them.
    most_a_day: in one vault, within a day (UTC).
    second_in_week: a backup in a week that has a good one already, which Azure Backup says to fail: it is skipped, and
        nobody is bothered with a schedule that fails so; or it is tried.
    """

    most_at_once: Annotated[int, between(1)] = 100
    most_a_day: Annotated[int, between(0)] = 1000
    second_in_week: Literal["skip", "try"] = "skip"


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
    on_demand: how many backups on demand the app starts.
    stamp: tags on what the app makes, where Azure allows tags.
    alerts: who hears of what, and where.
    coverage_target: the share of servers that should be protected, in percent; the status page measures by it.
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
    on_demand: Starts = field(default_factory=Starts)
    stamp: dict[TagName, TagValue] = field(default_factory=dict)
    alerts: Alerts = field(default_factory=Alerts)
    coverage_target: Annotated[int, between(1, 100)] = 100

    def vaults_for(self, tier: str) -> tuple[VaultRule, ...]:
        return tuple(vault for vault in self.vaults if not vault.tiers or tier in vault.tiers)
