"""Queue triggers in the in-process host, with the real queue client, in virtual time."""

import json
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest
from stage import Died, Stage, die, fail


def test_message(stage: Stage) -> None:
    """A message arrives decoded, with all its metadata, and is deleted when its function returns."""
    host = stage.host()
    stage.send(json.dumps({"server": "ä"}))
    assert host.poll() == 1
    (message,) = stage.got
    assert isinstance(message, func.QueueMessage)
    assert message.get_json() == {"server": "ä"}
    assert message.dequeue_count == 1
    assert message.insertion_time == stage.azure.now
    assert message.expiration_time == stage.azure.now + timedelta(days=7)
    assert message.time_next_visible == stage.azure.now + timedelta(minutes=10)
    assert message.id
    assert message.pop_receipt
    assert stage.texts("converge") == []
    assert host.poll() == 0
    assert host.failures == []


def test_plain_text(stage: Stage) -> None:
    """With messageEncoding none the text is the body."""
    host = stage.host(messageEncoding="none")
    stage.clients().get_queue_client("converge").send_message("not base64!")
    assert host.poll() == 1
    assert stage.got[0].get_body() == b"not base64!"


def test_batch(stage: Stage) -> None:
    """One round takes a batch of each queue, and only of the queues that are named."""
    host = stage.host(batchSize=2)
    for number in range(3):
        stage.send(str(number))
    stage.send("poison", "converge-poison")
    assert host.poll(["converge-poison"]) == 1
    assert [host.poll(["converge"]) for _ in range(3)] == [2, 1, 0]
    assert [m.get_body() for m in stage.got] == [b"poison", b"0", b"1", b"2"]
    with pytest.raises(KeyError):
        host.poll(["nowhere"])


def test_failure_repeats_then_poisons(stage: Stage) -> None:
    """A failed message is taken again after the pause, and moved as it was sent after the last attempt."""
    host = stage.host(maxDequeueCount=3, visibilityTimeout="00:00:30")
    stage.send("x")
    stage.act = fail
    for attempt in (1, 2, 3):
        assert stage.texts("converge-poison") == []
        assert host.poll(["converge"]) == 1
        assert host.poll(["converge"]) == 0
        assert stage.got[-1].dequeue_count == attempt
        stage.azure.advance(30)
    assert stage.texts("converge") == []
    assert stage.texts("converge-poison") == ["x"]
    assert [str(f.error) for f in host.failures] == ["a bug"] * 3


def test_failure_is_taken_again_at_once(stage: Stage) -> None:
    """By default there is no pause between attempts, and five of them."""
    host = stage.host()
    stage.send("x")
    stage.act = fail
    assert sum(host.poll(["converge"]) for _ in range(10)) == 5
    assert stage.texts("converge-poison") == ["x"]


def test_poison_queue_has_no_poison_queue(stage: Stage) -> None:
    """A message that fails in a poison queue stays there: run every ten minutes, and after the last attempt never."""
    host = stage.host(maxDequeueCount=2)
    stage.send("x", "converge-poison")
    stage.act = fail
    for expected in (1, 1, 0, 0):
        assert host.poll() == expected
        assert host.poll() == 0
        stage.azure.advance(600)
    assert "converge-poison-poison" not in stage.azure.queues.queues
    assert stage.texts("converge-poison") == ["x"]


def test_undecodable_is_poison_at_once(stage: Stage) -> None:
    """A message that is not base64 never reaches the function; it is moved, and the reason is kept."""
    host = stage.host()
    stage.clients().get_queue_client("converge").send_message("{}")
    assert host.poll(["converge"]) == 0
    assert stage.got == []
    assert [m.text for m in stage.azure.queues.messages("converge-poison")] == ["{}"]
    assert "messageEncoding" in str(host.failures[0].error)


def test_taken_too_often_is_poison_unseen(stage: Stage) -> None:
    """A message that died with its host too often is moved without another run."""
    host = stage.host(maxDequeueCount=1)
    stage.send("x")
    assert stage.clients().get_queue_client("converge").receive_message(visibility_timeout=1)
    stage.azure.advance(1)
    assert host.poll(["converge"]) == 0
    assert stage.got == []
    assert stage.texts("converge-poison") == ["x"]


def test_crash_leaves_everything(stage: Stage) -> None:
    """A process that dies deletes and updates nothing: its whole batch is back after ten minutes, not before."""
    host = stage.host()
    stage.send("x")
    stage.send("y")

    stage.act = die
    with pytest.raises(Died):
        host.poll()
    assert host.failures == []
    assert len(stage.got) == 1
    assert stage.texts("converge") == ["x", "y"]
    stage.act = lambda _: None
    stage.azure.advance(599)
    assert stage.host().poll() == 0
    stage.azure.advance(1)
    assert stage.host().poll() == 2
    assert [m.dequeue_count for m in stage.got[1:]] == [2, 2]


def test_lost_message_is_no_failure(stage: Stage) -> None:
    """Someone else took or deleted the message meanwhile: the host goes on, and nothing went wrong."""
    host = stage.host()
    stage.send("slow")
    other = stage.clients().get_queue_client("converge")

    def be_overtaken(_: Any) -> None:
        stage.azure.advance(601)
        assert other.receive_message()

    stage.act = be_overtaken
    assert host.poll(["converge"]) == 1
    assert host.failures == []
    assert stage.texts("converge") == ["slow"]
    stage.act = lambda _: other.clear_messages()
    stage.azure.advance(30)
    assert host.poll(["converge"]) == 1
    assert host.failures == []


@pytest.mark.parametrize(("verb", "ran"), [("queue get", 0), ("queue delete", 1)])
def test_storage_outage(stage: Stage, verb: str, ran: int) -> None:
    """A storage call that fails is kept as a failure; the message is not lost, at worst it is run again."""
    host = stage.host()
    stage.send("x")
    stage.azure.world.faults.add("unavailable", verb)
    assert host.poll(["converge"]) == ran
    assert len(host.failures) == 1
    stage.azure.advance(600)
    assert host.poll(["converge"]) == 1
    assert stage.texts("converge") == []
