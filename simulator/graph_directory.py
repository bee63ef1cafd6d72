"""Who is a principal? Microsoft Graph as far as command lines ask it: service principals, and objects by their ids.

Known are the identities of resources, user-assigned ones, the app's own, the operator, and whoever holds a role. As any
client may sign in here (directory.py), any other GUID is a service principal too, its client id being its object id.
There are no users and no groups. It answers and changes nothing.

**Source**: Microsoft Graph v1.0 reference ("List servicePrincipals", "directoryObject: getByIds") and the requests of
azure-cli. Assumed: every good token may read all of it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from simulator import identity
from simulator.directory import client_of
from simulator.identity import USER_IDENTITY, TokenRefusedError
from simulator.wire import Json, Request, Response, json_response
from simulator.world import World

PREFIX = "/v1.0/"
GRAPH = ("https://graph.microsoft.com",)
OPERATOR, APP = "operator", "flexguard"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
FILTER = re.compile(
    r"(?:servicePrincipalNames/any\(\w+:\w+ eq|(?P<member>appId|id|displayName) eq) '(?P<value>[^']*)'\)?"
)
LOCAL_NAMES = "https://identity.azure.net/"


@dataclass(frozen=True)
class Principal:
    """One service principal. kind: "Application" or "ManagedIdentity"; resource_id: whose identity it is."""

    id: str
    app: str
    name: str
    kind: str = "Application"
    resource_id: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.app, LOCAL_NAMES + self.app) if self.kind == "ManagedIdentity" else (self.app,)


Known = tuple[Principal, ...]


# -- requests ----------------------------------------------------------------------------------------------------


def plays(path: str) -> bool:
    """Whether a path of ARM's address is one of Graph's."""
    return path.startswith(PREFIX)


def handle(world: World, request: Request, own: str = "") -> Response:
    """Answer a request to Microsoft Graph; what is not played is refused by name (501).

    own: object id of the app's system-assigned identity.
    """
    try:
        identity.examine(request, GRAPH)
    except TokenRefusedError:
        return _refused(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.")
    path, known = request.path.removeprefix(PREFIX), tuple(principals(world, own))
    for (method, pattern), operation in OPERATIONS.items():
        if request.method == method and (match := re.fullmatch(pattern, path)):
            return operation(known, request, *match.groups())
    return _refused(501, "OperationNotSimulated", f"The local Azure does not play {request.method} {request.path}.")


def list_service_principals(known: Known, request: Request) -> Response:
    """The service principals, also by $filter: a name, appId, id or displayName."""
    text = request.query.get("$filter", "")
    match = FILTER.fullmatch(text)
    if text and not match:
        return _refused(400, "Request_UnsupportedQuery", f"Unsupported or invalid query filter clause: {text}.")
    found = [each for each in known if not match or _fits(each, match["member"] or "", match["value"])]
    if match and not found and match["member"] != "displayName":
        found = _stranger(match["value"])
    return json_response(200, {"@odata.context": _context("servicePrincipals"), "value": list(map(_shown, found))})


def get_service_principal(known: Known, _: Request, name: str) -> Response:
    """One service principal by its object id."""
    for each in (*known, *_stranger(name)):
        if each.id.lower() == name.lower():
            return json_response(200, _shown(each))
    message = f"Resource '{name}' does not exist or one of its queried reference-property objects are not present."
    return _refused(404, "Request_ResourceNotFound", message)


def get_by_ids(known: Known, request: Request) -> Response:
    """The objects with these ids; what is no id of anything is left out."""
    body = request.json()
    by_id = {each.id.lower(): [each] for each in known}
    wanted = [str(each) for each in body.get("ids", ())] if isinstance(body, dict) else []
    found = [each for name in wanted for each in by_id.get(name.lower(), _stranger(name))]
    value = [{"@odata.type": "#microsoft.graph.servicePrincipal"} | _shown(each) for each in found]
    return json_response(200, {"@odata.context": _context("directoryObjects"), "value": value})


def list_nobody(_: Known, __: Request) -> Response:
    """The users, groups or applications: none."""
    return json_response(200, {"@odata.context": _context("users"), "value": []})


def _fits(principal: Principal, member: str, value: str) -> bool:
    names = {"appId": (principal.app,), "id": (principal.id,), "displayName": (principal.name,)}
    return value.lower() in (name.lower() for name in names.get(member, principal.names))


def _shown(principal: Principal) -> Json:
    return {
        "id": principal.id,
        "accountEnabled": True,
        "alternativeNames": ["isExplicit=False", principal.resource_id] if principal.resource_id else [],
        "appId": principal.app,
        "appDisplayName": None if principal.resource_id else principal.name,
        "displayName": principal.name,
        "servicePrincipalNames": list(principal.names),
        "servicePrincipalType": principal.kind,
    }


def _context(name: str) -> str:
    return f"https://graph.microsoft.com/v1.0/$metadata#{name}"


def _refused(status: int, code: str, message: str) -> Response:
    return json_response(status, {"error": {"code": code, "message": message}})


OPERATIONS: dict[tuple[str, str], Callable[..., Response]] = {
    ("GET", r"servicePrincipals"): list_service_principals,
    ("GET", r"servicePrincipals/([^/]+)"): get_service_principal,
    ("POST", r"directoryObjects/getByIds"): get_by_ids,
    ("GET", r"users|groups|applications"): list_nobody,
}


# -- principals --------------------------------------------------------------------------------------------------


def principals(world: World, own: str) -> Iterator[Principal]:
    """Every principal that something names, once. A managed identity is called like its resource."""
    seen = {""}
    app = Principal(own, client_of(own), APP, "ManagedIdentity")
    for each in (*_managed(world), app, Principal(OPERATOR, OPERATOR, OPERATOR), *_assigned(world)):
        if each.id not in seen:
            seen.add(each.id)
            yield each


def _managed(world: World) -> Iterator[Principal]:
    for user in world.of_type(USER_IDENTITY):
        ids = user.body["properties"]
        yield Principal(ids["principalId"], ids["clientId"], user.body["name"], "ManagedIdentity", user.id)
    for each in list(world.resources.values()):
        principal = (each.body.get("identity") or {}).get("principalId")
        if principal:
            yield Principal(principal, client_of(principal), each.body["name"], "ManagedIdentity", each.id)


def _assigned(world: World) -> Iterator[Principal]:
    for assignment in world.of_type(ASSIGNMENT):
        principal = assignment.body["properties"]["principalId"]
        yield Principal(principal, principal, principal)


def _stranger(name: str) -> list[Principal]:
    """Whoever else may sign in with this id: anybody with a GUID."""
    return [Principal(name, name, name)] if GUID.fullmatch(name) else []
