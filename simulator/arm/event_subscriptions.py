"""Event subscriptions of Event Grid: what is wanted (filter), where it goes (destination), how stubbornly (policy).

They hang on a system topic, a custom topic, or as an extension on a subscription, group or topic. Here they are made
and shown; events are sent by `simulator/delivery.py`.

**Source**: `eg-system-topic`; Microsoft's examples of api-version 2022-06-15 for the extension form and for
destinations other than a webhook.
"""

from simulator import event_mail, handshake
from simulator.arm import eventgrid_operations, resources
from simulator.arm.event_subscription_body import (
    BLOB_EVENTS,
    OPTIONAL,
    RESOURCE_EVENTS,
    finished_properties,
    new_properties,
)
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response, stamp
from simulator.world import Resource, World, effect

TYPE = "Microsoft.EventGrid/eventSubscriptions"
SYSTEM_TOPIC, TOPIC = "Microsoft.EventGrid/systemTopics", "Microsoft.EventGrid/topics"
LATENCIES_S = {"create": (41.0, 70.0), "update": (2.0, 11.0), "delete": (2.0, 11.0)}
"""**Source**: `eg-system-topic`: made after 41 to 70 seconds. Assumed: how fast the others can be; they took < 11."""

LOOK_AGAIN_S = 5  # how often an operation looks whether the handshake is over


# -- writing -----------------------------------------------------------------------------------------------------


def put(world: World, call: Call) -> Response:
    """Make or change an event subscription: 201 Creating or Updating, and an operation to poll."""
    return _write(world, call, call.body.get("properties") or {})


def patch(world: World, call: Call) -> Response:
    """Change some settings of an event subscription: 201 Updating. The body has no `properties` around it."""
    existing = _subscription(world, call)
    kept = {name: existing.body["properties"].get(name) for name in ("filter", "labels", "retryPolicy")}
    kept |= {name: existing.body["properties"][name] for name in OPTIONAL if name in existing.body["properties"]}
    return _write(world, call, kept | {"destination": existing.hidden["given"]} | call.body)


def _write(world: World, call: Call, given: Json) -> Response:
    topic = _require_parent(world, call)
    existing = world.get(call.path)
    properties = new_properties(given, topic, _usual_types(world, topic), "Updating" if existing else "Creating")
    body = {"properties": properties, "id": call.path, "name": call.at["name"], "type": _type(call)}
    hidden = existing.hidden if existing else event_mail.new_mail() | {"enabled_at": ""}
    destination = given["destination"]
    url = (destination.get("properties") or {}).get("endpointUrl") or hidden.get("url", "")
    hidden |= {"given": destination, "url": url, "location": _location(world, topic)}
    subscription = world.put(call.path, _type(call), body, **hidden)
    handshake.begin(world, subscription)
    operation_id, headers = eventgrid_operations.start(world, call, subscription.hidden["location"])
    subscription.hidden["operation"] = operation_id
    after_s = _latency(world, call, "update" if existing else "create")
    world.schedule(
        after_s, finish, subscription_id=call.path, operation_id=operation_id, action=call.action, caller=call.caller
    )
    return json_response(201, body, {"azure-asyncoperation": headers["azure-asyncoperation"]})


@effect
def finish(world: World, subscription_id: str, operation_id: str, action: str, caller: str) -> None:
    """Let an event subscription become ready once its endpoint is proven, or fail; until then look again."""
    subscription = world.get(subscription_id)
    if subscription is None or subscription.hidden["operation"] != operation_id:
        eventgrid_operations.end(world, operation_id)  # Assumed: an operation that a later one overtook ends well.
        return
    state = handshake.state_of(subscription)
    properties = subscription.body["properties"]
    if state == handshake.PROVEN:
        subscription.body["properties"] = finished_properties(properties)
        subscription.hidden["enabled_at"] = subscription.hidden["enabled_at"] or stamp(world.now)
        eventgrid_operations.end(world, operation_id)
        resources.emit_completed(world, subscription_id, action, caller)
    elif state == handshake.FAILED:
        # Assumed: a subscription whose endpoint was proven before stops too.
        properties["provisioningState"], subscription.hidden["enabled_at"] = "Failed", ""
        eventgrid_operations.end(world, operation_id, handshake.problem_of(world, subscription))
    else:
        again = {"subscription_id": subscription_id, "operation_id": operation_id, "action": action, "caller": caller}
        world.schedule(LOOK_AGAIN_S, finish, **again)


def delete(world: World, call: Call) -> Response:
    """Delete an event subscription with the events that wait in it: 202. Assumed: 204 when there is none."""
    subscription = world.get(call.path)
    if subscription is None:
        return empty_response(204)
    subscription.body["properties"]["provisioningState"], subscription.hidden["enabled_at"] = "Deleting", ""
    return start_deletion(world, call, subscription.hidden["location"])


def start_deletion(world: World, call: Call, location: str) -> Response:
    """Start to delete a resource of Event Grid and all below it."""
    operation_id, headers = eventgrid_operations.start(world, call, location)
    after_s = _latency(world, call, "delete")
    world.schedule(
        after_s,
        finish_deletion,
        resource_id=call.path,
        operation_id=operation_id,
        action=call.action,
        caller=call.caller,
    )
    return empty_response(202, headers)


@effect
def finish_deletion(world: World, resource_id: str, operation_id: str, action: str, caller: str) -> None:
    """Let a resource of Event Grid be gone."""
    resources.forget(world, resource_id)
    eventgrid_operations.end(world, operation_id)
    resources.emit_completed(world, resource_id, action, caller)


def _latency(world: World, call: Call, kind: str) -> float:
    shortest, longest = LATENCIES_S[kind]
    return world.random("event grid", kind, call.path.lower(), world.now).uniform(shortest, longest)


# -- reading -----------------------------------------------------------------------------------------------------


def get(world: World, call: Call) -> Response:
    """One event subscription, without the secret part of its URL."""
    return json_response(200, _subscription(world, call).body)


def list_all(world: World, call: Call) -> Response:
    """The event subscriptions of a topic, or the extension ones right on a scope."""
    topic = _require_parent(world, call)
    found = world.of_type(_type(call), topic)
    return json_response(200, {"value": [each.body for each in found if each.body["properties"]["topic"] == topic]})


def get_full_url(world: World, call: Call) -> Response:
    """The whole URL of the endpoint, secret and all."""
    return json_response(200, {"endpointUrl": _subscription(world, call).hidden["url"] or None})


def _subscription(world: World, call: Call) -> Resource:
    name = call.path.rpartition("/")[0] if call.request.method == "POST" else call.path
    found = world.get(name)
    if found is None:
        # Assumed: code and words.
        raise ArmError(404, "ResourceNotFound", f"The event subscription '{call.at['name']}' was not found.")
    return found


# -- what they hang on -------------------------------------------------------------------------------------------


def _require_parent(world: World, call: Call) -> str:
    """The id of what the event subscription hangs on, as it was written when that was made."""
    parent = call.at.get("scope") or call.path.rpartition("/eventSubscriptions")[0]
    resources.require_scope(world, parent)
    found = world.get(parent)
    if found is None:
        raise resources.resource_not_found(parent.rpartition("/providers/")[2], call.at.get("group", ""))
    return found.id


def _usual_types(world: World, topic: str) -> list[str]:
    found = world.get(topic)
    if found is None or found.type == TOPIC.lower():
        return [] if found else RESOURCE_EVENTS
    kind = str(found.body.get("properties", {}).get("topicType", "")).lower()
    return BLOB_EVENTS if kind == "microsoft.storage.storageaccounts" else RESOURCE_EVENTS


def _location(world: World, topic: str) -> str:
    found = world.get(topic)
    played = found is not None and found.type in (TOPIC.lower(), SYSTEM_TOPIC.lower())
    return str(found.body["location"]) if found and played else "global"


def _type(call: Call) -> str:
    if "scope" in call.at:
        return TYPE
    kind = SYSTEM_TOPIC if "/systemtopics/" in call.path.lower() else TOPIC
    return f"{kind}/eventSubscriptions"


def _routes(place: str, action: str) -> tuple[Route, ...]:
    one = f"{place}/{{name}}"
    return (
        Route("PUT", one, f"{action}/write", put),
        Route("PATCH", one, f"{action}/write", patch),
        Route("GET", one, f"{action}/read", get),
        Route("DELETE", one, f"{action}/delete", delete),
        Route("GET", place, f"{action}/read", list_all),
        Route("POST", f"{one}/getFullUrl", f"{action}/getFullUrl/action", get_full_url),
    )


_GROUP = "/subscriptions/{sub}/resourceGroups/{group}/providers"
SUBSCRIPTION_ROUTES = (
    *_routes(f"{_GROUP}/{SYSTEM_TOPIC}/{{topic}}/eventSubscriptions", f"{SYSTEM_TOPIC}/eventSubscriptions"),
    *_routes(f"{_GROUP}/{TOPIC}/{{topic}}/eventSubscriptions", f"{TOPIC}/eventSubscriptions"),
    *_routes(f"{{scope}}/providers/{TYPE}", TYPE),
)
