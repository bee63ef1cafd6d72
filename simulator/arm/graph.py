"""Azure Resource Graph: the world as it was some seconds ago, asked in KQL, answered in pages.

It finds nothing that the caller may not read, and confirms nothing: a row may be old (`behaviour.graph_lag_s`).
"""

import base64
import hashlib
import json
import math
import re
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from simulator.arm import access, graph_faults, management_tree
from simulator.arm.graph_store import Block, Found, GraphStore, Sight, UnplayedQueryError, WrongQueryError
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, json_response, stamp
from simulator.world import World

PAGE = 1000  # The most, and the usual number of rows; clients such as the command line ask for 100.
CONTAINERS = "resourcecontainers"
QUOTA, WINDOW_S = 15, 5.0
"""Queries per caller and window, by the recorded headers. Assumed: a window starts with its first query."""


def query_resources(world: World, call: Call) -> Response:
    """Run a KQL query over what the caller may read. Raises ArmError 400 BadRequest, 429 RateLimiting."""
    headers = _spend_quota(world, call.caller)
    query, options = str(call.body.get("query", "")), call.body.get("options") or {}
    spoilt = graph_faults.take(world, query, is_next_page=bool(options.get("$skipToken")))
    if spoilt and spoilt.kind in graph_faults.REFUSALS:
        raise graph_faults.refusal(spoilt)
    if call.body.get("facets"):
        raise ArmError(501, "OperationNotSimulated", "The local Azure does not play facets of Resource Graph.")
    top, skip = _page(call.body, options)
    try:
        found = _store(world).run(query, world.now, _sight(world, call), is_next_page=bool(options.get("$skipToken")))
    except WrongQueryError as wrong:
        raise _bad_request(world, _query_errors(query, wrong), headers) from None
    except UnplayedQueryError as wrong:
        message = f"The local Azure cannot run this query: {wrong}"
        raise ArmError(501, "OperationNotSimulated", message, headers=headers) from None
    body = graph_faults.changed(spoilt, _answer(call.body, found, top, skip + graph_faults.shift(spoilt)), found)
    took_s = world.random("resource graph", call.caller, world.now).uniform(0.02, 0.3)
    return json_response(200, body, headers | {"x-ms-resource-graph-request-duration": f"0:00:00:{took_s:010.7f}"})


# -- what can be seen --------------------------------------------------------------------------------------------


def _store(world: World) -> GraphStore:
    world.settle()
    world.journal.show(world.now - timedelta(seconds=world.behaviour.graph_lag_s))
    store: GraphStore | None = world.derived.get("graph")
    if store is None:
        ancestors_of = partial(management_tree.ancestors, world)
        store = world.derived["graph"] = GraphStore(world.journal, world.tenant_id, ancestors_of)
    store.refresh(world.journal)
    return store


def _sight(world: World, call: Call) -> Sight:
    """Which rows the caller may read of the scopes that are asked for; no scope at all is the whole tenant.

    Assumed: without rights there are no rows instead of a 403; a management group that is not there holds nothing, and
    shows itself and those below it.
    """
    subscriptions, groups = _scopes(world, call.body)

    def is_asked(block: Block) -> bool:
        if block.table == CONTAINERS and not block.subscription:
            return groups is None or bool(groups & {block.group, *management_tree.chain(world, block.group)})
        return subscriptions is None or not block.subscription or block.subscription in subscriptions

    @cache
    def may_read(action: str, scope: str) -> bool:
        return access.permitted(world, call.caller, action, scope)

    return Sight(is_asked, may_read, graph_faults.hides(world))


def _scopes(world: World, request: Json) -> tuple[set[str] | None, set[str] | None]:
    """The subscriptions and the scopes of management groups that are asked for, in lower case; None for all."""
    asked, names = request.get("subscriptions"), request.get("managementGroups")
    if not asked and not names:
        return None, None
    subscriptions = {str(each).lower() for each in asked or ()}
    for name in names or ():
        inside = management_tree.subscriptions_in(world, str(name))
        if inside is None:
            return None, None
        subscriptions |= inside
    return subscriptions, {f"{management_tree.PREFIX}{name}".lower() for name in names or ()}


# -- pages -------------------------------------------------------------------------------------------------------


def _page(request: Json, options: Json) -> tuple[int, int]:
    """How many rows to answer and how many to skip, from the options or from the token of the page before."""
    top, skip = int(options.get("$top") or PAGE), int(options.get("$skip") or 0)
    token = options.get("$skipToken")
    if token:
        try:
            content = json.loads(base64.b64decode(token, validate=True))
            is_mine = content["Query"] == _fingerprint(request)
        except (ValueError, KeyError, TypeError):
            is_mine, content = False, {}
        if not is_mine:
            # Assumed: the code; the documents only say that a token belongs to its query.
            raise ArmError(400, "BadRequest", "The skip token is invalid for this query.")
        top, skip = int(options.get("$top") or content["MaxRows"]), int(content["RowsToSkip"])
    if not 1 <= top <= PAGE or skip < 0:
        raise ArmError(400, "BadRequest", f"$top must be between 1 and {PAGE}, $skip must not be negative.")
    return top, skip


def _token(request: Json, top: int, skip: int) -> str:
    """**Source**: `arg-cli-paged-query`, decoded; Query is ours."""
    content = {"$id": "1", "MaxRows": top, "RowsToSkip": skip, "Query": _fingerprint(request)}
    return base64.b64encode(json.dumps(content).encode()).decode()


def _fingerprint(request: Json) -> str:
    about = [request.get(name) for name in ("query", "subscriptions", "managementGroups")]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def _answer(request: Json, found: Found, top: int, skip: int) -> Json:
    """One page. `resultTruncated` is a text: "true" when more rows exist that no token leads to.

    A query with take, limit or sample, or without an id column, has no further pages.
    """
    rows = found.rows[skip : skip + top]
    has_more = skip + len(rows) < len(found.rows)
    has_pages = "id" in found.columns and not re.search(r"\|\s*(take|limit|sample)\b", request["query"], re.IGNORECASE)
    values = [[_plain(value, kind) for value, kind in zip(row, found.types, strict=True)] for row in rows]
    body = {
        "totalRecords": len(found.rows),
        "count": len(rows),
        "data": _shaped(request, found, values),
        "facets": [],
        "resultTruncated": "true" if has_more and not has_pages else "false",
    }
    if has_more and has_pages:
        body["$skipToken"] = _token(request, top, skip + len(rows))
    return body


def _shaped(request: Json, found: Found, values: list[list[Any]]) -> Json | list[Json]:
    if str((request.get("options") or {}).get("resultFormat", "objectArray")).lower() != "table":
        return [dict(zip(found.columns, row, strict=True)) for row in values]
    columns = [{"name": name, "type": kind} for name, kind in zip(found.columns, found.types, strict=True)]
    return {"columns": columns, "rows": values}


def _plain(value: Any, kind: str) -> Any:
    """A value as JSON carries it. Assumed: booleans as true and false."""
    if kind == "object" and isinstance(value, str):
        return json.loads(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond:06d}0Z"
    return value if value is None or isinstance(value, bool | int | float | list | dict) else str(value)


# -- refusals ----------------------------------------------------------------------------------------------------


def _spend_quota(world: World, caller: str) -> dict[str, str]:
    """Count one query; the headers that tell what is left. Raises ArmError 429 RateLimiting when nothing is.

    Assumed: the shape of the 429, which no recording holds.
    """
    windows: dict[str, tuple[datetime, int]] = world.derived.setdefault("graph quota", {})
    started, used = windows.get(caller, (world.now, 0))
    if (world.now - started).total_seconds() >= WINDOW_S:
        started, used = world.now, 0
    left_s = math.ceil(WINDOW_S - (world.now - started).total_seconds())
    windows[caller] = (started, used + 1)
    remaining = str(max(0, QUOTA - used - 1))
    headers = {
        "x-ms-user-quota-remaining": remaining,
        "x-ms-user-quota-resets-after": f"00:00:{left_s:02d}",
        "x-ms-ratelimit-remaining-tenant-resource-requests": remaining,
    }
    if used >= QUOTA:
        message = (
            "Client application has been throttled and should not attempt to repeat the request until an amount of "
            "time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help."
        )
        body = {"error": _error(world, "RateLimiting", [{"code": "RateLimiting", "message": message}])}
        raise ArmError(429, "RateLimiting", message, headers=headers | {"retry-after": str(left_s)}, body=body)
    return headers


def _query_errors(query: str, wrong: WrongQueryError) -> list[Json]:
    """**Source**: `arg-sdk-malformed-query`. Assumed: what is not a matter of grammar has the first detail only."""
    general = (
        "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error"
    )
    details: list[Json] = [{"code": "InvalidQuery", "message": f"{general} before retrying."}]
    if not wrong.line:
        return [*details, {"code": "InvalidQuery", "message": str(wrong)}]
    lines = query.splitlines()
    rest = lines[wrong.line - 1][wrong.column :].split() if wrong.line <= len(lines) else []
    failure = {"code": "ParserFailure", "message": "ParserFailure", "line": wrong.line}
    place = {"characterPositionInLine": wrong.column, "token": rest[0] if rest else "<EOF>", "expectedToken": "\u01cf"}
    return [*details, failure | place]


def _bad_request(world: World, details: list[Json], headers: dict[str, str]) -> ArmError:
    error = _error(world, "BadRequest", details)
    return ArmError(400, "BadRequest", error["message"], headers=headers, body={"error": error})


def _error(world: World, code: str, details: list[Json]) -> Json:
    now, guid = stamp(world.now), world.new_guid("resource graph")
    message = f"Please provide below info when asking for support: timestamp = {now}, correlationId = {guid}."
    return {"code": code, "message": message, "details": details}


ROUTES = (
    Route(
        "POST",
        "/providers/Microsoft.ResourceGraph/resources",
        "Microsoft.ResourceGraph/resources/read",
        query_resources,
    ),
)
