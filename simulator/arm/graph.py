"""Azure Resource Graph: the world as it was some seconds ago, asked in KQL, answered in pages.

It finds nothing that the caller may not read, and confirms nothing: a row may be old (`behaviour.graph_lag_s`).
"""

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from simulator.arm import access
from simulator.arm.graph_store import Found, GraphStore, UnplayedQueryError, WrongQueryError
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, json_response, stamp
from simulator.world import World

PAGE = 1000  # The most, and the usual number of rows; clients such as the command line ask for 100.
QUOTA, WINDOW_S = 15, 5.0
"""Queries per caller and window, by the recorded headers. Assumed: a window starts with its first query."""


def query_resources(world: World, call: Call) -> Response:
    """Run a KQL query over what the caller may read. Raises ArmError 400 BadRequest, 429 RateLimiting."""
    headers = _spend_quota(world, call.caller)
    query, options = str(call.body.get("query", "")), call.body.get("options") or {}
    if call.body.get("facets"):
        raise ArmError(501, "OperationNotSimulated", "The local Azure does not play facets of Resource Graph.")
    top, skip = _page(call.body, options)
    try:
        found = _store(world).run(query, world.now, _visible(world, call))
    except WrongQueryError as wrong:
        raise _bad_request(world, _query_errors(query, wrong), headers) from None
    except UnplayedQueryError as wrong:
        message = f"The local Azure cannot run this query: {wrong}"
        raise ArmError(501, "OperationNotSimulated", message, headers=headers) from None
    body = _answer(call.body, found, top, skip)
    took_s = world.random("resource graph", call.caller, world.now).uniform(0.02, 0.3)
    return json_response(200, body, headers | {"x-ms-resource-graph-request-duration": f"0:00:00:{took_s:010.7f}"})


# -- what can be seen --------------------------------------------------------------------------------------------


def _store(world: World) -> GraphStore:
    world.settle()
    world.journal.show(world.now - timedelta(seconds=world.behaviour.graph_lag_s))
    store: GraphStore | None = world.derived.get("graph")
    if store is None:
        store = world.derived["graph"] = GraphStore(world.journal, world.tenant_id)
    store.refresh(world.journal)
    return store


def _visible(world: World, call: Call) -> Callable[[str, str, str], bool]:
    """Which rows the caller may read within the subscriptions that are asked for; no subscriptions: the whole tenant.

    Assumed: every management group holds every subscription, and without rights there are no rows instead of a 403.
    """
    asked = call.body.get("subscriptions")
    subscriptions = {str(each).lower() for each in asked} if asked else None

    @cache
    def may_read(action: str, scope: str) -> bool:
        return access.permitted(world, call.caller, action, scope)

    def is_visible(key: str, action: str, subscription: str) -> bool:
        if subscriptions is not None and subscription and subscription not in subscriptions:
            return False
        group = "/".join(key.split("/", 5)[:5])
        above = may_read(action, f"/subscriptions/{subscription}") or may_read(action, group)
        return above or access.permitted(world, call.caller, action, key)

    return is_visible


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
