"""What a plan changes in the bill: nothing for what stays, all of it for a new server, a gap without a price."""

from dataclasses import replace
from datetime import date

import pytest

from shared.core.cost import by_tier, cost, with_orphan_fee
from shared.core.judgement import judge
from shared.core.policy import tier_meaning
from shared.core.price import NOTHING, DumpSize, Prices, RegionPrices, estimate
from shared.core.rules import Span
from shared.core.verdict import Kind
from tests.core.samples import GOLD, RULES, server, vault
from tests.core.test_estate import KEY, RIGHT, estate, named

PRICES = Prices(
    date(2026, 11, 22),
    "EUR",
    "a test",
    DumpSize(assumed_share_of_storage=0.5),
    {"westeurope": RegionPrices(10.0, {"LocallyRedundant": 0.01})},
)
PLACES = {"servers": {KEY: server(storage_gb=100)}, "vaults": (vault(redundancy="LocallyRedundant"),)}
GOLD_PRICE = estimate(tier_meaning(GOLD), "westeurope", "LocallyRedundant", 100, PRICES)


def costs(rules=RULES, **rows):
    made = estate(**PLACES | rows)
    return {one.id.key: cost(one, made, PRICES) for one in judge(made, rules)}


def test_a_new_server_costs_all_of_it():
    """Nothing today, gold's price in the end."""
    found = costs()[KEY]
    assert (found.now, found.then, found.change) == (NOTHING, GOLD_PRICE, GOLD_PRICE)
    assert GOLD_PRICE.monthly > 10


def test_what_stays_changes_nothing():
    """A protected server costs the same today and in the end."""
    found = costs(**RIGHT)[KEY]
    assert (found.now, found.then) == (GOLD_PRICE, GOLD_PRICE)
    assert (found.change.monthly, found.change.gap) == (0, "")


def test_a_changed_tier_costs_the_difference():
    """A longer tier makes a protected server dearer by what more it keeps."""
    longer = replace(GOLD, keep=replace(GOLD.keep, weekly=Span(52, "week")))
    found = costs(replace(RULES, tiers={"gold": longer}, adopt="take"), **RIGHT)[KEY]
    assert found.now == GOLD_PRICE
    assert found.change.monthly > 0


@pytest.mark.parametrize(("region", "said"), [("westeurope", "10.00 EUR a month"), ("eastus", "no price is known")])
def test_an_orphan_says_what_it_costs(region, said):
    """Of a server that is gone the fee of its instance is told, where there is a price; of others nothing is."""
    made = estate(**RIGHT | {"servers": {}, "vaults": (replace(vault(), location=region),)})
    (orphan,) = (with_orphan_fee(one, made, PRICES) for one in judge(made, RULES))
    assert orphan.verdict.kind is Kind.ORPHANED
    assert said in orphan.verdict.reason
    (other,) = judge(estate(**PLACES), RULES)
    assert with_orphan_fee(other, made, PRICES) is other


def test_who_does_not_ask_costs_nothing():
    """Without a tier, and without a backup."""
    (found,) = costs(servers=named("pg-none", tags={})).values()
    assert (found.now, found.then) == (NOTHING, NOTHING)


@pytest.mark.parametrize(
    ("rows", "gap"),
    [
        ({"servers": {KEY: server(storage_gb=0)}}, "the size of its storage is not known"),
        ({"vaults": (vault(redundancy="ZoneRedundant"),)}, "no price for ZoneRedundant in region westeurope"),
    ],
)
def test_no_number_is_invented(rows, gap):
    """Where the price file, or the size, says nothing, the sum leaves the server out and says why."""
    made = costs(**rows)
    assert made[KEY].then.gap == gap
    (gold,) = by_tier([("gold", made[KEY])])
    assert (gold.then.servers, gold.then.unpriced, gold.change.gaps) == (0, 1, ((gap, 1),))


def test_totals_are_by_tier():
    """Two new servers of one tier cost twice as much; what costs nothing is in no row."""
    both = costs(servers={KEY: server(storage_gb=100), **named("pg-b", storage_gb=100), **named("pg-no", tags={})})
    (gold,) = by_tier((("gold" if one.then != NOTHING else "", one)) for one in both.values())
    assert (gold.tier, gold.then.servers, gold.now.servers) == ("gold", 2, 0)
    assert gold.change.first_year == pytest.approx(2 * GOLD_PRICE.first_year)
