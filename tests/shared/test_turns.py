"""Turns: promises are kept in one row, whoever is too slow comes back, and a refusal is passed on once."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from shared import pace
from shared.cloud.clients import Cloud
from shared.core.actions import Protect, Validate, Wait
from shared.core.planned import Plan
from shared.core.resource_id import ResourceId, parse
from shared.core.rules import Brake
from shared.core.verdict import Kind, Verdict
from shared.ledger import Changed, ServerRow, Window
from tests.core.samples import NOW, SERVER, SUBSCRIPTION
from tests.shared.clouds import lonely_cloud
from tests.shared.memory_ledger import MemoryLedger

SERVER_ID = parse(SERVER) or ResourceId("", "", "", (), ())  # type: ignore[call-arg]
SAID = Verdict.of(Kind.CONFIGURING, "")
VALIDATING = Plan(SAID, (Validate("", "", ""), Wait("", 41.0)))
PROTECTING = Plan(SAID, (Protect("", "", "", ""), Wait("", 70.0)))
NOTHING = Plan(Verdict.of(Kind.PROTECTED, ""))
ROW = ServerRow(server_id=SERVER)
READS = {"x-ms-ratelimit-remaining-subscription-reads": "7"}


@dataclass
class BusyLedger(MemoryLedger):
    """Somebody else always writes the window first."""

    tried: list[Window] = field(default_factory=list)

    def keep_window(self, window: Window, version: str) -> str:
        self.tried.append(window)
        raise Changed(version)


def writing(row: ServerRow, plan: Plan, ledger: MemoryLedger, cloud: Cloud | None = None) -> pace.Turned:
    return pace.before_writing(row, plan, Brake(), 0.0, SUBSCRIPTION, cloud or lonely_cloud(), ledger)


def test_a_flow_takes_one_turn_for_all_its_writes():
    """Validation and protection are promised together; the second write finds its promise, and then it is used up."""
    ledger = MemoryLedger()
    first = writing(ROW, VALIDATING, ledger)
    assert (first.verdict, first.row.turn_writes) == (None, 1)
    written = ledger.writes
    second = writing(first.row, PROTECTING, ledger)
    assert (second.verdict, second.row.turn_writes, second.row.turn_at) == (None, 0, None)
    assert ledger.writes == written


def test_a_server_is_counted_once_in_its_flow():
    """However often a flow writes, its server counts as one change; the next flow counts again."""
    ledger = MemoryLedger()
    row = writing(ROW, VALIDATING, ledger).row
    row = writing(row, PROTECTING, ledger).row
    assert ledger.window(SUBSCRIPTION).row.counted == 1  # type: ignore[union-attr]
    row = writing(row, NOTHING, ledger).row
    assert not row.is_counted
    writing(row, VALIDATING, ledger)
    assert ledger.window(SUBSCRIPTION).row.counted == 2  # type: ignore[union-attr]


def test_who_must_wait_keeps_the_promise():
    """The window is full for a minute: the look ends, and when its time has come it needs no second promise."""
    ledger = MemoryLedger()
    ledger.keep_window(Window(subscription=SUBSCRIPTION, until=NOW + timedelta(seconds=78)), "")
    waiting = writing(ROW, VALIDATING, ledger)
    assert waiting.verdict
    assert waiting.wait_s == pytest.approx(60, abs=1)
    assert (waiting.row.turn_writes, waiting.row.turn_at) == (2, NOW + timedelta(seconds=waiting.wait_s or 0))
    written = ledger.writes
    assert writing(waiting.row, VALIDATING, ledger).verdict is None
    assert ledger.writes == written


@pytest.mark.parametrize("row", [ROW, ServerRow(server_id=SERVER, is_counted=True)])
def test_who_is_always_too_slow_comes_back(row: ServerRow):
    """The row of the window changes under every write: a few tries, no promise, and a short wait."""
    ledger = BusyLedger()
    turned = writing(row, VALIDATING, ledger)
    assert len(ledger.tried) == pace.MOST_TRIES
    assert turned.verdict
    assert 0 < (turned.wait_s or 0) <= 10
    assert turned.row.turn_writes == 0


def test_a_look_without_a_turn_takes_one_when_reads_are_few():
    """ARM says that seven reads are left: a new look is promised a turn first, one that has a turn goes on."""
    cloud, ledger = lonely_cloud(), MemoryLedger()
    assert pace.before_asking(ROW, SERVER_ID, cloud, ledger).verdict is None
    assert ledger.writes == 0
    cloud._note_rate(SUBSCRIPTION, 200, READS)
    turned = pace.before_asking(ROW, SERVER_ID, cloud, ledger)
    assert turned.verdict
    assert turned.row.turn_writes == 2
    assert pace.before_asking(turned.row, SERVER_ID, cloud, ledger).verdict is None
    assert ledger.writes == 1


def test_a_refusal_closes_for_everybody_once():
    """After a 429 this process asks nothing, and the window rests; the second process to hear it writes nothing."""
    ledger, clouds = MemoryLedger(), [lonely_cloud(), lonely_cloud()]
    for cloud in clouds:
        cloud._note_rate(SUBSCRIPTION, 429, {"Retry-After": "60"})
        pace.slow_down(SUBSCRIPTION, cloud, ledger)
    assert ledger.writes == 1
    closed = pace.before_asking(ROW, SERVER_ID, clouds[0], ledger)
    assert closed.verdict
    assert 60 <= (closed.wait_s or 0) <= 120
    other = writing(ROW, VALIDATING, ledger)
    assert (other.wait_s or 0) >= 60


@pytest.mark.parametrize(
    ("headers", "closed_s"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 0),
        ({}, 5),
        ({"Retry-After": "86400"}, 900),
        ({"Retry-After": "soon"}, 5),
    ],
)
def test_how_long_a_refusal_closes(headers: dict[str, str], closed_s: float):
    """As long as Azure says, five seconds when it says nothing, and fifteen minutes at most."""
    cloud = lonely_cloud()
    cloud._note_rate(SUBSCRIPTION, 429, headers)
    assert cloud.headroom(SUBSCRIPTION).closed_s(NOW) == closed_s
