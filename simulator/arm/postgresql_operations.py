"""The long operations of flexible servers: accepted with 202, polled, ended by the agenda.

One operation at a time runs on a server; another one is accepted all the same and then fails.
"""

from urllib.parse import quote

from simulator.arm import resources
from simulator.arm.postgresql_replicas import promote, wants_promotion, without_promotion
from simulator.arm.postgresql_server import LATENCIES_S, changed_server, region_of
from simulator.arm.routing import Call, Route
from simulator.chance import around
from simulator.wire import ArmError, Json, Response, empty_response, json_response, stamp
from simulator.world import Resource, World, effect

SERVER, RULE = "Microsoft.DBforPostgreSQL/flexibleServers", "Microsoft.DBforPostgreSQL/flexibleServers/firewallRules"
OPERATION = "Microsoft.DBforPostgreSQL/locations/operations"
RETRY_AFTER_S = {"delete": 15}
USUAL_RETRY_AFTER_S = 60


def start_operation(
    world: World,
    call: Call,
    server: Resource,
    kind: str,
    name: str,
    *,
    end: Json,
    meanwhile: str = "",
    location: str = "",
) -> Response:
    """Accept a long operation on a server: 202.

    kind: a row of LATENCIES_S; name: the service's name of it; meanwhile: the server's state while it runs; end: what
    `finish_operation` does; location: how the URLs name the region. While another operation runs, this one is doomed.
    Assumed: recorded for a PUT only (`aso-pg-serverbusy-20230601preview`); the same for every other operation.
    """
    guid = world.new_guid("operation", call.path)
    operation = _new_operation(world, call, server, guid, RETRY_AFTER_S.get(kind, USUAL_RETRY_AFTER_S))
    is_doomed = bool(server.hidden.get("operation"))
    least, usual, most = LATENCIES_S["refused" if is_doomed else kind]
    after_s = around(world.random("postgresql", kind, call.path.lower(), world.now), least, usual, most)
    if is_doomed:
        world.schedule(after_s, refuse_operation, operation_id=operation.id, server_name=server.body["name"])
    else:
        server.hidden["operation"] = operation.id
        if meanwhile:
            server.body["properties"]["state"] = meanwhile
        target = server.id if call.request.method == "POST" else call.path
        end = end | {"target": target, "action": call.action, "caller": call.caller}
        world.schedule(after_s, finish_operation, operation_id=operation.id, server_id=server.id, end=end)
    return _accepted(call, operation, name, location or region_of(server.body["location"]))


def _new_operation(world: World, call: Call, server: Resource, guid: str, retry_after_s: int) -> Resource:
    started = stamp(world.now)[:-5] + "Z"  # Milliseconds here, where Data Protection writes seven digits.
    return world.put(
        _operation_id(call.at["sub"], guid),
        OPERATION,
        {"name": guid, "status": "InProgress", "startTime": started},
        retry_after_s=retry_after_s,
        server_name=server.body["name"],
        removes=call.request.method == "DELETE",
    )


def _accepted(call: Call, operation: Resource, name: str, location: str) -> Response:
    where = f"https://management.azure.com/subscriptions/{call.at['sub']}/providers/Microsoft.DBforPostgreSQL/locations"
    token = f"api-version={call.api_version}&t={int(call.now.timestamp()) * 10**7}&c=cert&s=signature&h=hash"
    guid = operation.body["name"]
    headers = {
        "azure-asyncoperation": f"{where}/{quote(location)}/azureAsyncOperation/{guid}?{token}",
        "location": f"{where}/{quote(location)}/operationResults/{guid}?{token}",
        "retry-after": str(operation.hidden["retry_after_s"]),
    }
    return json_response(202, {"operation": name, "startTime": operation.body["startTime"]}, headers)


@effect
def finish_operation(world: World, operation_id: str, server_id: str, end: Json) -> None:
    """Let an operation end well: the server or rule changes, and the event of completion goes out.

    end: the `target`, `action` and `caller`; `state` to reach, `change` to apply, `rule` to store, `remove`, or the
    `error` it fails with.
    """
    error = end.get("error")
    _end(world, operation_id, "Failed" if error else "Succeeded", error)
    server = world.get(server_id)
    if server is None or server.hidden.get("operation") != operation_id:
        return  # The server went with its resource group.
    server.hidden["operation"] = None
    if error:
        return
    if end.get("change"):
        mode = wants_promotion(end["change"])
        server.body = changed_server(server.body, without_promotion(end["change"]) if mode else end["change"])
        if mode:
            promote(world, server, mode)
        _introduce(world, server)
    if end.get("state"):
        server.body["properties"]["state"] = end["state"]
    if end.get("rule"):
        world.put(end["target"], RULE, end["rule"])
    if end.get("remove"):
        resources.forget(world, end["target"])
    resources.emit_completed(world, end["target"], end["action"], end["caller"])


def _introduce(world: World, server: Resource) -> None:
    """Let a system-assigned identity have its principal (`pg-server-504-gatewaytimeout`)."""
    identity: Json = server.body.get("identity") or {}
    if "SystemAssigned" in str(identity.get("type")) and "principalId" not in identity:
        made = {"principalId": world.new_guid("principal", server.id), "tenantId": world.tenant_id}
        server.body["identity"] = identity | made


@effect
def refuse_operation(world: World, operation_id: str, server_name: str) -> None:
    """Let an operation fail because the server was busy."""
    message = f"Server {server_name} is busy with other operations. Please try later"
    _end(world, operation_id, "Failed", {"code": "ProvisioningServerBusy", "message": message})


def _end(world: World, operation_id: str, status: str, error: Json | None = None) -> None:
    operation = world.get(operation_id)
    if operation:
        operation.body |= {"status": status} | ({"error": error} if error else {})


def get_operation(world: World, call: Call) -> Response:
    """The status of a long operation, with the Retry-After of its start."""
    operation = _operation(world, call)
    return json_response(200, operation.body, {"retry-after": str(operation.hidden["retry_after_s"])})


def get_operation_result(world: World, call: Call) -> Response:
    """What a long operation led to: a stub, nothing for a deletion (`pg-server-mgmt`). Assumed: 202 until it ended."""
    operation = _operation(world, call)
    if operation.body["status"] == "InProgress":
        headers = {"location": call.request.url, "retry-after": str(operation.hidden["retry_after_s"])}
        return empty_response(202, headers)
    if operation.hidden["removes"]:
        return empty_response(200)
    return json_response(200, {"properties": {}, "name": operation.hidden["server_name"], "type": "PostgreSQL"})


def _operation(world: World, call: Call) -> Resource:
    operation = world.get(_operation_id(call.at["sub"], call.at["guid"]))
    if operation is None:
        raise ArmError(404, "ResourceNotFound", f"The requested operation '{call.at['guid']}' was not found.")
    return operation


def _operation_id(subscription_id: str, guid: str) -> str:
    return f"/subscriptions/{subscription_id}/providers/{OPERATION}/{guid}"


_LOCATION = "/subscriptions/{sub}/providers/Microsoft.DBforPostgreSQL/locations/{location}"
_ACTION = "Microsoft.DBforPostgreSQL/locations"
OPERATION_ROUTES = (
    Route("GET", f"{_LOCATION}/azureAsyncOperation/{{guid}}", f"{_ACTION}/azureAsyncOperation/read", get_operation),
    Route("GET", f"{_LOCATION}/operationResults/{{guid}}", f"{_ACTION}/operationResults/read", get_operation_result),
)
