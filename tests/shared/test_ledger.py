"""Ledger rows: what is written is read back, and what cannot be read is lost without an error."""

import json
from dataclasses import fields, replace
from datetime import UTC
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cloud import large_row
from shared.core.alert import Severity
from shared.core.finding import fingerprint
from shared.core.incidents import Incident
from shared.core.observed import Answer, LastBackup, Memory, Running, Wish
from shared.ledger import SCHEMA, Changed, Kept, ServerRow
from tests.core.samples import NOW, SERVER
from tests.shared.memory_ledger import MemoryLedger

INCIDENT = Incident(
    key="backup_failed/x/westeurope/shop",
    kind="backup_failed",
    source="jobs",
    title="Backup failed",
    words="it failed",
    fix="mend it",
    severity=Severity.HIGH,
    opened_at=NOW,
    seen_at=NOW,
    said_at=NOW,
    subjects={"abc": 1},
    shown=((SERVER, "it failed"),),
    told_to=("log",),
)
moments = st.none() | st.datetimes(timezones=st.just(UTC))
words = st.text(max_size=20)
rows = st.builds(
    ServerRow,
    server_id=words,
    generation=st.integers(0, 2**40),
    claimed_by=words,
    settled=st.booleans(),
    next_look_at=moments,
    seen_at=moments,
    observed_at=moments,
    running=st.none() | st.builds(Running, words, words, moments.filter(bool), words, st.tuples(words, words), words),
    backup=st.builds(LastBackup, words, moments, words),
    granted_at=moments,
    refused_since=moments,
    refusals=st.integers(0, 99),
    created_at=moments,
    verdict=words,
    reason=words,
)


@given(rows)
def test_a_row_survives(row: ServerRow):
    """A row written as JSON reads back as itself, with its times and everything inside it."""
    assert msgspec.json.decode(msgspec.json.encode(row), type=ServerRow) == row


def test_an_incident_survives():
    """So does an incident."""
    assert msgspec.json.decode(msgspec.json.encode(INCIDENT), type=Incident) == INCIDENT


@pytest.mark.parametrize("subjects", [1, 9_000])
def test_a_large_row_fits_into_columns(subjects: int):
    """A row of thousands of servers is cut into columns that a table takes, and read back as it was."""
    row = replace(INCIDENT, subjects={fingerprint(str(number)): number for number in range(subjects)})
    columns = large_row.columns_of(msgspec.json.encode(row))
    assert all(len(value) <= 32_768 if isinstance(value, str) else len(value) <= 65_536 for value in columns.values())
    assert sum(map(len, columns.values())) < 1_000_000
    assert msgspec.json.decode(large_row.text_of({**columns, "PartitionKey": "x"}), type=Incident) == row


def test_a_small_row_is_small():
    """What has its default is not written, so that rows of the next version read the rows of this one."""
    assert json.loads(msgspec.json.encode(ServerRow(server_id="x"))).keys() == {"server_id", "backup"}
    assert msgspec.json.decode(b'{"server_id":"x","of_the_future":1}', type=ServerRow) == ServerRow(server_id="x")


@given(rows)
def test_what_is_remembered_reaches_the_decision(row: ServerRow):
    """Everything that a decision may know stands in the row under the same name."""
    assert {item.name: getattr(row, item.name) for item in fields(Memory)} == {
        item.name: getattr(row.memory, item.name) for item in fields(Memory)
    }


def test_versions_guard_a_row():
    """A write that names an old version, or inserts what is there, is refused and changes nothing."""
    ledger, row = MemoryLedger(), ServerRow(server_id=SERVER)
    first = ledger.keep_server(row, "")
    second = ledger.keep_server(msgspec.structs.replace(row, generation=2), first)
    for stale in ("", first, "nonsense"):
        with pytest.raises(Changed):
            ledger.keep_server(row, stale)
    assert ledger.server(SERVER.upper()) == Kept(msgspec.structs.replace(row, generation=2), second)


class Table:
    """One stored entity, in place of the table client of the SDK."""

    def __init__(self, **entity: Any) -> None:
        self.entity = entity

    def get_entity(self, *_keys: str, **_options: Any) -> Any:
        found = type("Entity", (dict,), {"metadata": {"etag": 'W/"7"'}})(self.entity)
        return found  # noqa: RET504 - named for the reader


@pytest.mark.parametrize(
    ("entity", "is_there"),
    [
        ({"Schema": SCHEMA, "Row": f'{{"server_id":"{SERVER.upper()}"}}'}, True),
        ({"Schema": SCHEMA, "Row": '{"server_id":"x"}'}, False),
        ({"Schema": SCHEMA, "Row": f'{{"server_id":"{SERVER}","next_look_at":"2026-11-29T00:00:00Z"}}'}, True),
        ({"Schema": SCHEMA, "Row": f'{{"server_id":"{SERVER}","next_look_at":"9999-01-01T00:00:00Z"}}'}, False),
        ({"Schema": "1", "Row": '{"server_id":"x"}'}, False),
        ({"Row": '{"server_id":"x"}'}, False),
        ({"Schema": SCHEMA}, False),
        ({"Schema": SCHEMA, "Row": ""}, False),
        ({"Schema": SCHEMA, "Row": "not json"}, False),
        ({"Schema": SCHEMA, "Row": "[]"}, False),
        ({"Schema": SCHEMA, "Row": '{"generation": 1}'}, False),
        ({"Schema": SCHEMA, "Row": '{"server_id":"x","generation":"one"}'}, False),
        ({"Schema": SCHEMA, "Row": '{"server_id":"x","next_look_at":"soon"}'}, False),
    ],
)
def test_what_cannot_be_read_is_lost(entity: dict[str, Any], *, is_there: bool):
    """What cannot be read, is another server's, or lets nobody look again counts as no row, and can be written over."""
    from shared.cloud.ledger_table import TableLedger  # noqa: PLC0415 - the SDK of tables is slow to import

    ledger = TableLedger(SimpleNamespace(now=NOW))  # type: ignore[arg-type]  # the table below is asked, not the cloud
    ledger.__dict__["_table"] = Table(**entity)
    kept = ledger.server(SERVER)
    assert (kept.row is not None, kept.version) == (is_there, 'W/"7"')


@pytest.mark.parametrize(
    ("step", "has_point"), [("none", False), ("intended", False), ("started", False), ("failed", False), ("done", True)]
)
def test_a_row_of_the_first_version_is_read(step: str, *, has_point: bool):
    """What it knows of a first backup is what is known of the last one; it is not written any more."""
    old = {"server_id": "x", "first_backup": {"step": step, "at": "2026-11-23T12:00:00Z", "job_id": "j"}}
    row = msgspec.json.decode(msgspec.json.encode(old), type=ServerRow)
    assert row.backup == LastBackup(step, NOW, "j", "first", has_point)
    assert row.memory.backup == row.backup
    assert "first_backup" not in json.loads(msgspec.json.encode(row))


def test_a_wish_and_its_answer_survive():
    """Both are read back as they were written, and the wish is part of what decisions are made from."""
    row = ServerRow(server_id="x", wish=Wish("late", NOW, point=NOW), answer=Answer(NOW, "because", is_met=True))
    assert msgspec.json.decode(msgspec.json.encode(row), type=ServerRow) == row
    assert row.memory.wish == row.wish
