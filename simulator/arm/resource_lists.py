"""Lists of resources of any kind: those of a group or subscription, also by $filter (Microsoft.Resources).

It knows no provider: a resource is its id, type and body.
"""

import re
from collections.abc import Callable

from simulator.arm.resources import require_scope
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, json_response
from simulator.world import Resource, World

LISTED = ("id", "name", "type", "location", "tags", "sku", "identity")
TERM = re.compile(r"\s*(\w+) eq '([^']*)'\s*")


def list_resources(world: World, call: Call) -> Response:
    """The resources of a group or subscription with their tags, in one page, also by $filter."""
    scope = call.path.lower().rpartition("/resources")[0] + "/"
    require_scope(world, scope.rstrip("/"))
    terms = _terms(call.request.query.get("$filter", ""))
    value = [
        {name: each.body[name] for name in LISTED if name in each.body}
        for key, each in list(world.resources.items())
        if key.startswith(scope) and "location" in each.body and each.type.count("/") == 1
        if all(_fits(each, name, wanted, terms) for name, wanted in terms.items())
    ]
    return json_response(200, {"value": value})


def _terms(text: str) -> dict[str, str]:
    """The comparisons of a $filter. Raises ArmError 400 for anything but FILTERS, compared with eq, joined by and.

    **Source**: Microsoft's REST reference, "Resources - List". Assumed: the words of the refusal.
    """
    found = [TERM.fullmatch(term) for term in re.split(r"(?i)\band\b", text)] if text.strip() else []
    terms = {term[1].lower(): term[2] for term in found if term}
    if len(terms) != len(found) or not terms.keys() <= FILTERS.keys():
        raise ArmError(400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string.")
    return terms


def _fits(resource: Resource, name: str, wanted: str, terms: dict[str, str]) -> bool:
    return FILTERS[name](resource, wanted, terms)


def _has_tag(resource: Resource, name: str, terms: dict[str, str]) -> bool:
    """Names of tags are compared without case, values with it. **Source**: Microsoft, "Use tags to organize"."""
    tags: Json = {key.lower(): value for key, value in (resource.body.get("tags") or {}).items()}
    return name.lower() in tags and terms.get("tagvalue", tags[name.lower()]) == tags[name.lower()]


def _has_value(resource: Resource, value: str, terms: dict[str, str]) -> bool:
    return "tagname" in terms or value in (resource.body.get("tags") or {}).values()


FILTERS: dict[str, Callable[[Resource, str, dict[str, str]], bool]] = {
    "resourcetype": lambda each, wanted, _: each.type == wanted.lower(),
    "resourcegroup": lambda each, wanted, _: each.id.lower().split("/")[4] == wanted.lower(),
    "name": lambda each, wanted, _: str(each.body["name"]).lower() == wanted.lower(),
    "location": lambda each, wanted, _: _region(each.body["location"]) == _region(wanted),
    "tagname": _has_tag,
    "tagvalue": _has_value,
}


def _region(text: str) -> str:
    return text.replace(" ", "").lower()


_READ = "Microsoft.Resources/subscriptions"
ROUTES = (
    Route("GET", "/subscriptions/{sub}/resources", f"{_READ}/resources/read", list_resources),
    Route(
        "GET",
        "/subscriptions/{sub}/resourceGroups/{group}/resources",
        f"{_READ}/resourceGroups/resources/read",
        list_resources,
    ),
)
