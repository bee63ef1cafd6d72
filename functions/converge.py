"""Converge: an event about a server ends in a server that is as its team wants it."""

import azure.functions as func

from functions.wiring import current
from shared.loading import LOADING

bp = func.Blueprint()
queued = func.Blueprint()  # only for an app whose events come over a queue: nobody else has made that queue


@bp.function_name("on_server_event")
@bp.event_grid_trigger("event")
def on_server_event(event: func.EventGridEvent) -> None:
    """Something happened to a server, its tags or its backup instance: put its id on the queue, and nothing more.

    Azure gives a func.CloudEvent where the subscription delivers that schema. Raises when storage fails, so that
    Event Grid delivers again.
    """
    with LOADING:
        from shared.converge import receive

        context = current()
    receive(as_json(event), context.cloud, context.ledger)


@queued.function_name("on_queued_event")
@queued.queue_trigger("message", queue_name="events", connection="AzureWebJobsStorage")
def on_queued_event(message: func.QueueMessage) -> None:
    """The same for an app that is closed to the internet, whose events Event Grid puts on the queue `events`."""
    with LOADING:
        from shared.cloud.queue import plain
        from shared.converge import receive_text

        context = current()
    receive_text(plain(message.get_body()), context.cloud, context.ledger)


@bp.function_name("converge_server")
@bp.queue_trigger("message", queue_name="converge", connection="AzureWebJobsStorage")
def converge_server(message: func.QueueMessage) -> None:
    """One pass over one server. Returns for done, pending and blocked; raises when storage fails, or for a bug."""
    with LOADING:
        from shared.cloud.queue import plain
        from shared.converge import converge

        context = current()
    converge(plain(message.get_body()), message.id or "", context.cloud, context.ledger, context.rules, context.prices)


@bp.function_name("keep_poison")
@bp.timer_trigger("timer", schedule="0 */15 * * * *", run_on_startup=False, use_monitor=True)
def keep_poison(timer: func.TimerRequest) -> None:
    """Every 15 minutes: messages on which the app failed five times are written down, and told once."""
    with LOADING:
        from shared.poison import keep

        context = current()
    keep(context.cloud, context.ledger)


def as_json(event: func.EventGridEvent | func.CloudEvent) -> dict[str, object]:
    """An event of either schema as the JSON that Event Grid sent, as far as it matters here.

    Source: azure-functions 2.3: the converter answers a CloudEvent where the body has `specversion`, whatever the
    annotation says. Data that is no JSON counts as none.
    """
    try:
        data = event.get_json()
    except ValueError:
        data = None
    if isinstance(event, func.EventGridEvent):
        kind, when = event.event_type, event.event_time
    else:
        kind, when = event.type, event.time
    time = when.isoformat() if when else None
    return {"id": event.id, "type": kind, "subject": event.subject, "time": time, "data": data}
