"""Brake and budget: what may change without being asked about, by number, by share and by price."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import brake
from shared.core.actions import GrantRole, Protect, StartBackup, Sync, Validate, Wait
from shared.core.brake import WINDOW, Counted
from shared.core.rules import Brake
from tests.core.samples import NOW

BRAKE = Brake(share_percent=10, servers=50)
DEAR = Brake(share_percent=10, servers=50, monthly_price=100)
GRANT, START, SYNC, WAIT = GrantRole("", "", "", "", ""), StartBackup("", "", "", ""), Sync("", ""), Wait("", 1.0)


@pytest.mark.parametrize(
    ("changes", "known", "price", "words"),
    [
        (50, 60, 0, ""),
        (51, 60, 0, "51 of 60 servers would change (85 %), more than 50"),
        (100, 1000, 0, ""),
        (101, 1000, 0, "101 of 1000 servers would change (10 %), more than 100"),
        (51, 0, 0, "51 of 0 servers would change (100 %), more than 50"),
        (0, 1000, 500, ""),
        (1, 1000, 100, ""),
        (1, 1000, 101, "the change would cost 101 a month, more than 100"),
    ],
)
def test_the_brake(changes, known, price, words):
    """It stops above both the number and the share, or above the price, and says which."""
    assert brake.stops(DEAR, changes, known, price) == words


def test_no_price_is_no_limit():
    """monthly_price 0 means that nobody asked about money."""
    assert brake.stops(BRAKE, 1, 1000, 1e9) == ""


@given(st.integers(0, 300), st.integers(0, 5000))
def test_events_change_so_many_in_a_window_and_no_more(crowd, known):
    """However many servers events would change at once: as many are let through as the brake allows."""
    so_far, let = Counted(), 0
    for _ in range(crowd):
        after = brake.count(so_far, NOW, BRAKE, known, 1.0)
        so_far, let = after or so_far, let + (after is not None)
    assert let == so_far.servers == min(crowd, brake.allowed(BRAKE, known))


def test_a_window_lasts_a_day_from_its_first_change():
    """A full window refuses until its day is over; then a new one begins with the server that found it so."""
    full = Counted(NOW, 50, 0.0)
    assert brake.count(full, NOW + WINDOW - timedelta(seconds=1), BRAKE, 0, 0.0) is None
    assert brake.count(full, NOW + WINDOW, BRAKE, 0, 0.0) == Counted(NOW + WINDOW, 1, 0.0)


def test_the_price_of_a_window_adds_up():
    """Two servers for 60 a month are more than 100."""
    first = brake.count(Counted(), NOW, DEAR, 0, 60.0)
    assert first == Counted(NOW, 1, 60.0)
    assert brake.count(first, NOW, DEAR, 0, 60.0) is None


@pytest.mark.parametrize(
    ("actions", "has_instance", "change"),
    [
        ((Validate("", "", ""), WAIT), False, True),
        ((Protect("", "", "", ""), WAIT), False, True),
        ((GRANT, WAIT), False, True),
        ((GRANT, SYNC), True, False),
        ((START, WAIT), True, False),
        ((SYNC,), True, False),
        ((WAIT,), False, False),
        ((), False, False),
    ],
)
def test_what_counts_as_a_change(actions, has_instance, change):
    """Protecting and everything on the way to it; a backup, a repair or a wait changes nobody's protection."""
    assert brake.is_change(actions, has_instance) is change
