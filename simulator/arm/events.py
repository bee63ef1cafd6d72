"""The ARM events of the world: what Event Grid's resource topic says about a write, a deletion or an action.

**Source**: Microsoft's samples `resource_write_success`, `resource_delete_success`, `resource_action_success`.
It only appends to `world.outbox`; delivery is somebody else's.
"""

import re
from http import HTTPStatus

from simulator.arm import access
from simulator.arm.routing import Call
from simulator.wire import Json, Response, stamp
from simulator.world import World

KINDS = {"write": "ResourceWriteSuccess", "delete": "ResourceDeleteSuccess", "action": "ResourceActionSuccess"}
ARM = "https://management.azure.com"


def emit_accepted(world: World, call: Call, response: Response) -> None:
    """Say that a write was accepted; for a long operation only if `behaviour.event_when` says so.

    Assumed: of a long operation the events come at acceptance and at completion (`behaviour.event_when`).
    """
    if response.status == HTTPStatus.NO_CONTENT:
        return  # Assumed: deleting what is not there makes no event.
    is_long = response.status == HTTPStatus.ACCEPTED or "azure-asyncoperation" in {
        name.lower() for name in response.headers
    }
    if is_long and world.behaviour.event_when == "completed":
        return
    is_action = call.action.lower().endswith("/action")
    subject = call.path.rsplit("/", 1)[0] if is_action else call.path
    # httpRequest is there only when something was updated, deleted or acted on.
    is_new = call.request.method == "PUT" and call.path.lower() not in world.journal.newest
    _emit(world, subject, call.action, call.caller, None if is_new else call)


def emit_completed(world: World, resource_id: str, action: str, caller: str) -> None:
    """Say that a long operation on a resource ended well, if `behaviour.event_when` says so."""
    if world.behaviour.event_when != "accepted":
        _emit(world, resource_id, action, caller, None)


def _emit(world: World, subject: str, action: str, caller: str, call: Call | None) -> None:
    scope = re.match(r"/subscriptions/([^/]+)(?:/resourceGroups/[^/]+)?", subject, re.IGNORECASE)
    kind = KINDS.get(action.rpartition("/")[2].lower())
    if not scope or not kind:
        return  # Not below a subscription (Resource Graph), or a read that is a POST: no event.
    uri = re.sub(r"(?i)/resourceGroups/", "/resourcegroups/", subject, count=1) if kind == KINDS["write"] else subject
    data: Json = {
        "authorization": {"scope": uri, "action": action, "evidence": _evidence(world, caller, action, subject)},
        "claims": _claims(world, caller),
        "correlationId": world.new_guid("correlation"),
        "resourceProvider": action.partition("/")[0],
        "resourceUri": uri,
        "operationName": action,
        "status": "Succeeded",
        "subscriptionId": scope[1],
        "tenantId": world.tenant_id,
    }
    if call:
        data["httpRequest"] = {
            "clientRequestId": call.request.headers.get("x-ms-client-request-id", ""),
            "clientIpAddress": "203.0.113.7",
            "method": call.request.method,
            "url": call.request.url,
        }
    world.outbox.append(
        {
            "subject": uri,
            "eventType": f"Microsoft.Resources.{kind}",
            "eventTime": stamp(world.now),
            "id": world.new_guid("event"),
            "data": data,
            "dataVersion": "2",
            "metadataVersion": "1",
            "topic": scope[0],
        }
    )


def _evidence(world: World, caller: str, action: str, scope: str) -> Json:
    assignment = access.granting(world, caller, action, scope)
    role = access.role_of(world, assignment) if assignment else None
    if not assignment or not role:
        return {"role": "Subscription Admin"}
    properties = assignment.body["properties"]
    return {
        "role": role.name,
        "roleAssignmentScope": properties["scope"],
        "roleAssignmentId": assignment.body["name"].replace("-", ""),
        "roleDefinitionId": role.guid.replace("-", ""),
        "principalId": caller.replace("-", ""),
        "principalType": properties["principalType"],
    }


def _claims(world: World, caller: str) -> Json:
    """The claims of the caller's token: the flat map of the sample of an action, which a service principal did."""
    issued = int(world.now.timestamp()) - 300
    identity = "http://schemas.microsoft.com/identity/claims"
    return {
        "aud": f"{ARM}/",
        "iss": f"https://sts.windows.net/{world.tenant_id}/",
        "iat": str(issued),
        "nbf": str(issued),
        "exp": str(issued + 86_400),
        "appid": caller,
        "appidacr": "2",
        f"{identity}/identityprovider": f"https://sts.windows.net/{world.tenant_id}/",
        f"{identity}/objectidentifier": caller,
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": caller,
        f"{identity}/tenantid": world.tenant_id,
        "ver": "1.0",
    }
