"""NCRONTAB schedules, by a table of expressions and the moments at which they fire."""

from datetime import UTC, datetime

import pytest

from host.ncrontab import read_schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# 2026-11-23 is a Monday.
OCCURRENCES = [
    ("0 0 * * * *", "2026-11-23T08:00:00", "2026-11-23T09:00:00"),
    ("0 0 * * * *", "2026-11-23T08:59:59.999999", "2026-11-23T09:00:00"),
    ("0 */15 * * * *", "2026-11-23T08:00:01", "2026-11-23T08:15:00"),
    ("0 */15 * * * *", "2026-11-23T23:45:00", "2026-11-24T00:00:00"),
    ("*/20 * * * * *", "2026-11-23T08:00:40", "2026-11-23T08:01:00"),
    ("30 5 1,13 * * *", "2026-11-23T08:00:00", "2026-11-23T13:05:30"),
    ("0 5/20 * * * *", "2026-11-23T08:05:00", "2026-11-23T08:25:00"),
    ("0 5/20 * * * *", "2026-11-23T08:45:00", "2026-11-23T09:05:00"),
    ("0 10-20/5 9 * * *", "2026-11-23T08:00:00", "2026-11-23T09:10:00"),
    ("0 10-20/5 9 * * *", "2026-11-23T09:20:00", "2026-11-24T09:10:00"),
    ("0 30 9 * * Mon-Fri", "2026-11-27T09:30:00", "2026-11-30T09:30:00"),
    ("0 30 9 * * 0", "2026-11-23T08:00:00", "2026-11-29T09:30:00"),
    ("0 30 9 * * sun,WED", "2026-11-23T08:00:00", "2026-11-25T09:30:00"),
    ("0 0 0 1 January *", "2026-11-23T08:00:00", "2027-01-01T00:00:00"),
    ("0 0 0 31 * *", "2026-11-23T08:00:00", "2026-12-31T00:00:00"),
    ("0 0 0 29 2 *", "2026-11-23T08:00:00", "2028-02-29T00:00:00"),
    ("0 0 0 13 * Fri", "2026-11-23T08:00:00", "2027-08-13T00:00:00"),
    ("0 0 0 29 2 Sun", "2026-11-23T08:00:00", "2032-02-29T00:00:00"),
]


@pytest.mark.parametrize(("expression", "after", "expected"), OCCURRENCES)
def test_next(expression: str, after: str, expected: str) -> None:
    """The next occurrence is strictly later, and day of month and day of week must both match."""
    assert read_schedule(expression).next_after(at(after)) == at(expected)


def test_never() -> None:
    """A day that does not exist never comes."""
    assert read_schedule("0 0 0 30 2 *").next_after(at("2026-11-23T08:00:00")) is None


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("0 * * * *", "six"),
        ("00:05:00", "six"),
        ("60 * * * * *", "second"),
        ("0 * * * * 7", "day of week"),
        ("0 * * * * moonday", "day of week"),
        ("0 * * 0 * *", "day"),
        ("0 20-10 * * * *", "minute"),
        ("0 */0 * * * *", "minute"),
        ("0 ,5 * * * *", "minute"),
        ("0 * * * MON *", "month"),
        ("0 0 0 L * *", "day"),
    ],
)
def test_refused(expression: str, names: str) -> None:
    """What is no schedule is refused in words that name the field."""
    with pytest.raises(ValueError, match=names):
        read_schedule(expression)
