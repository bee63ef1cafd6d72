"""The custom Event Grid topic as the real azure-eventgrid client sees it.

How to publish in process: `azure.eventgrid.EventGridPublisherClient` drops every keyword argument for a topic, also
`transport=` (4.22.1, `_patch.py`); the client that it wraps takes it. So either build that one,
`azure.eventgrid._legacy.EventGridPublisherClient(endpoint, credential, transport=…)`, or, without a private name, post
with `azure.core.PipelineClient` and a `BearerTokenCredentialPolicy`. All three are tested here.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core import PipelineClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.messaging import CloudEvent
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.eventgrid import EventGridEvent, EventGridPublisherClient
from azure.eventgrid._legacy import EventGridPublisherClient as TopicClient

from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport
from simulator.wire import Request

ENDPOINT = "https://flexguard-alerts.westeurope-1.eventgrid.azure.net/api/events"
ALERT = {"id": "1", "subject": "/servers/a", "eventType": "Flexguard.Alert", "dataVersion": "1"}
GRID_EVENT = ALERT | {"eventTime": "2026-11-23T08:00:00Z", "data": {"cause": "no_roles"}}
CLOUD_EVENT = {"specversion": "1.0", "id": "1", "source": "/flexguard", "type": "Flexguard.Alert", "data": {"n": 1}}


@pytest.fixture
def azure() -> LocalAzure:
    return LocalAzure()


@pytest.fixture
def topic(azure: LocalAzure) -> TopicClient:
    return TopicClient(ENDPOINT, azure.credential("operator"), transport=InProcessTransport(azure))


def post(azure: LocalAzure, body: Any, kind: str = "application/json", **headers: str) -> tuple[int, str]:
    """Status and code of the answer to a body that no client would send."""
    shown = {"aeg-sas-key": "key", "content-type": kind} | headers
    answer = azure.handle(Request("POST", f"{ENDPOINT}?api-version=2018-01-01", shown, json.dumps(body).encode()))
    return answer.status, answer.json()["error"]["code"] if answer.body else ""


def test_grid_schema(azure: LocalAzure, topic: TopicClient) -> None:
    """Events in Event Grid's own schema arrive whole and in order, and the answer is 200 without a body."""
    events = [
        EventGridEvent(subject=s, event_type="Flexguard.Alert", data={"s": s}, data_version="1") for s in ("a", "b")
    ]
    topic.send(events)
    assert [(e["subject"], e["data"]) for e in azure.topic.received] == [("a", {"s": "a"}), ("b", {"s": "b"})]
    assert azure.topic.received[0]["id"] == str(events[0].id)
    assert azure.log[-1].status == 200
    assert azure.log[-1].caller == "operator"


def test_cloud_schema(azure: LocalAzure, topic: TopicClient) -> None:
    """CloudEvents arrive as a batch, extensions and all, with the time of their arrival."""
    azure.advance(60)
    sent = CloudEvent(source="/flexguard", type="Flexguard.Alert", data={"n": 1}, extensions={"cause": "x"})
    topic.send([sent])
    assert azure.topic.received[0] | {"time": None} == CLOUD_EVENT | {"id": sent.id, "cause": "x", "time": None}
    assert azure.topic.log[0].at == azure.now


def test_dictionaries(azure: LocalAzure, topic: TopicClient) -> None:
    """Plain dictionaries in either schema are published unchanged."""
    topic.send([GRID_EVENT])
    topic.send([CLOUD_EVENT])
    assert azure.topic.received == [GRID_EVENT, CLOUD_EVENT]


def test_public_client(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    """The public client speaks the same, here with a key and with its socket, and nothing else, replaced."""
    transport = InProcessTransport(azure)
    monkeypatch.setattr(RequestsTransport, "send", lambda _, request, **options: transport.send(request, **options))
    EventGridPublisherClient(ENDPOINT, AzureKeyCredential("key")).send([GRID_EVENT])
    assert azure.topic.received == [GRID_EVENT]


def test_core_pipeline(azure: LocalAzure) -> None:
    """Posting with azure-core alone, which takes a transport, publishes as the client does."""
    policies = [
        RetryPolicy(),
        BearerTokenCredentialPolicy(azure.credential("operator"), "https://eventgrid.azure.net/.default"),
    ]
    client: PipelineClient[Any, Any] = PipelineClient(ENDPOINT, policies=policies, transport=InProcessTransport(azure))
    client.send_request(HttpRequest("POST", f"{ENDPOINT}?api-version=2018-01-01", json=[GRID_EVENT])).raise_for_status()
    assert azure.topic.received == [GRID_EVENT]


def test_unavailable_is_retried(azure: LocalAzure, topic: TopicClient) -> None:
    """The client repeats what the topic could not take; an event whose answer was lost arrives twice."""
    azure.world.faults.add("unavailable", "grid publish")
    topic.send([GRID_EVENT])
    azure.world.faults.add("unavailable_applied", "grid publish")
    topic.send([CLOUD_EVENT])
    assert azure.topic.received == [GRID_EVENT, CLOUD_EVENT, CLOUD_EVENT]


@pytest.mark.parametrize("lacking", ["id", "subject", "eventType", "eventTime", "dataVersion", "data"])
def test_required_in_grid_schema(azure: LocalAzure, lacking: str) -> None:
    """An event without a required attribute is 400, and nothing of its batch is taken."""
    event = {name: value for name, value in GRID_EVENT.items() if name != lacking}
    assert post(azure, [GRID_EVENT, event]) == (400, "BadRequest")
    assert azure.topic.received == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ([CLOUD_EVENT], "application/json"),
        ([GRID_EVENT], "application/cloudevents-batch+json; charset=utf-8"),
        ([CLOUD_EVENT | {"specversion": "0.3"}], "application/cloudevents-batch+json"),
        (GRID_EVENT, "application/json"),
        (["event"], "application/json"),
        ([CLOUD_EVENT], "application/cloudevents+json"),
    ],
)
def test_wrong_schema(azure: LocalAzure, body: Any, kind: str) -> None:
    """The content type says the schema; a body of another shape is 400."""
    assert post(azure, body, kind) == (400, "BadRequest")
    assert azure.topic.received == []


def test_single_cloud_event(azure: LocalAzure) -> None:
    """One CloudEvent without a list is accepted under its own content type."""
    assert post(azure, CLOUD_EVENT, "application/cloudevents+json") == (200, "")
    assert azure.topic.received == [CLOUD_EVENT]


def test_size(azure: LocalAzure, topic: TopicClient) -> None:
    """More than 1 MiB is 413, which the client does not repeat."""
    with pytest.raises(HttpResponseError) as caught:
        topic.send([GRID_EVENT | {"data": "x" * 2**20}])
    assert caught.value.response is not None
    assert caught.value.response.status_code == 413
    assert azure.topic.received == []
    assert len(azure.log) == 1


def test_callers(azure: LocalAzure) -> None:
    """A token of another issuer is 401, which the client reports as failed authentication."""
    client = PipelineClient(ENDPOINT, policies=[], transport=InProcessTransport(azure))
    request = HttpRequest("POST", f"{ENDPOINT}?api-version=2018-01-01", json=[GRID_EVENT])
    assert client.send_request(request).status_code == 401

    class Stranger:
        def get_token(self, *_: str, **__: object) -> Any:
            token = azure.credential("operator").get_token()
            return token._replace(token="stolen")  # noqa: S106 - made up here

    stranger: Any = Stranger()
    client = TopicClient(ENDPOINT, stranger, transport=InProcessTransport(azure))
    with pytest.raises(ClientAuthenticationError):
        client.send([GRID_EVENT])
    assert azure.topic.received == []


def test_event_time_is_the_publishers(azure: LocalAzure, topic: TopicClient) -> None:
    """The topic does not touch the time that the publisher wrote."""
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    topic.send(EventGridEvent(subject="s", event_type="t", data={}, data_version="1", event_time=moment))
    assert azure.topic.received[0]["eventTime"].startswith("2020-01-01T00:00:00")
