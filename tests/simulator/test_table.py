"""Table storage as the real azure-data-tables client sees it, in virtual time."""

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, TableServiceClient, UpdateMode
from storage_clients import TABLES, TOKEN, refusal, row

from simulator.azure import LocalAzure
from simulator.wire import Request


def test_create_list_delete(table_service: TableServiceClient) -> None:
    """Tables are listed by name, filtered and in pages; a deleted one is gone, with what was in it."""
    for name in ("ledger", "Incidents", "approvals"):
        table_service.create_table(name)
    assert [t.name for t in table_service.list_tables()] == ["approvals", "Incidents", "ledger"]
    assert [t.name for t in table_service.query_tables("TableName eq 'ledger'")] == ["ledger"]
    pages = [[t.name for t in page] for page in table_service.list_tables(results_per_page=2).by_page()]
    assert pages == [["approvals", "Incidents"], ["ledger"]]
    table_service.delete_table("ledger")
    assert [t.name for t in table_service.list_tables()] == ["approvals", "Incidents"]


def test_create_again(azure: LocalAzure, table_service: TableServiceClient) -> None:
    """A second table of a name is 409, whatever its case; a deleted one's name is free after forty seconds."""
    table_service.create_table("ledger")
    with pytest.raises(ResourceExistsError) as caught:
        table_service.create_table("LEDGER")
    assert caught.value.response.headers["x-ms-error-code"] == "TableAlreadyExists"
    table_service.delete_table("ledger")
    assert refusal(lambda: table_service.create_table("ledger")) == (409, "TableBeingDeleted")
    azure.advance(40)
    assert list(table_service.create_table("ledger").list_entities()) == []


@pytest.mark.parametrize(("name", "says"), [("ab", "3-63"), ("1abc", "alphanumeric"), ("a_b_c", "alphanumeric")])
def test_names(table_service: TableServiceClient, name: str, says: str) -> None:
    """A bad name is refused in words that the client recognises and explains."""
    with pytest.raises(ValueError, match=says):
        table_service.create_table(name)


def test_no_such_table(table_service: TableServiceClient) -> None:
    """Every operation on entities of a table that does not exist is 404 TableNotFound."""
    nowhere = table_service.get_table_client("nowhere")
    for call in (
        lambda: nowhere.get_entity("p", "r"),
        lambda: nowhere.create_entity(row("a")),
        lambda: nowhere.upsert_entity(row("a")),
        lambda: list(nowhere.list_entities()),
    ):
        with pytest.raises(ResourceNotFoundError) as caught:
            call()
        assert caught.value.response.headers["x-ms-error-code"] == "TableNotFound"


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
    url = f"{TABLES}/ledger(PartitionKey='servers',RowKey='a')"
    assert azure.handle(Request(method, url, headers, b"{}")).status == status
    assert len(azure.tables.entities("ledger")) == 1


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


def test_anonymous_is_refused(azure: LocalAzure) -> None:
    """Without a token the answer is 401 and a challenge, in OData's shape."""
    answer = azure.handle(Request("GET", f"{TABLES}/Tables"))
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert answer.json()["odata.error"]["code"] == "NoAuthenticationInformation"
