"""The ledger in Azure Table storage: one row is one JSON text beside its keys, versioned by the table's ETag.

Source: Table service: keys may not hold slashes, # or ?, a text is at most 64 KiB, so ids are hashed into keys.
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import msgspec
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from shared import journal
from shared.cloud import approvals_table, large_row
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError, read_date, translated
from shared.core.incidents import Incident
from shared.ledger import (
    SCHEMA,
    Approval,
    Changed,
    Kept,
    ServerRow,
    Started,
    Watched,
    Window,
    decoded,
    encoded,
    is_possible,
)

TABLE = "flexguard"
INCIDENTS = "incident"
NEWER = "newer"  # stands for the version of a row that a later app has written: nobody here may write over it
ABANDONED = timedelta(days=1)  # so long after its last write nobody of that later version lives here any more
_PRECONDITION_FAILED = 412


class TableLedger:
    """Implements `shared.ledger.Ledger`. The table is made by the deployment."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    @cached_property
    def _table(self) -> Any:
        return self._cloud.table(TABLE)

    def server(self, server_id: str) -> Kept[ServerRow]:
        kept = self._read("server", _key(server_id), ServerRow)
        return Kept(self._believed(kept.row, server_id), kept.version)

    def keep_server(self, row: ServerRow, version: str) -> str:
        # The verdict stands beside the row for people who look at the table.
        beside = {"ServerId": row.server_id, "Verdict": row.verdict}
        return self._write("server", _key(row.server_id), row, version, beside)

    def server_of(self, instance_id: str) -> str:
        entity = self._entity("instance", _key(instance_id))
        return str(entity.get("ServerId", "")) if entity else ""

    def keep_instance(self, instance_id: str, server_id: str) -> None:
        entity = {"PartitionKey": f"instance-{_key(instance_id)}", "RowKey": "instance", "ServerId": server_id}
        with translated():
            self._table.upsert_entity(entity, raw_response_hook=self._watch)

    def known_servers(self) -> Iterator[ServerRow]:
        for entity in self._query("RowKey eq @kind", {"kind": "server"}):
            row = self._believed(self._decoded(entity, ServerRow), str(entity.get("ServerId", "")))
            if row is not None:
                yield row

    def approvals(self, since: datetime) -> tuple[Approval, ...]:
        return approvals_table.read(self._query(*approvals_table.since_filter(since)))

    def keep_approval(self, approval: Approval) -> None:
        with translated():
            for entity in approvals_table.rows_of(approval):
                self._table.upsert_entity(entity, mode="replace", raw_response_hook=self._watch)

    def window(self, subscription: str) -> Kept[Window]:
        return self._read("window", _key(subscription), Window)

    def keep_window(self, window: Window, version: str) -> str:
        beside = {"Subscription": window.subscription}
        return self._write("window", _key(window.subscription), window, version, beside)

    def started(self, vault_id: str) -> Kept[Started]:
        return self._read("started", _key(vault_id), Started)

    def keep_started(self, started: Started, version: str) -> str:
        return self._write("started", _key(started.vault_id), started, version, {"Vault": started.vault_id})

    def incidents(self, since: datetime) -> Iterator[Kept[Incident]]:
        for entity in self._query("PartitionKey eq @kind and At ge @since", {"kind": INCIDENTS, "since": since}):
            yield Kept(self._decoded(entity, Incident), str(entity.metadata["etag"]))

    def incident(self, key: str) -> Kept[Incident]:
        return self._read(INCIDENTS, _key(key), Incident)

    def keep_incident(self, incident: Incident, version: str) -> str:
        at = max(incident.seen_at, incident.said_at, incident.closed_at or incident.said_at)
        shown = {
            "Kind": incident.kind,
            "Subject": incident.subject[:1000],
            "Open": incident.closed_at is None,
            "At": at,
        }
        return self._write(INCIDENTS, _key(incident.key), incident, version, shown)

    def watched(self, name: str) -> Kept[Watched]:
        return self._read("watched", _key(name), Watched)

    def keep_watched(self, row: Watched, version: str) -> str:
        return self._write("watched", _key(row.name), row, version, {"Name": row.name})

    # -- one row -----------------------------------------------------------------------------------------------

    def _entity(self, kind: str, key: str) -> Any:
        with translated():
            try:
                return self._table.get_entity(*_address(kind, key), raw_response_hook=self._watch)
            except ResourceNotFoundError as error:
                if _is_missing_table(error):
                    raise
                return None

    def _read[Row](self, kind: str, key: str, row_type: type[Row]) -> Kept[Row]:
        entity = self._entity(kind, key)
        if entity is None:
            return Kept(None, "")
        if _schema(entity) > SCHEMA and self._cloud.now - entity.metadata["timestamp"] < ABANDONED:
            return Kept(None, NEWER)
        return Kept(self._decoded(entity, row_type), str(entity.metadata["etag"]))

    def _believed(self, row: ServerRow | None, server_id: str) -> ServerRow | None:
        """The row of a server; None when we cannot have written it: it is another's, or its next look never comes."""
        if row is None or (row.server_id.lower() == server_id.lower() and is_possible(row, self._cloud.now)):
            return row
        journal.record("row_not_believed", server=server_id, says=row.server_id, next_look_at=row.next_look_at)
        return None

    def _query(self, condition: str, parameters: dict[str, Any]) -> Iterator[Any]:
        with translated():
            yield from self._table.query_entities(condition, parameters=parameters, raw_response_hook=self._watch)

    def _decoded[Row](self, entity: Any, row_type: type[Row]) -> Row | None:
        try:
            if 0 < _schema(entity) <= SCHEMA:
                return decoded(large_row.text_of(entity), row_type)
        except (msgspec.DecodeError, zlib.error):
            journal.record("row_unreadable", kind=entity.get("RowKey"), key=entity.get("PartitionKey"))
        return None

    def _write(self, kind: str, key: str, row: Any, version: str, beside: Mapping[str, Any]) -> str:
        if version == NEWER:
            raise CloudError("NewerRow", f"a later version of the app has written {kind} {key}; it is left to that one")
        partition, name = _address(kind, key)
        entity = {"PartitionKey": partition, "RowKey": name, "Schema": SCHEMA, **beside}
        entity |= large_row.columns_of(encoded(row))
        with translated():
            try:
                if not version:
                    written = self._table.create_entity(entity, raw_response_hook=self._watch)
                else:
                    written = self._table.update_entity(
                        entity, mode="replace", etag=version, match_condition=MatchConditions.IfNotModified,
                        raw_response_hook=self._watch,
                    )  # fmt: skip
            except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError) as error:
                if _is_missing_table(error):
                    raise
                raise Changed(f"{kind} {key}") from error
            except HttpResponseError as error:
                if error.status_code == _PRECONDITION_FAILED:
                    raise Changed(f"{kind} {key}") from error
                raise
        return str(written["etag"])

    def _watch(self, response: Any) -> None:
        if date := read_date(response.http_response.headers):
            self._cloud.tick(date)


def _schema(entity: Any) -> int:
    found = entity.get("Schema")
    return found if isinstance(found, int) else 0


def _address(kind: str, key: str) -> tuple[str, str]:
    """Partition and row. Incidents are read all at once, so they share one partition; others are read one by one."""
    return (kind, key) if kind == INCIDENTS else (f"{kind}-{key}", kind)


def _is_missing_table(error: HttpResponseError) -> bool:
    """The deployment forgot the table: not the same as a row that is not there."""
    return "TableNotFound" in str(error)


def _key(text: str) -> str:
    return hashlib.sha256(text.lower().encode()).hexdigest()[:40]
