"""The messages of a queue as the real azure-storage-queue client sees them, in virtual time."""

from datetime import timedelta

import pytest
from azure.storage.queue import (
    BinaryBase64DecodePolicy,
    BinaryBase64EncodePolicy,
    QueueClient,
    QueueServiceClient,
    TextBase64EncodePolicy,
)
from storage_clients import refusal

from simulator.azure import LocalAzure
from simulator.storage.messages import NEVER, MessageQueue


@pytest.mark.parametrize("text", ["plain", "ümlaut € 😀", "<xml> & 'quotes' \"", "", " leading and trailing "])
def test_text_is_kept(azure: LocalAzure, queue: QueueClient, text: str) -> None:
    """A message comes back as it was sent, whatever XML thinks of its characters."""
    queue.send_message(text)
    message = queue.receive_message()
    assert message is not None
    assert (message.content or "") == text
    assert azure.queues.messages("converge")[0].text == text


def test_encodings_are_the_clients(azure: LocalAzure, queue_service: QueueServiceClient) -> None:
    """Base64 is the clients' business: the service keeps the encoded text."""
    queue = queue_service.create_queue("binary")
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
