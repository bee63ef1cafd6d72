"""The long operations of Event Grid's management side: started, polled, ended.

**Source**: `eg-system-topic` (an operation is Active, then Succeeded; its id is upper case in URLs and lower case as a
name). Assumed: the code 202 of operationResults while it runs, and 200 after.
"""

from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response
from simulator.world import Resource, World

OPERATION = "Microsoft.EventGrid/locations/operations"
HOST = "https://management.azure.com"


def start(world: World, call: Call, location: str) -> tuple[str, dict[str, str]]:
    """A new operation: its id, and the headers that tell where it can be polled."""
    guid = world.new_guid("event grid operation")
    name = _place(call.path.split("/")[2], location)
    version = f"api-version={call.api_version}"
    body = {
        "id": f"{HOST}{name}/operationsStatus/{guid.upper()}?{version}",
        "name": guid,
        "status": "Active",
    }
    world.put(f"{name}/operations/{guid}", OPERATION, body)
    headers = {
        "azure-asyncoperation": f"{HOST}:443{name}/operationsStatus/{guid.upper()}?{version}",
        "location": f"{HOST}{name}/operationResults/{guid.upper()}?{version}",
    }
    return f"{name}/operations/{guid}", headers


def end(world: World, operation_id: str, error: Json | None = None) -> None:
    """Let an operation end: well, or with an error."""
    operation = world.get(operation_id)
    if operation:
        operation.body |= {"status": "Failed", "error": error} if error else {"status": "Succeeded"}


def get_status(world: World, call: Call) -> Response:
    """How an operation goes."""
    return json_response(200, _operation(world, call).body)


def get_result(world: World, call: Call) -> Response:
    """Whether an operation has ended: 202 while it runs."""
    if _operation(world, call).body["status"] == "Active":
        return empty_response(202, {"location": call.request.url})
    return empty_response(200)


def _operation(world: World, call: Call) -> Resource:
    place, guid = _place(call.at["sub"], call.at["location"]), call.at["guid"]
    operation = world.get(f"{place}/operations/{guid}")
    if operation is None:
        raise ArmError(404, "ResourceNotFound", f"The operation '{guid}' was not found.")
    return operation


def _place(subscription_id: str, location: str) -> str:
    return f"/subscriptions/{subscription_id}/providers/Microsoft.EventGrid/locations/{location}"


_LOCATION = "/subscriptions/{sub}/providers/Microsoft.EventGrid/locations/{location}"
OPERATION_ROUTES = (
    Route("GET", f"{_LOCATION}/operationsStatus/{{guid}}", "Microsoft.EventGrid/operationsStatus/read", get_status),
    Route("GET", f"{_LOCATION}/operationResults/{{guid}}", "Microsoft.EventGrid/operationResults/read", get_result),
)
