"""What every storage service must do, ours and Azurite: the cases know only clients and a way to let time pass.

Azurite is started once, over TLS and with OAuth, and lives in real time; without Node its half is skipped.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.data.tables import (
    EdmType,
    EntityProperty,
    TableClient,
    TableServiceClient,
    TableTransactionError,
    UpdateMode,
)
from azure.storage.queue import QueueClient, QueueServiceClient
from storage_clients import Tokens

from cli.azurite import Azurite, NoAzurite, installed
from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport


@dataclass
class Services:
    """Clients of one implementation, and how seconds pass there."""

    queues: QueueServiceClient
    tables: TableServiceClient
    wait: Callable[[float], None]


def local() -> Services:
    """The simulator in process."""
    azure = LocalAzure()
    shown = {"credential": azure.credential("operator"), "transport": InProcessTransport(azure)}
    return Services(
        QueueServiceClient("https://flexguard.queue.core.windows.net", **shown),
        TableServiceClient("https://flexguard.table.core.windows.net", **shown),
        azure.advance,
    )


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """One Azurite for all cases."""
    try:
        running = Azurite(installed(print), tmp_path_factory.mktemp("azurite") / "azurite.log")
    except NoAzurite as missing:
        pytest.skip(str(missing))
    shown = {"credential": Tokens(), "connection_verify": running.ca}
    try:
        with (
            QueueServiceClient(running.endpoints["queue"], **shown) as queues,
            TableServiceClient(running.endpoints["table"], **shown) as tables,
        ):
            yield Services(queues, tables, time.sleep)  # noqa: TID251 - Azurite lives in real time
    finally:
        running.close()


@pytest.fixture(params=["local", "azurite"])
def services(request: pytest.FixtureRequest) -> Services:
    return local() if request.param == "local" else request.getfixturevalue("azurite")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name of its own for each case, good for a queue and a table."""
    return "".join(c for c in request.node.originalname.removeprefix("test_") if c.isalnum()).lower()


@pytest.fixture
def queue(services: Services, name: str) -> QueueClient:
    return services.queues.create_queue(name)


@pytest.fixture
def table(services: Services, name: str) -> TableClient:
    return services.tables.create_table(name)


def code(call: Callable[[], object]) -> tuple[int, str]:
    """Status and error code of a refused call."""
    with pytest.raises(HttpResponseError) as caught:
        call()
    response = caught.value.response
    assert response is not None
    return response.status_code, str(response.headers["x-ms-error-code"])


def test_queue_hides_what_is_received(services: Services, queue: QueueClient) -> None:
    """A received message is back after its timeout, with a higher count."""
    queue.send_message("x")
    first = queue.receive_message(visibility_timeout=1)
    assert first
    assert queue.receive_message() is None
    services.wait(1.1)
    second = queue.receive_message()
    assert second
    assert (second.id, second.content, second.dequeue_count) == (first.id, "x", 2)


def test_queue_delays_what_is_sent_so(services: Services, queue: QueueClient) -> None:
    """A message with a visibility timeout is not received before it has passed."""
    queue.send_message("x", visibility_timeout=1)
    assert queue.receive_message() is None
    services.wait(1.1)
    assert queue.receive_message()


def test_queue_forgets_what_is_too_old(services: Services, queue: QueueClient) -> None:
    """A message is gone when its time to live has passed."""
    queue.send_message("x", time_to_live=1)
    services.wait(1.1)
    assert queue.peek_messages() == []


def test_queue_receipts(queue: QueueClient) -> None:
    """Only the newest receipt holds a message: another is 400, and a message that is gone is 404."""
    queue.send_message("x")
    held = queue.receive_message()
    assert held
    updated = queue.update_message(held, visibility_timeout=0, content="y")
    assert code(lambda: queue.delete_message(held.id, held.pop_receipt)) == (400, "PopReceiptMismatch")
    queue.delete_message(updated.id, updated.pop_receipt)
    assert code(lambda: queue.delete_message(updated.id, updated.pop_receipt)) == (404, "MessageNotFound")


def test_queue_lets_a_late_holder_delete(services: Services, queue: QueueClient) -> None:
    """Who held a message last may delete it after its time, as long as nobody else has received it."""
    queue.send_message("x")
    late = queue.receive_message(visibility_timeout=1)
    assert late
    services.wait(1.1)
    queue.delete_message(late)
    assert queue.peek_messages() == []


def test_queue_order_and_peeking(queue: QueueClient) -> None:
    """Messages come in the order of sending, as many as asked for; a peek neither hides nor counts."""
    for text in "abcde":
        queue.send_message(text)
    pages = queue.receive_messages(messages_per_page=3, visibility_timeout=30).by_page()
    assert [message.content for message in next(pages)] == ["a", "b", "c"]
    for _ in range(2):
        assert [(m.content, m.dequeue_count) for m in queue.peek_messages(5)] == [("d", 0), ("e", 0)]
    assert queue.get_queue_properties().approximate_message_count == 5


def test_queue_update_keeps_text_and_count(queue: QueueClient) -> None:
    """An update without a text lets a message go as it was; the next receipt counts, the update does not."""
    queue.send_message('<ü & "x">')
    held = queue.receive_message()
    assert held
    queue.update_message(held, visibility_timeout=0)
    again = queue.receive_message()
    assert again
    assert (again.content, again.dequeue_count) == ('<ü & "x">', 2)


def test_queue_is_made_once(queue: QueueClient) -> None:
    """Making a queue again is fine with the same metadata, and a conflict with others."""
    with pytest.raises(ResourceExistsError) as same:
        queue.create_queue()
    assert same.value.status_code == 204
    assert code(lambda: queue.create_queue(metadata={"other": "yes"})) == (409, "QueueAlreadyExists")


def test_queue_refusals(services: Services, name: str) -> None:
    """A queue that is not there, and values out of range, are refused with the documented codes."""
    nowhere = services.queues.get_queue_client(f"{name}-no")
    assert code(lambda: nowhere.send_message("x")) == (404, "QueueNotFound")
    queue = services.queues.create_queue(f"{name}-yes")
    assert code(lambda: queue.send_message("x" * 65_537)) == (413, "RequestBodyTooLarge")
    assert code(lambda: queue.send_message("x", visibility_timeout=604_801))[0] == 400
    assert code(lambda: queue.send_message("x", time_to_live=0))[0] == 400
    assert code(lambda: queue.send_message("x", visibility_timeout=10, time_to_live=10))[0] == 400
    assert code(lambda: queue.receive_message(visibility_timeout=0)) == (400, "OutOfRangeQueryParameterValue")
    many = queue.receive_messages(messages_per_page=33).by_page()
    assert code(lambda: next(many)) == (400, "OutOfRangeQueryParameterValue")
    for wrong in ("Capital", "two--dashes", "-first"):
        bent = services.queues.get_queue_client(wrong)
        assert code(bent.create_queue) == (400, "InvalidResourceName")


def test_table_types(table: TableClient) -> None:
    """Types are read as they were written."""
    entity = {"PartitionKey": "p", "RowKey": "it's", "i": 1, "f": 1.0, "b": False, "t": "ü", "x": b"\x00"}
    table.create_entity(entity | {"big": EntityProperty(2**40, EdmType.INT64)})
    read = table.get_entity("p", "it's")
    assert {key: read[key] for key in entity} == entity
    assert read["big"].value == 2**40
    assert type(read["f"]) is float


def test_table_conditions(table: TableClient) -> None:
    """A write with an ETag succeeds on that version only; every write makes a new one."""
    table.create_entity({"PartitionKey": "p", "RowKey": "r", "n": 1})
    seen = table.get_entity("p", "r")
    table.update_entity(seen | {"n": 2}, etag=seen.metadata["etag"], match_condition=MatchConditions.IfNotModified)
    stale = {"etag": seen.metadata["etag"], "match_condition": MatchConditions.IfNotModified}
    assert code(lambda: table.update_entity(seen | {"n": 3}, **stale)) == (412, "UpdateConditionNotSatisfied")
    assert table.get_entity("p", "r")["n"] == 2
    with pytest.raises(TableTransactionError) as caught:
        table.submit_transaction([("update", seen, stale)])
    assert (caught.value.index, caught.value.error_code) == (0, "UpdateConditionNotSatisfied")


def test_table_etags(table: TableClient) -> None:
    """The ETag in the answer to a write is the one that a reader finds, and no two writes have the same."""
    row = {"PartitionKey": "p", "RowKey": "r"}
    etags = [table.create_entity(row)["etag"]]
    assert table.get_entity("p", "r").metadata["etag"] == etags[0]
    etags += [table.update_entity(row | {"n": number})["etag"] for number in range(3)]
    etags.append(table.upsert_entity(row, mode=UpdateMode.REPLACE)["etag"])
    assert [entity.metadata["etag"] for entity in table.list_entities()] == etags[-1:]
    assert len(set(etags)) == len(etags)


def test_table_keys(table: TableClient) -> None:
    """Whatever may be in a key is found again; slashes, # and ? may not."""
    for key in ("", "it's", "a b+c", "ü%2F", "a,b=(c)"):
        table.create_entity({"PartitionKey": key, "RowKey": key, "n": 1})
        assert table.get_entity(key, key)["n"] == 1
    for key in ("a/b", "a\\b", "a#b", "a?b"):
        assert code(lambda key=key: table.create_entity({"PartitionKey": "p", "RowKey": key}))[0] == 400


def test_table_size(table: TableClient) -> None:
    """A text of 64 KiB (32 Ki characters) is kept, a longer one is refused."""
    table.create_entity({"PartitionKey": "p", "RowKey": "fits", "text": "x" * 32_768})
    longer = {"PartitionKey": "p", "RowKey": "r", "text": "x" * 32_769}
    assert code(lambda: table.create_entity(longer)) == (400, "PropertyValueTooLarge")


def test_table_refusals(services: Services, table: TableClient) -> None:
    """What is there already is 409, what is not there is 404."""
    table.create_entity({"PartitionKey": "p", "RowKey": "r"})
    assert code(lambda: table.create_entity({"PartitionKey": "p", "RowKey": "r"})) == (409, "EntityAlreadyExists")
    assert code(lambda: table.get_entity("p", "no")) == (404, "ResourceNotFound")
    assert code(lambda: table.update_entity({"PartitionKey": "p", "RowKey": "no"})) == (404, "ResourceNotFound")
    assert code(table.create_table) == (409, "TableAlreadyExists")
    assert code(lambda: services.tables.get_table_client("nosuchtable").get_entity("p", "r")) == (404, "TableNotFound")


def test_table_merge_and_replace(table: TableClient) -> None:
    """A merge keeps, a replacement drops."""
    for mode, properties in (
        (UpdateMode.MERGE, {"a": 1}),
        (UpdateMode.MERGE, {"b": 2}),
        (UpdateMode.REPLACE, {"c": 3}),
    ):
        table.upsert_entity({"PartitionKey": "p", "RowKey": "r"} | properties, mode=mode)
    assert dict(table.get_entity("p", "r")) == {"PartitionKey": "p", "RowKey": "r", "c": 3}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("PartitionKey eq 'p' and RowKey ge 'b'", "bc"),
        ("n gt 1 and not (n eq 3)", "b"),
        ("even eq false or n eq 2", "abc"),
        ("text eq 'it''s'", "a"),
    ],
)
def test_table_filters(services: Services, query: str, expected: str) -> None:
    """Filters find the same everywhere."""
    table = services.tables.create_table_if_not_exists("filters")
    for number, key in enumerate("abc", start=1):
        entity = {"PartitionKey": "p", "RowKey": key, "n": number, "even": number % 2 == 0}
        table.upsert_entity(entity | ({"text": "it's"} if key == "a" else {}))
    assert "".join(e["RowKey"] for e in table.query_entities(query)) == expected


def test_table_pages(table: TableClient) -> None:
    """Pages have the size that was asked for, and together everything, in the order of the keys."""
    for key in "edcba":
        table.create_entity({"PartitionKey": "p", "RowKey": key})
    pages = [[e["RowKey"] for e in page] for page in table.list_entities(results_per_page=2).by_page()]
    assert pages == [["a", "b"], ["c", "d"], ["e"]]


def test_table_transaction(table: TableClient) -> None:
    """A transaction is carried out whole or not at all."""
    a, b = ({"PartitionKey": "p", "RowKey": key} for key in "ab")
    table.submit_transaction([("create", a)])
    with pytest.raises(TableTransactionError):
        table.submit_transaction([("create", b), ("create", a)])
    with pytest.raises(TableTransactionError) as twice:
        table.submit_transaction([("upsert", b), ("upsert", b)])
    assert (twice.value.index, twice.value.error_code) == (1, "InvalidDuplicateRow")
    assert [e["RowKey"] for e in table.list_entities()] == ["a"]
