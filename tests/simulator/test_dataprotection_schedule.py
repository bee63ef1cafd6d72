"""When scheduled backups are due, and which tag and expiry their points get: the pure rules."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.arm.dataprotection import retention, schedule
from simulator.arm.dataprotection.jobs import iso_duration, time_span


def rule(*intervals, zone=None):
    times = {"repeatingTimeIntervals": list(intervals)} | ({"timeZone": zone} if zone else {})
    return {"trigger": {"schedule": times}}


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "interval", "after", "expected"),
    [
        (None, "R/2021-08-15T06:30:00+00:00/P1W", "2026-11-23T08:00", "2026-11-29T06:30"),
        ("UTC", "R/2021-08-15T06:30:00Z/P1D", "2026-11-23T06:30", "2026-11-24T06:30"),
        ("Coordinated Universal Time", "R/2025-11-03T17:30:00+00:00/P1D", "2026-11-23T08:00", "2026-11-23T17:30"),
        ("India Standard Time", "R/2026-08-16T02:00:00.0000000+05:30/P1W", "2026-11-23T08:00", "2026-11-28T20:30"),
        ("W. Europe Standard Time", "R/2026-08-16T01:30:00+02:00/P1W", "2026-11-23T08:00", "2026-11-29T00:30"),
        ("Europe/Berlin", "R/2026-08-16T01:30:00/P1W", "2026-08-23T00:00", "2026-08-29T23:30"),
        ("UTC", "R/2030-01-06T00:00:00Z/P1W", "2026-11-23T08:00", "2030-01-06T00:00"),
        ("UTC", "R/2026-11-01T00:00:00Z/P2W", "2026-11-23T08:00", "2026-11-29T00:00"),
        ("W. Europe Standard Time", "R/2026-01-01T01:00:00Z/PT4H", "2026-07-01T02:00", "2026-07-01T05:00"),
    ],
)
def test_the_next_slot(zone, interval, after, expected):
    """Zones by Windows name; the wall clock is kept over daylight saving; never before the start."""
    assert schedule.next_slot(rule(interval, zone=zone), at(after)) == at(expected)


def test_several_intervals_take_turns():
    """The earliest of all intervals is next."""
    both = rule("R/2026-11-01T06:00:00Z/P1W", "R/2026-11-04T06:00:00Z/P1W")
    assert schedule.next_slot(both, at("2026-11-23T08:00")) == at("2026-11-25T06:00")


@given(
    st.datetimes(at("2020-01-01").replace(tzinfo=None), at("2040-01-01").replace(tzinfo=None)),
    st.sampled_from(["UTC", "W. Europe Standard Time"]),
)
def test_a_slot_is_the_first_after_the_moment(moment, zone):
    """The next slot lies at most one period (and one hour of daylight saving) ahead, and none lies between."""
    weekly, now = rule("R/2019-01-06T02:30:00+00:00/P1W", zone=zone), moment.replace(tzinfo=UTC)
    slot = schedule.next_slot(weekly, now)
    assert timedelta() < slot - now <= timedelta(days=7, hours=1)
    assert schedule.next_slot(weekly, slot - timedelta(seconds=1)) == slot


YEARLY = {"absoluteCriteria": ["FirstOfYear"]}
SUNDAY = at("2026-11-29T06:30")


@pytest.mark.parametrize(
    ("criteria", "slot", "fits"),
    [
        ({"absoluteCriteria": ["AllBackup"]}, SUNDAY, True),
        ({"absoluteCriteria": ["FirstOfDay"]}, SUNDAY + timedelta(hours=2), False),
        ({"absoluteCriteria": ["FirstOfDay"]}, SUNDAY + timedelta(days=1), True),
        ({"absoluteCriteria": ["FirstOfWeek"]}, SUNDAY + timedelta(hours=2), False),
        ({"absoluteCriteria": ["FirstOfWeek"]}, SUNDAY + timedelta(days=1), True),
        ({"absoluteCriteria": ["FirstOfMonth"]}, SUNDAY + timedelta(days=1), False),
        ({"absoluteCriteria": ["FirstOfMonth"]}, SUNDAY + timedelta(days=2), True),
        (YEARLY, at("2026-12-31"), False),
        (YEARLY, at("2027-01-03"), True),
        ({"daysOfTheWeek": ["Sunday", "Monday"]}, SUNDAY, True),
        ({"daysOfTheWeek": ["Saturday"]}, SUNDAY, False),
        ({"weeksOfTheMonth": ["Last"], "daysOfTheWeek": ["Sunday"]}, SUNDAY, True),
        ({"weeksOfTheMonth": ["Last"], "daysOfTheWeek": ["Sunday"]}, SUNDAY - timedelta(days=7), False),
        ({"weeksOfTheMonth": ["Fourth"]}, SUNDAY - timedelta(days=7), True),
        ({"monthsOfYear": ["November"], "daysOfTheWeek": ["Monday"]}, SUNDAY, False),
        ({"daysOfMonth": [{"date": 29, "isLast": False}]}, SUNDAY, True),
        ({"daysOfMonth": [{"isLast": True}]}, SUNDAY + timedelta(days=1), True),
        ({"scheduleTimes": ["2021-05-23T06:30:00Z"]}, SUNDAY, True),
        ({"scheduleTimes": ["2021-05-23T07:30:00Z"]}, SUNDAY, False),
        ({}, SUNDAY, False),
    ],
)
def test_criteria(criteria, slot, fits):
    """Each criterion for itself and joined by "and"; the last good backup was due on Sunday 29 November 2026."""
    assert retention.fits(criteria, slot, SUNDAY) is fits


def test_the_first_backup_of_an_instance_is_the_first_of_everything():
    """Without a previous backup even FirstOfYear fits, whatever the day."""
    assert retention.fits(YEARLY, at("2026-07-14"), None)


def entry(name, priority, **criteria):
    told = {"tagInfo": {"tagName": name}, "taggingPriority": priority, "isDefault": not criteria}
    return told | ({"criteria": [criteria]} if criteria else {})


@pytest.mark.parametrize(
    ("slot", "tag"),
    [
        (at("2026-11-30"), "Weekly"),
        (at("2026-12-01"), "Monthly"),
        (at("2027-01-03"), "Yearly"),
        (SUNDAY + timedelta(hours=8), "Default"),
    ],
)
def test_the_lowest_priority_number_wins(slot, tag):
    """A point gets one tag: yearly before monthly before weekly before the default."""
    tags = [
        entry("Default", 99),
        entry("Weekly", 20, absoluteCriteria=["FirstOfWeek"]),
        entry("Yearly", 10, absoluteCriteria=["FirstOfYear"]),
        entry("Monthly", 15, absoluteCriteria=["FirstOfMonth"]),
    ]
    assert retention.tag_of(tags, slot, SUNDAY) == tag


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("P7D", "2024-03-07"),
        ("P2W", "2024-03-14"),
        ("P1M", "2024-03-29"),
        ("P1Y", "2025-02-28"),
        ("P10Y", "2034-02-28"),
    ],
)
def test_expiry_goes_by_the_calendar(duration, expected):
    """Months and years keep the day, or take the last one that the month has."""
    assert retention.expiry(at("2024-02-29"), duration).date().isoformat() == expected


@pytest.mark.parametrize(
    ("passed", "iso", "span"),
    [
        (timedelta(minutes=9, seconds=46, microseconds=927301), "PT9M46.927301S", "00:09:46.9273010"),
        (timedelta(days=1, hours=9, minutes=22, seconds=25), "P1DT9H22M25S", "1.09:22:25"),
        (timedelta(), "PT0S", "00:00:00"),
        (timedelta(hours=2), "PT2H", "02:00:00"),
    ],
)
def test_both_ways_to_write_a_duration(passed, iso, span):
    """GET writes ISO 8601, the list a .NET time span."""
    assert (iso_duration(passed), time_span(passed)) == (iso, span)
