"""What protection costs: numbers that can be checked by hand, and no number where there is no price."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.policy import tier_meaning
from shared.core.price import (
    NOTHING,
    DumpSize,
    Price,
    Prices,
    RegionPrices,
    difference,
    estimate,
    money,
    sentences,
    total,
)
from shared.core.retention import kept_at, planned
from shared.core.rules import Keep, Span
from tests.core.samples import BRONZE, GOLD

PRICES = Prices(
    date=date(2026, 1, 31),
    currency="EUR",
    source="a test",
    dump_gb=DumpSize(assumed_gb=100),
    regions={"westeurope": RegionPrices(6.58, {"LocallyRedundant": 0.0197, "GeoRedundant": 0.0393})},
)
FOUR_WEEKS = tier_meaning(replace(BRONZE, keep=Keep(Span(28, "day"))))
HERE = ("westeurope", "LocallyRedundant", 128)


def test_four_weekly_points_by_hand():
    """One point a week for 28 days: always four, so 6.58 + 4 * 100 GB * 0.0197 = 14.46 a month."""
    price = estimate(FOUR_WEEKS, *HERE, PRICES)
    assert price.monthly == pytest.approx(14.46)
    assert not price.gap


def test_the_first_year_grows_week_by_week():
    """Nothing is stored before the first backup, then one point, two, three, and four for the rest of the year."""
    start, year = datetime(2023, 1, 1, tzinfo=UTC), timedelta(days=365)
    points = planned(FOUR_WEEKS, start, start + year)
    hours = [len(kept_at(points, start + timedelta(hours=hour))) for hour in range(365 * 24)]
    by_hand = 12 * 6.58 + sum(hours) / len(hours) * 12 * 100 * 0.0197
    assert estimate(FOUR_WEEKS, *HERE, PRICES).first_year == pytest.approx(by_hand, rel=1e-3)


def test_ten_years_cost_most_later():
    """A tier that keeps ten years costs far less in its first year than in a year at steady state."""
    price = estimate(tier_meaning(GOLD), *HERE, PRICES)
    assert 12 * 6.58 < price.first_year < 0.7 * 12 * price.monthly


@pytest.mark.parametrize(
    ("size", "storage_gb", "gb"),
    [
        (DumpSize(assumed_share_of_storage=0.3), 128, 38.4),
        (DumpSize(assumed_share_of_storage=0.3), 0, None),
        (DumpSize(assumed_gb=40), 0, 40),
        (DumpSize(assumed_gb=0), 128, 0),
    ],
)
def test_the_size_of_a_dump_is_assumed(size: DumpSize, storage_gb: int, gb: float | None):
    """A share of the provisioned storage, which must then be known, or the same for all."""
    assert size.gb(storage_gb) == (pytest.approx(gb) if gb else gb)


@pytest.mark.parametrize(
    ("region", "redundancy", "size", "gap"),
    [
        ("eastus", "LocallyRedundant", DumpSize(assumed_gb=1), "no price for region eastus"),
        ("", "LocallyRedundant", DumpSize(assumed_gb=1), "no price for region unknown"),
        ("westeurope", "ZoneRedundant", DumpSize(assumed_gb=1), "no price for ZoneRedundant in region westeurope"),
        ("westeurope", "", DumpSize(assumed_gb=1), "no price for unknown redundancy in region westeurope"),
        ("westeurope", "GeoRedundant", DumpSize(0.3), "the size of its storage is not known"),
    ],
)
def test_no_number_is_invented(region: str, redundancy: str, size: DumpSize, gap: str):
    """What the file has no price for has none, and says why."""
    prices = replace(PRICES, dump_gb=size)
    assert estimate(FOUR_WEEKS, region, redundancy, 0, prices) == Price(gap=gap)


def test_a_total_counts_what_it_leaves_out():
    """Servers without a price are not taken for free: they are counted, by reason."""
    whole = total(
        [Price(10, 100), Price(gap="no price for region x"), Price(5, 50), Price(gap="no price for region x")]
    )
    assert (whole.servers, whole.monthly, whole.first_year) == (2, 15, 150)
    assert (whole.gaps, whole.unpriced) == ((("no price for region x", 2),), 2)
    assert total([]).monthly == 0


def test_a_change_costs_the_difference():
    """New protection costs all of it, another tier what it adds, the same nothing; a gap on either side stays one."""
    bronze, gold = (estimate(meaning, *HERE, PRICES) for meaning in (FOUR_WEEKS, tier_meaning(GOLD)))
    assert difference(NOTHING, gold) == gold
    assert difference(bronze, gold).monthly == pytest.approx(gold.monthly - bronze.monthly)
    assert difference(gold, bronze).monthly < 0
    assert difference(gold, gold) == NOTHING
    assert difference(Price(gap="a"), gold).gap == "a"
    assert difference(gold, Price(gap="b")).gap == "b"


def test_people_read_an_estimate_with_its_currency_and_source():
    """Both amounts, the word estimate, what is left out, whose prices, and what is assumed."""
    said = sentences(total([Price(1234.5, 9876.54), Price(gap="no price for region eastus")]), PRICES)
    assert said == (
        "estimate for 1 server: 1,234.50 EUR a month at steady state, 9,876.54 EUR in the first year",
        "not in it: 1 server: no price for region eastus (1)",
        "prices of 2026-01-31: a test; a dump is assumed to have 100 GB",
    )
    by_share = replace(PRICES, dump_gb=DumpSize(0.3))
    assert sentences(total([]), by_share)[-1].endswith("30% of the provisioned storage")


@pytest.mark.parametrize(("amount", "shown"), [(0, "0.00 EUR"), (-0.001, "0.00 EUR"), (-3.5, "-3.50 EUR")])
def test_money_has_two_places_and_a_currency(amount: float, shown: str):
    """A saving is negative; less than a cent is nothing."""
    assert money(amount, "EUR") == shown


weeks = st.integers(1, 60)


@settings(max_examples=25)
@given(weeks, weeks, st.integers(1, 4000))
def test_longer_and_larger_never_cost_less(first: int, second: int, storage_gb: int):
    """Keeping longer, or a larger server, or a dearer redundancy: never cheaper, in either amount."""
    short, long = sorted((first, second))
    by_share = replace(PRICES, dump_gb=DumpSize(0.3))

    def price(keep_weeks: int, redundancy: str = "LocallyRedundant", size_gb: int = storage_gb) -> Price:
        meaning = tier_meaning(replace(BRONZE, keep=Keep(Span(keep_weeks, "week"))))
        return estimate(meaning, "westeurope", redundancy, size_gb, by_share)

    least = price(short)
    for dearer in (price(long), price(short, "GeoRedundant"), price(short, size_gb=2 * storage_gb)):
        assert dearer.monthly >= least.monthly >= 6.58
        assert dearer.first_year >= least.first_year >= 12 * 6.58
