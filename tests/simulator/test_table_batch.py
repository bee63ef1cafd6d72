"""Entity group transactions, through the real azure-data-tables client."""

import pytest
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableClient, TableTransactionError, UpdateMode
from storage_clients import row

from simulator.azure import LocalAzure


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
    with pytest.raises(TableTransactionError) as twice:
        table.submit_transaction([("upsert", row("a")), ("delete", row("a"))])
    assert (twice.value.index, twice.value.error_code) == (1, "InvalidDuplicateRow")
