"""Pace: promised turns never overdraw ARM's buckets, nobody is forgotten, and a rest that ARM asks for is kept."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import pace
from shared.core.actions import EnsurePolicy, GrantRole, Protect, StartBackup, Validate, Wait
from shared.core.pace import BACKUP, FLOW, LOOK, Headroom, Turn
from tests.core.samples import NOW

VALIDATE = Validate("", "", "")
PROTECT = Protect("", "", "", "")
GRANT = GrantRole("", "", "", "", "")
START = StartBackup("", "", "", "")
POLICY = EnsurePolicy("", "", {})
WAIT = Wait("", 1.0)

turns = st.sampled_from((LOOK, FLOW, BACKUP, Turn(4, 10)))


def promised(asked):
    """Turns for (seconds since the one before, turn): when each begins, and what it asks."""
    until, now, taken = None, NOW, []
    for pause_s, turn in asked:
        now += timedelta(seconds=pause_s)
        until, wait_s = pace.reserve(until, now, turn)
        taken.append(((now - NOW).total_seconds() + wait_s, turn))
    return taken


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from((FLOW, Turn(4, 10)))), min_size=1, max_size=300))
def test_writes_never_overdraw_the_documented_bucket(asked):
    """However turns are asked for: between any two moments no more writes begin than 200 and ten a second."""
    taken = promised(asked)
    bucket, last = 200.0, 0.0
    for at, turn in sorted(taken, key=lambda each: each[0]):
        bucket = min(200.0, bucket + 10.0 * (at - last)) - turn.writes
        last = at
        assert bucket >= 0


@given(st.lists(st.tuples(st.floats(0, 30), turns), min_size=1, max_size=100))
def test_a_turn_comes_no_later_than_everything_before_it_takes(asked):
    """Nobody waits longer than the turns that were promised before cost together."""
    until, now, cost_s = None, NOW, 0.0
    for pause_s, turn in asked:
        now += timedelta(seconds=pause_s)
        until, wait_s = pace.reserve(until, now, turn)
        assert 0 <= wait_s <= cost_s + 1e-6
        cost_s += turn.cost_s


def test_turns_come_in_the_order_in_which_they_were_asked_for():
    """Ten thousand at once: the first ninety at once, the last after 34 minutes, each after the one before."""
    starts = [at for at, _ in promised([(0, FLOW)] * 10_000)]
    assert starts == sorted(starts)
    assert starts.count(0.0) in range(85, 100)
    assert 33 * 60 < starts[-1] < 35 * 60


def test_reading_in_a_crowd_leaves_room_in_the_bucket_of_reads():
    """Looks that only read are let in at 25 reads a second, 250 at once at most."""
    starts = [at for at, _ in promised([(0, LOOK)] * 1000)]
    assert starts.count(0.0) * LOOK.reads <= 250
    assert starts[-1] == pytest.approx(1000 * LOOK.reads / 25, abs=12)


@pytest.mark.parametrize(
    ("actions", "writes"),
    [
        ((VALIDATE, WAIT), 2),
        ((POLICY, VALIDATE, WAIT), 3),
        ((GRANT, GRANT, WAIT), 4),
        ((POLICY, GRANT, WAIT), 4),
        ((PROTECT, WAIT), 1),
        ((START, WAIT), 1),
    ],
)
def test_a_turn_holds_everything_that_its_flow_will_write(actions, writes):
    """A plan's turn counts what comes in later looks: protection after a validation, both after roles."""
    assert pace.turn_for(actions).writes == writes


@pytest.mark.parametrize(
    ("writes", "turn"),
    [
        ((PROTECT,), FLOW),
        ((POLICY, GRANT, GRANT, PROTECT, START), FLOW),
        ((START,), Turn(1, 5)),
        ((), Turn(1, 5)),
    ],
)
def test_a_foreseen_turn_holds_what_is_sure(writes, turn):
    """Roles are checked on apply, the policy is made once, and first backups come after all protections."""
    assert pace.foreseen_turn(writes) == turn


@given(st.floats(0, 100_000), st.floats(0, 4000))
def test_a_rest_is_kept_and_ends(promised_s, rest_s):
    """After ARM asks for a rest no turn begins before it, or fifteen minutes, are over; saying it again is moot."""
    until = pace.pushed(NOW + timedelta(seconds=promised_s), NOW, rest_s)
    _, wait_s = pace.reserve(until, NOW, FLOW)
    assert wait_s >= min(rest_s, pace.LONGEST_PUSH_S) - 1e-3
    assert wait_s <= max(promised_s, pace.LONGEST_PUSH_S)
    assert pace.pushed(until, NOW, rest_s) == until


@pytest.mark.parametrize(
    ("headroom", "after_s", "short"),
    [
        (Headroom(), 0, False),
        (Headroom(reads=99, at=NOW), 0, True),
        (Headroom(reads=100, at=NOW), 0, False),
        (Headroom(reads=0, at=NOW), 3, True),
        (Headroom(reads=0, at=NOW), 4, False),
        (Headroom(reads=1099, at=NOW), 0, False),
    ],
)
def test_few_reads_left_are_noticed_and_forgotten(headroom, after_s, short):
    """Below a hundred reads a look needs a turn; what ARM gives back meanwhile counts."""
    assert headroom.is_short_of_reads(NOW + timedelta(seconds=after_s)) is short


@pytest.mark.parametrize(
    ("headroom", "after_s", "rest_s"),
    [
        (Headroom(), 0, 0),
        (Headroom(closed_until=NOW + timedelta(seconds=60)), 20, 40),
        (Headroom(closed_until=NOW), 0, 0),
        (Headroom(writes=9, at=NOW), 0, pace.SHORT_S),
        (Headroom(writes=9, at=NOW), 60, 0),
        (Headroom(reads=200, writes=150, at=NOW), 0, 0),
    ],
)
def test_what_arm_says_slows_down(headroom, after_s, rest_s):
    """A refusal closes for as long as it says; an almost empty bucket for five seconds; old news count for nothing."""
    assert headroom.rest_s(NOW + timedelta(seconds=after_s)) == rest_s
