"""What would be done in the whole estate, and why; nothing is written. The operator's story: plan, approve, status.

Reads in bulk, judges every server, and gives the plan a hash over all that would be written, whatever the mode: an
approval of it allows no more than the mode does.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from shared.cloud import vaults
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.cloud.estate import read_estate
from shared.cloud.estate_checks import confirmed, read_assignments
from shared.cloud.graph import Pause
from shared.core.approval import Entry, plan_hash
from shared.core.estate import Estate, Scope
from shared.core.judgement import Judged, Known, judge
from shared.core.rules import Rules
from shared.core.verdict import FIXES, Kind, Verdict
from shared.datasources.postgresql_flexible import DATASOURCE
from shared.ledger import Ledger, ServerRow


@dataclass(frozen=True)
class View:
    """One reading of the estate, and what the app knows. Judge it under as many rules files as are to be compared."""

    estate: Estate
    known: Mapping[str, Known]
    identities: frozenset[str]

    def plan(self, rules: Rules) -> "EstatePlan":
        """Everything that the rules would do in the estate."""
        return EstatePlan(self.estate, tuple(judge(self.estate, rules, self.identities, self.known)))


@dataclass(frozen=True)
class EstatePlan:
    """Every server, what is said of it today, what would be written for it, and how it would end."""

    estate: Estate
    judged: tuple[Judged, ...]

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for one in self.judged for entry in one.entries)

    @cached_property
    def hash(self) -> str:
        return plan_hash(self.entries)


def view(
    cloud: Cloud,
    scope: Scope,
    rules: Sequence[Rules],
    ledger: Ledger | None = None,
    *,
    with_roles: bool = False,
    pause: Pause | None = None,
    progress: Callable[[int], None] | None = None,
) -> View:
    """Read the estate once, for all these rules files. Raises CloudError when Azure refuses to answer at all.

    ledger: None leaves out what only the app knows. with_roles: read role assignments, else they are checked on apply.
    """
    estate = read_estate(cloud, scope, DATASOURCE, pause=pause, progress=progress)
    estate, rows = _with_ledger(cloud, estate, ledger)
    estate = _with_named_vaults(cloud, estate, rules)
    identities = cloud.settings.vault_identities
    if with_roles:
        every = (vault for one in rules for vault in estate.usable_vaults(one, identities))
        principals = sorted({vault.principal_id for vault in every if vault.principal_id})
        places = sorted({server.id.subscription for server in estate.servers.values()})
        estate = replace(estate, assignments=read_assignments(cloud, places, principals))
    return View(estate, {key: known_of(row) for key, row in rows.items()}, identities)


def _with_ledger(cloud: Cloud, estate: Estate, ledger: Ledger | None) -> tuple[Estate, dict[str, ServerRow]]:
    """What the app knows, and the estate with what it shows to be missing in it."""
    try:
        rows = {row.server_id.lower(): row for row in ledger.known_servers()} if ledger else {}
    except CloudError as error:
        return _short_of(estate, f"what the app knows: {error}"), {}
    there = {key: bool(row.instance_id) for key, row in rows.items() if row.verdict not in ("", Kind.GONE)}
    return confirmed(cloud, estate, there), rows


def _with_named_vaults(cloud: Cloud, estate: Estate, rules: Iterable[Rules]) -> Estate:
    """A vault that the rules name and that has no row may be new: its provider is asked."""
    shown = {vault.id.lower() for vault in estate.vaults}
    for one in rules:
        named = {rule.id.lower() for rule in one.vaults if rule.id} - shown
        try:
            found = tuple(vault for vault in vaults.of_rules(cloud, one) if vault.id.lower() in named) if named else ()
        except CloudError as error:
            estate, found = _short_of(estate, f"vaults of the rules: {error}"), ()
        estate = replace(estate, vaults=estate.vaults + found)
        shown |= named
    return estate


def _short_of(estate: Estate, what: str) -> Estate:
    return replace(estate, incomplete=(*estate.incomplete, what))


def known_of(row: ServerRow) -> Known:
    """What a row says, as a judgement takes it."""
    said = Verdict(Kind(row.verdict), row.reason, row.fix) if row.verdict in FIXES else None
    return Known(row.memory, said)
