"""Topics of Event Grid: system topics, which carry what Azure itself tells, and custom topics, to which one publishes.

Only the topics of Microsoft.Resources tell something: a subscription or a resource group as the source.

**Source**: `eg-system-topic` (a system topic is made at once: 200); Microsoft's examples of api-version 2022-06-15.
The refusals are in the words of azure.policy.monitor issue 12, azure-quickstart-templates issue 13688 and
terraform-provider-azurerm pull request 11352.
"""

import re

from simulator.arm import resources
from simulator.arm.event_subscriptions import SUBSCRIPTION_ROUTES, SYSTEM_TOPIC, TOPIC, start_deletion
from simulator.arm.eventgrid_operations import OPERATION_ROUTES
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response
from simulator.world import Resource, World

_ACCOUNT = r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Storage/storageAccounts/[^/]+"
SOURCES = {
    "microsoft.resources.subscriptions": r"/subscriptions/[^/]+",
    "microsoft.resources.resourcegroups": r"/subscriptions/[^/]+/resourceGroups/[^/]+",
    "microsoft.storage.storageaccounts": _ACCOUNT,
}
"""Per topic type, what its source looks like. Storage accounts can be named; nothing here lets them tell anything."""


def put_system_topic(world: World, call: Call) -> Response:
    """Make a system topic, or change its tags: 200, and it is there."""
    resources.require_group(world, call.at["sub"], call.at["group"])
    given: Json = call.body.get("properties") or {}
    source, topic_type = str(given.get("source", "")), str(given.get("topicType", ""))
    existing = world.get(call.path)
    _require_source(world, source, topic_type)
    _require_free(world, call.path, source)
    if existing and existing.body["properties"]["source"].lower() != source.lower():
        raise ArmError(400, "InvalidRequest", "System topic source cannot be modified.")
    location = str(call.body.get("location", "")).lower()
    if topic_type.lower().startswith("microsoft.resources.") and location != "global":
        # Assumed: the words; that these topics are global is documented.
        raise ArmError(400, "InvalidRequest", f"The location of a system topic for {source} must be global.")
    properties = {
        "provisioningState": "Succeeded",
        "source": source,
        "topicType": topic_type,
    }
    return json_response(200, _put(world, call, SYSTEM_TOPIC, properties, location).body)


def _require_source(world: World, source: str, topic_type: str) -> None:
    pattern = SOURCES.get(topic_type.lower())
    if pattern is None:
        raise ArmError(400, "InvalidRequest", f"Unrecognized topic type {topic_type} in system topic properties.")
    if not re.fullmatch(pattern, source, re.IGNORECASE):
        # Assumed: the words.
        raise ArmError(400, "InvalidRequest", f"The source {source} does not fit the topic type {topic_type}.")
    resources.require_scope(world, source)


def _require_free(world: World, topic_id: str, source: str) -> None:
    for other in world.of_type(SYSTEM_TOPIC):
        if other.id.lower() != topic_id.lower() and other.body["properties"]["source"].lower() == source.lower():
            message = (
                f"There is an existing tracked system topic for the given source {source}. "
                "Only one system topic is allowed per source."
            )
            raise ArmError(400, "InvalidRequest", message)


def put_topic(world: World, call: Call) -> Response:
    """Make a custom topic (201) or change it (200). Assumed: it is there at once."""
    resources.require_group(world, call.at["sub"], call.at["group"])
    location = str(call.body.get("location", "")).replace(" ", "").lower()
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    schema = (call.body.get("properties") or {}).get("inputSchema") or "EventGridSchema"
    properties = {
        "provisioningState": "Succeeded",
        "endpoint": f"https://{call.at['topic']}.{location}-1.eventgrid.azure.net/api/events".lower(),
        "inputSchema": schema,
        "publicNetworkAccess": "Enabled",
    }
    status = 200 if world.get(call.path) else 201
    return json_response(status, _put(world, call, TOPIC, properties, location).body)


def _put(world: World, call: Call, kind: str, properties: Json, location: str) -> Resource:
    existing = world.get(call.path)
    metrics = existing.body["properties"]["metricResourceId"] if existing else world.new_guid("metrics")
    body = {
        "properties": properties | {"metricResourceId": metrics},
        "location": location,
        "tags": call.body.get("tags"),
        "id": call.path,
        "name": call.at["topic"],
        "type": kind,
    }
    return world.put(call.path, kind, body)


def patch_topic(world: World, call: Call) -> Response:
    """Replace the tags of a topic. Assumed: for a custom topic too the answer is 200."""
    topic = _topic(world, call)
    if "tags" in call.body:
        topic.body["tags"] = call.body["tags"]
    return json_response(200, topic.body)


def get_topic(world: World, call: Call) -> Response:
    """One topic."""
    return json_response(200, _topic(world, call).body)


def list_topics(world: World, call: Call) -> Response:
    """The topics of one kind in a group or subscription."""
    scope, _, kind = call.path.rpartition("/providers/")
    resources.require_scope(world, scope)
    return json_response(200, {"value": [topic.body for topic in world.of_type(kind, scope)]})


def delete_topic(world: World, call: Call) -> Response:
    """Delete a topic: 202. Assumed: its event subscriptions go with it, and 204 when there is none."""
    topic = world.get(call.path)
    if topic is None:
        return empty_response(204)
    topic.body["properties"]["provisioningState"] = "Deleting"
    return start_deletion(world, call, topic.body["location"])


def _topic(world: World, call: Call) -> Resource:
    resources.require_group(world, call.at["sub"], call.at["group"])
    found = world.get(call.path)
    if found is None:
        raise resources.resource_not_found(call.path.rpartition("/providers/")[2], call.at["group"])
    return found


def _routes(kind: str) -> tuple[Route, ...]:
    group = f"/subscriptions/{{sub}}/resourceGroups/{{group}}/providers/{kind}"
    one = f"{group}/{{topic}}"
    return (
        Route("PUT", one, f"{kind}/write", put_system_topic if kind == SYSTEM_TOPIC else put_topic),
        Route("PATCH", one, f"{kind}/write", patch_topic),
        Route("GET", one, f"{kind}/read", get_topic),
        Route("DELETE", one, f"{kind}/delete", delete_topic),
        Route("GET", group, f"{kind}/read", list_topics),
        Route("GET", f"/subscriptions/{{sub}}/providers/{kind}", f"{kind}/read", list_topics),
    )


ROUTES = (*_routes(SYSTEM_TOPIC), *_routes(TOPIC), *SUBSCRIPTION_ROUTES, *OPERATION_ROUTES)
