"""Asks the owner of a webhook whether it wants the events, before any event is sent to it.

State is `hidden["handshake"]` of an event subscription: {state, code, tries, since, flight, problem}. This file decides
that the endpoint is proven or not; what follows for the subscription is `arm/event_subscriptions.py`.

**Source**: Microsoft, "Webhook event delivery" (validation event, 200 alone is an answer, 30 seconds, again after 5,
the link that is good for 5 minutes), "CloudEvents v1.0" abuse protection (OPTIONS). The words of a failure are as seen
in azure-cli issue 21006 and logicapps issue 449.
"""

import json
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from simulator.event_mail import ANSWER_WITHIN_S
from simulator.event_schemas import CLOUD
from simulator.wire import Json, Request, Response, empty_response, json_response, stamp
from simulator.world import Resource, World, effect

WANTED, ASKED, MANUAL, PROVEN, FAILED = "wanted", "asked", "manual", "proven", "failed"
"""To be asked · waits for the answer · waits for the link to be opened · the endpoint agreed · it did not."""

ORIGIN = "eventgrid.azure.net"
TRIES = 3  # Assumed: the document says "it may be reattempted after 5 seconds", not how often.
AGAIN_AFTER_S = 5
LINK_LIFE_S = 300
HELP = "For troublehooting, visit https://aka.ms/esvalidation."  # spelt so by the service


def begin(world: World, subscription: Resource) -> None:
    """Want the endpoint of a webhook to be asked; every other destination needs no proof."""
    is_webhook = subscription.body["properties"]["destination"]["endpointType"] == "WebHook"
    code = world.new_guid("validation").upper()
    state = WANTED if is_webhook else PROVEN
    subscription.hidden["handshake"] = {
        "state": state, "code": code, "tries": 0, "since": stamp(world.now), "flight": "", "problem": ""
    }  # fmt: skip


def state_of(subscription: Resource) -> str:
    """How far the handshake is: one of the five words above."""
    return str(subscription.hidden["handshake"]["state"])


def ask(world: World, subscription: Resource) -> tuple[str, str, dict[str, str], bytes]:
    """The question as a request: the name of the attempt, method, headers and body. An answer is due in 30 seconds."""
    handshake = subscription.hidden["handshake"]
    attempt_id = world.new_guid("handshake")
    handshake |= {"state": ASKED, "tries": handshake["tries"] + 1, "flight": attempt_id}
    world.schedule(ANSWER_WITHIN_S, no_answer, subscription_id=subscription.id, attempt_id=attempt_id)
    link = link_of(subscription)
    if subscription.body["properties"].get("eventDeliverySchema") == CLOUD:
        return attempt_id, "OPTIONS", {"webhook-request-origin": ORIGIN, "webhook-request-callback": link}, b""
    headers = {"content-type": "application/json; charset=utf-8", "aeg-event-type": "SubscriptionValidation"}
    return attempt_id, "POST", headers, json.dumps([_validation_event(world, subscription, link)]).encode()


def _validation_event(world: World, subscription: Resource, link: str) -> Json:
    return {
        "id": world.new_guid("event"),
        "topic": subscription.body["properties"]["topic"],
        "subject": "",
        "data": {"validationCode": subscription.hidden["handshake"]["code"], "validationUrl": link},
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": stamp(world.now),
        "metadataVersion": "1",
        "dataVersion": "1",
    }


def hear(
    world: World, subscription: Resource, attempt_id: str, status: int | None, headers: dict[str, str], body: bytes
) -> None:
    """Take the answer of the endpoint; None is no answer. Only 200 counts, and it has to give the code back."""
    handshake = subscription.hidden["handshake"]
    if handshake["flight"] != attempt_id or handshake["state"] != ASKED:
        return
    if status != HTTPStatus.OK:
        code = HTTPStatus(status).phrase.replace(" ", "") if status in set(HTTPStatus) else "Unknown"
        _fail(world, subscription, f"Http POST request failed with response code {code}.")
    elif _agrees(subscription, headers, body):
        handshake["state"] = PROVEN
    else:
        # the endpoint may still be proven by hand
        handshake |= {"state": MANUAL, "since": stamp(world.now)}
        subscription.body["properties"]["provisioningState"] = "AwaitingManualAction"
        world.schedule(LINK_LIFE_S, close_link, subscription_id=subscription.id, code=handshake["code"])


def _agrees(subscription: Resource, headers: dict[str, str], body: bytes) -> bool:
    if subscription.body["properties"].get("eventDeliverySchema") == CLOUD:
        allowed = {name.lower(): value for name, value in headers.items()}.get("webhook-allowed-origin", "")
        return allowed.strip().lower() in ("*", ORIGIN)
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    code = str(subscription.hidden["handshake"]["code"])
    return isinstance(answer, dict) and str(answer.get("validationResponse", "")).lower() == code.lower()


def _fail(world: World, subscription: Resource, problem: str) -> None:
    handshake = subscription.hidden["handshake"]
    again = handshake["tries"] < TRIES
    handshake |= {"state": ASKED if again else FAILED, "flight": "", "problem": problem}
    if again:
        world.schedule(AGAIN_AFTER_S, ask_again, subscription_id=subscription.id, code=handshake["code"])


@effect
def no_answer(world: World, subscription_id: str, attempt_id: str) -> None:
    """Give up waiting for the answer to the question."""
    subscription = world.get(subscription_id)
    if subscription and subscription.hidden["handshake"]["flight"] == attempt_id and state_of(subscription) == ASKED:
        _fail(world, subscription, "Http POST request failed with response code Unknown.")


@effect
def ask_again(world: World, subscription_id: str, code: str) -> None:
    """Want the endpoint to be asked once more, unless another handshake began."""
    subscription = world.get(subscription_id)
    if subscription and subscription.hidden["handshake"]["code"] == code:
        subscription.hidden["handshake"]["state"] = WANTED


# -- by hand -----------------------------------------------------------------------------------------------------


def link_of(subscription: Resource) -> str:
    """The link that proves the endpoint when it is opened."""
    handshake = subscription.hidden["handshake"]
    query = urlencode({"id": handshake["code"], "t": handshake["since"], "apiVersion": "2022-06-15"})
    host, name = f"rp-{subscription.hidden['location']}.{ORIGIN}:553", subscription.body["name"]
    return f"https://{host}/eventsubscriptions/{name}/validate?{query}"


@effect
def close_link(world: World, subscription_id: str, code: str) -> None:
    """The link was not opened in time."""
    subscription = world.get(subscription_id)
    if subscription and subscription.hidden["handshake"]["code"] == code and state_of(subscription) == MANUAL:
        problem = (
            "Http POST request retuned 2XX response with response body . When a validation request is accepted without "
            "validation code in the response body, Http GET is expected on the validation url included in the "
            "validation event(within 5 minutes)."
        )
        subscription.hidden["handshake"] |= {"state": FAILED, "problem": problem}


def open_link(world: World, subscriptions: list[Resource], request: Request) -> Response:
    """Answer who opens such a link. Assumed: the words of the answer, and 404 for a link that is not good any more."""
    for subscription in subscriptions:
        handshake = subscription.hidden["handshake"]
        is_meant = handshake["code"] == request.query.get("id") and handshake["state"] == MANUAL
        if is_meant and world.now - datetime.fromisoformat(handshake["since"]) <= timedelta(seconds=LINK_LIFE_S):
            handshake["state"] = PROVEN
            return json_response(200, "Webhook successfully validated as a subscription endpoint.")
    return empty_response(404)


def problem_of(world: World, subscription: Resource) -> Json:
    """Why the handshake failed, as the error of the operation that made the subscription."""
    when = world.now.strftime("%-m/%-d/%Y %-I:%M:%S %p (UTC)")
    url, problem = subscription.hidden["url"].partition("?")[0], subscription.hidden["handshake"]["problem"]
    activity = world.new_guid("activity")
    words = f"Webhook validation handshake failed for {url}. {problem} {HELP}"
    return {"code": "Url validation", "message": f"{words} Activity id:{activity}, timestamp: {when}."}
