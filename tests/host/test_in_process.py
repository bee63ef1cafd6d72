"""The in-process host, with real function apps, real payload types and the real queue client, in virtual time."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
from azure.storage.queue import QueueServiceClient

from host.in_process import InProcessHost
from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport

GRID_EVENT = {
    "id": "1",
    "topic": "/subscriptions/s",
    "subject": "/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/a",
    "eventType": "Microsoft.Resources.ResourceWriteSuccess",
    "eventTime": "2026-11-23T08:00:00.1234567Z",
    "data": {"operationName": "write"},
    "dataVersion": "2",
    "metadataVersion": "1",
}
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "2",
    "source": "/subscriptions/s",
    "type": "Microsoft.ResourceNotifications.Resources.CreatedOrUpdated",
    "subject": GRID_EVENT["subject"],
    "time": "2026-11-23T08:00:00Z",
    "data": {"resourceInfo": {}},
    "cause": "test",
}
SETTINGS = {"CONVERGE_QUEUE": "converge", "SWEEP_SCHEDULE": "0 0 * * * *"}


class Died(BaseException):
    """The process is gone."""


class Stage:
    """An app whose functions write down what they get and do what the test says."""

    def __init__(self) -> None:
        self.azure = LocalAzure()
        self.got: list[Any] = []
        self.act: Callable[[Any], Any] = lambda _: None
        self.app = func.FunctionApp()
        self.app.event_grid_trigger("event")(self.on_event)
        self.app.queue_trigger("message", "%CONVERGE_QUEUE%", "AzureWebJobsStorage")(self.converge)
        self.app.queue_trigger("message", "%CONVERGE_QUEUE%-poison", "AzureWebJobsStorage")(self.keep_poison)
        self.app.timer_trigger("timer", "%SWEEP_SCHEDULE%")(self.sweep)
        self.app.timer_trigger("timer", "0 */15 * * * *")(self.watch)
        blueprint = func.Blueprint()
        blueprint.route("status", auth_level=func.AuthLevel.ANONYMOUS)(self.status)
        self.app.register_functions(blueprint)

    def on_event(self, event: func.EventGridEvent) -> None:
        """The event trigger."""
        self.take(event)

    def converge(self, message: func.QueueMessage) -> None:
        """The queue trigger."""
        self.take(message)

    def keep_poison(self, message: func.QueueMessage) -> None:
        """The trigger of the poison queue."""
        self.take(message)

    async def sweep(self, timer: func.TimerRequest) -> None:
        """The hourly timer."""
        self.take(timer)

    def watch(self, timer: func.TimerRequest) -> None:
        """The timer of every quarter."""
        self.take(timer)

    def status(self, _req: func.HttpRequest) -> func.HttpResponse:
        """The page."""
        return func.HttpResponse("ok")

    def take(self, payload: Any) -> None:
        """What every function does."""
        self.got.append(payload)
        self.act(payload)

    def host(self, **queues: Any) -> InProcessHost:
        """A host that starts now."""
        host_json = {"version": "2.0", "extensions": {"queues": queues}}
        return InProcessHost(self.app, self.clients(), host_json=host_json, settings=SETTINGS)

    def clients(self) -> QueueServiceClient:
        """The real client of the account."""
        return QueueServiceClient(
            "https://flexguard.queue.core.windows.net",
            credential=self.azure.credential("operator"),
            transport=InProcessTransport(self.azure),
            retry_total=0,
        )

    def send(self, text: str, queue: str = "converge") -> None:
        """Put a message as the host expects it."""
        self.clients().get_queue_client(queue).send_message(base64.b64encode(text.encode()).decode())

    def texts(self, queue: str) -> list[str]:
        """What is in a queue, held or not."""
        return [base64.b64decode(m.text).decode() for m in self.azure.queues.messages(queue)]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def fail(_: Any) -> None:
    msg = "a bug"
    raise RuntimeError(msg)


# -- starting ------------------------------------------------------------------------------------------------------


def test_names_and_queues(stage: Stage) -> None:
    """The host knows every function by name and makes the queues that its triggers need."""
    host = stage.host()
    assert host.names == ["on_event", "converge", "keep_poison", "sweep", "watch", "status"]
    assert sorted(stage.azure.queues.queues) == ["converge", "converge-poison"]
    assert stage.host().failures == []  # a second host finds them and is content


def app_with(trigger: Callable[[func.FunctionApp], Any]) -> func.FunctionApp:
    app = func.FunctionApp()
    trigger(app)
    return app


def unset(app: func.FunctionApp) -> Any:
    @app.timer_trigger("timer", "%NOWHERE%")
    def sweep(timer: func.TimerRequest) -> None: ...


def bad_schedule(app: func.FunctionApp) -> Any:
    @app.timer_trigger("timer", "0 0 25 * * *")
    def sweep(timer: func.TimerRequest) -> None: ...


def output(app: func.FunctionApp) -> Any:
    @app.event_grid_trigger("event")
    @app.queue_output("out", "converge", "AzureWebJobsStorage")
    def on_event(event: func.EventGridEvent, out: func.Out[str]) -> None: ...


def shared_queue(app: func.FunctionApp) -> Any:
    for name in ("one", "two"):

        @app.function_name(name)
        @app.queue_trigger("message", "converge", "AzureWebJobsStorage")
        def converge(message: func.QueueMessage) -> None: ...


@pytest.mark.parametrize(
    ("trigger", "says"),
    [(unset, "NOWHERE"), (bad_schedule, "sweep.*hour"), (output, "on_event.*out"), (shared_queue, "another function")],
)
def test_refused_at_start(stage: Stage, trigger: Callable[[func.FunctionApp], Any], says: str) -> None:
    """An app that a host cannot start, or that uses what this one does not play, is refused by name."""
    with pytest.raises(ValueError, match=says):
        InProcessHost(app_with(trigger), stage.clients(), host_json={}, settings={})


# -- events --------------------------------------------------------------------------------------------------------


def test_event_grid_schema(stage: Stage) -> None:
    """An event in Event Grid's schema arrives as the worker's own EventGridEvent, with seven digits of time."""
    assert stage.host().deliver(GRID_EVENT) == 202
    (event,) = stage.got
    assert isinstance(event, func.EventGridEvent)
    assert (event.id, event.topic, event.subject) == ("1", "/subscriptions/s", GRID_EVENT["subject"])
    assert event.event_type == "Microsoft.Resources.ResourceWriteSuccess"
    assert event.event_time == datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)
    assert event.get_json() == {"operationName": "write"}


def test_cloud_schema(stage: Stage) -> None:
    """A CloudEvent arrives as a CloudEvent, whatever the function's annotation says."""
    assert stage.host().deliver(CLOUD_EVENT) == 202
    (event,) = stage.got
    assert isinstance(event, func.CloudEvent)
    assert (event.id, event.source, event.type) == ("2", CLOUD_EVENT["source"], CLOUD_EVENT["type"])
    assert event.subject == CLOUD_EVENT["subject"]


@pytest.mark.parametrize("event", [GRID_EVENT, GRID_EVENT | {"eventTime": "yesterday"}])
def test_failed_delivery(stage: Stage, event: dict[str, Any]) -> None:
    """A function that raises, or a payload that cannot be converted, is a 500, and the reason is kept."""
    stage.act = fail
    host = stage.host()
    assert host.deliver(event) == 500
    assert [(f.function, f.subject) for f in host.failures] == [("on_event", "1")]
    stage.act = lambda _: None
    assert host.deliver(GRID_EVENT) == 202


# -- queues --------------------------------------------------------------------------------------------------------


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

    def die(_: Any) -> None:
        raise Died

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


def test_crash_in_delivery(stage: Stage) -> None:
    """A process that dies while it handles an event or a timer answers nothing."""

    def die(_: Any) -> None:
        raise Died

    host = stage.host()
    stage.act = die
    with pytest.raises(Died):
        host.deliver(GRID_EVENT)
    with pytest.raises(Died):
        host.fire("sweep")


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


# -- timers --------------------------------------------------------------------------------------------------------


def test_fire(stage: Stage) -> None:
    """A timer's function, asynchronous or not, gets a timer request; a failure is told and kept."""
    host = stage.host()
    assert host.fire("sweep")
    assert host.fire("watch", past_due=True)
    assert [type(t).__mro__[1] for t in stage.got] == [func.TimerRequest] * 2
    assert [t.past_due for t in stage.got] == [False, True]
    stage.act = fail
    assert not host.fire("sweep")
    assert (host.failures[0].function, str(host.failures[0].error)) == ("sweep", "a bug")
    with pytest.raises(KeyError):
        host.fire("converge")


def test_next_timer(stage: Stage) -> None:
    """The next timer is the earliest of all schedules, settings resolved; at one moment all can be had."""
    host, eight = stage.host(), datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    quarter = timedelta(minutes=15)
    assert host.next_timer(eight) == (eight + quarter, "watch")
    assert host.next_timer(eight + 3 * quarter) == (eight + 4 * quarter, "sweep")
    assert list(host.timers_due(eight, eight + 4 * quarter)) == [
        (eight + quarter, "watch"),
        (eight + 2 * quarter, "watch"),
        (eight + 3 * quarter, "watch"),
        (eight + 4 * quarter, "sweep"),
        (eight + 4 * quarter, "watch"),
    ]
    assert InProcessHost(func.FunctionApp(), stage.clients(), host_json={}, settings={}).next_timer(eight) is None


def test_returned_value(stage: Stage) -> None:
    """A function that returns something without a binding for it has failed, as in the worker."""
    app = func.FunctionApp()

    @app.timer_trigger("timer", "0 0 * * * *")
    def sweep(timer: func.TimerRequest) -> int:
        return 1 + timer.past_due

    host = InProcessHost(app, stage.clients(), host_json={}, settings={})
    assert not host.fire("sweep")
    assert "non-None" in str(host.failures[0].error)
