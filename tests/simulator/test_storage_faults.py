"""What queues and tables can do wrong: double, lose, poison and replay messages; forget, roll back, conflict."""

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode
from azure.storage.queue import QueueClient

from simulator import world_file
from simulator.azure import LocalAzure

ROW = {"PartitionKey": "p", "RowKey": "r", "n": 1}


def texts(queue: QueueClient, **options: int) -> list[str]:
    return [str(message.content) for message in queue.receive_messages(**options)]


def test_a_message_is_put_twice(azure: LocalAzure, queue: QueueClient) -> None:
    """Both can be received."""
    azure.world.faults.add("duplicate_message")
    queue.send_message("x")
    queue.send_message("y")
    assert texts(queue) == ["x", "x", "y"]


@pytest.mark.parametrize(("kind", "after_s"), [("lose_hold", 1), ("two_workers", 0)])
def test_a_held_message_is_seen_by_another(azure: LocalAzure, queue: QueueClient, kind: str, after_s: int) -> None:
    """It can be taken again while the first holder works, who then holds it no more."""
    queue.send_message("x")
    azure.world.faults.add(kind)
    first = next(iter(queue.receive_messages(visibility_timeout=600)))
    azure.advance(after_s)
    assert texts(queue, visibility_timeout=600) == ["x"]
    with pytest.raises(Exception, match="PopReceiptMismatch"):
        queue.delete_message(first)


def test_a_message_looks_poisoned(azure: LocalAzure, queue: QueueClient) -> None:
    """Its count of attempts is beyond the usual five."""
    queue.send_message("x")
    azure.world.faults.add("poison_message")
    assert next(iter(queue.receive_messages())).dequeue_count == 6


def test_a_deleted_message_comes_back(azure: LocalAzure, queue: QueueClient) -> None:
    """An hour after its deletion it can be received again."""
    queue.send_message("x")
    azure.world.faults.add("replay_message")
    queue.delete_message(next(iter(queue.receive_messages())))
    azure.advance(3599)
    assert texts(queue) == []
    azure.advance(1)
    assert texts(queue) == ["x"]


def test_tables_are_lost(azure: LocalAzure, table: TableClient) -> None:
    """The table is there, and empty."""
    table.create_entity(ROW)
    azure.world.faults.add("store_lost")
    with pytest.raises(ResourceNotFoundError):
        table.get_entity("p", "r")
    table.create_entity(ROW)


def test_tables_are_rolled_back(azure: LocalAzure, table: TableClient) -> None:
    """An hour after the fault met the first call, rows are as they were then; also in a world that was read back."""
    table.create_entity(ROW)
    azure.world.faults.add("store_rolled_back")
    table.upsert_entity(ROW | {"n": 2})
    azure.advance(3599)
    assert table.get_entity("p", "r")["n"] == 2
    world_file.load(azure, world_file.dump(azure))
    azure.advance(1)
    assert table.get_entity("p", "r")["n"] == 1
    assert azure.world.faults.waiting == []


def test_a_row_was_changed_by_somebody_else(azure: LocalAzure, table: TableClient) -> None:
    """A conditional write gets 412 once; reads are spared."""
    table.create_entity(ROW)
    azure.world.faults.add("store_conflict")
    row = table.get_entity("p", "r")
    condition = {"etag": row.metadata["etag"], "match_condition": MatchConditions.IfNotModified}
    with pytest.raises(ResourceModifiedError):
        table.update_entity(ROW | {"n": 3}, UpdateMode.REPLACE, **condition)
    table.update_entity(ROW | {"n": 3}, UpdateMode.REPLACE, **condition)
