"""Claims: any number of messages about a server, in any order, are one flow, and nothing of it is lost."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.claim import LEASE, MOST_TRIES, Claimed, Message, Skipped, judge, read_message, settle, take
from shared.cloud.errors import CloudError
from shared.ledger import Changed, ServerRow
from tests.core.samples import NOW, SERVER
from tests.shared.clouds import lonely_cloud
from tests.shared.memory_ledger import MemoryLedger


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def row(**changes: Any) -> ServerRow:
    """A row whose third look has ended with nothing left to do, a minute ago."""
    right = ServerRow(server_id=SERVER, generation=3, claimed_by="old", observed_at=at(-60))
    return msgspec.structs.replace(right, **changes)


def event(seconds: float | None = 0) -> Message:
    return Message(server_id=SERVER, seen_at=None if seconds is None else at(seconds))


def continuation(generation: int = 3) -> Message:
    return Message(server_id=SERVER, generation=generation)


WAITING = row(next_look_at=at(40))
DUE = row(next_look_at=at(0))
BUSY = row(settled=False, next_look_at=at(100))
ABANDONED = row(settled=False, next_look_at=at(-1))
MINE = row(settled=False, next_look_at=at(100), claimed_by="me")

# -- one message and one row -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "message", "answer"),
    [
        pytest.param(None, event(), "claimed", id="first event"),
        pytest.param(None, continuation(7), "claimed", id="continuation after the ledger was lost"),
        pytest.param(row(), event(0), "claimed", id="newer event"),
        pytest.param(row(), event(None), "claimed", id="event without a time"),
        pytest.param(row(), event(-60), "already_looked", id="event of the moment of the look"),
        pytest.param(row(), event(-90), "already_looked", id="older event"),
        pytest.param(row(observed_at=None), event(-90), "claimed", id="never looked at"),
        pytest.param(WAITING, event(), "under_way", id="event while it waits"),
        pytest.param(WAITING, continuation(), "too_early", id="early continuation"),
        pytest.param(row(next_look_at=at(0.9)), continuation(), "claimed", id="early by less than a second"),
        pytest.param(DUE, continuation(), "claimed", id="continuation in time"),
        pytest.param(DUE, event(-90), "claimed", id="old event when a look is due"),
        pytest.param(DUE, continuation(2), "old_generation", id="continuation of an earlier look"),
        pytest.param(BUSY, continuation(2), "old_generation", id="the same while somebody looks"),
        pytest.param(BUSY, event(), "noted", id="event while somebody looks"),
        pytest.param(ABANDONED, event(), "claimed", id="event after a lease has ended"),
        pytest.param(ABANDONED, continuation(3), "claimed", id="continuation after a lease has ended"),
        pytest.param(MINE, continuation(2), "claimed", id="delivered again after we died at work"),
        pytest.param(row(claimed_by="me"), event(), "already_done", id="delivered again after the end"),
        pytest.param(row(claimed_by="me", next_look_at=at(40)), event(), "already_done", id="the same with a rest"),
    ],
)
def test_judging(known: ServerRow | None, message: Message, answer: str):
    """What a message may do depends on who looks, when somebody last looked, and when the next look is."""
    found = judge(known, message, "me", NOW)
    assert {Claimed: "claimed", Skipped: getattr(found, "reason", "")}.get(type(found), "noted") == answer


def test_a_sweeps_message_brings_its_turn():
    """What the sweep promised is in the claimed row; a continuation or an event changes nothing about promises."""
    swept = Message(server_id=SERVER, seen_at=at(0), is_swept=True, turn_at=at(-1), turn_writes=2)
    claimed = judge(row(), swept, "me", NOW)
    assert isinstance(claimed, Claimed)
    mine = claimed.row
    assert (mine.turn_at, mine.turn_writes, mine.is_counted) == (at(-1), 2, True)
    again = judge(msgspec.structs.replace(mine, settled=True, next_look_at=at(0)), continuation(4), "other", NOW)
    assert isinstance(again, Claimed)
    assert (again.row.turn_writes, again.row.is_counted) == (2, True)


@pytest.mark.parametrize("known", [None, row(), DUE, msgspec.structs.replace(ABANDONED, seen_at=NOW)])
def test_a_claim_is_a_new_generation_with_a_lease(known: ServerRow | None):
    """Whoever claims owns the next generation, for two minutes, under the id of its message."""
    claimed = judge(known, event(), "me", NOW)
    assert isinstance(claimed, Claimed)
    mine = claimed.row
    assert mine.seen_at is None
    assert (mine.generation, mine.claimed_by, mine.settled, mine.next_look_at) == (
        (known.generation if known else 0) + 1, "me", False, NOW + LEASE,
    )  # fmt: skip


def test_a_message_that_comes_again_takes_up_its_own_work():
    """After a death at work the same message goes on with a fresh lease; whoever still works on it is overtaken."""
    claimed = judge(MINE, continuation(2), "me", NOW)
    assert isinstance(claimed, Claimed)
    assert (claimed.row.generation, claimed.row.next_look_at) == (4, NOW + LEASE)


@pytest.mark.parametrize(
    ("known", "message", "resume_s"),
    [
        (row(claimed_by="me", next_look_at=at(40)), event(), 40.0),
        (row(claimed_by="me", next_look_at=at(-40)), event(), 0.0),
        (row(claimed_by="me"), event(), None),
        (WAITING, continuation(), 40.0),
        (WAITING, event(), None),
        (DUE, continuation(2), None),
    ],
)
def test_a_continuation_is_sent_again_where_it_may_be_missing(
    known: ServerRow, message: Message, resume_s: float | None
):
    """What was skipped too early, or after the end of its own work, sends the continuation of the row's generation."""
    skipped = judge(known, message, "me", NOW)
    assert isinstance(skipped, Skipped)
    assert skipped.resume_s == resume_s
    assert resume_s is None or skipped.generation == known.generation


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"[]", b"{}", b'{"server_id": 7}', b'{"server_id": "x", "generation": "1"}',
     b'{"server_id":"x","schema":"2"}', b'{"server_id":"x","seen_at":"soon"}', b"\xff\xfe"],
)  # fmt: skip
def test_what_is_no_message(body: bytes):
    """A body of another shape is refused; the queue then sets it aside."""
    with pytest.raises(ValueError, match="message"):
        read_message(body)


@given(st.none() | st.integers(0), st.none() | st.just(NOW))
def test_messages_survive(generation: int | None, seen_at: datetime | None):
    """A message reads back as what was sent."""
    message = Message(server_id=SERVER, generation=generation, seen_at=seen_at)
    assert read_message(msgspec.json.encode(message)) == message


# -- two at once -------------------------------------------------------------------------------------------------------


@dataclass
class Contested(MemoryLedger):
    """A ledger in which somebody else writes first, so many times."""

    others: int = 1

    def keep_server(self, row: ServerRow, version: str) -> str:
        if self.others:
            self.others -= 1
            theirs = msgspec.structs.replace(row, claimed_by=f"other-{self.others}")
            super().keep_server(theirs, self.server(row.server_id).version)
        return super().keep_server(row, version)


def test_of_two_claims_one_wins():
    """Who finds the row changed decides anew, and then leaves word instead of looking."""
    ledger = Contested()
    assert take(event(), "me", ledger, lonely_cloud()) == Skipped("noted")
    assert ledger.server(SERVER).row == msgspec.structs.replace(
        judge(None, event(), "other-0", NOW).row,  # type: ignore[union-attr]
        seen_at=NOW,
    )


@pytest.mark.parametrize(("left", "was_left"), [(MINE, True), (DUE, False), (None, False)])
def test_who_takes_over_from_a_pass_that_died_knows_it(left: ServerRow | None, *, was_left: bool):
    """What the dead one did last is not in the row, so nothing in it is counted on."""
    ledger = MemoryLedger()
    if left:
        ledger.keep_server(left, "")
    taken = take(continuation(left.generation if left else 0), "me", ledger, lonely_cloud())
    assert isinstance(taken, Claimed)
    assert taken.was_left is was_left


def test_a_row_that_never_holds_still_is_an_error():
    """After some tries it is Azure's error, so that the message comes again."""
    ledger = Contested(others=MOST_TRIES)
    with pytest.raises(CloudError, match="LedgerBusy"):
        take(event(None), "me", ledger, lonely_cloud())


def test_settling_keeps_what_was_noted():
    """An event that was noted during the look calls for another one; the look's own findings are kept."""
    ledger, cloud = MemoryLedger(), lonely_cloud()
    claimed = take(event(), "me", ledger, cloud)
    assert isinstance(claimed, Claimed)
    cloud.tick(at(5))
    assert take(event(4), "other", ledger, cloud) == Skipped("noted")
    done = Claimed(msgspec.structs.replace(claimed.row, observed_at=NOW, verdict="protected"), claimed.version)
    assert settle(done, None, ledger, cloud) == 0.0
    kept = ledger.server(SERVER).row
    assert kept
    assert (kept.verdict, kept.settled, kept.next_look_at, kept.generation) == ("protected", True, at(5), 1)


def test_settling_after_a_takeover_writes_nothing():
    """When the lease has ended and somebody else looks, the late one says nothing and continues nothing."""
    ledger, cloud = MemoryLedger(), lonely_cloud()
    late = take(event(), "late", ledger, cloud)
    assert isinstance(late, Claimed)
    cloud.tick(NOW + LEASE)
    assert isinstance(take(event(120), "next", ledger, cloud), Claimed)
    before = ledger.server(SERVER)
    assert settle(late, 41.0, ledger, cloud) is None
    assert ledger.server(SERVER) == before


def test_an_event_from_the_future_calls_for_one_more_look():
    """A clock that runs ahead, or a forged time, costs one look and not one after the other for ever."""
    ledger, cloud = MemoryLedger(), lonely_cloud()
    claimed = take(event(), "1", ledger, cloud)
    assert take(event(10**9), "2", ledger, cloud) == Skipped("noted")
    pending: list[float | None] = []
    for turn in range(3):
        assert isinstance(claimed, Claimed)
        looked = Claimed(msgspec.structs.replace(claimed.row, observed_at=cloud.now), claimed.version)
        pending.append(settle(looked, None, ledger, cloud))
        if pending[-1] is None:
            break
        claimed = take(continuation(looked.row.generation), f"c{turn}", ledger, cloud)
    assert pending == [0.0, None]


# -- any interleaving --------------------------------------------------------------------------------------------------


@dataclass
class Worker:
    """A look in progress."""

    message_id: str
    message: Message
    claimed: Claimed
    began: datetime


@dataclass
class Town:
    """A queue, a ledger, and workers that may be slow, die, or come too late. Delivery is tried again after 30 s."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    cloud: Any = field(default_factory=lonely_cloud)
    queue: list[tuple[str, Message, datetime]] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    happened: list[datetime] = field(default_factory=list)
    looked: list[datetime] = field(default_factory=list)
    sent: int = 0

    def send(self, message: Message, after_s: float = 0.0) -> None:
        self.sent += 1
        self.queue.append((f"m{self.sent}", message, self.cloud.now + timedelta(seconds=after_s)))

    def event(self, age_s: int) -> None:
        """Something happened a moment ago; it is told twice."""
        self.happened.append(self.cloud.now - timedelta(seconds=age_s))
        for _ in range(2):
            self.send(Message(server_id=SERVER, seen_at=self.happened[-1]))

    def take(self, choice: int) -> None:
        """Somebody takes a visible message."""
        visible = [entry for entry in self.queue if entry[2] <= self.cloud.now]
        if not visible:
            return
        entry = visible[choice % len(visible)]
        self.queue.remove(entry)
        answer = take(entry[1], entry[0], self.ledger, self.cloud)
        if isinstance(answer, Claimed):
            self.workers.append(Worker(entry[0], entry[1], answer, self.cloud.now))
        elif answer.resume_s is not None:
            self.send(continuation(answer.generation), answer.resume_s)

    def end(self, choice: int, how: str = "well", pending_s: float | None = None) -> None:
        """A look ends, or its worker dies: at work, or when all is written down, before or after it sent on."""
        if not self.workers:
            return
        worker = self.workers.pop(choice % len(self.workers))
        if how != "dies at work":
            row = msgspec.structs.replace(worker.claimed.row, observed_at=worker.began)
            after_s = settle(Claimed(row, worker.claimed.version), pending_s, self.ledger, self.cloud)
            self.looked.append(worker.began)
            if how != "dies before sending" and after_s is not None:
                self.send(continuation(row.generation), after_s)
        if how != "well":
            self.queue.append((worker.message_id, worker.message, self.cloud.now + timedelta(seconds=30)))

    def check(self) -> None:
        """At most one look is live, and whatever is to come has a message that brings it."""
        kept = self.ledger.server(SERVER).row
        now = self.cloud.now
        assert sum((one.claimed.row.next_look_at or now) > now for one in self.workers) <= 1
        if not kept:
            return
        ids = {entry[0] for entry in self.queue} | {worker.message_id for worker in self.workers}
        ahead = any(entry[1].generation == kept.generation for entry in self.queue)
        assert kept.settled or kept.claimed_by in ids
        assert not kept.settled or not kept.next_look_at or ahead or kept.claimed_by in ids


steps = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.integers(0, 3)),
        st.tuples(st.just("take"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.sampled_from((1, 5, 30, 41, 119, 120, 600))),
        st.tuples(
            st.just("end"),
            st.integers(0, 9),
            st.sampled_from(("well", "well", "dies at work", "dies before sending", "dies after sending")),
            st.sampled_from((None, 0.0, 41.0)),
        ),
    ),
    max_size=40,
)


@given(steps)
def test_any_interleaving_is_one_flow(taken: list[Any]):
    """However messages, deaths and delays fall together, one look is live at a time and in the end all was seen."""
    town = Town()
    for what, *how in taken:
        if what == "wait":
            town.cloud.tick(town.cloud.now + timedelta(seconds=how[0]))
        else:
            getattr(town, what)(*how)
        town.check()
    for _ in range(1000):
        if not town.queue and not town.workers:
            break
        town.end(0)
        town.take(0)
        town.cloud.tick(town.cloud.now + timedelta(seconds=1))
        town.check()
    kept = town.ledger.server(SERVER).row
    assert (town.queue, town.workers) == ([], [])
    assert not town.happened or (kept and kept.settled and kept.next_look_at is None)
    assert not town.happened or max(town.looked) >= max(town.happened)


def test_ten_thousand_copies_are_one_look():
    """However often an event is delivered, one look is made of it."""
    town = Town()
    for number in range(10_000):
        town.take(0)
        town.send(Message(server_id=SERVER, seen_at=NOW))
        if number == 5000:
            town.cloud.tick(at(1))
            town.end(0)
    assert len(town.looked) == 1
    with pytest.raises(Changed):
        town.ledger.keep_server(row(), "")
