"""Filters of the table service, through the real azure-data-tables client."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from azure.data.tables import EdmType, EntityProperty, TableClient
from storage_clients import refusal, row

from simulator.azure import LocalAzure


def keys(table: TableClient, query: str) -> list[str]:
    return [entity["RowKey"] for entity in table.query_entities(query)]


FILTERS = [
    ("", "abc"),
    ("RowKey eq 'a'", "a"),
    ("PartitionKey eq 'servers' and RowKey gt 'a'", "bc"),
    ("RowKey ge 'b' and RowKey lt 'c'", "b"),
    ("n eq 1", "a"),
    ("n ne 1", "bc"),
    ("1 lt n", "bc"),
    ("n le -1 or n ge 3", "c"),
    ("big eq 4611686018427387904L", "b"),
    ("big gt 0", "b"),
    ("f gt 1.25 and f lt 2e0", "a"),
    ("f eq 2", "b"),
    ("flag eq true", "ac"),
    ("flag", "ac"),
    ("not flag", "b"),
    ("not (n eq 1) and not (n eq 2)", "c"),
    ("n eq 1 or n eq 2 and flag eq true", "a"),
    ("(n eq 1 or n eq 2) and flag eq true", "a"),
    ("(n eq 1 or n eq 2) and (flag eq false)", "b"),
    ("at ge datetime'2026-11-23T08:00:00Z'", "bc"),
    ("at lt datetime'2026-11-23T08:00:00.0000001Z'", "ab"),
    ("id eq guid'c9da6455-213d-42c9-9a79-3e9149a57833'", "a"),
    ("blob eq X'00ff'", "b"),
    ("text eq 'it''s (not) and'", "c"),
    ("missing eq 1", ""),
    ("missing ne 1", ""),
    ("n eq '1'", ""),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS)
def test_filters(table: TableClient, query: str, expected: str) -> None:
    """A filter finds what OData says, with every kind of literal."""
    moment = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    a = {"f": 1.5, "id": UUID("c9da6455-213d-42c9-9a79-3e9149a57833"), "at": moment.replace(hour=7)}
    b = {"f": 2.0, "big": EntityProperty(2**62, EdmType.INT64), "at": moment, "blob": b"\x00\xff"}
    c = {"text": "it's (not) and", "at": moment.replace(hour=9)}
    for number, (key, properties) in enumerate({"a": a, "b": b, "c": c}.items(), start=1):
        table.create_entity(row(key, n=number, flag=key != "b", **properties))
    assert "".join(keys(table, query)) == expected


def test_timestamp_filter(azure: LocalAzure, table: TableClient) -> None:
    """Entities can be found by when they were written."""
    table.create_entity(row("old"))
    azure.advance(60)
    table.create_entity(row("new"))
    assert keys(table, f"Timestamp ge datetime'{azure.now:%Y-%m-%dT%H:%M:%SZ}'") == ["new"]


@pytest.mark.parametrize("query", ["n", "n eq", "n eq 1 and", "(n eq 1", "n like 1", "n eq 1)", "1 eq 1", "n eq 'x"])
def test_bad_filters(table: TableClient, query: str) -> None:
    """What is no filter is refused, never taken for everything; a lone name that is no boolean finds nothing."""
    table.create_entity(row("a", n=1))
    if query == "n":
        assert keys(table, query) == []
        return
    assert refusal(lambda: keys(table, query)) == (400, "InvalidInput")
