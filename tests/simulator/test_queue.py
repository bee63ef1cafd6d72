"""Queue storage as the real azure-storage-queue client sees it, in virtual time."""

from datetime import timedelta

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import (
    QueueClient,
    QueueServiceClient,
)
from storage_clients import QUEUES, refusal

from simulator.azure import LocalAzure
from simulator.wire import Request


def test_create_list_delete(queue_service: QueueServiceClient) -> None:
    """Queues are listed by name in order, by prefix and in pages, with metadata when asked."""
    for name in ("watch", "converge", "converge-poison"):
        queue_service.create_queue(name, metadata={"owner": name})
    assert [q.name for q in queue_service.list_queues()] == ["converge", "converge-poison", "watch"]
    assert [q.name for q in queue_service.list_queues(name_starts_with="converge")] == ["converge", "converge-poison"]
    pages = [[q.name for q in page] for page in queue_service.list_queues(results_per_page=2).by_page()]
    assert pages == [["converge", "converge-poison"], ["watch"]]
    assert [q.metadata for q in queue_service.list_queues("watch", include_metadata=True)] == [{"owner": "watch"}]
    queue_service.delete_queue("watch")
    assert [q.name for q in queue_service.list_queues()] == ["converge", "converge-poison"]


def test_create_again(azure: LocalAzure, queue_service: QueueServiceClient) -> None:
    """Creating a queue again is 204 with the same metadata and 409 with other metadata; the client raises for both."""
    queue_service.create_queue("converge", metadata={"a": "1"})
    with pytest.raises(ResourceExistsError):
        queue_service.create_queue("converge", metadata={"a": "1"})
    assert azure.log[-1].status == 204
    assert refusal(lambda: queue_service.create_queue("converge", metadata={"a": "2"})) == (409, "QueueAlreadyExists")


def test_deleted_name_is_taken_for_a_while(azure: LocalAzure, queue_service: QueueServiceClient) -> None:
    """A deleted queue's name is free after thirty seconds; the new queue is empty and knows no old receipt."""
    old = queue_service.create_queue("converge").send_message("old")
    queue_service.delete_queue("converge")
    assert refusal(lambda: queue_service.create_queue("converge")) == (409, "QueueBeingDeleted")
    azure.advance(30)
    queue = queue_service.create_queue("converge")
    assert queue.receive_message() is None
    queue.send_message("new")
    assert refusal(lambda: queue.delete_message(old)) == (404, "MessageNotFound")


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
def test_names(queue_service: QueueServiceClient, name: str, code: str) -> None:
    """A name that breaks the rules is refused with the rule's code."""
    assert refusal(lambda: queue_service.create_queue(name)) == (400, code)


def test_properties(queue: QueueClient) -> None:
    """Metadata can be replaced, and the count is of all messages, visible or not."""
    queue.set_queue_metadata({"story": "converge"})
    queue.send_message("now")
    queue.send_message("later", visibility_timeout=60)
    properties = queue.get_queue_properties()
    assert properties.metadata == {"story": "converge"}
    assert properties.approximate_message_count == 2


@pytest.mark.parametrize("verb", ["send_message", "receive_message", "clear_messages", "delete_queue"])
def test_no_such_queue(queue_service: QueueServiceClient, verb: str) -> None:
    """Every operation on a queue that does not exist is 404 QueueNotFound."""
    client = queue_service.get_queue_client("nowhere")
    arguments = ["x"] if verb == "send_message" else []
    with pytest.raises(ResourceNotFoundError) as caught:
        getattr(client, verb)(*arguments)
    assert caught.value.response.headers["x-ms-error-code"] == "QueueNotFound"


def test_next_visible(azure: LocalAzure, queue_service: QueueServiceClient) -> None:
    """The clock may jump to `next_visible`: the earliest of all queues, now when one is waiting, None when none."""
    assert azure.queues.next_visible() is None
    one, two = queue_service.create_queue("one"), queue_service.create_queue("two")
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
    answer = azure.handle(Request("GET", f"{QUEUES}/?comp=list", shown))
    assert (answer.status, answer.headers["x-ms-error-code"]) == (status, code)
    assert f"<Code>{code}</Code>".encode() in answer.body
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_unknown_operation_names_itself(azure: LocalAzure) -> None:
    """What is not played is refused by name, never answered by chance."""
    headers = {"authorization": "Bearer simulated.operator"}
    answer = azure.handle(Request("GET", f"{QUEUES}/converge?comp=acl", headers))
    assert answer.status == 501
    assert b"comp=acl" in answer.body
