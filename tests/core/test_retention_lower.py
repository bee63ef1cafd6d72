"""Lower tiers: exactly those under which some future point would be kept shorter, with the point that shows it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.core.meaning import Duration, Meaning
from shared.core.policy import tier_meaning
from shared.core.retention import Run, is_lower, judge, shorter, slots
from shared.core.retention_compare import one_of_each_calendar
from shared.core.rules import Custom, Keep, Span, Tier, TimeOfDay
from tests.core.samples import BRONZE, GOLD, rich_tiers

START = datetime(2030, 1, 1, tzinfo=UTC)


def gold(**keep) -> Tier:
    """Gold with other retention."""
    return replace(GOLD, keep=replace(GOLD.keep, **keep))


def own(**changes) -> Custom:
    return replace(Custom("Own", Span(2, "year"), 5), **changes)


SATURDAY = replace(GOLD, backup=replace(GOLD.backup, days=("saturday",), at=TimeOfDay(22, 0)))
TWICE = replace(GOLD, backup=replace(GOLD.backup, days=("sunday", "wednesday")))
LEAP = gold(custom=(own(months=("february",), dates=("28", "last")),))


@pytest.mark.parametrize(
    ("new", "old", "why"),
    [
        pytest.param(GOLD, GOLD, "", id="the same"),
        pytest.param(gold(weekly=Span(11, "week")), GOLD, "the first backup of a week", id="a rule is shorter"),
        pytest.param(gold(weekly=Span(13, "week")), GOLD, "", id="a rule is longer"),
        pytest.param(gold(yearly=None), GOLD, "the first backup of a year", id="a rule is gone"),
        pytest.param(GOLD, gold(yearly=None), "", id="a rule is new"),
        pytest.param(gold(default=Span(30, "day")), GOLD, "an on-demand backup", id="the default is shorter"),
        pytest.param(gold(weekly=None, default=Span(90, "day")), GOLD, "", id="the default stands in for a rule"),
        pytest.param(gold(monthly=Span(1, "year")), GOLD, "", id="other words for the same"),
        pytest.param(gold(monthly=Span(365, "day")), GOLD, "the first backup of a month", id="a leap year has 366"),
        pytest.param(gold(monthly=Span(366, "day")), GOLD, "", id="no year has more than 366"),
        pytest.param(GOLD, gold(monthly=Span(366, "day")), "the first backup of a month", id="most years have fewer"),
        pytest.param(gold(default=Span(1, "month")), gold(default=Span(29, "day")), "on-demand", id="February"),
        pytest.param(gold(default=Span(1, "month")), gold(default=Span(28, "day")), "", id="never shorter than 28"),
        pytest.param(SATURDAY, GOLD, "", id="another day, the same retention"),
        pytest.param(GOLD, SATURDAY, "", id="and back"),
        pytest.param(TWICE, GOLD, "", id="twice a week"),
        pytest.param(GOLD, TWICE, "", id="once a week instead of twice keeps nothing shorter"),
        pytest.param(gold(custom=(own(months=("march",)),)), GOLD, "of a year", id="a new rule that is shorter wins"),
        pytest.param(gold(custom=(own(priority=50),)), GOLD, "", id="a new rule without criteria fits nothing"),
        pytest.param(gold(custom=(own(months=("march",), priority=12),)), GOLD, "", id="it wins over shorter ones"),
        pytest.param(LEAP, gold(), "of a year", id="a rule for one week"),
        pytest.param(BRONZE, GOLD, "on-demand", id="bronze instead of gold"),
        pytest.param(GOLD, BRONZE, "", id="gold instead of bronze"),
    ],
)
def test_what_is_lower(new: Tier, old: Tier, why: str):
    """A tier is lower exactly when something would be kept shorter, and the reason says what."""
    found = shorter(tier_meaning(new), tier_meaning(old))
    assert is_lower(tier_meaning(new), tier_meaning(old)) == bool(why)
    assert why in str(found or "")


def test_variants_of_a_spread_are_not_lower_than_each_other():
    """A server that follows another variant of its tier keeps nothing shorter, also over midnight."""
    late = replace(GOLD, backup=replace(GOLD.backup, at=TimeOfDay(23, 0), spread=Span(2, "hour")))
    meanings = [tier_meaning(late, variant) for variant in range(4)]
    assert not any(is_lower(a, b) for a in meanings for b in meanings)


def calendar(year: int) -> str:
    """The weekday of every date of a year."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    days = (start + timedelta(days=number) for number in range(366))
    return " ".join(f"{day:%m%d%u}" for day in days if day.year == year)


def test_the_years_show_every_calendar():
    """The years that are looked at have each of the fourteen calendars once, which are all that there are."""
    years = one_of_each_calendar()
    assert len(years) == 14
    assert {calendar(year) for year in years} == {calendar(year) for year in range(2000, 2400)}


@st.composite
def pairs(draw) -> tuple[Meaning, Meaning]:
    """Two policies with one schedule, alike but for a rule or two."""
    old = draw(rich_tiers())
    other = draw(rich_tiers())
    names = draw(st.lists(st.sampled_from(Keep.__slots__), min_size=1, max_size=2, unique=True))
    new = replace(old, keep=replace(old.keep, **{name: getattr(other.keep, name) for name in names}))
    return tier_meaning(new), tier_meaning(old)


@settings(max_examples=50)
@given(pairs())
def test_a_lower_tier_is_shown_by_a_point(pair):
    """Whatever is called lower has a history at whose end the point is kept shorter, and it is a slot of the policy."""
    new, old = pair
    found = shorter(new, old)
    assume(found)
    runs = [Run(found.time, on_demand=found.first is None)]
    (after,), (before,) = (judge(meaning, runs, previous=found.previous) for meaning in (new, old))
    assert after.expiry < before.expiry
    if found.first is not None:
        moments = [moment for moment in (found.previous, found.time) if moment]
        assert all(list(slots(old, moment, moment + timedelta(seconds=1))) == [moment] for moment in moments)


@settings(max_examples=50)
@given(pairs(), st.randoms(use_true_random=False), st.integers(0, 30))
def test_what_is_not_lower_never_keeps_a_point_shorter(pair, chance, years):
    """Whatever is not called lower keeps, over random failures and on-demand backups, every point at least as long."""
    new, old = pair
    start = START.replace(year=START.year + years)
    share = chance.choice([0.0, 0.1, 0.5, 0.95])
    runs = [Run(at, succeeded=chance.random() >= share) for at in slots(old, start, start + timedelta(days=1100))]
    runs += [Run(start + timedelta(days=chance.randrange(1100)), on_demand=True) for _ in range(10)]
    brute = any(a.expiry < b.expiry for a, b in zip(judge(new, runs), judge(old, runs), strict=True))
    assert is_lower(new, old) or not brute


@settings(max_examples=40)
@given(
    st.sampled_from(["P1M", "P12M", "P1Y", "P13M", "P11M", "P2M", "P10Y"]),
    st.integers(-4, 4),
    st.booleans(),
)
def test_months_and_days_compare_by_every_day(months, off, swap):
    """Between months and days the calendar decides: by brute force over every day of years with all leap patterns."""
    a = Duration.parse(months)
    b = Duration.parse(f"P{round(a.months * 30.436875) + off}D")
    keep, kept = (b, a) if swap else (a, b)
    base = tier_meaning(BRONZE)
    new, old = (replace(base, default=replace(base.default, keep=one)) for one in (keep, kept))
    starts = (START.replace(year=2039), START.replace(year=2094))  # beside a common leap year, and the one left out
    days = (start + timedelta(days=number) for start in starts for number in range(3660))
    assert is_lower(new, old) == any(keep.after(day) < kept.after(day) for day in days)
