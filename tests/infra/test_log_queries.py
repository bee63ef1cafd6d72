"""The log queries of workbook and alerts, run over the lines that the app really writes: columns and sums are right."""

import json
import logging
import re
from collections import Counter
from typing import Any

import duckdb
import duckdb_kql
import pytest

from cli.rehearsal import Rehearsal
from functions import wiring
from shared import journal
from shared.core.verdict import Kind
from shared.settings import VARIABLES
from tests.tidy.tree import ROOT

QUERIES = ROOT / "infra" / "queries"
LOGS = sorted(path.stem for path in QUERIES.glob("*.kql") if "AppTraces" in path.read_text(encoding="utf-8"))
RULES = """\
mode: protect
vaults: [{id: "{vault:westeurope}"}]
tiers:
  gold:
    backup: {days: [sunday], at: "01:30"}
    keep: {default: 35 days}
"""
SWEPT = "sweep_estate"


class Told(logging.Handler):
    """Keeps every line of the app with the time at which it was written, as Azure Monitor does."""

    def __init__(self, world: Rehearsal) -> None:
        super().__init__()
        self.world, self.rows = world, []

    def emit(self, record: logging.LogRecord) -> None:
        self.rows.append((self.world.azure.now.replace(tzinfo=None), record.getMessage()))

    def of(self, fact: str) -> list[dict[str, Any]]:
        """The lines of one fact."""
        return [line for _, text in self.rows if (line := json.loads(text))["fact"] == fact]


@pytest.fixture(scope="module")
def told():
    """Two hours of an estate: a server is protected, one has no tag, one a typo, one fails; Azure throttles once."""
    world = Rehearsal(RULES)
    told = Told(world)
    journal.LOGGER.addHandler(told)
    level, before = journal.LOGGER.level, len(world.azure.log)
    journal.LOGGER.setLevel(logging.INFO)
    world.azure.world.faults.add("fail_backup", "/pg-failing", times=99)
    world.create_server("pg-one", {"backup-tier": "gold"})
    world.create_server("pg-two")
    world.create_server("pg-three", {"backup-tier": "glod"})
    world.create_server("pg-failing", {"backup-tier": "gold"})
    world.azure.world.faults.add("throttle", "validateforbackup", times=1)
    world.run(seconds=7200)
    told.calls = world.app_calls(before)
    yield told
    journal.LOGGER.removeHandler(told)
    journal.LOGGER.setLevel(level)
    wiring.use(None)


def ask(told: Told, name: str, exceptions: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What a query answers about these lines, and about what the host has said of exceptions."""
    connection = duckdb_kql.connect()
    connection.execute("create table AppExceptions (TimeGenerated TIMESTAMP, OuterMessage TEXT, InnermostMessage TEXT)")
    for said in exceptions:
        connection.execute("insert into AppExceptions values (?, ?, ?)", [told.rows[0][0], said, said])
    connection.execute("create table AppTraces (TimeGenerated TIMESTAMP, Message VARCHAR, SeverityLevel INTEGER)")
    connection.executemany("insert into AppTraces values (?, ?, 1)", told.rows)
    query = (QUERIES / f"{name}.kql").read_text(encoding="utf-8")
    found: duckdb.DuckDBPyRelation = duckdb_kql.kql(connection, query)
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def test_every_column_is_written(told: Told):
    """Each field that a query reads is in the lines of each fact that it reads, or of one of them at least."""
    lines = {fact: set[str]().union(*told.of(fact)) for fact in {json.loads(text)["fact"] for _, text in told.rows}}
    for name in LOGS:
        query = (QUERIES / f"{name}.kql").read_text(encoding="utf-8")
        facts = re.findall(r'"fact": "(\w+)"', query)
        assert set(facts) <= set(lines), name
        written = set[str]().union(*(lines[fact] for fact in facts))
        assert set(re.findall(r"(?:Line|\(Message\))(?:\.|\[')(\w+)", query)) <= written, name


def test_every_decision_is_a_line(told: Told):
    """Each look is one row, newest first, with verdict, reason, actions, calls and what joins it to Azure's log."""
    rows = ask(told, "decisions")
    assert len(rows) == len(told.of("looked"))
    assert rows[0]["TimeGenerated"] >= rows[-1]["TimeGenerated"]
    assert all(row["Verdict"] in set(Kind) and row["Correlation"] for row in rows)
    protecting = [row for row in rows if row["Actions"] == "Protect"]
    assert len(protecting) == 2
    assert all(json.loads(row["Calls"])["PUT backupVaults/backupInstances"] == 1 for row in protecting)
    assert {call.correlation for call in told.calls if call.method == "PUT"} <= {row["Correlation"] for row in rows}


def test_every_call_is_counted(told: Told):
    """The sum by operation is what Azure has seen; refusals are counted too."""
    counted = Counter[str]()
    for row in ask(told, "calls"):
        counted[row["Operation"]] += row["Calls"]
    assert sum(counted.values()) == len(told.calls)
    assert sum(row["Throttled"] for row in ask(told, "throttled")) == 1


def test_servers_by_verdict(told: Told):
    """Each sweep counts every server once, by verdict."""
    rows = ask(told, "verdicts")
    last = [row for row in rows if row["TimeGenerated"] == rows[-1]["TimeGenerated"]]
    assert {row["Verdict"]: row["Servers"] for row in last} == {
        "protected": 1, "not_opted_in": 1, "blocked_unknown_tier": 1, "first_backup_pending": 1
    }  # fmt: skip
    swept = ask(told, "swept")[-1]
    assert (swept["Servers"], swept["Protected"], swept["Healed"]) == (4, 1, 0)


def test_ages_of_points(told: Told):
    """The only recovery point is about an hour old, at every percentile."""
    rows = [row for row in ask(told, "point_ages") if row["TimeGenerated"] == ask(told, "swept")[-1]["TimeGenerated"]]
    assert [row["Percentile"] for row in rows] == ["p50", "p90", "p99", "p100"]
    assert all(0.5 < row["Hours"] < 2 for row in rows)


def test_events_by_what_became_of_them(told: Told):
    """Every event is counted, as received or as dropped with its reason."""
    rows = ask(told, "events")
    received = sum(row["Events"] for row in rows if row["Became"] == "received")
    assert received == len(told.of("event_received")) > 0
    assert sum(row["Events"] for row in rows) == received + len(told.of("event_dropped"))


def test_incidents_and_lag(told: Told):
    """The failed backup is an incident with its fix; from the first event to protected it took minutes."""
    incidents = {row["Incident"]: row for row in ask(told, "incidents")}
    failed = incidents["backup_failed"]
    assert failed["Subject"].rsplit("/", 1)[-1] == "pg-failing"
    assert failed["Fix"]
    (lag,) = ask(told, "lag")
    assert lag["Servers"] == 2
    assert 0 < lag["Median"] < 30


def test_silence_is_found(told: Told):
    """While sweep and watch run, nobody is silent; of a log without the sweep's line, it is the sweep."""
    assert ask(told, "heartbeat") == []
    kept, told.rows = told.rows, [row for row in told.rows if not row[1].startswith('{"fact": "swept"')]
    try:
        assert [row["Fact"] for row in ask(told, "heartbeat")] == ["swept"]
    finally:
        told.rows = kept


def test_an_app_that_cannot_start_is_told(told: Told, monkeypatch: pytest.MonkeyPatch):
    """What stops the start is in the alert, every problem of it; an app that runs is none."""
    assert ask(told, "cannot_start") == []
    for name in (*VARIABLES.values(), wiring.IN_AZURE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FLEXGUARD_SUBSCRIPTIONS", "production")
    with pytest.raises(wiring.CannotStart) as stopped:
        wiring.check()
    worker = f"Result: Failure\nException: CannotStart: {stopped.value}\nStack:   File ..."
    (row,) = ask(told, "cannot_start", (worker,))
    assert str(stopped.value) in row["Problem"]
    assert row["Problem"].count("is missing") == 2


def test_open_incidents(told: Told):
    """Each watch says how many incidents are open: in the end those of the failed backup and of the typo."""
    rows = ask(told, "open_incidents")
    assert len(rows) == len(told.of("watched"))
    assert rows[0]["Open"] == 0
    assert rows[-1]["Open"] == 2
