"""What table requests ask and how answers are framed: paths, keys, OData options, headers.

Knows the format, not the tables.
"""

import re
from dataclasses import dataclass

from simulator.storage.refusals import StorageError
from simulator.storage.table_entity import Entity
from simulator.wire import Json, Request, Response, json_response

PAGE = 1000
SHORTEST_NAME, LONGEST_NAME = 3, 63
TABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
TABLE_PATH = re.compile(r"/Tables\('(?P<table>[^']*)'\)", re.IGNORECASE)
ENTITIES_PATH = re.compile(r"/(?P<table>[^/()]+)(\(\))?")
ENTITY_PATH = re.compile(
    r"/(?P<table>[^/()]+)\(\s*PartitionKey='(?P<partition>(?:[^']|'')*)'\s*,\s*RowKey='(?P<row>(?:[^']|'')*)'\s*\)"
)
Keys = tuple[str, str]


@dataclass(frozen=True)
class Target:
    """What a request is about: a table, and the keys of an entity when the path has them."""

    request: Request
    table: str = ""
    keys: Keys = ("", "")

    @property
    def root(self) -> str:
        """The URL of the account's table endpoint."""
        return f"https://{self.request.host}"

    @property
    def metadata(self) -> str:
        """How much of OData's metadata the client accepts: "no", "minimal" or "full"."""
        asked = self.request.query.get("$format") or self.request.headers.get("accept", "")
        found = re.search(r"odata=(no|minimal|full)metadata", asked)
        return found[1] if found else "minimal"

    def body(self) -> Json:
        """The request's JSON object. Refuses anything else."""
        try:
            value = self.request.json()
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise StorageError(400, "InvalidInput", "One of the request inputs is not valid.")
        return value


def target_of(request: Request) -> tuple[str, Target]:
    """What a path names: "tables", "table", "entities", "entity", "batch", or "" for anything else."""
    path = request.path
    if path.rstrip("()").lower() == "/tables":
        return "tables", Target(request)
    if match := TABLE_PATH.fullmatch(path):
        return "table", Target(request, match["table"])
    if match := ENTITY_PATH.fullmatch(path):
        keys = (match["partition"].replace("''", "'"), match["row"].replace("''", "'"))
        return "entity", Target(request, match["table"], keys)
    if path == "/$batch":
        return "batch", Target(request)
    if match := ENTITIES_PATH.fullmatch(path):
        return "entities", Target(request, match["table"])
    return "", Target(request)


def entity_response(at: Target, status: int, body: Json, headers: dict[str, str]) -> Response:
    """An answer in JSON that says how much metadata it carries."""
    content = f"application/json;odata={at.metadata}metadata;streaming=true;charset=utf-8"
    return json_response(status, body, {"content-type": content, "cache-control": "no-cache"} | headers)


def created(at: Target, body: Json, headers: dict[str, str]) -> Response:
    """201 with the new thing, or 204 when the client prefers not to see it."""
    if at.request.headers.get("prefer") == "return-no-content":
        return Response(204, headers | {"preference-applied": "return-no-content"})
    preferred = at.request.headers.get("prefer")
    return entity_response(at, 201, body, headers | ({"preference-applied": preferred} if preferred else {}))


def metadata_line(at: Target, subject: str) -> Json:
    """The first line of an answer: what it is about, unless the client wants no metadata."""
    return {} if at.metadata == "no" else {"odata.metadata": f"{at.root}/$metadata#{subject}"}


def continuation(following: Entity) -> dict[str, str]:
    """Where the next page starts. Assumed: Azure's tokens are opaque ("1!8!…"); clients only hand them back."""
    start = "x-ms-continuation-Next"
    return {f"{start}PartitionKey": following.partition_key, f"{start}RowKey": following.row_key}


def selected(at: Target) -> list[str]:
    """The names in `$select`; none stands for all."""
    text = at.request.query.get("$select", "")
    return [name.strip() for name in text.split(",") if name.strip()] if text.strip() != "*" else []


def top(at: Target) -> int:
    """How many rows a page may have: `$top`, at most 1000. Assumed: more is 400 InvalidInput."""
    text = at.request.query.get("$top", str(PAGE))
    if not text.isdecimal() or not 0 < int(text) <= PAGE:
        raise StorageError(400, "InvalidInput", "One of the request inputs is not valid.")
    return int(text)


def require_name(name: str) -> None:
    """Refuse what is no table name: 3 to 63 letters and digits, a letter first."""
    if not SHORTEST_NAME <= len(name) <= LONGEST_NAME:
        words = "The specified resource name length is not within the permissible limits."
        raise StorageError(400, "OutOfRangeInput", words)
    if not TABLE_NAME.fullmatch(name) or name.lower() == "tables":
        raise StorageError(400, "InvalidResourceName", "The specifed resource name contains invalid characters.")
