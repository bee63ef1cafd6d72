"""Approvals in the ledger: what was written is read back whole, of any size; what is half there allows nothing."""

from datetime import timedelta

import msgspec
import pytest

from shared import approval as story
from shared.cloud import approvals_table
from shared.cloud.clients import Cloud
from shared.cloud.ledger_table import TABLE, TableLedger
from shared.core.approval import LASTS, Entry, plan_hash
from shared.ledger import Approval, ServerRow
from simulator.arm.authorization import OPERATOR
from simulator.transport import InProcessTransport
from tests.core.samples import NOW, SERVER
from tests.shared.memory_ledger import MemoryLedger

LONG_AGO = NOW.replace(year=2000)


def approval(servers=3, **changes):
    """An approval of so many servers, with the writes of a new one each."""
    entries = tuple(
        Entry(f"{SERVER}-{number}".lower(), action, f"{plan_hash([Entry(str(number), action, '')])}/{action}")
        for number in range(servers)
        for action in ("GrantRole", "Protect", "StartBackup")
    )
    return Approval(**{"plan_hash": "0123456789abcdef", "by": "dba", "at": NOW, "entries": entries} | changes)


@pytest.fixture(params=["table", "memory"])
def ledger(request, estate):
    """The ledger in the local Azure's table service, and the one that other tests use in its place."""
    if request.param == "memory":
        return MemoryLedger()
    world = estate()
    return TableLedger(Cloud(world.settings, world.azure.credential(OPERATOR), InProcessTransport(world.azure)))


def test_an_approval_survives(ledger):
    """Who, when and every write come back, newest first; a time before which nothing counts is kept."""
    old = approval(plan_hash="a" * 16, at=NOW - timedelta(days=2), by="dba ü \N{EN DASH} ops")
    ledger.keep_approval(old)
    ledger.keep_approval(approval())
    assert ledger.approvals(LONG_AGO) == (approval(), old)
    assert ledger.approvals(NOW - timedelta(days=1)) == (approval(),)
    assert ledger.approvals(NOW + timedelta(seconds=1)) == ()


def test_approving_again_renews(ledger):
    """The same plan, approved later by somebody else, is one approval: the later one."""
    ledger.keep_approval(approval(servers=900))
    again = approval(at=NOW + timedelta(hours=1), by="another")
    ledger.keep_approval(again)
    assert ledger.approvals(LONG_AGO) == (again,)


def test_a_large_plan_fits(ledger):
    """Ten thousand servers are more than a row of a table holds."""
    large = approval(servers=10_000)
    ledger.keep_approval(large)
    assert ledger.approvals(LONG_AGO) == (large,)
    assert len(msgspec.json.encode(large)) > 64 * 1024


def test_an_approval_ends(ledger):
    """After its time it is in force no more, and its hash is that of its writes."""
    made = story.approve(ledger, [*approval().entries, *approval().entries], "dba", NOW)
    assert made.plan_hash == plan_hash(approval().entries)
    assert story.in_force(ledger, NOW + LASTS) == (made,)
    assert story.in_force(ledger, NOW + LASTS + timedelta(seconds=1)) == ()


@pytest.mark.parametrize("broken", ["no head", "no part", "another schema", "not packed"])
def test_half_an_approval_is_none(estate, broken):
    """A write that was interrupted, or a row that somebody changed, allows nothing."""
    world = estate()
    rows = list(approvals_table.rows_of(approval(servers=900)))
    if broken == "no head":
        rows.pop()
    elif broken == "no part":
        del rows[0]
    elif broken == "another schema":
        rows[-1]["Schema"] += 1
    else:
        rows[0]["Part"] = b"nonsense"
    for row in rows:
        world.table_client().get_table_client(TABLE).upsert_entity(row)
    assert world._archive.approvals(LONG_AGO) == ()


def test_all_servers_are_known(ledger):
    """Every row of a server is listed, and nothing else of the table."""
    for name in ("a", "b"):
        ledger.keep_server(ServerRow(server_id=f"{SERVER}-{name}", verdict="protected"), "")
    ledger.keep_approval(approval())
    ledger.keep_instance(f"{SERVER}/x", SERVER)
    assert sorted(row.server_id for row in ledger.known_servers()) == [f"{SERVER}-a", f"{SERVER}-b"]
