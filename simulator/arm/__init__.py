"""Azure Resource Manager's front door: finds the operation, checks who asks, and carries it out.

A provider is one module (or folder) beside this file with a tuple ROUTES; a new one is a new file and one line here.
"""

import re
from dataclasses import replace
from http import HTTPStatus

from simulator.arm import (
    authorization,
    azure_policy,
    dataprotection,
    deny_assignments,
    eventgrid,
    graph,
    locks,
    managed_identity,
    management_groups,
    moves,
    postgresql,
    providers,
    resource_lists,
    resources,
    storage_accounts,
    tags,
    tenants,
    throttling,
)
from simulator.arm.callers import caller_of
from simulator.arm.routing import Call, Route, Router
from simulator.wire import ArmError, Request, Response
from simulator.world import World

ROUTER = Router(
    (
        *resources.ROUTES,
        *resource_lists.ROUTES,
        *moves.ROUTES,
        *providers.ROUTES,
        *tags.ROUTES,
        *tenants.ROUTES,
        *postgresql.ROUTES,
        *dataprotection.ROUTES,
        *authorization.ROUTES,
        *deny_assignments.ROUTES,
        *locks.ROUTES,
        *azure_policy.ROUTES,
        *managed_identity.ROUTES,
        *management_groups.ROUTES,
        *storage_accounts.ROUTES,
        *eventgrid.ROUTES,
        *graph.ROUTES,
    )
)


def action_of(request: Request) -> str:
    """The ARM action that a request asks for, or "" when no provider here plays it."""
    found = ROUTER.find(request.method, _straight(request).path)
    return found[0].action if found else ""


def handle(world: World, request: Request) -> Response:
    """Answer one ARM request. Every refusal is an ARM-shaped error; an unknown operation names itself (501)."""
    try:
        return _handle(world, _straight(request))
    except ArmError as refusal:
        return refusal.response()


def _straight(request: Request) -> Request:
    """The request without empty segments in its path: `az resource` leaves one where a parent resource could stand."""
    if "//" not in request.path:
        return request
    address, mark, query = request.url.partition("?")
    scheme, _, rest = address.partition("://")
    return replace(request, url=f"{scheme}://{re.sub('/{2,}', '/', rest)}{mark}{query}")


def _handle(world: World, request: Request) -> Response:
    found = ROUTER.find(request.method, request.path)
    if not found:
        message = f"The local Azure does not play {request.method} {request.path}. Please open an issue that names it."
        raise ArmError(501, "OperationNotSimulated", message)
    if "api-version" not in request.query:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise ArmError(400, "MissingApiVersionParameter", message)
    route, names = found
    call = Call(request, names, caller_of(world, request), world.now, route.action)
    left = throttling.spend(world, call)
    try:
        response = _carry_out(world, route, call)
    except ArmError as refusal:
        if refusal.headers.get("x-ms-failure-cause") == "gateway":
            raise  # without counters, as recorded
        response = refusal.response()
    response.headers.update(left)
    return response


def _carry_out(world: World, route: Route, call: Call) -> Response:
    authorization.require(world, call.caller, route.action, scope_of(call))
    providers.require_registered(world, call)
    if call.request.method == "GET":
        return _read(world, route, call)
    locks.require_unlocked(world, call)
    azure_policy.require_allowed(world, call)
    response = route.handler(world, call)
    if response.status < HTTPStatus.MULTIPLE_CHOICES:
        resources.emit_accepted(world, call, response)
    return response


def _read(world: World, route: Route, call: Call) -> Response:
    """Carry out a GET. It changes nothing, so the journal need not compare what was handed out."""
    kept, world.touched = world.touched, set()
    try:
        return route.handler(world, call)
    finally:
        world.touched = kept


def scope_of(call: Call) -> str:
    """Where the caller needs the action: for POST …/{resource}/verb the resource, else the path itself."""
    verb = call.request.method == "POST" and call.action.lower().endswith("/action")
    return call.path.rsplit("/", 1)[0] if verb else call.path
