"""Table storage as the real azure-data-tables client sees it, in virtual time."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import (
    EdmType,
    EntityProperty,
    TableClient,
    TableServiceClient,
    TableTransactionError,
    UpdateMode,
)

from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport
from simulator.wire import Request

URL = "https://flexguard.table.core.windows.net"
TOKEN = {"authorization": "Bearer simulated.operator"}


@pytest.fixture
def azure() -> LocalAzure:
    return LocalAzure()


@pytest.fixture
def service(azure: LocalAzure) -> TableServiceClient:
    return TableServiceClient(URL, credential=azure.credential("operator"), transport=InProcessTransport(azure))


@pytest.fixture
def table(service: TableServiceClient) -> TableClient:
    return service.create_table("ledger")


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    """Status and error code of a call that the service refuses."""
    with pytest.raises(HttpResponseError) as caught:
        call()
    assert caught.value.response is not None
    return caught.value.response.status_code, str(caught.value.response.headers["x-ms-error-code"])


def row(key: str, **properties: Any) -> dict[str, Any]:
    return {"PartitionKey": "servers", "RowKey": key} | properties


def keys(table: TableClient, query: str) -> list[str]:
    return [entity["RowKey"] for entity in table.query_entities(query)]


# -- tables --------------------------------------------------------------------------------------------------------


def test_create_list_delete(service: TableServiceClient) -> None:
    """Tables are listed by name, filtered and in pages; a deleted one is gone, with what was in it."""
    for name in ("ledger", "Incidents", "approvals"):
        service.create_table(name)
    assert [t.name for t in service.list_tables()] == ["approvals", "Incidents", "ledger"]
    assert [t.name for t in service.query_tables("TableName eq 'ledger'")] == ["ledger"]
    pages = [[t.name for t in page] for page in service.list_tables(results_per_page=2).by_page()]
    assert pages == [["approvals", "Incidents"], ["ledger"]]
    service.delete_table("ledger")
    assert [t.name for t in service.list_tables()] == ["approvals", "Incidents"]


def test_create_again(azure: LocalAzure, service: TableServiceClient) -> None:
    """A second table of a name is 409, whatever its case; a deleted one's name is free after forty seconds."""
    service.create_table("ledger")
    with pytest.raises(ResourceExistsError) as caught:
        service.create_table("LEDGER")
    assert caught.value.response.headers["x-ms-error-code"] == "TableAlreadyExists"
    service.delete_table("ledger")
    assert refusal(lambda: service.create_table("ledger")) == (409, "TableBeingDeleted")
    azure.advance(40)
    assert list(service.create_table("ledger").list_entities()) == []


@pytest.mark.parametrize(("name", "says"), [("ab", "3-63"), ("1abc", "alphanumeric"), ("a_b_c", "alphanumeric")])
def test_names(service: TableServiceClient, name: str, says: str) -> None:
    """A bad name is refused in words that the client recognises and explains."""
    with pytest.raises(ValueError, match=says):
        service.create_table(name)


def test_no_such_table(service: TableServiceClient) -> None:
    """Every operation on entities of a table that does not exist is 404 TableNotFound."""
    nowhere = service.get_table_client("nowhere")
    for call in (
        lambda: nowhere.get_entity("p", "r"),
        lambda: nowhere.create_entity(row("a")),
        lambda: nowhere.upsert_entity(row("a")),
        lambda: list(nowhere.list_entities()),
    ):
        with pytest.raises(ResourceNotFoundError) as caught:
            call()
        assert caught.value.response.headers["x-ms-error-code"] == "TableNotFound"


# -- entities ------------------------------------------------------------------------------------------------------

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


def test_insert_again(table: TableClient) -> None:
    """A second insert under the same keys is 409 and changes nothing."""
    table.create_entity(row("a", n=1))
    with pytest.raises(ResourceExistsError) as caught:
        table.create_entity(row("a", n=2))
    assert caught.value.response.headers["x-ms-error-code"] == "EntityAlreadyExists"
    assert table.get_entity("servers", "a")["n"] == 1


def test_no_such_entity(table: TableClient) -> None:
    """Reading or updating what is not there is 404 ResourceNotFound; the client takes the 404 of a deletion as done."""
    assert refusal(lambda: table.get_entity("servers", "a")) == (404, "ResourceNotFound")
    assert refusal(lambda: table.update_entity(row("a"))) == (404, "ResourceNotFound")
    table.delete_entity("servers", "a")


def test_merge_and_replace(table: TableClient) -> None:
    """A merge keeps the properties it does not name, a replacement drops them; an upsert makes what is not there."""
    table.upsert_entity(row("a", one=1, two=2), mode=UpdateMode.MERGE)
    table.update_entity(row("a", two=3), mode=UpdateMode.MERGE)
    assert dict(table.get_entity("servers", "a")) == row("a", one=1, two=3)
    table.update_entity(row("a", four=4), mode=UpdateMode.REPLACE)
    assert dict(table.get_entity("servers", "a")) == row("a", four=4)
    table.upsert_entity(row("a", five=5), mode=UpdateMode.REPLACE)
    assert dict(table.get_entity("servers", "a")) == row("a", five=5)


def test_etag_is_new_with_every_write(azure: LocalAzure, table: TableClient) -> None:
    """Every write has its own ETag, also when no time passes, and reading shows the ETag of the last."""
    writes = [table.create_entity(row("a", n=1))] + [table.upsert_entity(row("a", n=1)) for _ in range(3)]
    etags = [write["etag"] for write in writes]
    assert len(set(etags)) == 4
    assert table.get_entity("servers", "a").metadata["etag"] == etags[-1]
    assert [e.metadata["etag"] for e in table.list_entities()] == etags[-1:]
    azure.advance(1)
    assert table.get_entity("servers", "a").metadata["timestamp"] < azure.now


def test_conditions(table: TableClient) -> None:
    """With an ETag only the version it names is changed or deleted; else 412 UpdateConditionNotSatisfied."""
    table.create_entity(row("a", n=1))
    old = table.get_entity("servers", "a").metadata["etag"]
    table.update_entity(row("a", n=2))
    for mode in (UpdateMode.MERGE, UpdateMode.REPLACE):
        with pytest.raises(ResourceModifiedError) as caught:
            table.update_entity(row("a", n=3), mode=mode, etag=old, match_condition=MatchConditions.IfNotModified)
        assert caught.value.response.headers["x-ms-error-code"] == "UpdateConditionNotSatisfied"
    stale = {"etag": old, "match_condition": MatchConditions.IfNotModified}
    assert refusal(lambda: table.delete_entity(row("a"), **stale)) == (412, "UpdateConditionNotSatisfied")
    fresh = table.get_entity("servers", "a")
    assert fresh["n"] == 2
    table.delete_entity(fresh, match_condition=MatchConditions.IfNotModified)
    assert list(table.list_entities()) == []


@pytest.mark.parametrize(("method", "status"), [("DELETE", 400), ("PUT", 400)])
def test_bad_condition(azure: LocalAzure, table: TableClient, method: str, status: int) -> None:
    """A deletion without If-Match and an update with an ETag that is none are refused."""
    table.create_entity(row("a"))
    headers = TOKEN | ({"if-match": "latest"} if method == "PUT" else {})
    url = f"{URL}/ledger(PartitionKey='servers',RowKey='a')"
    assert azure.handle(Request(method, url, headers, b"{}")).status == status
    assert len(azure.tables.entities("ledger")) == 1


# -- queries -------------------------------------------------------------------------------------------------------

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


def test_pages(table: TableClient) -> None:
    """A page has at most 1000 entities, or as many as asked; pages follow each other in the order of the keys."""
    for number in reversed(range(1001)):
        table.create_entity(row(f"{number:04d}"))
    pages = [[e["RowKey"] for e in page] for page in table.list_entities().by_page()]
    assert [len(page) for page in pages] == [1000, 1]
    assert [key for page in pages for key in page] == [f"{number:04d}" for number in range(1001)]
    few = table.query_entities("RowKey ge '0995'", results_per_page=4).by_page()
    assert [len(list(page)) for page in few] == [4, 2]


def test_page_survives_deletion(table: TableClient) -> None:
    """A continuation whose entity was deleted in between goes on behind it."""
    for key in "abcd":
        table.create_entity(row(key))
    pages = table.list_entities(results_per_page=2).by_page()
    assert [e["RowKey"] for e in next(pages)] == ["a", "b"]
    table.delete_entity("servers", "c")
    assert [e["RowKey"] for e in next(pages)] == ["d"]


def test_select(table: TableClient) -> None:
    """A selection shows what it names and nothing else; what the entity has not is null."""
    table.create_entity(row("a", one=1, two=2))
    assert [dict(e) for e in table.list_entities(select=["RowKey", "two", "three"])] == [
        {"RowKey": "a", "two": 2, "three": None}
    ]
    assert dict(table.get_entity("servers", "a", select=["one"])) == {"one": 1}


# -- entity group transactions -------------------------------------------------------------------------------------


def test_transaction(azure: LocalAzure, table: TableClient) -> None:
    """Every kind of change in one transaction is carried out, and each answer carries its entity's ETag."""
    for key in ("changed", "gone"):
        table.create_entity(row(key, n=1))
    answers = table.submit_transaction(
        [
            ("create", row("it's ü", n=2)),
            ("update", row("changed", m=3), {"mode": UpdateMode.MERGE}),
            ("upsert", row("upserted", n=4), {"mode": UpdateMode.REPLACE}),
            ("delete", row("gone")),
        ]
    )
    found = {entity["RowKey"]: entity for entity in table.list_entities()}
    assert [dict(found[key]) for key in ("changed", "it's ü", "upserted")] == [
        row("changed", n=1, m=3),
        row("it's ü", n=2),
        row("upserted", n=4),
    ]
    assert len(found) == 3
    assert answers[0]["etag"] == found["it's ü"].metadata["etag"]
    assert azure.log[-2].status == 202


def test_transaction_is_whole_or_not_at_all(azure: LocalAzure, table: TableClient) -> None:
    """One refused change undoes the others; the client learns which it was and why."""
    for key in ("a", "c"):
        table.create_entity(row(key, n=1))
    before = azure.tables.entities("ledger")
    with pytest.raises(TableTransactionError) as caught:
        table.submit_transaction([("update", row("a", n=2)), ("create", row("b")), ("create", row("c"))])
    assert (caught.value.index, caught.value.error_code) == (2, "EntityAlreadyExists")
    assert azure.tables.entities("ledger") == before


def test_transaction_limits(table: TableClient) -> None:
    """A change set has at most a hundred changes, each of another entity."""
    table.submit_transaction([("create", row(str(number))) for number in range(100)])
    with pytest.raises(HttpResponseError) as caught:
        table.submit_transaction([("upsert", row(str(number))) for number in range(101)])
    assert "maximum 100 changes" in str(caught.value)
    with pytest.raises(HttpResponseError) as caught:
        table.submit_transaction([("upsert", row("a")), ("delete", row("a"))])
    assert "InvalidDuplicateRow" in str(caught.value)


# -- what it looks like on the wire --------------------------------------------------------------------------------

SHOWN = {"PartitionKey": "servers", "RowKey": "a", "Timestamp": "2026-11-23T08:00:00.0000000Z", "big": "1", "n": 2}
ETAG = "W/\"datetime'2026-11-23T08%3A00%3A00.0000000Z'\""
MINIMAL = {"odata.metadata": f"{URL}/$metadata#ledger/@Element", "odata.etag": ETAG, "big@odata.type": "Edm.Int64"}
LINK = "ledger(PartitionKey='servers',RowKey='a')"
FULL = {
    "odata.type": "flexguard.ledger",
    "odata.id": f"{URL}/{LINK}",
    "odata.editLink": LINK,
    "Timestamp@odata.type": "Edm.DateTime",
}


@pytest.mark.parametrize(("level", "more"), [("no", {}), ("minimal", MINIMAL), ("full", MINIMAL | FULL)])
def test_metadata_as_asked(azure: LocalAzure, table: TableClient, level: str, more: dict[str, str]) -> None:
    """The body carries as much of OData's metadata as the client accepts."""
    table.create_entity(row("a", big=EntityProperty(1, EdmType.INT64), n=2))
    accept = {"accept": f"application/json;odata={level}metadata"}
    answer = azure.handle(Request("GET", f"{URL}/{LINK}", TOKEN | accept))
    assert answer.json() == SHOWN | more
    assert answer.headers["content-type"].startswith(accept["accept"])
    assert answer.headers["etag"] == ETAG


@pytest.mark.parametrize(("preference", "status"), [("return-no-content", 204), ("return-content", 201), ("", 201)])
def test_preference_of_insert(azure: LocalAzure, table: TableClient, preference: str, status: int) -> None:
    """An insert answers with the entity, or with nothing when the client prefers so."""
    body = json.dumps(row("a", n=1)).encode()
    headers = TOKEN | ({"prefer": preference} if preference else {})
    answer = azure.handle(Request("POST", f"{URL}/{table.table_name}", headers, body))
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
    answer = azure.handle(Request("POST", f"{URL}/{table.table_name}", TOKEN, body))
    assert answer.status == 400
    assert answer.json()["odata.error"]["code"] == "InvalidInput"
    assert answer.json()["odata.error"]["message"]["lang"] == "en-US"


def test_missing_keys(azure: LocalAzure, table: TableClient) -> None:
    """An entity without both keys is refused."""
    answer = azure.handle(Request("POST", f"{URL}/{table.table_name}", TOKEN, b'{"PartitionKey":"p"}'))
    assert answer.json()["odata.error"]["code"] == "PropertiesNeedValue"


def test_anonymous_is_refused(azure: LocalAzure) -> None:
    """Without a token the answer is 401 and a challenge, in OData's shape."""
    answer = azure.handle(Request("GET", f"{URL}/Tables"))
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert answer.json()["odata.error"]["code"] == "NoAuthenticationInformation"
