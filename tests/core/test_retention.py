"""Retention: which point has which tag and is kept until when, over calendars, failures and changes of policy."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.meaning import Criteria, Duration, Meaning, Rule, Slot
from shared.core.policy import tier_meaning
from shared.core.retention import (
    Run,
    judge,
    judge_changing,
    kept_at,
    planned,
    slots,
    steady_state,
    timeline,
)
from shared.core.retention_time import fits, local
from shared.core.rules import Span
from tests.core.samples import BRONZE, GOLD, rich_tiers

GOLDEN = tier_meaning(GOLD)
START = datetime(2027, 1, 1, tzinfo=UTC)
DEFAULT = Rule((), Duration.parse("P7D"), "Default")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def policy(*rules: Rule, slot: Slot | None = None, zone: str = "UTC") -> Meaning:
    """Sunday at 01:30 unless told otherwise, and a default of seven days."""
    return Meaning((slot or Slot.weekly(6, 1, 30),), zone, rules, DEFAULT)


def first_of(word: str, keep: str = "P1Y") -> Rule:
    return Rule((Criteria((word,)),), Duration.parse(keep), word)


def tags(meaning: Meaning, *times: str) -> list[str]:
    return [point.tag for point in judge(meaning, [Run(at(time)) for time in times])]


# -- durations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duration", "made", "expires"),
    [
        ("P1Y", "2028-02-29T12:00", "2029-02-28T12:00"),
        ("P4Y", "2028-02-29T12:00", "2032-02-29T12:00"),
        ("P1M", "2027-01-31T01:30", "2027-02-28T01:30"),
        ("P1M", "2028-01-31T01:30", "2028-02-29T01:30"),
        ("P13M", "2027-11-30T00:00", "2028-12-30T00:00"),
        ("P12W", "2027-03-07T00:30", "2027-05-30T00:30"),
        ("P10Y", "2027-01-03T00:30", "2037-01-03T00:30"),
        ("P365D", "2027-03-01T00:00", "2028-02-29T00:00"),
        ("P99999Y", "2027-01-01T00:00", "9999-12-31T23:59:59.999999"),
    ],
)
def test_durations_follow_the_calendar(duration: str, made: str, expires: str):
    """Years and months end on the same day, or the last one of a shorter month; days and weeks are as long as ever."""
    assert Duration.parse(duration).after(at(made)) == at(expires)


@pytest.mark.parametrize("text", ["", "P0D", "P1Y6M", "PT24H", "35 days", "P-1D", "P1D "])
def test_what_is_no_retention(text: str):
    """One number and one unit; anything else is refused with what is valid."""
    with pytest.raises(ValueError, match="valid is one number and one unit"):
        Duration.parse(text)


# -- slots --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "days"),
    [
        ((1, 30), ["2027-03-21T00:30", "2027-03-28T00:30", "2027-04-03T23:30"]),
        ((2, 30), ["2027-03-21T01:30", "2027-03-28T01:30", "2027-04-04T00:30"]),
    ],
)
def test_the_wall_clock_is_kept_over_the_gap(time: tuple[int, int], days: list[str]):
    """Summer time begins on 28 March 2027 in Berlin: 02:30 does not exist that day, and is an hour later."""
    meaning = policy(slot=Slot.weekly(6, *time), zone="W. Europe Standard Time")
    assert list(slots(meaning, at("2027-03-15"), at("2027-04-10"))) == [at(day) for day in days]


def test_an_hour_that_comes_twice_has_one_backup():
    """Summer time ends on 31 October 2027: 02:30 comes twice, and the first of them is the slot."""
    meaning = policy(slot=Slot.weekly(6, 2, 30), zone="W. Europe Standard Time")
    assert list(slots(meaning, at("2027-10-30"), at("2027-11-01"))) == [at("2027-10-31T00:30")]


@given(rich_tiers(), st.integers(-10_000, 25_000).map(lambda days: START + timedelta(days=days, hours=days % 24)))
def test_slots_are_those_of_the_tier(tier, start):
    """Every week has each weekday of the tier once, in order, and a later look finds the same slots."""
    meaning = tier_meaning(tier)
    found = list(slots(meaning, start, start + timedelta(days=70)))
    assert all(a < b for a, b in pairwise(found))
    assert 9 * len(tier.backup.days) <= len(found) <= 11 * len(tier.backup.days)
    middle = start + timedelta(days=20)
    assert list(slots(meaning, middle, start + timedelta(days=70))) == [slot for slot in found if slot >= middle]


# -- which tag ----------------------------------------------------------------------------------------------------


def test_gold_over_a_turn_of_the_year():
    """The first of the year is yearly, of another month monthly, and every other one weekly; never the default."""
    points = planned(GOLDEN, at("2027-12-12"), at("2028-02-14"))
    assert [(f"{local(GOLDEN, point.time):%m-%d}", point.tag) for point in points] == [
        ("12-12", "Yearly"), ("12-19", "Weekly"), ("12-26", "Weekly"), ("01-02", "Yearly"), ("01-09", "Weekly"),
        ("01-16", "Weekly"), ("01-23", "Weekly"), ("01-30", "Weekly"), ("02-06", "Monthly"), ("02-13", "Weekly"),
    ]  # fmt: skip
    assert points[0].lost == ("Monthly", "Weekly", "Default")
    assert points[8].lost == ("Weekly", "Default")


@pytest.mark.parametrize(
    ("rule", "times", "expected"),
    [
        pytest.param(
            "FirstOfWeek",
            ("2026-12-27", "2026-12-28", "2027-01-03", "2027-01-04"),
            "fits fits no fits",
            id="ISO week 53",
        ),
        pytest.param("FirstOfYear", ("2026-12-31", "2027-01-01", "2027-01-02"), "fits fits no", id="turn of the year"),
        pytest.param("FirstOfMonth", ("2028-02-29", "2028-03-01", "2028-03-02"), "fits fits no", id="leap day"),
        pytest.param("FirstOfDay", ("2027-01-01T01:00", "2027-01-01T23:00", "2027-01-02"), "fits no fits", id="days"),
        pytest.param("AllBackup", ("2027-01-01", "2027-01-01T05:00"), "fits fits", id="all"),
    ],
)
def test_first_of(rule: str, times: tuple[str, ...], expected: str):
    """A backup is the first of its period when the last success lies before the period; weeks begin on Monday."""
    found = tags(policy(first_of(rule)), *times)
    assert found == [rule if word == "fits" else "Default" for word in expected.split()]


def test_periods_are_those_of_the_zone():
    """In Auckland the year begins eleven hours before midnight in London."""
    auckland = policy(first_of("FirstOfYear"), zone="New Zealand Standard Time")
    moments = ("2026-12-20T12:00", "2026-12-31T10:30", "2026-12-31T12:30", "2027-01-01T12:00")
    assert tags(auckland, *moments) == ["FirstOfYear", "Default", "FirstOfYear", "Default"]


@pytest.mark.parametrize(
    ("criteria", "fitting"),
    [
        (Criteria(), []),
        (Criteria(weekdays=(6,)), [3, 10, 17, 24, 31]),
        (Criteria(weeks=("First",)), [3]),
        (Criteria(weeks=("Second", "Last")), [10, 31]),
        (Criteria(weeks=("Fourth",)), [24]),
        (Criteria(months=(2,)), []),
        (Criteria(months=(1, 2), weekdays=(6,), weeks=("Third",)), [17]),
        (Criteria(dates=(10, 0)), [10, 31]),
        (Criteria(times=("01:30",)), [3, 10, 17, 24, 31]),
        (Criteria(times=("02:30",)), []),
        (Criteria(("FirstOfMonth",), dates=(3,)), [3]),
        (Criteria(("FirstOfMonth",), dates=(10,)), []),
    ],
)
def test_criteria(criteria: Criteria, fitting: list[int]):
    """All members that are given must fit, one value of each is enough; January 2027 has five Sundays."""
    meaning = policy(Rule((criteria,), Duration.parse("P1Y"), "Own"))
    points = planned(meaning, at("2027-01-02"), at("2027-02-01"))
    assert [point.time.day for point in points if point.tag == "Own"] == fitting


def test_a_failed_backup_leaves_the_first_to_the_next():
    """What failed makes no point, and the first that succeeds is the first of the month and of the year."""
    sundays = ["2027-01-03", "2027-01-10", "2027-01-17", "2027-01-24", "2027-01-31", "2027-02-07"]
    runs = [Run(at(day), succeeded=day not in sundays[:2]) for day in sundays]
    points = judge(GOLDEN, runs, previous=at("2026-12-27"))
    assert [(point.time.day, point.tag) for point in points] == [
        (17, "Yearly"), (24, "Weekly"), (31, "Weekly"), (7, "Monthly"),
    ]  # fmt: skip


def test_an_on_demand_backup_is_the_first_of_nothing():
    """It gets the tag that it asked for, or "default", and uses up no week, month or year."""
    runs = [
        Run(at("2027-01-01"), on_demand=True),
        Run(at("2027-01-02"), on_demand=True, tag="monthly"),
        Run(at("2027-01-03")),
    ]
    points = judge(GOLDEN, runs)
    assert [(p.tag, p.rule.name, p.expiry) for p in points] == [
        ("default", "Default", at("2027-02-05")),
        ("monthly", "Monthly", at("2028-01-02")),
        ("Yearly", "Yearly", at("2037-01-03")),
    ]


def test_an_unknown_tag_is_refused():
    """An on-demand backup cannot ask for a rule that the policy does not have; the message has those that there are."""
    with pytest.raises(ValueError, match="'Decade'; valid: Yearly, Monthly, Weekly, Default"):
        judge(GOLDEN, [Run(START, on_demand=True, tag="Decade")])


def test_a_slot_decides_and_the_point_counts():
    """A backup due before midnight whose point comes after it is of the day on which it was due."""
    late = Run(at("2027-01-04T00:20"), due=at("2027-01-03T23:50"))
    points = judge(policy(first_of("FirstOfWeek", "P7D")), [late, Run(at("2027-01-04T23:50"))])
    assert [point.tag for point in points] == ["FirstOfWeek", "FirstOfWeek"]
    assert points[0].expiry == at("2027-01-11T00:20")


def test_a_change_of_tier_does_nothing_to_points_already_taken():
    """From gold to bronze: what gold kept stays as it was, new points follow bronze, and back again."""
    runs = [Run(slot) for slot in slots(GOLDEN, at("2027-01-01"), at("2027-12-31"))]
    changes = ((at("2027-03-01"), tier_meaning(BRONZE)), (at("2027-09-01"), GOLDEN))
    points, of_gold = judge_changing(GOLDEN, changes, runs), judge(GOLDEN, runs)
    before = [point for point in points if point.time < at("2027-03-01")]
    assert before == [point for point in of_gold if point.time < at("2027-03-01")]
    assert {point.tag for point in points if at("2027-03-01") <= point.time < at("2027-09-01")} == {"Default"}
    assert [point for point in points if point.time > at("2027-09-01")] == [
        point for point in of_gold if point.time > at("2027-09-01")
    ]


# -- properties ---------------------------------------------------------------------------------------------------


@given(rich_tiers(), st.randoms(use_true_random=False))
def test_one_tag_and_priority_is_never_violated(tier, chance):
    """Every success has one point with one tag: no rule before it in the order fits, and those it beat come after."""
    meaning = tier_meaning(tier)
    runs = [Run(slot, succeeded=chance.random() < 0.8) for slot in slots(meaning, START, START + timedelta(days=500))]
    points = judge(meaning, runs)
    assert [point.time for point in points] == [run.time for run in runs if run.succeeded]
    order = [rule.name for rule in (*meaning.rules, meaning.default)]
    previous = None
    for point in points:
        assert sorted([point.tag, *point.lost], key=order.index) == [point.tag, *point.lost]
        assert point.lost == () or point.lost[-1] == "Default"
        at_, before = local(meaning, point.time), local(meaning, previous) if previous else None
        news = news_of(at_, before)
        wins = [rule.name for rule in meaning.rules if any(fits(one, at_, news) for one in rule.criteria)]
        assert [point.tag, *point.lost] == [*wins, "Default"]
        previous = point.time


def news_of(at_: datetime, before: datetime | None) -> frozenset[str]:
    """What a moment is the first of, by names of periods instead of their beginnings."""
    periods = {"FirstOfDay": "%Y-%m-%d", "FirstOfWeek": "%G-%V", "FirstOfMonth": "%Y-%m", "FirstOfYear": "%Y"}
    new = [word for word, form in periods.items() if before is None or f"{before:{form}}" != f"{at_:{form}}"]
    return frozenset(["AllBackup", *new])


@given(rich_tiers(), st.data())
def test_lengthening_a_rule_never_keeps_fewer(tier, data):
    """With one rule longer, every moment has at least as many points, and the same ones."""
    rules = [name for name in ("default", "weekly", "monthly", "yearly") if getattr(tier.keep, name)]
    name = data.draw(st.sampled_from(rules))
    span = getattr(tier.keep, name)
    longer = replace(
        tier, keep=replace(tier.keep, **{name: Span(span.count + data.draw(st.integers(1, 9)), span.unit)})
    )
    end = START + timedelta(days=400)
    short, long = (planned(tier_meaning(one), START, end) for one in (tier, longer))
    moments = [START + timedelta(days=day) for day in range(0, 900, 13)]
    for moment in moments:
        assert {p.time for p in kept_at(short, moment)} <= {p.time for p in kept_at(long, moment)}


@given(rich_tiers())
def test_counts_are_those_of_the_points(tier):
    """The timeline says at every moment how many points there are, and ends with none."""
    points = planned(tier_meaning(tier), START, START + timedelta(days=300))
    steps = list(timeline(points))
    assert all(count == len(kept_at(points, moment)) for moment, count in steps)
    assert steps[-1][1] == 0


def test_the_steady_state_of_gold():
    """Ten yearly, eleven monthly and nine weekly points, thirty in all; the default keeps none."""
    steady = steady_state(GOLDEN, START)
    assert [(rule.name, round(count.mean)) for rule, count in steady.rules] == [
        ("Yearly", 10), ("Monthly", 11), ("Weekly", 9), ("Default", 0),
    ]  # fmt: skip
    assert str(steady.total) == "29 to 32"
    assert steady.total.mean == pytest.approx(sum(count.mean for _, count in steady.rules))


def test_a_steady_state_is_what_there_is_for_years():
    """At any time in the four years that follow the longest retention there are as many points as was said."""
    steady = steady_state(tier_meaning(BRONZE), START)
    points = planned(tier_meaning(BRONZE), START, START + timedelta(days=1500))
    days = range(40, 1450, 3)
    seen = {len(kept_at(points, START + timedelta(days=day, hours=1))) for day in days}
    assert (steady.total.least, steady.total.most) == (min(seen), max(seen)) == (4, 4)
