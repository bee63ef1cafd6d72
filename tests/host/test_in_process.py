"""The in-process host, with real function apps and real payload types, in virtual time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
from stage import CLOUD_EVENT, GRID_EVENT, Died, Stage, die, fail

from host.in_process import InProcessHost


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


def test_crash_in_delivery(stage: Stage) -> None:
    """A process that dies while it handles an event or a timer answers nothing."""
    host = stage.host()
    stage.act = die
    with pytest.raises(Died):
        host.deliver(GRID_EVENT)
    with pytest.raises(Died):
        host.fire("sweep")


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
