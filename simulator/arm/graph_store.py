"""Runs KQL over the rows that a caller may see. Wraps the engine (DuckDB with a KQL front end); knows no HTTP.

The engine is loaded with the first query. Its tables follow the journal: only rows that changed are written again.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.arm.graph_rows import COLUMNS, RECOVERY_POINT, TABLE_NAMES, Row, row_of
from simulator.journal import Journal

OPERATORS = (
    *("where", "project", "project-away", "project-rename", "extend", "summarize", "order", "sort"),
    *("top", "take", "limit", "sample", "count", "distinct", "mv-expand", "parse"),
)
BATCH = 500  # Rows that are handed to the engine at a time: its memory grows with the size of one text.
_ALL = {"key": "VARCHAR", "tbl": "VARCHAR"} | COLUMNS
_READ_ROWS = f"SELECT unnest(from_json(?, '[{json.dumps(_ALL)}]'), recursive := true)"


class WrongQueryError(Exception):
    """The query is wrong. line and column say where, if the engine knows; columns count from 0."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line, self.column = line, column


class UnplayedQueryError(Exception):
    """The query may be right, but the engine lacks a construct that Resource Graph may have."""


@dataclass(frozen=True)
class Found:
    """All rows of an answer. types: string, integer, number, boolean, datetime or object, per column."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]


class GraphStore:
    """The tables of one world. Can be thrown away and built again from the journal."""

    def __init__(self, journal: Journal, tenant_id: str) -> None:
        import duckdb_kql  # noqa: PLC0415 (heavy: half a second, 100 MB)

        self.connection = duckdb_kql.connect()
        self.connection.execute("SET enable_external_access = false")
        columns = ", ".join(f'"{name}" {kind}' for name, kind in _ALL.items())
        self.connection.execute(f"CREATE TABLE everything ({columns})")
        self.connection.execute("CREATE TABLE visible (key VARCHAR)")
        self.tenant_id = tenant_id
        self.rows: dict[str, tuple[str, str, str]] = {}  # key: table, read action, subscription
        self.points: dict[str, dict[str, str]] = {}  # instance key: its recovery points' times
        self.last: tuple[tuple[str, datetime, list[str]], Found] | None = None
        self._follow(journal, set(journal.shown))

    def refresh(self, journal: Journal) -> None:
        """Take over what the journal shows since the last time."""
        self._follow(journal, journal.unread)

    def _follow(self, journal: Journal, unread: Iterable[str]) -> None:
        changed = dict.fromkeys(sorted(unread))
        journal.unread.clear()
        for key in [key for key in changed if "/recoverypoints/" in key]:
            changed[self._note_point(journal, key)] = None
        if not changed:
            return
        self.last = None
        fresh = []
        for key in changed:
            self.rows.pop(key, None)
            text = journal.shown.get(key)
            row = row_of(text, self.tenant_id, sorted(self.points.get(key, {}).values())) if text else None
            if row:
                self.rows[key] = (row.table, row.read_action, row.cells["subscriptionId"].lower())
                fresh.append(_cells(key, row))
        keys = json.dumps(list(changed))
        self.connection.execute(
            "DELETE FROM everything WHERE key IN (SELECT unnest(from_json(?, '[\"VARCHAR\"]')))", [keys]
        )
        for first in range(0, len(fresh), BATCH):
            batch = json.dumps(fresh[first : first + BATCH])
            self.connection.execute(f"INSERT INTO everything {_READ_ROWS}", [batch])

    def _note_point(self, journal: Journal, key: str) -> str:
        instance = key.partition("/recoverypoints/")[0]
        times = self.points.setdefault(instance, {})
        times.pop(key, None)
        _, kind, body = json.loads(journal.shown.get(key) or '["", "", {}]')
        time = (body.get("properties") or {}).get("recoveryPointTime")
        if kind == RECOVERY_POINT and time:
            times[key] = time
        return instance

    def run(self, query: str, now: datetime, is_visible: Callable[[str, str, str], bool]) -> Found:
        """The answer to a query over the rows for which is_visible(key, action, subscription) holds.

        Raises WrongQueryError for a query that is wrong, UnplayedQueryError for one that the engine cannot run.
        """
        named = {table for table in TABLE_NAMES if table in query.lower()} | {"resources"}
        mine = {key: row for key, row in self.rows.items() if row[0] in named}
        visible = [key for key, (_, action, subscription) in mine.items() if is_visible(key, action, subscription)]
        asked = (query, now, visible)
        if self.last and self.last[0] == asked:
            return self.last[1]  # The next page of the same question at the same moment.
        self._show(named, visible if len(visible) < len(mine) else None)
        found = self._execute(query, now)
        self.last = (asked, found)
        return found

    def _execute(self, query: str, now: datetime) -> Found:
        import duckdb  # noqa: PLC0415 - heavy, and needed by queries alone
        from duckdb_kql import KqlError, KqlSyntaxError, KqlUnsupportedError, kql  # noqa: PLC0415

        whole, added = with_table(query)
        try:
            relation = kql(self.connection, whole, allow_write=False, query_now=now)
            types = [_type_name(str(kind)) for kind in relation.types]
            return Found(list(relation.columns), types, relation.fetchall())
        except KqlSyntaxError as error:
            span = error.diagnostics[0].span if error.diagnostics else None
            line, column = (span.line, span.column) if span else (1, 0)
            raise WrongQueryError(str(error), line, max(0, column - added)) from None
        except KqlUnsupportedError as error:
            raise UnplayedQueryError(str(error)) from None
        except (KqlError, duckdb.Error) as error:
            raise WrongQueryError(str(error).splitlines()[0]) from None

    def _show(self, named: set[str], visible: list[str] | None) -> None:
        """Let the named tables hold the visible rows (None: all of them), and every other table none."""
        limit = "" if visible is None else " AND key IN (SELECT key FROM visible)"
        if visible is not None:
            self.connection.execute("DELETE FROM visible")
            keys = json.dumps(visible)
            self.connection.execute("INSERT INTO visible SELECT unnest(from_json(?, '[\"VARCHAR\"]'))", [keys])
        columns = ", ".join(f'"{name}"' for name in COLUMNS)
        for table in TABLE_NAMES:
            only = limit if table in named else " AND false"
            rows = f"SELECT {columns} FROM everything WHERE tbl = '{table}'{only}"  # noqa: S608 (our own names)
            self.connection.execute(f"CREATE OR REPLACE VIEW {table} AS {rows}")


def with_table(query: str) -> tuple[str, int]:
    """The query with its table, and how many characters were added: a query may begin with an operator.

    **Source**: `arg-sdk-basic-query` ("project id, tags, properties | limit 2").
    """
    text = query.lstrip().removeprefix("|")
    first = re.match(r"[\w-]+", text.lstrip())
    if first and first[0].lower() in OPERATORS:
        whole = f"resources | {text.lstrip()}"
        return whole, len(whole) - len(query)
    return query, 0


def _cells(key: str, row: Row) -> dict[str, Any]:
    return {"key": key, "tbl": row.table} | row.cells


def _type_name(kind: str) -> str:
    by_name = {"BOOLEAN": "boolean", "JSON": "object", "DOUBLE": "number", "FLOAT": "number"}
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return "datetime"
    if kind.startswith("DECIMAL"):
        return "number"
    return by_name.get(kind, "integer" if kind.endswith("INT") or kind == "INTEGER" else "string")
