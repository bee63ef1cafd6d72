"""What Resource Graph can get wrong, which scopes it can be asked for, and what a page costs."""

import pytest
from test_graph import GROUP, INSTANCES, SERVERS, SUB, call, client_of, post, put_servers, server_id

from simulator import world_file
from simulator.arm import roles
from simulator.arm.authorization import grant
from simulator.arm.graph_store import GraphStore
from simulator.azure import LocalAzure

OTHER = "22222222-0000-4000-8000-000000000002"
GROUPS = "/providers/Microsoft.Management/managementGroups"
NAMES = "resources | project id, name | order by name asc"
ALL = [f"pg-{number:04d}" for number in range(6)]
VAULT = f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/vault-1"


@pytest.fixture
def azure() -> LocalAzure:
    """Six servers that Resource Graph knows."""
    made = LocalAzure()
    for path, body in ((f"/subscriptions/{SUB}", {"displayName": "Apps"}), (GROUP, {"location": "eastus"})):
        call(made, "PUT", path, body)
    put_servers(made, 6)
    made.advance(60)
    return made


def pages(azure: LocalAzure, top: int = 2, query: str = NAMES) -> list[list[str]]:
    """The names on every page that a client sees that follows the skip tokens."""
    token, found = None, []
    for _ in range(9):
        answer = post(azure, query, options={"$top": top} | ({"$skipToken": token} if token else {})).json()
        found.append([row["name"] for row in answer["data"]])
        token = answer.get("$skipToken")
        if not token:
            break
    return found


def names(azure: LocalAzure) -> list[str]:
    return [name for page in pages(azure, 1000) for name in page]


# -- faults ------------------------------------------------------------------------------------------------------


def test_a_stale_row_shows_what_was(azure: LocalAzure) -> None:
    """A change is shown a day later, in the order of changes, also in a world that was read back."""
    azure.world.faults.add("graph_stale", "pg-0001", lag_s=3600)
    query = "resources | where name == 'pg-0001' | project name = tostring(tags.v), id"
    tags = f"{server_id(1)}/providers/Microsoft.Resources/tags/default"
    for value in "ab":
        call(azure, "PUT", tags, {"properties": {"tags": {"v": value}}})
        azure.advance(60)
    assert pages(azure, query=query) == [[""]]
    world_file.load(azure, world_file.dump(azure))
    azure.advance(3500)
    assert pages(azure, query=query) == [["b"]]


def test_a_phantom_row_outlives_its_server(azure: LocalAzure) -> None:
    """What was deleted is listed for as long as the fault says, and no longer; others go in time."""
    azure.world.faults.add("graph_phantom", "pg-0001", lag_s=3600)
    for number in (1, 2):
        azure.world.remove(server_id(number))
    azure.advance(60)
    assert names(azure) == [name for name in ALL if name != "pg-0002"]
    azure.advance(3600)
    assert names(azure) == [name for name in ALL if name not in ("pg-0001", "pg-0002")]


def test_missing_rows_stay_missing_while_the_fault_waits(azure: LocalAzure) -> None:
    """A share of the rows is not there, the same ones on every look, though the servers are."""
    azure.world.faults.add("graph_missing", "flexibleservers", rate=0.5, seed=3)
    found = names(azure)
    assert 0 < len(found) < 6
    assert names(azure) == found
    assert all(azure.world.get(server_id(number)) for number in range(6))
    azure.world.faults.waiting.clear()
    assert names(azure) == ALL


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("graph_duplicate_row", [ALL[0:2], ALL[1:3], ALL[3:5], ALL[5:6]]),
        ("graph_lost_row", [ALL[0:2], ALL[3:5], ALL[5:6]]),
    ],
)
def test_rows_at_the_seam_of_pages(azure: LocalAzure, kind: str, expected: list[list[str]]) -> None:
    """A row comes twice, or on no page."""
    azure.world.faults.add(kind)
    assert pages(azure) == expected


def test_answers_that_look_complete_and_are_not(azure: LocalAzure) -> None:
    """Truncated without a token, empty without an error, a table where objects were asked for; each once."""
    for kind in ("graph_truncated", "graph_empty", "graph_table"):
        azure.world.faults.add(kind)
    truncated, empty, table, right = (post(azure, NAMES, options={"$top": 2}).json() for _ in range(4))
    assert (truncated["resultTruncated"], truncated["count"], truncated["totalRecords"]) == ("true", 2, 6)
    assert "$skipToken" not in truncated
    assert (empty["data"], empty["totalRecords"], empty["resultTruncated"]) == ([], 0, "false")
    assert [column["name"] for column in table["data"]["columns"]] == ["id", "name"]
    assert table["data"]["rows"][0][1] == "pg-0000"
    assert (right["count"], "$skipToken" in right) == (2, True)


@pytest.mark.parametrize(("kind", "status"), [("graph_page_fails", 500), ("graph_expired_token", 400)])
def test_a_further_page_is_refused(azure: LocalAzure, kind: str, status: int) -> None:
    """The first page never is; the same token works afterwards."""
    azure.world.faults.add(kind)
    token = post(azure, NAMES, options={"$top": 2}).json()["$skipToken"]
    again = [post(azure, NAMES, options={"$top": 2, "$skipToken": token}).status for _ in range(2)]
    assert again == [status, 200]


# -- scopes ------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(azure: LocalAzure) -> LocalAzure:
    """Root > corp > data, with one subscription in data and another in none."""
    call(azure, "PUT", f"/subscriptions/{OTHER}", {"displayName": "Other"})
    call(azure, "PUT", f"/subscriptions/{OTHER}/resourceGroups/rg", {"location": "eastus"})
    server = f"/subscriptions/{OTHER}/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-other"
    body = {"id": server, "name": "pg-other", "location": "East US", "properties": {"state": "Ready"}}
    azure.world.put(server, "Microsoft.DBforPostgreSQL/flexibleServers", body)
    parent = {"properties": {"displayName": "Data", "details": {"parent": {"id": f"{GROUPS}/corp"}}}}
    assert call(azure, "PUT", f"{GROUPS}/corp", {"properties": {"displayName": "Corp"}}).status == 200
    assert call(azure, "PUT", f"{GROUPS}/data", parent).status == 200
    assert call(azure, "PUT", f"{GROUPS}/data/subscriptions/{SUB}").status == 200
    azure.advance(60)
    return azure


@pytest.mark.parametrize(
    ("scope", "count"),
    [
        ({"managementGroups": ["corp"]}, 6),
        ({"managementGroups": ["DATA"]}, 6),
        ({"managementGroups": ["nobody-made-it"]}, 0),
        ({"managementGroups": ["corp"], "subscriptions": [OTHER]}, 7),
        ({"subscriptions": [OTHER]}, 1),
        ({}, 7),
    ],
)
def test_a_management_group_is_its_subscriptions(tree: LocalAzure, scope: dict, count: int) -> None:
    """Those of the groups below it too."""
    assert post(tree, NAMES, **scope).json()["totalRecords"] == count


def test_a_role_at_a_management_group_reaches_what_is_below(tree: LocalAzure) -> None:
    """And nothing else: the other subscription is silently absent, in the tables and in the list."""
    grant(tree.world, "reader", roles.READER, f"{GROUPS}/corp")
    assert post(tree, NAMES, caller="reader").json()["totalRecords"] == 6
    containers = "resourcecontainers | where type endswith 'subscriptions' | project id, name"
    assert [row["name"] for row in post(tree, containers, caller="reader").json()["data"]] == ["Apps"]
    call(tree, "PUT", f"{GROUPS}/corp/subscriptions/{OTHER}")
    assert post(tree, NAMES, caller="reader").json()["totalRecords"] == 7


def test_subscriptions_tell_their_ancestors(tree: LocalAzure) -> None:
    """The nearest group first, the tenant's root last; groups have rows of their own."""
    chain = "resourcecontainers | where type == 'microsoft.resources/subscriptions' | project id, name, \
c=properties.managementGroupAncestorsChain | order by name asc"
    rows = post(tree, chain).json()["data"]
    assert [[each["name"] for each in row["c"]] for row in rows] == [
        ["data", "corp", tree.world.tenant_id],
        [tree.world.tenant_id],
    ]
    groups = "resourcecontainers | where type contains 'management' | project id, name | order by name asc"
    assert [row["name"] for row in post(tree, groups, managementGroups=["corp"]).json()["data"]] == ["corp", "data"]


def test_a_group_that_holds_something_stays(tree: LocalAzure) -> None:
    """An empty one can be removed."""
    assert call(tree, "DELETE", f"{GROUPS}/data").status == 400
    assert call(tree, "DELETE", f"{GROUPS}/data/subscriptions/{SUB}").status == 200
    assert call(tree, "DELETE", f"{GROUPS}/data").status == 200
    assert post(tree, NAMES, managementGroups=["corp"]).json()["totalRecords"] == 0


# -- rows and pages ----------------------------------------------------------------------------------------------


def test_an_instance_tells_the_longest_retention_of_its_policy(azure: LocalAzure) -> None:
    """As a time span of days, a year of 366, beside its recovery points."""
    rule = {"lifecycles": [{"deleteAfter": {"duration": "P10Y"}}], "name": "Yearly"}
    policy = f"{VAULT}/backupPolicies/p"
    azure.world.put(
        policy, "Microsoft.DataProtection/backupVaults/backupPolicies", {"properties": {"policyRules": [rule]}}
    )
    source = {"resourceID": server_id(1), "datasourceType": "Microsoft.DBforPostgreSQL/flexibleServers"}
    properties = {"dataSourceInfo": source, "policyInfo": {"policyId": policy.upper()}}
    kind = "Microsoft.DataProtection/backupVaults/backupInstances"
    azure.world.put(f"{VAULT}/backupInstances/i", kind, {"properties": properties, "name": "i"})
    azure.advance(60)
    kept = "tostring(properties.backupInstanceExtendedProperties.policyExtendedInfo.configuredMaximumRetention)"
    query = f"recoveryservicesresources | where type endswith 'backupinstances' | project id, name={kept}"
    assert pages(azure, query=query) == [["3660.00:00:00"]]
    assert post(azure, INSTANCES).json()["data"][0]["lastRp"] == "0001-01-01T00:00:00Z"


def test_a_further_page_is_not_worked_out_again(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    """One question runs once, however many pages, moments and callers with the same rights; a changed row runs it."""
    runs = []
    execute = GraphStore._execute

    def counted(self: GraphStore, *what: object) -> object:
        runs.append(what)
        return execute(self, *what)

    monkeypatch.setattr(GraphStore, "_execute", counted)
    token = post(azure, SERVERS, options={"$top": 2}).json()["$skipToken"]
    azure.advance(1)
    post(azure, SERVERS, options={"$top": 2, "$skipToken": token})
    assert len(runs) == 1
    put_servers(azure, 7)
    azure.advance(60)
    assert client_of(azure, "operator")
    assert post(azure, SERVERS, options={"$top": 2, "$skipToken": token}).json()["totalRecords"] == 7
    assert len(runs) == 2
