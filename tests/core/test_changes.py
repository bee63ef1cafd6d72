"""Changes of the last day: what is new, different or gone, and that nothing unread is taken for gone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from shared.core.changes import MOST, Before, Change, Was, changed

NOW = datetime(2026, 11, 23, 8, 10, tzinfo=UTC)


@dataclass(frozen=True)
class Server:
    """A server as the sweep has found it."""

    id: str = "/A"
    verdict: str = "protected"
    tier: str = "gold"
    reason: str = "why"


def said(before, *servers, is_complete=True):
    return [(one.id, one.was, one.verdict) for one in changed(before, servers, NOW, is_complete=is_complete)]


@pytest.mark.parametrize(
    ("was", "server", "told"),
    [
        (Was("protected", tier="gold"), Server(), []),
        (Was("overdue", tier="gold"), Server(), [("/A", "overdue", "protected")]),
        (Was("protected", tier="silver"), Server(), [("/A", "protected", "protected")]),
    ],
)
def test_a_server_that_was_there(was, server, told):
    """A change is another verdict, or another tier."""
    assert said(Before({"/a": was}, is_complete=True), server) == told


@pytest.mark.parametrize(("is_complete", "told"), [(True, [("/A", "", "protected")]), (False, [])])
def test_a_server_that_was_not_there(is_complete, told):
    """It is new only where the last record had everybody; the first record of all has no news."""
    assert said(Before({}, is_complete=is_complete), Server()) == told


@pytest.mark.parametrize(("is_complete", "told"), [(True, [("/b", "overdue", "gone")]), (False, [])])
def test_a_server_that_is_not_there_any_more(is_complete, told):
    """It is gone only where everything was read."""
    before = Before({"/a": Was("protected", tier="gold"), "/b": Was("overdue", tier="gold")}, is_complete=True)
    assert said(before, Server(), is_complete=is_complete) == told


def test_a_day_and_no_longer():
    """What was told stays for a day, below what is new, and never more of it than the record holds."""
    old = [Change(NOW - timedelta(hours=hours), f"/{hours}", "", "gone", "", "", "") for hours in (1, 23, 24, 30)]
    before = Before({"/a": Was("overdue", tier="gold")}, tuple(old), is_complete=True)
    assert [one.id for one in changed(before, [Server()], NOW, is_complete=True)] == ["/A", "/1", "/23"]
    many = Before({f"/{number}": Was("overdue") for number in range(MOST + 5)}, is_complete=True)
    assert len(changed(many, [], NOW, is_complete=True)) == MOST
