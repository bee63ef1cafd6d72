"""Azure Database for PostgreSQL flexible servers: their life, their firewall rules, their long operations.

It plays the management side only: there is no database behind a server.
"""

import re

from simulator.arm import resources
from simulator.arm.postgresql_catalogue import CATALOGUE_ROUTES
from simulator.arm.postgresql_operations import OPERATION_ROUTES, RULE, SERVER, start_operation
from simulator.arm.postgresql_server import (
    RESTORING,
    changed_server,
    display_name,
    mistake,
    new_server,
    shown,
    update_kind,
)
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, empty_response, json_response
from simulator.world import Resource, World

UPSERT, RESTORE = "UpsertServerManagementOperationV2", "RestoreSnapshotManagementOperation"
ACTIONS = {"start": ("Starting", "Ready"), "stop": ("Stopping", "Stopped"), "restart": ("Restarting", "Ready")}
"""Per action: the state while it runs, and the state it leads to."""


# -- servers -----------------------------------------------------------------------------------------------------


def put_server(world: World, call: Call) -> Response:
    """Create a server, or change it: always 202 (`aso-pg-flexibleserver-20221201`)."""
    resources.require_group(world, call.at["sub"], call.at["group"])
    existing = world.get(call.path)
    return _update(world, call, existing) if existing else _create(world, call)


def _create(world: World, call: Call) -> Response:
    given: Json = call.body.get("properties") or {}
    source = world.get(given.get("sourceServerResourceId") or "")
    if given.get("sourceServerResourceId") and source is None:
        # Assumed: the words for a source that is gone.
        raise ArmError(400, "ResourceNotFound", f"Source server '{given['sourceServerResourceId']}' was not found.")
    location = call.body.get("location") or (source.body["location"] if source else "")
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    server = world.put(call.path, SERVER, new_server(call.path, call.body, source.body if source else None, world.now))
    is_zonal = server.body["properties"]["highAvailability"]["mode"] != "Disabled"
    kind, name = "create zone redundant" if is_zonal else "create", UPSERT
    if given.get("createMode") in RESTORING:
        kind, name = "restore", RESTORE
    return start_operation(world, call, server, kind, name, location=location, end={"state": "Ready"})


def patch_server(world: World, call: Call) -> Response:
    """Change tags, sku or properties of a server: 202. What changes is read when the operation has ended.

    Assumed: state is Updating and the old values are shown until then; recordings look only before and after.
    """
    return _update(world, call, _server(world, call))


def _update(world: World, call: Call, server: Resource) -> Response:
    if wrong := mistake(changed_server(server.body, call.body)):
        return start_operation(world, call, server, "mistake", UPSERT, end={"error": wrong})
    end = {"state": server.body["properties"]["state"], "change": call.body}
    kind = update_kind(server.body, call.body)
    return start_operation(world, call, server, kind, UPSERT, meanwhile="Updating", end=end)


def get_server(world: World, call: Call) -> Response:
    """One server."""
    return json_response(200, shown(_server(world, call).body, call.api_version, world.now))


def list_servers(world: World, call: Call) -> Response:
    """The servers of a group or subscription, in one page."""
    if "group" in call.at:
        resources.require_group(world, call.at["sub"], call.at["group"])
    else:
        resources.require_subscription(world, call.at["sub"])
    scope = re.split(r"(?i)/providers/", call.path)[0]
    servers = [shown(server.body, call.api_version, world.now) for server in world.of_type(SERVER, scope)]
    return json_response(200, {"value": servers})


def delete_server(world: World, call: Call) -> Response:
    """Delete a server: 202, operation URLs with the display name of the region. Assumed: 204 when there is none."""
    resources.require_group(world, call.at["sub"], call.at["group"])
    server = world.get(call.path)
    if server is None:
        return empty_response(204)
    name, location = "DropServerManagementOperation", display_name(server.body["location"])
    return start_operation(
        world, call, server, "delete", name, meanwhile="Dropping", location=location, end={"remove": True}
    )


def act_on_server(world: World, call: Call) -> Response:
    """Start, stop or restart a server: 202 (`pg-server-mgmt`). Assumed: asking for the state it has is no error."""
    server = _server(world, call)
    verb = call.path.rpartition("/")[2].lower()
    meanwhile, state = ACTIONS[verb]
    name = f"{verb.capitalize()}ServerManagementOperation"
    return start_operation(world, call, server, verb, name, meanwhile=meanwhile, end={"state": state})


def _server(world: World, call: Call) -> Resource:
    resources.require_group(world, call.at["sub"], call.at["group"])
    name = call.at["server"]
    server = world.get(f"/subscriptions/{call.at['sub']}/resourceGroups/{call.at['group']}/providers/{SERVER}/{name}")
    if server is None:
        raise resources.resource_not_found(f"{SERVER}/{name}", call.at["group"])
    return server


# -- firewall rules ----------------------------------------------------------------------------------------------


def put_rule(world: World, call: Call) -> Response:
    """Make or change a firewall rule: 202; the rule is there when the operation has ended."""
    server = _server(world, call)
    properties = {name: (call.body.get("properties") or {}).get(name) for name in ("startIpAddress", "endIpAddress")}
    body = {"properties": properties, "id": call.path, "name": call.at["rule"], "type": RULE}
    name = "UpsertServerFirewallRulesManagementOperation"
    return start_operation(world, call, server, "firewall rule", name, end={"rule": body})


def get_rule(world: World, call: Call) -> Response:
    """One firewall rule; 404 in the provider's own words (`aso-pg-flexibleserver-20221201`)."""
    _server(world, call)
    rule = world.get(call.path)
    if rule is None:
        raise ArmError(404, "ResourceNotFound", f"The specified resource {call.at['rule']} was not found.")
    return json_response(200, rule.body)


def list_rules(world: World, call: Call) -> Response:
    """The firewall rules of a server."""
    server = _server(world, call)
    return json_response(200, {"value": [rule.body for rule in world.of_type(RULE, server.id)]})


def delete_rule(world: World, call: Call) -> Response:
    """Remove a firewall rule: 202. Assumed: 204 when there is none."""
    server = _server(world, call)
    if world.get(call.path) is None:
        return empty_response(204)
    name = "DropServerFirewallRulesManagementOperation"
    return start_operation(world, call, server, "firewall rule", name, end={"remove": True})


_SUB = "/subscriptions/{sub}"
_ALL = f"{_SUB}/resourceGroups/{{group}}/providers/{SERVER}"
_ONE, _RULES = f"{_ALL}/{{server}}", f"{_ALL}/{{server}}/firewallRules"
ROUTES = (
    Route("PUT", _ONE, f"{SERVER}/write", put_server),
    Route("PATCH", _ONE, f"{SERVER}/write", patch_server),
    Route("GET", _ONE, f"{SERVER}/read", get_server),
    Route("DELETE", _ONE, f"{SERVER}/delete", delete_server),
    Route("GET", _ALL, f"{SERVER}/read", list_servers),
    Route("GET", f"{_SUB}/providers/{SERVER}", f"{SERVER}/read", list_servers),
    *(Route("POST", f"{_ONE}/{verb}", f"{SERVER}/{verb}/action", act_on_server) for verb in ACTIONS),
    Route("PUT", f"{_RULES}/{{rule}}", f"{RULE}/write", put_rule),
    Route("GET", f"{_RULES}/{{rule}}", f"{RULE}/read", get_rule),
    Route("DELETE", f"{_RULES}/{{rule}}", f"{RULE}/delete", delete_rule),
    Route("GET", _RULES, f"{RULE}/read", list_rules),
    *OPERATION_ROUTES,
    *CATALOGUE_ROUTES,
)
