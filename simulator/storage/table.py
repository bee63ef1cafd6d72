"""Table storage over HTTP, as the azure-data-tables client speaks it. One storage account; its name is not looked at.

The operations are a table: method and what the path names. Types and limits of entities are in `table_entity.py`,
filters in `table_filter.py`, entity group transactions in `table_batch.py`.

**Source** for statuses, headers and codes: Microsoft's REST reference of Table Storage ("Table Storage error codes").
"""

import bisect
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from simulator.storage.envelope import stamped
from simulator.storage.refusals import StorageError, require_token
from simulator.storage.table_batch import failed, keys_of, read_batch, require_new, write_batch
from simulator.storage.table_entity import (
    EPOCH,
    Entity,
    read_properties,
    require_keys,
    require_size,
    write_entity,
)
from simulator.storage.table_filter import read_filter
from simulator.storage.table_request import (
    Keys,
    Target,
    continuation,
    created,
    entity_response,
    metadata_line,
    require_name,
    selected,
    target_of,
    top,
)
from simulator.wire import Request, Response

DELETION_S = 40


@dataclass
class Table:
    """One table: its entities by keys, and the keys in order."""

    name: str
    entities: dict[Keys, Entity] = field(default_factory=dict)
    order: list[Keys] = field(default_factory=list)

    def keep(self, entity: Entity) -> None:
        """Store an entity, over the one with its keys if there is one."""
        keys = (entity.partition_key, entity.row_key)
        if keys not in self.entities:
            bisect.insort(self.order, keys)
        self.entities[keys] = entity

    def remove(self, keys: Keys) -> None:
        """Forget an entity that is there."""
        del self.entities[keys]
        del self.order[bisect.bisect_left(self.order, keys)]

    def restore(self, before: dict[Keys, Entity | None]) -> None:
        """Bring entities back to what they were; None stands for one that was not there."""
        for keys, entity in before.items():
            if entity:
                self.keep(entity)
            elif keys in self.entities:
                self.remove(keys)


class TableService:
    """All tables of the account. Time is what `now()` says."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.tables: dict[str, Table] = {}
        self.deleted_at: dict[str, datetime] = {}
        self.last_ticks = 0
        self.answers = 0

    def entities(self, table: str) -> tuple[Entity, ...]:
        """Every entity of a table in the order of its keys, for tests; nothing when there is no such table."""
        found = self.tables.get(table.lower())
        return tuple(found.entities[keys] for keys in found.order) if found else ()

    # -- HTTP ------------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request to the table endpoint. Every refusal is in the service's own JSON."""
        try:
            require_token(request)
            response = self._operate(request)
        except StorageError as refusal:
            response = refusal.json_response()
        self.answers += 1
        return stamped(response, request, self._now(), service=2, number=self.answers)

    def _operate(self, request: Request) -> Response:
        method = request.headers.get("x-http-method", request.method).upper()
        shape, target = target_of(request)
        operation = self.OPERATIONS.get((method, shape))
        if not operation or "comp" in request.query:
            words = f"The local Azure does not play {method} {request.path} on tables."
            raise StorageError(501, "NotImplemented", words)
        return operation(self, target)

    # -- tables ----------------------------------------------------------------------------------------------------

    def _list_tables(self, at: Target) -> Response:
        test = read_filter(at.request.query.get("$filter", ""))
        first = at.request.query.get("NextTableName", "").lower()
        named = [t for key, t in sorted(self.tables.items()) if key >= first]
        found = [t for t in named if test(Entity("", "", 0, {"TableName": ("Edm.String", t.name)}))]
        limit = top(at)
        headers = {"x-ms-continuation-NextTableName": found[limit].name} if len(found) > limit else {}
        body = metadata_line(at, "Tables") | {"value": [{"TableName": t.name} for t in found[:limit]]}
        return entity_response(at, 200, body, headers)

    def _create_table(self, at: Target) -> Response:
        name = at.body().get("TableName")
        if not isinstance(name, str):
            words = "The values are not specified for all properties in the entity."
            raise StorageError(400, "PropertiesNeedValue", words)
        require_name(name)
        self._require_not_deleting(name)
        if name.lower() in self.tables:
            raise StorageError(409, "TableAlreadyExists", "The table specified already exists.")
        self.tables[name.lower()] = Table(name)
        return created(at, metadata_line(at, "Tables/@Element") | {"TableName": name}, {})

    def _delete_table(self, at: Target) -> Response:
        """Assumed: a table that is not there is ResourceNotFound; the client takes any 404 as done."""
        if at.table.lower() not in self.tables:
            raise StorageError(404, "ResourceNotFound", "The specified resource does not exist.")
        del self.tables[at.table.lower()]
        self.deleted_at[at.table.lower()] = self._now()
        return Response(204)

    def _table(self, at: Target) -> Table:
        require_name(at.table)
        if at.table.lower() not in self.tables:
            raise StorageError(404, "TableNotFound", "The table specified does not exist.")
        return self.tables[at.table.lower()]

    def _require_not_deleting(self, name: str) -> None:
        """A deleted table's name is taken for at least 40 seconds. Assumed: exactly 40."""
        deleted = self.deleted_at.get(name.lower())
        if deleted and self._now() < deleted + timedelta(seconds=DELETION_S):
            raise StorageError(409, "TableBeingDeleted", "The specified table is being deleted.")

    # -- entities --------------------------------------------------------------------------------------------------

    def _query(self, at: Target) -> Response:
        table, query = self._table(at), at.request.query
        test, limit = read_filter(query.get("$filter", "")), top(at)
        start = bisect.bisect_left(table.order, (query.get("NextPartitionKey", ""), query.get("NextRowKey", "")))
        found: list[Entity] = []
        for keys in table.order[start:]:
            if test(table.entities[keys]):
                found.append(table.entities[keys])
                if len(found) > limit:
                    break
        names = selected(at)
        shown = [write_entity(e, at.metadata, at.root, table.name, names) for e in found[:limit]]
        body = metadata_line(at, table.name) | {"value": shown}
        return entity_response(at, 200, body, continuation(found[limit]) if len(found) > limit else {})

    def _get(self, at: Target) -> Response:
        entity = self._entity(self._table(at), at.keys)
        body = metadata_line(at, f"{at.table}/@Element")
        body |= write_entity(entity, at.metadata, at.root, at.table, selected(at))
        return entity_response(at, 200, body, {"etag": entity.etag})

    def _insert(self, at: Target) -> Response:
        table, body = self._table(at), at.body()
        keys = require_keys(body.get("PartitionKey"), body.get("RowKey"))
        entity = require_size(Entity(*keys, self._tick(), read_properties(body)))
        if keys in table.entities:
            raise StorageError(409, "EntityAlreadyExists", "The specified entity already exists.")
        table.keep(entity)
        shown = metadata_line(at, f"{table.name}/@Element") | write_entity(entity, at.metadata, at.root, table.name)
        return created(at, shown, {"etag": entity.etag})

    def _replace(self, at: Target) -> Response:
        return self._change(at, {})

    def _merge(self, at: Target) -> Response:
        present = self._table(at).entities.get(at.keys)
        return self._change(at, present.properties if present else {})

    def _change(self, at: Target, kept: dict[str, Any]) -> Response:
        """Write an entity: with If-Match only over the one it names, without it whatever is there (upsert)."""
        table, keys = self._table(at), require_keys(*at.keys)
        properties = kept | read_properties(at.body())
        if "if-match" in at.request.headers:
            self._require_match(table, at)
        entity = require_size(Entity(*keys, self._tick(), properties))
        table.keep(entity)
        return Response(204, {"etag": entity.etag})

    def _delete(self, at: Target) -> Response:
        table = self._table(at)
        if "if-match" not in at.request.headers:
            words = "An HTTP header that's mandatory for this request is not specified."
            raise StorageError(400, "MissingRequiredHeader", words)
        self._require_match(table, at)
        table.remove(at.keys)
        return Response(204)

    def _batch(self, at: Target) -> Response:
        """Carry out a change set whole, or, when one change is refused, not at all."""
        changes = read_batch(at.request)
        table = self._table(target_of(changes[0])[1])
        before = {keys: table.entities.get(keys) for keys in map(keys_of, changes)}
        answers: list[Response] = []
        for index, change in enumerate(changes):
            try:
                require_new(changes, index)
                answers.append(self._operate(change))
            except StorageError as refusal:
                table.restore(before)
                return write_batch([failed(refusal, index)], self.answers)
        return write_batch(answers, self.answers)

    def _require_match(self, table: Table, at: Target) -> None:
        """Refuse a condition that does not hold: 404 when there is no entity, 412 when it is another version."""
        wanted = at.request.headers["if-match"]
        if wanted != "*" and not wanted.startswith("W/\"datetime'"):
            words = f"The etag value '{wanted}' specified in one of the request headers is not valid."
            words += " Please make sure only one etag value is specified and is valid."
            raise StorageError(400, "InvalidInput", words)
        if wanted not in ("*", self._entity(table, at.keys).etag):
            words = "The update condition specified in the request was not satisfied."
            raise StorageError(412, "UpdateConditionNotSatisfied", words)

    def _entity(self, table: Table, keys: Keys) -> Entity:
        if keys not in table.entities:
            raise StorageError(404, "ResourceNotFound", "The specified resource does not exist.")
        return table.entities[keys]

    def _tick(self) -> int:
        """A moment of writing that no other write has, so that every write has its own ETag."""
        since = self._now() - EPOCH
        ticks = ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 10
        self.last_ticks = max(ticks, self.last_ticks + 1)
        return self.last_ticks

    OPERATIONS: ClassVar[dict[tuple[str, str], Callable[["TableService", Target], Response]]] = {
        ("GET", "tables"): _list_tables,
        ("POST", "tables"): _create_table,
        ("DELETE", "table"): _delete_table,
        ("GET", "entities"): _query,
        ("POST", "entities"): _insert,
        ("GET", "entity"): _get,
        ("PUT", "entity"): _replace,
        ("PATCH", "entity"): _merge,
        ("MERGE", "entity"): _merge,
        ("DELETE", "entity"): _delete,
        ("POST", "batch"): _batch,
    }
