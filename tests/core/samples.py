"""Values that the tests share: one server, one vault, the gold tier, and random tiers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from tzlocal.windows_tz import tz_win

from shared.core import resource_id
from shared.core.intent import Protect
from shared.core.names import instance_name
from shared.core.observed import Deleted, Instance, Job, Observed, Server, Vault
from shared.core.policy import Policy, policy_name, read_policy, render
from shared.core.rules import DAYS, MONTHS, Backup, Custom, Keep, Rules, Span, Tier, TimeOfDay, TimeZone, VaultRule
from shared.datasources.postgresql_flexible import DATASOURCE

settings.register_profile("flexguard", deadline=None)  # no test measures time: a slow machine is no failure
settings.load_profile("flexguard")

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SUBSCRIPTION = "11111111-0000-4000-8000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-data"
SERVER = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-orders"
VAULT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-one"
OTHER_VAULT = VAULT.replace("bv-one", "bv-two")
FOREIGN_VAULT = VAULT.replace("bv-one", "bv-foreign")
PRINCIPAL = "99999999-0000-4000-8000-000000000009"
INSTANCE = f"{VAULT}/backupInstances/pg-orders-1"

BERLIN = TimeZone("Europe/Berlin", "W. Europe Standard Time")
GOLD = Tier(
    backup=Backup(("sunday",), TimeOfDay(1, 30), BERLIN),
    keep=Keep(Span(35, "day"), Span(12, "week"), Span(12, "month"), Span(10, "year")),
)
BRONZE = Tier(Backup(("saturday",), TimeOfDay(22, 0)), Keep(Span(28, "day")), first_backup="schedule")
RULES = Rules(mode="protect", vaults=(VaultRule(VAULT),), tiers={"gold": GOLD, "bronze": BRONZE})
GOLD_ASKED = Protect("gold", GOLD, "tag backup-tier = gold")


def server(**changes: Any) -> Server:
    """The one server, Ready in westeurope and asking for gold, but for `changes`."""
    found = resource_id.parse(SERVER)
    assert found
    ready = Server(found, "westeurope", "Ready", "Primary", is_cluster=False, tags={"backup-tier": "gold"})
    return replace(ready, **changes)


def vault(**changes: Any) -> Vault:
    """The one vault, in the server's region and with an identity."""
    return replace(Vault(VAULT, "westeurope", PRINCIPAL, "Succeeded"), **changes)


def policy_of(tier: Tier = GOLD, name: str = "", vault_id: str = VAULT) -> Policy:
    """A policy as it is read back from a vault; by default under the name that we give it."""
    called = name or policy_name("gold", tier)
    body = render(tier, DATASOURCE.resource_type)
    return read_policy({"id": f"{vault_id}/backupPolicies/{called}", "name": called, **body})


def instance(state: str = "ProtectionConfigured", **changes: Any) -> Instance:
    """The backup instance of the one server, following gold's policy."""
    return replace(Instance(INSTANCE, "pg-orders-1", VAULT, policy_of().id, state), **changes)


def deleted(name: str = "", **changes: Any) -> Deleted:
    """A soft-deleted instance of the one server in the one vault, by default one that we made."""
    called = name or instance_name(server().id)
    gone = Deleted(f"{VAULT}/deletedBackupInstances/{called}", called, VAULT, SERVER, NOW + timedelta(days=14))
    return replace(gone, **changes)


def observed(**changes: Any) -> Observed:
    """The one server with everything read that a plan may want, but for `changes`; no instance, every role."""
    everything = Observed(
        NOW,
        server().id,
        DATASOURCE,
        server(),
        vaults=(vault(),),
        policies=(policy_of(),),
        roles=frozenset({DATASOURCE.server_role, DATASOURCE.group_role}),
        deleted=(),
    )
    return replace(everything, **changes)


def job(status: str = "InProgress", **changes: Any) -> Job:
    """An on-demand backup job of the one instance, begun now."""
    number = "5a1f0a7c-0000-4000-8000-000000000005"
    mine = Job(f"{VAULT}/backupJobs/{number}", number, INSTANCE, SERVER, VAULT, status, "Backup", user_triggered=True,
               started_at=NOW)  # fmt: skip
    return replace(mine, **changes)


spans = st.builds(Span, st.integers(1, 9999), st.sampled_from(("day", "week", "month", "year")))
zones = st.sampled_from([TimeZone(iana, windows) for iana, windows in sorted(tz_win.items()) if iana])
backups = st.builds(
    Backup,
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True).map(tuple),
    st.builds(TimeOfDay, st.integers(0, 23), st.integers(0, 59)),
    zones,
)
keeps = st.builds(Keep, spans, st.none() | spans, st.none() | spans, st.none() | spans)
tiers = st.builds(Tier, backups, keeps, st.sampled_from(("at_once", "schedule")))
sensible_spans = st.one_of(
    st.builds(Span, st.integers(7, 400), st.just("day")),
    st.builds(Span, st.integers(1, 60), st.just("week")),
    st.builds(Span, st.integers(1, 30), st.just("month")),
    st.builds(Span, st.integers(1, 3), st.just("year")),
)


def some(values: Any, most: int = 3) -> Any:
    """None to a few of some values, each once."""
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


@st.composite
def rich_tiers(draw: Any) -> Tier:
    """A tier of everything that a rules file can say: several days, a spread, rules of one's own."""
    backup = draw(backups)
    times = st.sampled_from([backup.at, TimeOfDay(12, 0)])
    customs = [
        Custom(
            name=f"Own{number}",
            keep=draw(sensible_spans),
            priority=priority,
            first_of=draw(st.none() | st.sampled_from(("every", "day", "week", "month", "year"))),
            days=draw(some(DAYS)),
            weeks=draw(some(("first", "second", "third", "fourth", "last"))),
            months=draw(some(MONTHS)),
            dates=draw(some(("1", "2", "15", "28", "last"))),
            at=tuple(draw(st.lists(times, max_size=1))),
        )
        for number, priority in enumerate(draw(some((5, 12, 17, 30), most=2)))
    ]
    keep = draw(st.builds(Keep, sensible_spans, *[st.none() | sensible_spans] * 3, st.just(tuple(customs))))
    return Tier(replace(backup, spread=draw(st.sampled_from((None, Span(4, "hour"))))), keep)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
