"""Queue storage as the real azure-storage-queue client sees it, in virtual time."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import (
    BinaryBase64DecodePolicy,
    BinaryBase64EncodePolicy,
    QueueClient,
    QueueServiceClient,
    TextBase64EncodePolicy,
)

from simulator.azure import LocalAzure
from simulator.storage.messages import NEVER, MessageQueue
from simulator.transport import InProcessTransport
from simulator.wire import Request

URL = "https://flexguard.queue.core.windows.net"


@pytest.fixture
def azure() -> LocalAzure:
    return LocalAzure()


@pytest.fixture
def service(azure: LocalAzure) -> QueueServiceClient:
    return QueueServiceClient(URL, credential=azure.credential("operator"), transport=InProcessTransport(azure))


@pytest.fixture
def queue(service: QueueServiceClient) -> QueueClient:
    return service.create_queue("converge")


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    """Status and error code of a call that the service refuses."""
    with pytest.raises(HttpResponseError) as caught:
        call()
    assert caught.value.response is not None
    return caught.value.response.status_code, str(caught.value.response.headers["x-ms-error-code"])


# -- queues --------------------------------------------------------------------------------------------------------


def test_create_list_delete(service: QueueServiceClient) -> None:
    """Queues are listed by name in order, by prefix and in pages, with metadata when asked."""
    for name in ("watch", "converge", "converge-poison"):
        service.create_queue(name, metadata={"owner": name})
    assert [q.name for q in service.list_queues()] == ["converge", "converge-poison", "watch"]
    assert [q.name for q in service.list_queues(name_starts_with="converge")] == ["converge", "converge-poison"]
    pages = [[q.name for q in page] for page in service.list_queues(results_per_page=2).by_page()]
    assert pages == [["converge", "converge-poison"], ["watch"]]
    assert [q.metadata for q in service.list_queues("watch", include_metadata=True)] == [{"owner": "watch"}]
    service.delete_queue("watch")
    assert [q.name for q in service.list_queues()] == ["converge", "converge-poison"]


def test_create_again(azure: LocalAzure, service: QueueServiceClient) -> None:
    """Creating a queue again is 204 with the same metadata and 409 with other metadata; the client raises for both."""
    service.create_queue("converge", metadata={"a": "1"})
    with pytest.raises(ResourceExistsError):
        service.create_queue("converge", metadata={"a": "1"})
    assert azure.log[-1].status == 204
    assert refusal(lambda: service.create_queue("converge", metadata={"a": "2"})) == (409, "QueueAlreadyExists")


def test_deleted_name_is_taken_for_a_while(azure: LocalAzure, service: QueueServiceClient) -> None:
    """The name of a deleted queue is free after thirty seconds, not before; the new queue is empty."""
    service.create_queue("converge").send_message("old")
    service.delete_queue("converge")
    assert refusal(lambda: service.create_queue("converge")) == (409, "QueueBeingDeleted")
    azure.advance(30)
    assert service.create_queue("converge").receive_message() is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ab", "OutOfRangeInput"),
        ("a" * 64, "OutOfRangeInput"),
        ("Converge", "InvalidResourceName"),
        ("con--verge", "InvalidResourceName"),
        ("-converge", "InvalidResourceName"),
        ("converge_1", "InvalidResourceName"),
    ],
)
def test_names(service: QueueServiceClient, name: str, code: str) -> None:
    """A name that breaks the rules is refused with the rule's code."""
    assert refusal(lambda: service.create_queue(name)) == (400, code)


def test_properties(queue: QueueClient) -> None:
    """Metadata can be replaced, and the count is of all messages, visible or not."""
    queue.set_queue_metadata({"story": "converge"})
    queue.send_message("now")
    queue.send_message("later", visibility_timeout=60)
    properties = queue.get_queue_properties()
    assert properties.metadata == {"story": "converge"}
    assert properties.approximate_message_count == 2


@pytest.mark.parametrize("verb", ["send_message", "receive_message", "clear_messages", "delete_queue"])
def test_no_such_queue(service: QueueServiceClient, verb: str) -> None:
    """Every operation on a queue that does not exist is 404 QueueNotFound."""
    client = service.get_queue_client("nowhere")
    arguments = ["x"] if verb == "send_message" else []
    with pytest.raises(ResourceNotFoundError) as caught:
        getattr(client, verb)(*arguments)
    assert caught.value.response.headers["x-ms-error-code"] == "QueueNotFound"


# -- messages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["plain", "ümlaut € 😀", "<xml> & 'quotes' \"", "", " leading and trailing "])
def test_text_is_kept(azure: LocalAzure, queue: QueueClient, text: str) -> None:
    """A message comes back as it was sent, whatever XML thinks of its characters."""
    queue.send_message(text)
    message = queue.receive_message()
    assert message is not None
    assert (message.content or "") == text
    assert azure.queues.messages("converge")[0].text == text


def test_encodings_are_the_clients(azure: LocalAzure, service: QueueServiceClient) -> None:
    """Base64 is the clients' business: the service keeps the encoded text."""
    queue = service.create_queue("binary")
    queue._message_encode_policy = BinaryBase64EncodePolicy()
    queue._message_decode_policy = BinaryBase64DecodePolicy()
    queue.send_message(b"\x00\xff")
    message = queue.receive_message()
    assert message is not None
    assert message.content == b"\x00\xff"
    assert azure.queues.messages("binary")[0].text == "AP8="
    queue._message_encode_policy = TextBase64EncodePolicy()
    queue.send_message("hi")
    assert azure.queues.messages("binary")[1].text == "aGk="


def test_size_limit(queue: QueueClient) -> None:
    """64 KiB of text are accepted, one byte more is refused with 413."""
    queue.send_message("x" * 65_536)
    assert refusal(lambda: queue.send_message("x" * 65_537)) == (413, "RequestBodyTooLarge")


def test_visibility_on_sending(azure: LocalAzure, queue: QueueClient) -> None:
    """A message sent with a visibility timeout is received when it has passed, not a microsecond before."""
    sent = queue.send_message("later", visibility_timeout=20)
    assert sent.next_visible_on == azure.now + timedelta(seconds=20)
    azure.advance(19.999999)
    assert queue.receive_message() is None
    azure.advance(0.000001)
    message = queue.receive_message()
    assert message is not None
    assert message.id == sent.id


def test_received_is_invisible_then_comes_back(azure: LocalAzure, queue: QueueClient) -> None:
    """A received message is hidden for its timeout (30 s by default) and comes back with a higher count."""
    queue.send_message("x")
    first = queue.receive_message()
    assert first is not None
    assert first.dequeue_count == 1
    assert first.next_visible_on == azure.now + timedelta(seconds=30)
    assert queue.receive_message() is None
    azure.advance(30)
    second = queue.receive_message(visibility_timeout=600)
    assert second is not None
    assert (second.id, second.dequeue_count) == (first.id, 2)
    azure.advance(599)
    assert queue.receive_message() is None


def test_order_and_batches(queue: QueueClient) -> None:
    """Messages are taken in the order in which they became visible, at most 32 in one call."""
    for number in range(40):
        queue.send_message(str(number))
    pages = [[m.content for m in page] for page in queue.receive_messages(messages_per_page=32).by_page()]
    assert pages[0] == [str(number) for number in range(32)]
    assert pages[1] == [str(number) for number in range(32, 40)]
    assert refusal(lambda: next(queue.receive_messages(messages_per_page=33))) == (400, "OutOfRangeQueryParameterValue")


def test_peek_changes_nothing(queue: QueueClient) -> None:
    """Peeking shows visible messages in order and leaves count and visibility alone."""
    queue.send_message("hidden", visibility_timeout=5)
    queue.send_message("first")
    queue.send_message("second")
    assert [m.content for m in queue.peek_messages(max_messages=32)] == ["first", "second"]
    received = queue.receive_message()
    assert received is not None
    assert (received.content, received.dequeue_count) == ("first", 1)


def test_update(azure: LocalAzure, queue: QueueClient) -> None:
    """Updating changes text and visibility, gives a new receipt, and makes the old one useless."""
    queue.send_message("old")
    held = queue.receive_message()
    assert held is not None
    updated = queue.update_message(held, content="new", visibility_timeout=10)
    assert updated.pop_receipt != held.pop_receipt
    assert updated.next_visible_on == azure.now + timedelta(seconds=10)
    assert refusal(lambda: queue.update_message(held, visibility_timeout=0)) == (400, "PopReceiptMismatch")
    azure.advance(10)
    again = queue.receive_message()
    assert again is not None
    assert (again.content, again.dequeue_count) == ("new", 2)


def test_update_keeps_text(queue: QueueClient) -> None:
    """Updating only the visibility keeps the text; a visibility of 0 makes the message receivable at once."""
    queue.send_message("text")
    held = queue.receive_message()
    assert held is not None
    queue.update_message(held.id, held.pop_receipt, visibility_timeout=0)
    again = queue.receive_message()
    assert again is not None
    assert again.content == "text"


def test_delete(azure: LocalAzure, queue: QueueClient) -> None:
    """Only the newest receipt deletes (400 else), also when the message is visible again; afterwards it is 404."""
    queue.send_message("x")
    stale = queue.receive_message(visibility_timeout=1)
    azure.advance(1)
    held = queue.receive_message(visibility_timeout=1)
    assert stale is not None
    assert held is not None
    azure.advance(1)
    assert refusal(lambda: queue.delete_message(stale)) == (400, "PopReceiptMismatch")
    queue.delete_message(held)
    assert azure.queues.messages("converge") == ()
    assert refusal(lambda: queue.delete_message(held)) == (404, "MessageNotFound")


def test_sent_receipt_deletes(queue: QueueClient) -> None:
    """The receipt of sending is valid: a message can be deleted without having been received."""
    queue.delete_message(queue.send_message("x"))
    assert queue.receive_message() is None


def test_clear(azure: LocalAzure, queue: QueueClient) -> None:
    """Clearing removes every message, and nothing will become visible."""
    queue.send_message("x")
    queue.send_message("y", visibility_timeout=60)
    queue.clear_messages()
    assert azure.queues.messages("converge") == ()
    assert azure.queues.next_visible() is None


def test_time_to_live(azure: LocalAzure, queue: QueueClient) -> None:
    """A message lives seven days, or as long as it is told to, or for ever with -1; then it is gone, held or not."""
    default, short, eternal = (queue.send_message(str(t), time_to_live=t) for t in (None, 60, -1))
    assert default.expires_on == azure.now + timedelta(days=7)
    assert azure.queues.messages("converge")[2].expires_at == NEVER
    assert eternal.expires_on is not None
    assert eternal.expires_on.year == 9999
    azure.advance(59)
    assert [m.content for m in queue.peek_messages(max_messages=3)] == ["None", "60", "-1"]
    azure.advance(1)
    assert refusal(lambda: queue.delete_message(short)) == (404, "MessageNotFound")
    azure.advance(7 * 86_400)
    assert [m.text for m in azure.queues.messages("converge")] == ["-1"]
    assert queue.get_queue_properties().approximate_message_count == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"visibility_timeout": -1}, "OutOfRangeQueryParameterValue"),
        ({"visibility_timeout": 604_801}, "OutOfRangeQueryParameterValue"),
        ({"time_to_live": 0}, "InvalidQueryParameterValue"),
        ({"time_to_live": 10, "visibility_timeout": 10}, "InvalidQueryParameterValue"),
    ],
)
def test_ranges_of_sending(queue: QueueClient, arguments: dict[str, int], code: str) -> None:
    """Visibility is 0 seconds to 7 days and shorter than the life; a life is at least a second."""
    assert refusal(lambda: queue.send_message("x", **arguments)) == (400, code)


@pytest.mark.parametrize("visibility", [0, 604_801])
def test_ranges_of_receiving(queue: QueueClient, visibility: int) -> None:
    """A received message is hidden for at least a second and at most seven days."""
    code = refusal(lambda: queue.receive_message(visibility_timeout=visibility))
    assert code == (400, "OutOfRangeQueryParameterValue")


# -- time ----------------------------------------------------------------------------------------------------------


def test_next_visible(azure: LocalAzure, service: QueueServiceClient) -> None:
    """The clock may jump to `next_visible`: the earliest of all queues, now when one is waiting, None when none."""
    assert azure.queues.next_visible() is None
    one, two = service.create_queue("one"), service.create_queue("two")
    one.send_message("x", visibility_timeout=60)
    two.send_message("y", visibility_timeout=30)
    assert azure.queues.next_visible() == azure.now + timedelta(seconds=30)
    azure.advance(45)
    assert azure.queues.next_visible() == azure.now
    held = two.receive_message(visibility_timeout=100)
    assert held is not None
    assert azure.queues.next_visible() == azure.now + timedelta(seconds=15)
    two.delete_message(held)
    azure.advance(15)
    assert azure.queues.visible_count("one") == 1
    assert azure.queues.visible_count("two") == azure.queues.visible_count("nowhere") == 0


def test_never_visible_again(azure: LocalAzure, queue: QueueClient) -> None:
    """A message hidden beyond its life is not something to wait for."""
    held = queue.send_message("x", time_to_live=10)
    queue.update_message(held, visibility_timeout=20)
    assert azure.queues.next_visible() is None
    azure.advance(20)
    assert queue.receive_message() is None


def test_long_queues_cost_no_more_per_message() -> None:
    """Receiving looks at as many heap entries as it takes messages, however long the queue is."""
    now = LocalAzure().now
    queue = MessageQueue("long")
    for number in range(50_000):
        queue.put("x", now, now + timedelta(seconds=number % 1000), now + timedelta(days=7))
    entries = len(queue.by_visibility)
    taken = queue.receive(32, now, now + timedelta(seconds=600))
    assert len(taken) == 32
    assert len(queue.by_visibility) == entries  # 32 popped, 32 pushed, nothing else touched
    assert {m.visible_at for m in taken} == {now + timedelta(seconds=600)}


# -- callers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "status", "code"),
    [
        ({}, 401, "NoAuthenticationInformation"),
        ({"authorization": "Bearer stolen"}, 401, "InvalidAuthenticationInfo"),
        ({"authorization": "SharedKey flexguard:abc"}, 403, "KeyBasedAuthenticationNotPermitted"),
    ],
)
def test_callers_must_show_a_token(azure: LocalAzure, shown: dict[str, str], status: int, code: str) -> None:
    """Without a token the answer is 401 with a challenge, with a key 403, both in the service's XML."""
    answer = azure.handle(Request("GET", f"{URL}/?comp=list", shown))
    assert (answer.status, answer.headers["x-ms-error-code"]) == (status, code)
    assert f"<Code>{code}</Code>".encode() in answer.body
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_unknown_operation_names_itself(azure: LocalAzure) -> None:
    """What is not played is refused by name, never answered by chance."""
    headers = {"authorization": "Bearer simulated.operator"}
    answer = azure.handle(Request("GET", f"{URL}/converge?comp=acl", headers))
    assert answer.status == 501
    assert b"comp=acl" in answer.body
