"""What does a plan change in the bill? An estimate for each server, today and in the end, by `price.py`. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from shared.core.actions import ChangePolicy, ResumeProtection, Undelete
from shared.core.actions import Protect as ProtectServer
from shared.core.estate import Estate
from shared.core.intent import Intent, Protect
from shared.core.judgement import Judged
from shared.core.meaning import Meaning
from shared.core.observed import Observed
from shared.core.policy import tier_meaning, variant_of
from shared.core.price import NOTHING, Price, Prices, Total, difference, estimate, money, total
from shared.core.protection import CONFIGURED
from shared.core.verdict import Kind

_CHANGING = (ProtectServer, ChangePolicy, ResumeProtection, Undelete)


@dataclass(frozen=True, slots=True)
class Cost:
    """One server: what it costs today, and what it would cost in the end."""

    now: Price
    then: Price

    @property
    def change(self) -> Price:
        return difference(self.now, self.then)


def cost(one: Judged, estate: Estate, prices: Prices) -> Cost:
    """What a server costs by the policy that it follows, and by the one that it would follow.

    A server that is gone, or whose instance makes no backups now, counts as nothing: what is still kept is not known.
    """
    instances = estate.instances.get(one.id.key, ())
    now = NOTHING
    if one.server and instances and instances[0].state.lower() == CONFIGURED:
        followed, home = instances[0].policy_id.lower(), instances[0].vault_id
        policies = estate.policies.get(home.lower(), ())
        meaning = next((policy.meaning for policy in policies if policy.id.lower() == followed), None)
        now = _price(one, estate, home, meaning, prices)
    if one.tier is None or not any(isinstance(write, _CHANGING) for write in one.foreseen.writes):
        return Cost(now, now)
    wanted = tier_meaning(one.tier, variant_of(one.id, one.tier))
    return Cost(now, _price(one, estate, one.foreseen.vault_id, wanted, prices))


def with_orphan_fee(one: Judged, estate: Estate, prices: Prices | None) -> Judged:
    """The same judgement; of a server that is gone it also says what its backups cost a month at least.

    How much its recovery points hold is not known: no list of the service says it.
    """
    if one.verdict.kind is not Kind.ORPHANED or prices is None:
        return one
    homes = {instance.vault_id.lower() for instance in estate.instances.get(one.id.key, ())}
    region = next((vault.location for vault in estate.vaults if vault.id.lower() in homes), "")
    there = prices.regions.get(region)
    fee = f"{money(there.instance_month, prices.currency)} a month and its storage" if there else "no price is known"
    return replace(one, verdict=replace(one.verdict, reason=f"{one.verdict.reason}; billed (estimate): {fee}"))


def _price(one: Judged, estate: Estate, vault_id: str, meaning: Meaning | None, prices: Prices) -> Price:
    vault = next((vault for vault in estate.vaults if vault.id.lower() == vault_id.lower()), None)
    if meaning is None or one.server is None:
        return Price(gap="its policy cannot be read")
    redundancy = vault.redundancy if vault else ""
    return estimate(meaning, one.server.location, redundancy, one.server.storage_gb, prices)


def monthly_change(intent: Intent, observed: Observed, vault_id: str, prices: Prices) -> float:
    """What protecting one server as its tags say adds a month, in one of the vaults seen; 0 without a price."""
    server = observed.server
    if not isinstance(intent, Protect) or server is None:
        return 0.0
    vault = next((vault for vault in observed.vaults or () if vault.id.lower() == vault_id.lower()), None)
    followed = observed.instances[0].policy_id.lower() if observed.instances else ""
    old = next((policy.meaning for policy in observed.policies or () if policy.id.lower() == followed), None)
    new = tier_meaning(intent.tier, variant_of(server.id, intent.tier))
    redundancy = vault.redundancy if vault else ""
    now, then = (
        estimate(meaning, server.location, redundancy, server.storage_gb, prices) if meaning else NOTHING
        for meaning in (old, new)
    )
    return difference(now, then).monthly


@dataclass(frozen=True, slots=True)
class TierCost:
    """The servers of one tier that are protected, or would be: today, in the end, and the difference."""

    tier: str
    now: Total
    then: Total
    change: Total


def by_tier(costs: Iterable[tuple[str, Cost]]) -> tuple[TierCost, ...]:
    """Totals for each tier, by name; (tier, cost) of every server. Those that cost nothing at all are left out."""
    tiers: dict[str, list[Cost]] = {}
    for tier, one in costs:
        if one.now != NOTHING or one.then != NOTHING:
            tiers.setdefault(tier, []).append(one)
    return tuple(
        TierCost(
            tier,
            now=total(one.now for one in found if one.now != NOTHING),
            then=total(one.then for one in found if one.then != NOTHING),
            change=total(one.change for one in found if one.change != NOTHING),
        )
        for tier, found in sorted(tiers.items())
    )
