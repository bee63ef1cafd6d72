"""World files: what is written down is read back, by hand and by machine."""

import json
from typing import Any

import pytest
from azure.data.tables import TableClient
from azure.storage.queue import QueueClient
from dataprotection_world import GROUP, SERVER, SUB, ask, estate, protect, start_backup, state

from simulator import world_file
from simulator.azure import LocalAzure
from simulator.wire import Request

FORMATS = {"json": json.dumps, "yaml": world_file.to_yaml}


def copied(azure: LocalAzure, written: Any = json.dumps) -> LocalAzure:
    """Another local Azure, made of what was written of this one."""
    other = LocalAzure()
    world_file.load(other, world_file.parse(written(world_file.dump(azure))))
    return other


@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
def test_a_world_that_was_read_back_is_the_same(written: Any):
    """Nothing is lost or added on the way through a file, in the middle of long operations too."""
    azure = estate()
    protect(azure)
    start_backup(azure)
    azure.advance(3)
    assert world_file.dump(copied(azure, written)) == world_file.dump(azure)


def test_a_world_that_was_read_back_has_the_same_future():
    """A month later both worlds are the same to the last event: chance, agenda and what is late are kept."""
    azure = estate()
    protect(azure)
    start_backup(azure)
    other = copied(azure)
    for world in (azure, other):
        world.advance(30 * 86_400)
        assert state(world) == "ProtectionConfigured"
    assert world_file.dump(other) == world_file.dump(azure)


def test_resource_graph_sees_a_read_world_as_late_as_before():
    """What was not yet shown to Resource Graph is not shown because the world was written down."""
    azure = estate()
    azure.advance(60)
    ask(azure, "PATCH", GROUP, {"tags": {"new": "tag"}}, api="2022-12-01")
    azure.advance(1)
    other = copied(azure)
    for after_s, tags in ((0, None), (10, {"new": "tag"})):
        other.advance(after_s)
        body = {
            "subscriptions": [SUB.rpartition("/")[2]],
            "query": "resourcecontainers | where name == 'rg-app' | project tags",
        }
        rows = ask(other, "POST", "/providers/Microsoft.ResourceGraph/resources", body, api="2021-03-01").json()["data"]
        assert (rows[0]["tags"] or None) == tags


def test_storage_is_kept(azure: LocalAzure, queue: QueueClient, table: TableClient):
    """Messages keep their holder, entities their version and types, blobs their content."""
    queue.send_message("one")
    queue.send_message("later", visibility_timeout=60)
    held = queue.receive_message(visibility_timeout=30)
    table.upsert_entity({"PartitionKey": "a", "RowKey": "1", "n": 1, "s": "x", "b": b"\x00", "f": 1.5, "t": True})
    azure.handle(blob("PUT", "letters?restype=container"))
    azure.blobs.write("letters", "binary", b"\xff\x00")
    azure.blobs.write("letters", "text", b"hello")
    other = copied(azure)
    assert other.queues.messages("converge") == azure.queues.messages("converge")
    assert other.queues.messages("converge")[0].pop_receipt == held.pop_receipt
    assert other.tables.entities("ledger") == azure.tables.entities("ledger")
    assert other.handle(blob("GET", "letters/binary")).body == b"\xff\x00"
    other.advance(30)
    assert other.queues.visible_count("converge") == 1
    assert other.queues.next_visible() == other.now


def blob(method: str, target: str) -> Request:
    url = f"https://flexguard.blob.core.windows.net/{target}"
    return Request(method, url, {"authorization": "Bearer simulated.operator", "x-ms-version": "2021-12-02"})


# -- by hand -----------------------------------------------------------------------------------------------------

BY_HAND = f"""
version: 1
seed: 7
now: 2027-03-01T06:00:00Z
behaviour: {{graph_lag_s: 0}}
faults:
  - {{kind: throttle, target: rg-other}}
make:
  - put: {SUB}
    body: {{displayName: production}}
  - put: {GROUP}
    api-version: "2022-12-01"
    body: {{location: westeurope}}
  - put: {SERVER}
    body:
      location: westeurope
      tags: {{backup-tier: gold}}
      sku: {{name: Standard_D2ds_v5, tier: GeneralPurpose}}
      properties: {{}}
  - wait_s: 1800
"""


def test_a_world_is_made_by_hand(azure: LocalAzure):
    """A short file says when, what and how long to wait; the rest is ARM's own doing."""
    world_file.load(azure, world_file.parse(BY_HAND))
    assert azure.now.isoformat() == "2027-03-01T06:30:00+00:00"
    assert (azure.world.seed, azure.world.behaviour.graph_lag_s) == (7, 0)
    assert azure.world.resources[SERVER.lower()].body["properties"]["state"] == "Ready"
    assert azure.world.faults.take("throttle", "put rg-other") is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "version"),
        ("version: 2", "version"),
        ("version: 1\nresource: []", "resources"),
        ("version: 1\nresources: [{id: /x}]", "type"),
        ("version: 1\nnow: 2027-03-01T06:00:00", "time zone"),
        ("version: 1\nmake: [{put: /subscriptions/x/resourceGroups/g, body: {}}]", "SubscriptionNotFound"),
        ("version: 1\nbehaviour: {weather: good}", "weather"),
        ("version: 1: 2", "mapping"),
    ],
)
def test_a_wrong_file_says_what_is_wrong_and_changes_nothing(azure: LocalAzure, text: str, told: str):
    """The message names the mistake; the world is as it was."""
    world_file.load(azure, world_file.parse(BY_HAND))
    before = world_file.dump(azure)
    with pytest.raises(world_file.BadWorldFileError, match=told):
        world_file.load(azure, world_file.parse(text))
    assert world_file.dump(azure) == before
