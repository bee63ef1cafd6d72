"""Upgrades: what every earlier version wrote is read, and what a later one wrote is not destroyed."""

import base64
import json
import logging

import msgspec
import pytest
from conftest import GOLD

from functions import wiring
from shared import ledger
from shared.claim import read_message
from shared.cloud.ledger_table import TABLE, _key
from shared.core.incidents import Incident
from shared.ledger import SCHEMA, ServerRow, Window
from tests.write_shapes import SERVER, on_file, shapes

SHAPES = on_file()
ROWS = {
    "server": ServerRow, "window": Window, "incident": Incident, "watched": ledger.Watched, "started": ledger.Started
}  # fmt: skip
# What the rows on file say of Azure, where this story has made nothing of it.
TOLD = {"running", "first_backup", "backup", "wish", "answer", "instance_id", "vault_id", "policy_id"}
SAME = {"server_id", "generation", "next_look_at", "instance_id", "verdict", "subscription", "until", "told"}


def put(world, key, kind, row, schema=SCHEMA):
    """Write a row as another version of the app has written it."""
    entity = {"PartitionKey": f"{kind}-{_key(key)}", "RowKey": kind, "Schema": schema, "Row": json.dumps(row)}
    table(world).upsert_entity(entity, mode="replace")


def table(world):
    """The ledger's table, as anybody with rights on the storage account sees it."""
    return world.table_client().get_table_client(TABLE)


def stored(world, key, kind="server"):
    """The text of a row as it lies there."""
    return json.loads(table(world).get_entity(f"{kind}-{_key(key)}", kind)["Row"])


def send(world, message):
    """Put a message on the queue as the app does."""
    world.queue().send_message(base64.b64encode(json.dumps(message).encode()).decode())


def test_todays_shape_is_on_file():
    """Whoever changes what is written keeps the new shape for later versions: make shapes."""
    assert shapes() == SHAPES[-1]


@pytest.mark.parametrize("kind", ROWS)
@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_every_earlier_row_is_read(shape, kind):
    """A row of every earlier version is read, with what it says about its subject.

    The first incidents, one for each failed job, count as lost: what they were about is told once more.
    """
    if kind == "incident" and "kind" not in SHAPES[shape][kind]:
        with pytest.raises(msgspec.ValidationError):
            ledger.decoded(json.dumps(SHAPES[shape][kind]), ROWS[kind])
        return
    written = SHAPES[shape].get(kind, SHAPES[-1][kind])
    row = ledger.decoded(json.dumps(written), ROWS[kind])
    read = json.loads(ledger.encoded(row))
    assert {name: read[name] for name in SAME & set(written)} == {name: written[name] for name in SAME & set(written)}


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_work_goes_on_after_an_upgrade(estate, shape):
    """In the middle of a flow the app is upgraded: with the row and the messages of an earlier version it ends well."""
    world = estate()
    server = world.ready_server("pg-one", GOLD)
    assert server == SERVER
    put(world, server, "server", {name: value for name, value in SHAPES[shape]["server"].items() if name not in TOLD})
    for name, message in SHAPES[shape].items():
        if name.endswith("message"):
            send(world, message)
    world.run(seconds=3600)
    assert world.row(server).verdict == "protected"
    assert world.host.failures == []


def test_what_a_later_version_added_is_kept(estate):
    """An instance of this version looks at a row with fields that it does not know: they are there afterwards."""
    world = estate()
    server = world.ready_server("pg-one", GOLD)
    later = {"intended": {"at": "2026-11-23T08:00:00Z", "jobs": [1, None]}}
    put(world, server, "server", {"server_id": server, "generation": 3, **later})
    world.tag(server, team="shop")
    world.run(seconds=3600)
    row = stored(world, server)
    assert row["verdict"] == "protected"
    assert row["generation"] > 3
    assert {name: row[name] for name in later} == later


@pytest.mark.parametrize(("kind", "key"), [("server", SERVER), ("window", SERVER.split("/")[2])])
def test_a_row_of_a_later_schema_is_left_alone(estate, kind, key, caplog):
    """Whatever happens to its server, an earlier version writes nothing over it, and asks nothing to be changed."""
    world = estate()
    server = world.ready_server("pg-one", GOLD)
    later = {"schema": SCHEMA + 1, "of": "another meaning"}
    put(world, key, kind, later, SCHEMA + 1)
    before = len(world.azure.log)
    world.tag(server, team="shop")
    world.run(seconds=1800)
    assert stored(world, key, kind) == later
    assert [call.method for call in world.app_calls(before) if call.method == "PUT"] == []
    assert "NewerRow" in caplog.text + str(world.host.failures)


def test_a_row_that_nobody_comes_back_to_is_written_over(estate):
    """A day after its last write a row of a later schema counts as lost: going back to stay, or forged, it heals."""
    world = estate()
    server = world.ready_server("pg-one", GOLD)
    put(world, server, "server", {"schema": SCHEMA + 1, "of": "another meaning"}, SCHEMA + 1)
    world.run(seconds=20 * 3600)
    assert world.row(server).verdict == ""
    world.run(seconds=8 * 3600)
    assert world.row(server).verdict == "protected"


def test_a_verdict_of_a_later_version_is_read(estate):
    """A row whose verdict this version does not know is worked on like any other."""
    world = estate()
    server = world.ready_server("pg-one", GOLD)
    put(world, server, "server", {"server_id": server, "verdict": "blocked_by_the_future", "turn_at": None})
    world.azure.world.faults.add("throttle", "flexibleservers", times=3)
    world.run(seconds=5000)
    assert world.row(server).verdict == "protected"
    assert world.host.failures == []


def test_a_message_of_a_later_version_waits_for_it(estate, caplog):
    """An earlier version puts it back as it is, says so, and looks at nothing."""
    world = estate()
    message = {"schema": SCHEMA + 1, "servers": [SERVER], "why": {"in": "another shape"}}
    send(world, message)
    before = len(world.azure.log)
    with caplog.at_level(logging.INFO, logger="flexguard"):
        world.run(seconds=1000)
    (left,) = world.azure.queues.messages("converge")
    assert json.loads(base64.b64decode(left.text)) == message
    assert "message_newer" in caplog.text
    assert world.host.failures == []
    assert [call for call in world.app_calls(before) if "flexibleServers" in call.operation] == []


def test_messages_say_their_schema(estate):
    """What this version sends can be told from what a later one sends; one that says nothing is of the first."""
    assert all(SHAPES[-1][name]["schema"] == SCHEMA for name in SHAPES[-1] if name.endswith("message"))
    assert read_message(json.dumps({"server_id": SERVER}).encode()).schema == 1
    world = estate()
    world.ready_server("pg-one", GOLD)
    world.tag(SERVER, team="shop")
    world.run(seconds=3)
    sent = [json.loads(base64.b64decode(message.text)) for message in world.azure.queues.messages("converge")]
    assert sent
    assert all(message["schema"] == SCHEMA for message in sent)
    wiring.use(None)
