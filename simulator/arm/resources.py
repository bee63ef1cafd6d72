"""What ARM itself serves for everybody: subscriptions and resource groups (Microsoft.Resources).

It knows no provider.
"""

import re

from simulator.arm import access
from simulator.arm.events import emit_accepted, emit_completed
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response
from simulator.world import Resource, World, effect

__all__ = ["ROUTES", "emit_accepted", "emit_completed", "require_group", "require_scope", "resource_not_found"]

SUBSCRIPTION, GROUP = "microsoft.resources/subscriptions", "microsoft.resources/subscriptions/resourcegroups"
PLAYED = ("microsoft.dbforpostgresql/", "microsoft.dataprotection/", "microsoft.eventgrid/")
GATEWAY = {"x-ms-failure-cause": "gateway"}
GROUP_DELETION_S = (30.0, 90.0)  # Assumed: no recording shows one from start to end.
SCOPE = re.compile(
    r"/subscriptions/(?P<sub>[^/]+)(?:/resourceGroups/(?P<group>[^/]+)(?:/providers/(?P<type>[^/]+/.+))?)?",
    re.IGNORECASE,
)


# -- what must exist ---------------------------------------------------------------------------------------------


def require_subscription(world: World, subscription_id: str) -> Resource:
    """The subscription. Raises ArmError 404 `SubscriptionNotFound`."""
    found = world.get(f"/subscriptions/{subscription_id}")
    if found is None:
        message = f"The subscription '{subscription_id}' could not be found."
        raise ArmError(404, "SubscriptionNotFound", message, headers=GATEWAY)
    return found


def require_group(world: World, subscription_id: str, group: str) -> Resource:
    """The resource group. Raises ArmError 404 `SubscriptionNotFound` or `ResourceGroupNotFound`.

    **Source**: `dp-disk-create-delete-404rg-2023-07-07`.
    """
    require_subscription(world, subscription_id)
    found = world.get(f"/subscriptions/{subscription_id}/resourceGroups/{group}")
    if found is None:
        message = f"Resource group '{group}' could not be found."
        raise ArmError(404, "ResourceGroupNotFound", message, headers=GATEWAY)
    return found


def resource_not_found(resource_type: str, group: str) -> ArmError:
    """ARM's 404 for a resource, type and name as in "Microsoft.X/servers/name" (`aso-pg-flexibleserver-20221201`)."""
    message = (
        f"The Resource '{resource_type}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return ArmError(404, "ResourceNotFound", message, headers=GATEWAY)


def require_scope(world: World, scope: str) -> None:
    """Raises ArmError 404 unless the scope is there; a resource that no provider here plays counts as there."""
    match = SCOPE.fullmatch(scope)
    if not match:
        return
    if match["group"]:
        require_group(world, match["sub"], match["group"])
    else:
        require_subscription(world, match["sub"])
    if match["type"] and match["type"].lower().startswith(PLAYED) and world.get(scope) is None:
        raise resource_not_found(match["type"], match["group"])


# -- subscriptions -----------------------------------------------------------------------------------------------


def put_subscription(world: World, call: Call) -> Response:
    """Make a subscription. The local Azure's own operation: real ones come from billing."""
    guid = call.at["sub"]
    body: Json = {
        "id": f"/subscriptions/{guid}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": guid,
        "tenantId": world.tenant_id,
        "displayName": call.body.get("displayName") or f"subscription {guid}",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "EnterpriseAgreement_2014-09-01",
        },
        "tags": call.body.get("tags") or {},
    }
    return json_response(200, world.put(call.path, SUBSCRIPTION, body).body)


def get_subscription(world: World, call: Call) -> Response:
    """One subscription."""
    return json_response(200, require_subscription(world, call.at["sub"]).body)


def list_subscriptions(world: World, call: Call) -> Response:
    """The subscriptions that the caller may read."""
    read = "Microsoft.Resources/subscriptions/read"
    visible = (each for each in world.of_type(SUBSCRIPTION) if access.permitted(world, call.caller, read, each.id))
    return json_response(200, {"value": [each.body for each in visible]})


# -- resource groups ---------------------------------------------------------------------------------------------


def put_group(world: World, call: Call) -> Response:
    """Make a resource group (201) or change its tags (200)."""
    require_subscription(world, call.at["sub"])
    existing = world.get(call.path)
    if existing:
        existing.body["tags"] = call.body.get("tags") or {}
        return json_response(200, existing.body)
    if not call.body.get("location"):
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    group_id = f"/subscriptions/{call.at['sub']}/resourceGroups/{call.at['group']}"  # however the caller spelt it
    body = {
        "id": group_id,
        "name": call.at["group"],
        "type": "Microsoft.Resources/resourceGroups",
        "location": call.body["location"].replace(" ", "").lower(),
        "tags": call.body.get("tags") or {},
        "properties": {"provisioningState": "Succeeded"},
    }
    return json_response(201, world.put(group_id, GROUP, body).body)


def get_group(world: World, call: Call) -> Response:
    """One resource group."""
    return json_response(200, require_group(world, call.at["sub"], call.at["group"]).body)


def patch_group(world: World, call: Call) -> Response:
    """Replace a resource group's tags."""
    group = require_group(world, call.at["sub"], call.at["group"])
    if "tags" in call.body:
        group.body["tags"] = call.body["tags"] or {}
    return json_response(200, group.body)


def head_group(world: World, call: Call) -> Response:
    """Whether a resource group is there: 204 or 404."""
    require_subscription(world, call.at["sub"])
    return empty_response(204 if world.get(call.path) else 404)


def list_groups(world: World, call: Call) -> Response:
    """The resource groups of a subscription."""
    subscription = require_subscription(world, call.at["sub"])
    return json_response(200, {"value": [group.body for group in world.of_type(GROUP, subscription.id)]})


def delete_group(world: World, call: Call) -> Response:
    """Start to delete a resource group with everything in it: 202, and 200 at its Location in the end."""
    group = require_group(world, call.at["sub"], call.at["group"])
    group.body["properties"]["provisioningState"] = "Deleting"
    operation = f"/subscriptions/{call.at['sub']}/operationresults/{world.new_guid('group')}"
    world.put(operation, "microsoft.resources/operationresults", {"status": "Running"})
    shortest, longest = GROUP_DELETION_S
    after_s = world.random("delete group", call.path.lower(), world.now).uniform(shortest, longest)
    world.schedule(after_s, finish_group_deletion, group_id=group.id, operation=operation, caller=call.caller)
    location = f"https://management.azure.com{operation}?api-version={call.api_version}"
    return empty_response(202, {"location": location, "retry-after": "15"})


@effect
def finish_group_deletion(world: World, group_id: str, operation: str, caller: str) -> None:
    """Remove the group and everything below it. Assumed: nothing in it can refuse, not even a vault with instances."""
    forget(world, group_id)
    world.put(operation, "microsoft.resources/operationresults", {"status": "Succeeded"})
    emit_completed(world, group_id, "Microsoft.Resources/subscriptions/resourceGroups/delete", caller)


def forget(world: World, resource_id: str) -> None:
    """Remove a resource with its children and the role assignments on it."""
    prefix = resource_id.lower() + "/"
    for key in [key for key in world.resources if key.startswith(prefix)]:
        child = world.resources.get(key)
        if child and child.type == access.ASSIGNMENT.lower():
            access.revoke(world, child)
        elif child:
            world.remove(key)
    world.remove(resource_id)


def get_operation_result(world: World, call: Call) -> Response:
    """How the deletion of a resource group goes: 202 while it runs, 200 after."""
    operation = world.get(call.path)
    if operation is None:
        raise ArmError(404, "OperationNotFound", "The operation was not found.", headers=GATEWAY)
    if operation.body["status"] == "Running":
        return empty_response(202, {"location": call.request.url, "retry-after": "15"})
    return empty_response(200)


_SUB, _GROUP = "/subscriptions/{sub}", "/subscriptions/{sub}/resourceGroups/{group}"
_S, _G = "Microsoft.Resources/subscriptions", "Microsoft.Resources/subscriptions/resourceGroups"
ROUTES = (
    Route("PUT", _SUB, f"{_S}/write", put_subscription),
    Route("GET", _SUB, f"{_S}/read", get_subscription),
    Route("GET", "/subscriptions", f"{_S}/read", list_subscriptions),
    Route("PUT", _GROUP, f"{_G}/write", put_group),
    Route("PATCH", _GROUP, f"{_G}/write", patch_group),
    Route("GET", _GROUP, f"{_G}/read", get_group),
    Route("HEAD", _GROUP, f"{_G}/read", head_group),
    Route("DELETE", _GROUP, f"{_G}/delete", delete_group),
    Route("GET", f"{_SUB}/resourceGroups", f"{_G}/read", list_groups),
    Route("GET", f"{_SUB}/operationresults/{{operation}}", f"{_S}/operationresults/read", get_operation_result),
)
