"""Wishes and their limits: counted before they are asked for, left where they are found, answered once."""

from datetime import timedelta

import msgspec
import pytest

from shared import starts, wishes
from shared.claim import Claimed, Message, Skipped, read_message
from shared.core.observed import Answer, LastBackup, Wish
from shared.core.rules import Starts
from shared.ledger import Changed, ServerRow, Started
from shared.wishes import Wished, progress
from tests.core.samples import NOW, SERVER, VAULT
from tests.shared.memory_ledger import MemoryLedger

LASTS, LIMITS = timedelta(minutes=45), Starts(most_at_once=10, most_a_day=25)
HERS, OWN = Wish("person", NOW, "kim"), Wish("late", NOW)
ROW = ServerRow(server_id=SERVER, vault_id=VAULT)


def promised(ledger, wanted=100, running=0, now=NOW, limits=LIMITS):
    return starts.promise(ledger, VAULT, wanted, running, limits, now, LASTS)


@pytest.mark.parametrize(
    ("wanted", "running", "counted", "promise"), [(3, 0, 0, 3), (30, 0, 0, 10), (30, 8, 0, 2), (30, 12, 0, 0),
     (30, 0, 20, 5), (30, 0, 25, 0), (30, 0, 99, 0)]
)  # fmt: skip
def test_a_scan_gets_what_is_left(wanted, running, counted, promise):
    """As many as are wanted, as may run at once, and as are left of the day."""
    ledger = MemoryLedger()
    ledger.keep_started(Started(vault_id=VAULT, day=NOW.date(), counted=counted), "")
    assert promised(ledger, wanted, running) == promise
    assert ledger.started(VAULT).row.counted == counted + promise


def test_one_scan_at_a_time_and_a_new_day():
    """While the promises of one scan last nobody gets any; a day later the count begins anew."""
    ledger = MemoryLedger()
    assert [promised(ledger, now=NOW + timedelta(minutes=m)) for m in (0, 1, 44, 45, 60, 90)] == [10, 0, 0, 10, 0, 5]
    assert promised(ledger, now=NOW + timedelta(days=1)) == 10


def test_scans_at_once_are_one():
    """Whoever writes second reads again, and finds the promises of the first."""
    ledger = MemoryLedger()
    keep, others = ledger.keep_started, [1]

    def overtaken(row, version):
        if others.pop() if others else 0:
            keep(Started(vault_id=VAULT, day=NOW.date(), counted=10, until=NOW + LASTS), version)
            raise Changed(VAULT)
        return keep(row, version)

    ledger.keep_started = overtaken
    assert promised(ledger) == 0
    assert ledger.started(VAULT).row.counted == 10


def test_a_person_is_counted_until_the_day_is_used_up():
    """A person's wish takes one of the day; when none is left it is answered at once, and the row has no wish."""
    ledger = MemoryLedger()
    for number in range(26):
        row = msgspec.structs.replace(ROW, server_id=f"{SERVER}-{number}")
        took = wishes.taken(Claimed(row, ""), HERS, ledger, LIMITS, NOW).row
        assert (took.wish, took.answer is None) == ((HERS, True) if number < 25 else (None, False))
    assert "25 backups on demand were started in its vault today" in took.answer.reason


@pytest.mark.parametrize(
    ("row", "wish", "kept"),
    [
        (ROW, OWN, OWN),
        (msgspec.structs.replace(ROW, wish=OWN), HERS, HERS),
        (msgspec.structs.replace(ROW, wish=HERS), OWN, HERS),
        (msgspec.structs.replace(ROW, answer=Answer(NOW, "made", is_met=True)), HERS, None),
        (msgspec.structs.replace(ROW, answer=Answer(NOW - LASTS, "made", is_met=True)), HERS, HERS),
        (ROW, None, None),
    ],
)
def test_whose_wish_a_row_has(row, wish, kept):
    """The newest one that nobody has answered, and a person's before the app's own."""
    assert wishes.taken(Claimed(row, ""), wish, MemoryLedger(), LIMITS, NOW).row.wish == kept


def test_a_wish_waits_where_it_is_found():
    """Left in a row that waits for Azure; a person's message comes again while somebody looks; others are dropped."""
    ledger = MemoryLedger()
    ledger.keep_server(ROW, "")
    waiting = [wishes.comes_again_s(OWN, Skipped("under_way"), SERVER, ledger, LIMITS, NOW) for _ in range(2)]
    assert (waiting, ledger.server(SERVER).row.wish, ledger.writes) == ([None, None], OWN, 2)
    again = [wishes.comes_again_s(wish, Skipped("noted"), SERVER, ledger, LIMITS, NOW) for wish in (HERS, OWN, None)]
    assert again == [wishes.AGAIN_S, None, None]
    assert wishes.comes_again_s(HERS, Skipped("noted"), SERVER, ledger, LIMITS, NOW + timedelta(hours=25)) is None
    assert wishes.comes_again_s(HERS, Skipped("old_generation"), SERVER, ledger, LIMITS, NOW) is None


def test_old_and_new_apps_read_each_other():
    """A message with a wish is a message for who knows no wishes; one without is a message without."""
    body = msgspec.json.encode(msgspec.to_builtins(Wished(server_id=SERVER, wish=HERS)))
    assert read_message(body) == Message(server_id=SERVER)
    assert wishes.of(body) == HERS
    assert wishes.of(msgspec.json.encode(Message(server_id=SERVER))) is None
    with pytest.raises(ValueError, match="not a wish of ours"):
        wishes.of(b'{"wish": 7}')


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (None, "asked"),
        (ROW, "asked"),
        (msgspec.structs.replace(ROW, answer=Answer(NOW - LASTS, "older")), "asked"),
        (msgspec.structs.replace(ROW, wish=HERS, reason="it waits"), "waiting"),
        (msgspec.structs.replace(ROW, answer=Answer(NOW, "no")), "refused"),
        *(
            (msgspec.structs.replace(ROW, answer=Answer(NOW, "yes", is_met=True), backup=LastBackup(step)), state)
            for step, state in (("intended", "running"), ("started", "running"), ("done", "done"), ("failed", "failed"))
        ),
    ],
)
def test_how_far_a_wish_has_come(row, state):
    """By the row alone, so that whoever waits asks storage and not Azure."""
    found = progress(row, HERS)
    assert (found.state, found.is_over) == (state, state in ("done", "failed", "refused"))
