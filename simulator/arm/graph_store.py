"""Runs KQL over the rows that a caller may see. Wraps the engine (DuckDB with a KQL front end); knows no HTTP.

The engine is loaded with the first query. Its tables follow the journal: only rows that changed are written again.
"""

import json
import re
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from simulator.arm.graph_rows import COLUMNS, RECOVERY_POINT, TABLE_NAMES, Row, Surroundings, row_of
from simulator.journal import Journal
from simulator.wire import Json

OPERATORS = (
    *("where", "project", "project-away", "project-rename", "extend", "summarize", "order", "sort"),
    *("top", "take", "limit", "sample", "count", "distinct", "mv-expand", "parse"),
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # stands for the time of a query until it is run
MOST_ANSWERS, SMALL = 16, 1000  # Answers that are kept; of the larger ones only the last.
BATCH = 500  # Rows that are handed to the engine at a time: its memory grows with the size of one text.
_ALL = {"key": "VARCHAR", "tbl": "VARCHAR", "block": "INTEGER"} | COLUMNS
_READ_ROWS = f"SELECT unnest(from_json(?, '[{json.dumps(_ALL)}]'), recursive := true)"
MEMBERSHIP = re.compile(r"/providers/microsoft\.management/managementgroups/[^/]+/subscriptions/")
_ONE_TYPE = re.compile(r"\w+\s*\|\s*where\s+type\s*=~\s*'([^'\\]+)'\s*(?:\||$)", re.IGNORECASE)  # no other row counts
_TELLS_TIME = re.compile(r"\b(ago|now)\s*\(", re.IGNORECASE)


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


@dataclass
class Block:
    """Rows that one right shows: those of a table, read by one action, in one resource group (or alone).

    group: the scope, in lower case, at which the action shows all of them.
    """

    number: int
    table: str
    action: str
    subscription: str
    group: str
    keys: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True)
class Sight:
    """What one caller may see. is_hidden: rows that are left out all the same, or None when there are none."""

    is_asked: Callable[[Block], bool]
    may_read: Callable[[str, str], bool]
    is_hidden: Callable[[str], bool] | None = None

    def of(self, block: Block) -> list[str] | None:
        """The keys of a block that can be seen; None for all of them."""
        if not self.is_asked(block):
            return []
        above = (f"/subscriptions/{block.subscription}", block.group)
        is_whole = any(self.may_read(block.action, scope) for scope in above)
        if is_whole and self.is_hidden is None:
            return None
        seen = [key for key in block.keys if is_whole or self.may_read(block.action, key)]
        return [key for key in seen if not (self.is_hidden and self.is_hidden(key))]


def _connect() -> Any:
    """An engine of its own, with empty tables."""
    import duckdb_kql  # noqa: PLC0415 (heavy: half a second, 100 MB)

    connection = duckdb_kql.connect()
    for setting in ("enable_external_access = false", "threads = 1"):  # a thread more costs memory, and saves none
        connection.execute(f"SET {setting}")
    columns = ", ".join(f'"{name}" {kind}' for name, kind in _ALL.items())
    connection.execute(f"CREATE TABLE everything ({columns})")
    connection.execute("CREATE TABLE visible (key VARCHAR)")
    return connection


_IDLE: list[Any] = []  # Engines of worlds that are gone: to start one takes as long as three queries.


class GraphStore:
    """The tables of one world. Can be thrown away and built again from the journal."""

    def __init__(self, journal: Journal, tenant_id: str, ancestors_of: Callable[[str], list[Json]]) -> None:
        self.connection = _IDLE.pop() if _IDLE else _connect()
        self.connection.execute("DELETE FROM everything; DELETE FROM visible")
        self.visible: list[str] = []
        weakref.finalize(self, _IDLE.append, self.connection)
        self.tenant_id, self.ancestors_of = tenant_id, ancestors_of
        self.blocks: dict[tuple[str, str, str, str], Block] = {}
        self.block_of: dict[str, Block] = {}
        self.points: dict[str, dict[str, str]] = {}  # instance key: its recovery points' times
        self.policies: dict[str, Json] = {}
        self.versions: Counter[int] = Counter()  # block: how often a row of it has changed
        self.views: dict[str, str] = {}
        self.answers: dict[str, tuple[tuple[Any, ...], datetime, Found]] = {}  # the last one to each query
        self._follow(journal, set(journal.shown))

    def refresh(self, journal: Journal) -> None:
        """Take over what the journal shows since the last time."""
        self._follow(journal, journal.unread)

    def _follow(self, journal: Journal, unread: Iterable[str]) -> None:
        changed = dict.fromkeys(sorted(unread))
        journal.unread.clear()
        for key in [key for key in changed if "/recoverypoints/" in key]:
            changed[self._note_point(journal, key)] = None
        changed |= {f"/subscriptions/{key.rpartition('/')[2]}": None for key in changed if MEMBERSHIP.match(key)}
        if not changed:
            return
        fresh = []
        for key in changed:
            self.policies.pop(key, None)
            if block := self.block_of.pop(key, None):
                del block.keys[key]
                self.versions[block.number] += 1
            text = journal.shown.get(key)
            row = row_of(text, self._surroundings(journal, key)) if text else None
            if row:
                number = self._enter(key, row).number
                self.versions[number] += 1
                fresh.append({"key": key, "tbl": row.table, "block": number} | row.cells)
        keys = json.dumps(list(changed))
        self.connection.execute(
            "DELETE FROM everything WHERE key IN (SELECT unnest(from_json(?, '[\"VARCHAR\"]')))", [keys]
        )
        for first in range(0, len(fresh), BATCH):
            batch = json.dumps(fresh[first : first + BATCH])
            self.connection.execute(f"INSERT INTO everything {_READ_ROWS}", [batch])

    def _surroundings(self, journal: Journal, key: str) -> Surroundings:
        def policy_of(policy_id: str) -> Json:
            found: Json = self.policies.get(policy_id) or {}
            if not found and policy_id in journal.shown:
                found = self.policies[policy_id] = json.loads(journal.shown[policy_id])[2]["properties"]
            return found

        points = self.points.get(key)
        return Surroundings(self.tenant_id, sorted(points.values()) if points else [], policy_of, self.ancestors_of)

    def _enter(self, key: str, row: Row) -> Block:
        subscription = row.cells["subscriptionId"].lower()
        place = (row.table, row.read_action, subscription, "/".join(key.split("/", 5)[:5]))
        block = self.blocks.get(place)
        if block is None:
            block = self.blocks[place] = Block(len(self.blocks), *place)
        block.keys[key] = None
        self.block_of[key] = block
        return block

    def _note_point(self, journal: Journal, key: str) -> str:
        instance = key.partition("/recoverypoints/")[0]
        times = self.points.setdefault(instance, {})
        times.pop(key, None)
        _, kind, body = json.loads(journal.shown.get(key) or '["", "", {}]')
        time = (body.get("properties") or {}).get("recoveryPointTime")
        if kind == RECOVERY_POINT and time:
            times[key] = time
        return instance

    def run(self, query: str, now: datetime, sight: Sight, *, is_next_page: bool = False) -> Found:
        """The answer to a query over the rows that can be seen.

        The same question is not worked out again as long as no row changed. Raises WrongQueryError
        for a query that is wrong, UnplayedQueryError for one that the engine cannot run.
        """
        words = set(re.findall(r"\w+", with_table(query)[0].lower()))
        named = words.intersection(TABLE_NAMES)
        action = f"{one[1].lower()}/read" if len(named) == 1 and (one := _ONE_TYPE.match(query)) else ""
        versions, whole, single, count = list[int](), list[int](), list[str](), 0
        for block in self.blocks.values():
            if block.table in named:
                if action in ("", block.action.lower()):
                    versions.append(self.versions[block.number])
                    count += len(block.keys)
                keys = sight.of(block)
                if keys is None:
                    whole.append(block.number)
                else:
                    single += keys
        asked = (versions, whole, single)
        before, at, found = self.answers.get(query, (None, now, None))
        is_same = at == now or is_next_page or not count or not _TELLS_TIME.search(query)
        if found and before == asked and is_same:
            return found
        self._show(named, whole, single)
        found = self._execute(query, now)
        small = {each: kept for each, kept in self.answers.items() if len(kept[2].rows) <= SMALL}
        self.answers = (small if len(small) < MOST_ANSWERS else {}) | {query: (asked, now, found)}
        return found

    def _execute(self, query: str, now: datetime) -> Found:
        import duckdb  # noqa: PLC0415 - heavy, and needed by queries alone
        from duckdb_kql import KqlError, KqlSyntaxError, KqlUnsupportedError  # noqa: PLC0415

        whole, added = with_table(query)
        try:
            sql = _as_sql(whole)
            at = dict.fromkeys(sql.parameters, now.astimezone(UTC).replace(tzinfo=None))  # what now() stands for
            answer = self.connection.execute(str(sql), at or None)
            columns = [(name, _type_name(str(kind))) for name, kind, *_ in answer.description]
            return Found([name for name, _ in columns], [kind for _, kind in columns], answer.fetchall())
        except KqlSyntaxError as error:
            span = error.diagnostics[0].span if error.diagnostics else None
            line, column = (span.line, span.column) if span else (1, 0)
            raise WrongQueryError(str(error), line, max(0, column - added)) from None
        except KqlUnsupportedError as error:
            raise UnplayedQueryError(str(error)) from None
        except (KqlError, duckdb.Error) as error:
            raise WrongQueryError(str(error).splitlines()[0]) from None

    def _show(self, named: set[str], whole: list[int], single: list[str]) -> None:
        """Let the named tables hold the visible rows; a table that holds them already is left alone."""
        if self.visible != single:
            self.connection.execute("DELETE FROM visible")
            self.connection.execute(
                "INSERT INTO visible SELECT unnest(from_json(?, '[\"VARCHAR\"]'))", [json.dumps(single)]
            )
            self.visible = single
        columns = ", ".join(f'"{name}"' for name in COLUMNS)
        own = {block.number: block.table for block in self.blocks.values()}
        for table in sorted(named):
            blocks = [str(number) for number in whole if own[number] == table]
            limits = [f"block IN ({', '.join(blocks)})"] if blocks else []
            limits += ["key IN (SELECT key FROM visible)"] if single else []
            only = f"({' OR '.join(limits)})" if limits else "false"
            rows = f"SELECT {columns} FROM everything WHERE tbl = '{table}' AND {only}"  # noqa: S608 (our own names)
            if self.views.get(table) != rows:
                self.connection.execute(f"CREATE OR REPLACE VIEW {table} AS {rows}")
                self.views[table] = rows


@lru_cache(maxsize=256)
def _as_sql(query: str) -> Any:
    """A query in the engine's own language. Kept: to translate one takes longer than to answer it."""
    from duckdb_kql import to_sql  # noqa: PLC0415 - heavy, and needed by queries alone

    schema = {table: list(COLUMNS) for table in TABLE_NAMES}
    return to_sql(query, schema=schema, allow_write=False, query_now=EPOCH)


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


def _type_name(kind: str) -> str:
    by_name = {"BOOLEAN": "boolean", "JSON": "object", "DOUBLE": "number", "FLOAT": "number"}
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return "datetime"
    if kind.startswith("DECIMAL"):
        return "number"
    return by_name.get(kind, "integer" if kind.endswith("INT") or kind == "INTEGER" else "string")
