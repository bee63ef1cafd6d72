"""Entities as the real azure-data-tables client sees them: types, limits, and what is on the wire."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from azure.data.tables import EdmType, EntityProperty, TableClient, UpdateMode
from storage_clients import TABLES, TOKEN, refusal, row

from simulator.azure import LocalAzure
from simulator.wire import Request

EVERY_TYPE = {
    "text": "ümlaut € 😀",
    "empty": "",
    "flag": True,
    "small": -(2**31),
    "large": EntityProperty(2**62, EdmType.INT64),
    "whole": 5.0,
    "fraction": 1.5e300,
    "endless": float("inf"),
    "at": datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC),
    "id": UUID("c9da6455-213d-42c9-9a79-3e9149a57833"),
    "blob": b"\x00\xff",
}


def test_types_are_kept(table: TableClient) -> None:
    """Every EDM type comes back as it was written, as the type that it was."""
    table.create_entity(row("a", **EVERY_TYPE))
    read = table.get_entity("servers", "a")
    assert {name: read[name] for name in EVERY_TYPE} == EVERY_TYPE
    assert {name: type(read[name]) for name in ("whole", "flag", "small")} == {
        "whole": float,
        "flag": bool,
        "small": int,
    }


def test_written_back_unchanged(table: TableClient) -> None:
    """An entity that is read and written back is the same entity, types included."""
    table.create_entity(row("a", **EVERY_TYPE))
    before = table.get_entity("servers", "a")
    table.update_entity(before, mode=UpdateMode.REPLACE)
    assert table.get_entity("servers", "a") == before


@pytest.mark.parametrize("key", ["it's", "a b+c%20", "ü😀", "[x](y),='z'", ""])
def test_keys(table: TableClient, key: str) -> None:
    """Keys with quotes, blanks, percent signs and none at all find their entity."""
    table.create_entity({"PartitionKey": key, "RowKey": key, "n": 7})
    assert table.get_entity(key, key)["n"] == 7
    table.delete_entity(key, key)
    assert list(table.list_entities()) == []


@pytest.mark.parametrize("key", ["a/b", "a\\b", "a#b", "a?b", "a\tb"])
def test_forbidden_in_keys(table: TableClient, key: str) -> None:
    """Keys with slashes, backslashes, # or ?, or with control characters are refused."""
    assert refusal(lambda: table.create_entity(row(key))) == (400, "OutOfRangeInput")
    assert refusal(lambda: table.upsert_entity(row(key))) == (400, "OutOfRangeInput")


@pytest.mark.parametrize(
    ("entity", "code"),
    [
        (row("k" * 1025), "PropertyValueTooLarge"),
        (row("a", text="x" * 32_769), "PropertyValueTooLarge"),
        (row("a", blob=b"x" * 65_537), "PropertyValueTooLarge"),
        (row("a", **{f"p{n}": "x" * 32_768 for n in range(16)}), "EntityTooLarge"),
        (row("a", **{f"p{n}": 1 for n in range(253)}), "TooManyProperties"),
        (row("a", **{"p" * 256: 1}), "PropertyNameTooLong"),
        (row("a", **{"not-a-name": 1}), "PropertyNameInvalid"),
    ],
)
def test_limits(azure: LocalAzure, table: TableClient, entity: dict[str, Any], code: str) -> None:
    """What is one too large, long or many is refused with the documented code, and nothing is stored."""
    assert refusal(lambda: table.create_entity(entity)) == (400, code)
    assert azure.tables.entities("ledger") == ()


def test_just_within_limits(azure: LocalAzure, table: TableClient) -> None:
    """The largest values, names and keys are accepted."""
    table.create_entity(row("k" * 1024, text="x" * 32_768, blob=b"x" * 65_536, **{"p" * 255: 1}))
    table.create_entity(row("many", **{f"p{n}": 1 for n in range(252)}))
    assert len(azure.tables.entities("ledger")) == 2


SHOWN = {"PartitionKey": "servers", "RowKey": "a", "Timestamp": "2026-11-23T08:00:00.0000000Z", "big": "1", "n": 2}
ETAG = "W/\"datetime'2026-11-23T08%3A00%3A00.0000000Z'\""
MINIMAL = {"odata.metadata": f"{TABLES}/$metadata#ledger/@Element", "odata.etag": ETAG, "big@odata.type": "Edm.Int64"}
LINK = "ledger(PartitionKey='servers',RowKey='a')"
FULL = {
    "odata.type": "flexguard.ledger",
    "odata.id": f"{TABLES}/{LINK}",
    "odata.editLink": LINK,
    "Timestamp@odata.type": "Edm.DateTime",
}


@pytest.mark.parametrize(("level", "more"), [("no", {}), ("minimal", MINIMAL), ("full", MINIMAL | FULL)])
def test_metadata_as_asked(azure: LocalAzure, table: TableClient, level: str, more: dict[str, str]) -> None:
    """The body carries as much of OData's metadata as the client accepts."""
    table.create_entity(row("a", big=EntityProperty(1, EdmType.INT64), n=2))
    accept = {"accept": f"application/json;odata={level}metadata"}
    answer = azure.handle(Request("GET", f"{TABLES}/{LINK}", TOKEN | accept))
    assert answer.json() == SHOWN | more
    assert answer.headers["content-type"].startswith(accept["accept"])
    assert answer.headers["etag"] == ETAG


@pytest.mark.parametrize(("preference", "status"), [("return-no-content", 204), ("return-content", 201), ("", 201)])
def test_preference_of_insert(azure: LocalAzure, table: TableClient, preference: str, status: int) -> None:
    """An insert answers with the entity, or with nothing when the client prefers so."""
    body = json.dumps(row("a", n=1)).encode()
    headers = TOKEN | ({"prefer": preference} if preference else {})
    answer = azure.handle(Request("POST", f"{TABLES}/{table.table_name}", headers, body))
    assert answer.status == status
    assert answer.headers.get("preference-applied", "") == preference
    assert answer.headers["etag"] == azure.tables.entities("ledger")[0].etag
    assert bool(answer.body) == (status == 201)


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b'{"PartitionKey":"p","RowKey":"r","n@odata.type":"Edm.Int64","n":"x"}',
        b'{"PartitionKey":"p","RowKey":"r","n@odata.type":"Edm.Nothing","n":"1"}',
        b'{"PartitionKey":"p","RowKey":"r","n":2147483648}',
        b'{"PartitionKey":"p","RowKey":"r","n":{"nested":1}}',
        b'{"PartitionKey":"p","RowKey":"r","d@odata.type":"Edm.DateTime","d":"yesterday"}',
    ],
)
def test_bad_bodies(azure: LocalAzure, table: TableClient, body: bytes) -> None:
    """A body that is no entity, or a value that is not of its type, is refused in OData's shape of errors."""
    answer = azure.handle(Request("POST", f"{TABLES}/{table.table_name}", TOKEN, body))
    assert answer.status == 400
    assert answer.json()["odata.error"]["code"] == "InvalidInput"
    assert answer.json()["odata.error"]["message"]["lang"] == "en-US"


def test_missing_keys(azure: LocalAzure, table: TableClient) -> None:
    """An entity without both keys is refused."""
    answer = azure.handle(Request("POST", f"{TABLES}/{table.table_name}", TOKEN, b'{"PartitionKey":"p"}'))
    assert answer.json()["odata.error"]["code"] == "PropertiesNeedValue"
