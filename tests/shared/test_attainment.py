"""Points made of points expected: what was due, what followed it, and what nobody can say."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.policy import tier_meaning
from shared.core.retention_time import slots
from shared.dossier.attainment import SETTLED, Counted, Ran, counted
from tests.core.samples import GOLD

SINCE = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday
UNTIL = SINCE + timedelta(days=14)
WEEKLY = tier_meaning(GOLD)
FIRST, SECOND = slots(WEEKLY, SINCE, UNTIL)


def after(*backups):
    """Backups as (when, status, whether a schedule asked)."""
    ran = Ran()
    for at, status, is_scheduled in backups:
        ran.add(at, status, is_scheduled=is_scheduled)
    return counted(WEEKLY, SINCE, UNTIL + timedelta(days=2), ran)


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("backups", "found"),
    [
        ([], Counted(2)),
        ([(FIRST + MINUTE, "Completed", True), (SECOND, "CompletedWithWarnings", True)], Counted(2, 2)),
        ([(FIRST + MINUTE, "Failed", True)], Counted(2)),
        ([(FIRST, "Failed", True), (FIRST + HOUR, "Completed", False)], Counted(2, 1, 1)),
        ([(FIRST, "Completed", True), (FIRST + HOUR, "Completed", False)], Counted(2, 1)),
        ([(FIRST - DAY, "Completed", False)], Counted(2, 0, 0, 1)),
        ([(FIRST, "InProgress", True)], Counted(2)),
        ([(SINCE - DAY, "Completed", True)], Counted(2)),
    ],
    ids=["none", "both", "failed", "made good", "one of two", "week used up", "running", "before the period"],
)
def test_what_was_due_is_counted(backups, found):
    """A scheduled time is met by a good backup that begins before the next; one of the same week may use it up."""
    assert after(*backups) == found


def test_what_may_still_run_is_not_judged():
    """A time that is younger than a day is not expected yet."""
    assert counted(WEEKLY, SINCE, SECOND + SETTLED, Ran()).expected == 1
    assert counted(WEEKLY, SINCE, SECOND + SETTLED + MINUTE, Ran()).expected == 2


@given(st.lists(st.tuples(st.integers(0, 16 * 24), st.sampled_from(["Completed", "Failed"]), st.booleans())))
def test_no_more_is_made_than_expected(backups):
    """Whatever ran: parts are no larger than their wholes, and another good backup never makes it less."""
    told = [(SINCE + timedelta(hours=hour), status, asked) for hour, status, asked in backups]
    found = after(*told)
    assert 0 <= found.on_demand <= found.made
    assert found.made + found.used_up <= found.expected
    assert after(*told, (FIRST + HOUR, "Completed", True)).made >= found.made
