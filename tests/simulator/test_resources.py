"""Resource groups, subscriptions, tags and the ARM events of the world, over the wire values themselves."""

import json
from datetime import timedelta
from typing import Any

import pytest

from simulator.arm import roles
from simulator.arm.authorization import OPERATOR, grant
from simulator.azure import LocalAzure
from simulator.wire import Request, Response

SUB = "/subscriptions/11111111-0000-4000-8000-000000000001"
GROUP = f"{SUB}/resourceGroups/rg-app"
SERVER = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-app-01"


def ask(
    azure: LocalAzure, method: str, path: str, body: Any = None, *, caller: str = OPERATOR, query: str = ""
) -> Response:
    """One ARM call as a principal."""
    url = f"https://management.azure.com{path}?api-version=2024-08-01" + (f"&$filter={query}" if query else "")
    data = json.dumps(body).encode() if body is not None else b""
    return azure.handle(Request(method, url, {"authorization": f"Bearer simulated.{caller}"}, data))


@pytest.fixture
def azure() -> LocalAzure:
    """One subscription with one resource group and one finished server."""
    made = LocalAzure()
    ask(made, "PUT", SUB, {"displayName": "Apps"})
    ask(made, "PUT", GROUP, {"location": "eastus", "tags": {"team": "app"}})
    ask(made, "PUT", SERVER, {"location": "eastus", "tags": {"backup-tier": "gold"}})
    made.advance(600)
    made.world.outbox.clear()
    return made


def error(response: Response) -> str:
    return str(response.json()["error"]["code"])


def test_a_group_is_created_then_changed(azure: LocalAzure) -> None:
    """A first PUT answers 201, a second 200 with the new tags."""
    path = f"{SUB}/resourceGroups/rg-two"
    assert ask(azure, "HEAD", path).status == 404
    assert ask(azure, "PUT", path, {"location": "West Europe"}).status == 201
    again = ask(azure, "PUT", path, {"location": "westeurope", "tags": {"a": "b"}})
    assert (again.status, again.json()["tags"], again.json()["location"]) == (200, {"a": "b"}, "westeurope")
    assert ask(azure, "HEAD", path).status == 204
    names = [group["name"] for group in ask(azure, "GET", f"{SUB}/resourceGroups").json()["value"]]
    assert names == ["rg-app", "rg-two"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/subscriptions/22222222-0000-4000-8000-000000000002", "SubscriptionNotFound"),
        (f"{SUB}/resourceGroups/rg-none", "ResourceGroupNotFound"),
        (f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-none", "ResourceNotFound"),
        (
            f"{SUB}/resourceGroups/rg-none/providers/Microsoft.DBforPostgreSQL/flexibleServers/x",
            "ResourceGroupNotFound",
        ),
    ],
)
def test_what_is_missing_is_named_by_the_gateway(azure: LocalAzure, path: str, code: str) -> None:
    """A missing subscription, group or resource is a 404 of the gateway with its own code."""
    response = ask(azure, "GET", path)
    assert (response.status, error(response), response.headers["x-ms-failure-cause"]) == (404, code, "gateway")


def test_deleting_a_group_takes_everything_below_it_with_it(azure: LocalAzure) -> None:
    """The servers and the role assignments of a group are gone when its deletion has ended, and not before."""
    grant(azure.world, "someone", roles.READER, SERVER)
    deletion = ask(azure, "DELETE", GROUP)
    assert deletion.status == 202
    assert ask(azure, "GET", SERVER).status == 200
    azure.advance(120)
    assert (
        ask(
            azure, "GET", deletion.headers["location"].split("?")[0].removeprefix("https://management.azure.com")
        ).status
        == 200
    )
    assert [key for key in azure.world.resources if key.startswith(GROUP.lower())] == []
    last = azure.world.outbox[-1]
    assert last["eventType"] == "Microsoft.Resources.ResourceDeleteSuccess"
    assert last["data"]["operationName"] == "Microsoft.Resources/subscriptions/resourceGroups/delete"


@pytest.mark.parametrize(
    ("operation", "tags", "left"),
    [
        ("Merge", {"Backup-Tier": "silver", "x": "y"}, {"Backup-Tier": "silver", "x": "y"}),
        ("Replace", {"x": "y"}, {"x": "y"}),
        ("Delete", {"BACKUP-TIER": "gold"}, {}),
    ],
)
def test_tags_are_merged_replaced_or_deleted(
    azure: LocalAzure, operation: str, tags: dict[str, str], left: dict[str, str]
) -> None:
    """Each operation of the tags API leaves the tags it should at the server itself, names compared without case."""
    path = f"{SERVER}/providers/Microsoft.Resources/tags/default"
    answer = ask(azure, "PATCH", path, {"operation": operation, "properties": {"tags": tags}})
    assert (answer.status, answer.json()["properties"]["tags"]) == (200, left)
    assert ask(azure, "GET", SERVER).json()["tags"] == left
    event = azure.world.outbox[-1]
    assert event["data"]["operationName"] == "Microsoft.Resources/tags/write"
    assert event["subject"] == path.replace("resourceGroups", "resourcegroups")


def test_tags_of_a_group_and_none_of_a_missing_server(azure: LocalAzure) -> None:
    """The tags API serves groups too, and refuses a scope that is not there."""
    path = "/providers/Microsoft.Resources/tags/default"
    assert ask(azure, "GET", GROUP + path).json()["properties"]["tags"] == {"team": "app"}
    assert error(ask(azure, "GET", f"{SERVER}-none{path}")) == "ResourceNotFound"
    assert ask(azure, "DELETE", GROUP + path).status == 200
    assert ask(azure, "GET", GROUP).json()["tags"] == {}


def test_a_write_event_has_the_shape_of_the_official_sample(azure: LocalAzure) -> None:
    """A creation carries exactly the sample's members, no httpRequest, and a lower-case "resourcegroups"."""
    ask(azure, "PUT", f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-new", {"location": "eastus"})
    event = azure.world.outbox[-1]
    names = {"subject", "eventType", "eventTime", "id", "data", "dataVersion", "metadataVersion", "topic"}
    assert set(event) == names
    assert set(event["data"]) == {
        *("authorization", "claims", "correlationId", "resourceProvider", "resourceUri"),
        *("operationName", "status", "subscriptionId", "tenantId"),
    }
    assert event["eventType"] == "Microsoft.Resources.ResourceWriteSuccess"
    assert event["subject"].startswith(f"{SUB}/resourcegroups/rg-app/providers/Microsoft.DBforPostgreSQL/")
    assert (event["topic"], event["dataVersion"], event["metadataVersion"]) == (GROUP, "2", "1")
    assert len(event["eventTime"].rpartition(".")[2]) == len("1234567Z")
    assert event["data"]["status"] == "Succeeded"


def test_updates_deletions_and_actions_carry_the_request(azure: LocalAzure) -> None:
    """The request stands in the events of an update, an action and a deletion, and reads make no event."""
    kinds = []
    for method, path in (("PATCH", SERVER), ("POST", f"{SERVER}/stop"), ("DELETE", SERVER), ("GET", SERVER)):
        azure.advance(1200)
        azure.world.outbox.clear()
        ask(azure, method, path, {} if method == "PATCH" else None)
        kinds += [
            (event["eventType"].rpartition(".")[2], event["data"]["httpRequest"]["method"])
            for event in azure.world.outbox
        ]
    assert ask(azure, "DELETE", f"{SERVER}-none").status == 204
    assert azure.world.outbox == []
    assert kinds == [
        ("ResourceWriteSuccess", "PATCH"),
        ("ResourceActionSuccess", "POST"),
        ("ResourceDeleteSuccess", "DELETE"),
    ]


@pytest.mark.parametrize(("when", "at_once", "in_the_end"), [("accepted", 1, 1), ("completed", 0, 1), ("both", 1, 2)])
def test_a_long_operation_is_told_when_behaviour_says(
    azure: LocalAzure, when: str, at_once: int, in_the_end: int
) -> None:
    """The event of a long operation comes at acceptance, at completion or at both."""
    azure.world.behaviour.event_when = when
    ask(
        azure,
        "PUT",
        f"{SERVER}/firewallRules/office",
        {"properties": {"startIpAddress": "1.2.3.4", "endIpAddress": "1.2.3.4"}},
    )
    assert len(azure.world.outbox) == at_once
    azure.advance(61)
    assert len(azure.world.outbox) == in_the_end
    assert {event["data"]["operationName"] for event in azure.world.outbox} == {
        "Microsoft.DBforPostgreSQL/flexibleServers/firewallRules/write"
    }


def test_the_evidence_names_the_role_that_permitted(azure: LocalAzure) -> None:
    """An event says by which role its caller was allowed to write."""
    grant(azure.world, "deployer", roles.CONTRIBUTOR, GROUP)
    ask(azure, "PATCH", SERVER, {"tags": {}}, caller="deployer")
    data = azure.world.outbox[-1]["data"]
    assert data["authorization"]["evidence"]["role"] == "Contributor"
    assert data["authorization"]["evidence"]["roleAssignmentScope"] == GROUP
    assert data["claims"]["appid"] == "deployer"


def test_lists_show_only_what_may_be_read(azure: LocalAzure) -> None:
    """The list of subscriptions is never refused, only shorter; resources are filtered by type."""
    assert ask(azure, "GET", "/subscriptions", caller="stranger").json() == {"value": []}
    grant(azure.world, "reader", roles.READER, SUB)
    seen = ask(azure, "GET", "/subscriptions", caller="reader").json()["value"]
    assert [each["displayName"] for each in seen] == ["Apps"]
    kind = "resourceType%20eq%20'Microsoft.DBforPostgreSQL/flexibleServers'"
    found = ask(azure, "GET", f"{GROUP}/resources", query=kind).json()["value"]
    assert [(each["name"], each["tags"]) for each in found] == [("pg-app-01", {"backup-tier": "gold"})]
    assert ask(azure, "GET", f"{SUB}/resources", query="resourceType%20eq%20'a/b'").json() == {"value": []}


def test_the_journal_shows_a_change_only_after_its_lag(azure: LocalAzure) -> None:
    """What a resource looked like stays readable until the lag has passed, however often time moves in between."""
    world = azure.world
    ask(azure, "PUT", f"{SERVER}/providers/Microsoft.Resources/tags/default", {"properties": {"tags": {"new": "1"}}})
    for seconds, shown in ((1, False), (8, False), (2, True)):
        azure.advance(seconds)
        world.settle()
        world.journal.show(world.now - timedelta(seconds=world.behaviour.graph_lag_s))
        assert ('"new"' in world.journal.shown[SERVER.lower()]) is shown
