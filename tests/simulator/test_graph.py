"""Resource Graph as the real client sees it: KQL over what the caller may read, some seconds late, in pages."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

from simulator.arm import roles
from simulator.arm.authorization import OPERATOR, grant
from simulator.arm.graph_rows import time_span
from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport
from simulator.wire import Request, Response

SUB = "11111111-0000-4000-8000-000000000001"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg-app"
VAULT = f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/vault-1"
INSTANCE = f"{VAULT}/backupInstances/pg-0001-x"
SERVERS = """
resources
| where type =~ 'microsoft.dbforpostgresql/flexibleservers'
| project id, name, resourceGroup, subscriptionId, location, tags, sku, state=tostring(properties.state),
          role=tostring(properties.replicationRole), sizeGB=toint(properties.storage.storageSizeGB),
          version=tostring(properties.version)
| order by id asc
"""
INSTANCES = """
recoveryservicesresources
| where type =~ 'microsoft.dataprotection/backupvaults/backupinstances'
| where properties.dataSourceInfo.datasourceType =~ 'Microsoft.DBforPostgreSQL/flexibleServers'
| project id, serverId=tolower(tostring(properties.dataSourceInfo.resourceID)),
          state=tostring(properties.currentProtectionState), policyId=tolower(tostring(properties.policyInfo.policyId)),
          lastRp=properties.backupInstanceExtendedProperties.recoveryPointInfo.latestRecoveryPointInPrimaryRegion
| order by id asc
"""
JOBS = """
recoveryservicesresources
| where type =~ 'microsoft.dataprotection/backupvaults/backupjobs'
| where properties.dataSourceType =~ 'Microsoft.DBforPostgreSQL/flexibleServers'
    and properties.operationCategory =~ 'Backup'
| where todatetime(properties.startTime) > ago(7d)
| project id, status=tostring(properties.status), start=todatetime(properties.startTime),
          serverId=tolower(tostring(properties.dataSourceId)), bi=tolower(tostring(properties.backupInstanceId)),
          userTriggered=tobool(properties.isUserTriggered), errors=properties.errorDetails
| order by id asc
"""


def server_id(number: int) -> str:
    return f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-{number:04d}"


def put_servers(azure: LocalAzure, count: int) -> None:
    """Servers that have been there for a while, without the minutes that creating them takes."""
    for number in range(count):
        properties = {
            "state": "Ready",
            "replicationRole": "Primary",
            "storage": {"storageSizeGB": 128},
            "version": "16",
        }
        body = {
            "id": server_id(number),
            "name": f"pg-{number:04d}",
            "location": "East US",
            "sku": {"name": "Standard_D2s_v3", "tier": "GeneralPurpose"},
            "tags": {"backup-tier": "gold"},
            "properties": properties,
        }
        azure.world.put(server_id(number), "Microsoft.DBforPostgreSQL/flexibleServers", body)


@pytest.fixture
def azure() -> LocalAzure:
    """One subscription with one group and two servers that Resource Graph knows."""
    made = LocalAzure()
    for path, body in ((f"/subscriptions/{SUB}", {"displayName": "Apps"}), (GROUP, {"location": "eastus"})):
        call(made, "PUT", path, body)
    put_servers(made, 2)
    made.advance(60)
    return made


@pytest.fixture
def client(azure: LocalAzure) -> ResourceGraphClient:
    return client_of(azure, OPERATOR)


def client_of(azure: LocalAzure, principal: str) -> ResourceGraphClient:
    return ResourceGraphClient(azure.credential(principal), transport=InProcessTransport(azure))


def call(azure: LocalAzure, method: str, path: str, body: Any = None, caller: str = OPERATOR) -> Response:
    url = f"https://management.azure.com{path}?api-version=2022-10-01"
    data = json.dumps(body).encode() if body is not None else b""
    return azure.handle(Request(method, url, {"authorization": f"Bearer simulated.{caller}"}, data))


def post(azure: LocalAzure, query: str, caller: str = OPERATOR, **body: Any) -> Response:
    """One query without a client."""
    return call(azure, "POST", "/providers/Microsoft.ResourceGraph/resources", {"query": query} | body, caller)


def ask(client: ResourceGraphClient, query: str, **options: Any) -> Any:
    request = QueryRequest(subscriptions=[SUB], query=query, options=QueryRequestOptions(**options))
    return client.resources(request)


def pages(client: ResourceGraphClient, query: str) -> Iterator[Any]:
    """All pages of a query, as a careful client asks for them."""
    page = ask(client, query, top=1000)
    yield page
    while page.skip_token:
        page = ask(client, query, top=1000, skip_token=page.skip_token)
        yield page


def test_servers_are_found_with_their_tags(client: ResourceGraphClient) -> None:
    """Dynamic columns come as JSON values, the type in lower case, the region as its id."""
    first, second = ask(client, SERVERS).data
    assert first == {
        "id": server_id(0),
        "name": "pg-0000",
        "resourceGroup": "rg-app",
        "subscriptionId": SUB,
        "location": "eastus",
        "tags": {"backup-tier": "gold"},
        "sku": {"name": "Standard_D2s_v3", "tier": "GeneralPurpose"},
        "state": "Ready",
        "role": "Primary",
        "sizeGB": 128,
        "version": "16",
    }
    assert second["id"] == server_id(1)


def test_a_whole_row_has_the_recorded_columns(client: ResourceGraphClient) -> None:
    """A row without a projection has the columns of a real one, in their order; what is not there is null."""
    row = ask(client, "resources | where name == 'pg-0000'").data[0]
    assert list(row) == [
        *("id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId", "managedBy"),
        *("sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation"),
    ]
    assert (row["type"], row["kind"], row["plan"]) == ("microsoft.dbforpostgresql/flexibleservers", "", None)


def put_instance_with_job(azure: LocalAzure) -> None:
    """A protected server with one recovery point and two jobs, as the Data Protection provider stores them."""
    provider = "Microsoft.DataProtection/backupVaults"
    source = {"datasourceType": "Microsoft.DBforPostgreSQL/flexibleServers", "resourceID": server_id(1)}
    properties = {
        "dataSourceInfo": source | {"resourceLocation": "eastus", "resourceUri": server_id(1)},
        "policyInfo": {"policyId": f"{VAULT}/backupPolicies/Gold"},
        "currentProtectionState": "ProtectionConfigured",
        "protectionStatus": {"status": "ProtectionConfigured"},
    }
    azure.world.put(INSTANCE, f"{provider}/backupInstances", {"id": INSTANCE, "name": "x", "properties": properties})
    point = f"{INSTANCE}/recoveryPoints/0123"
    body = {"id": point, "properties": {"recoveryPointTime": "2026-11-23T08:00:30.0000000Z"}}
    azure.world.put(point, f"{provider}/backupInstances/recoveryPoints", body)
    for name, start in (("new", "2026-11-22T08:00:00.5000000Z"), ("old", "2026-11-01T08:00:00Z")):
        job: dict[str, Any] = {
            "dataSourceType": "Microsoft.DBforPostgreSQL/flexibleServers",
            "operationCategory": "Backup",
            "startTime": start,
            "status": "Failed",
            "dataSourceId": server_id(1),
            "backupInstanceId": INSTANCE,
            "isUserTriggered": True,
            "errorDetails": [{"code": "PostgreSQLFlexServerError"}],
            "duration": "PT1M34.4S",
        }
        job_id = f"{VAULT}/backupJobs/{name}"
        azure.world.put(job_id, f"{provider}/backupJobs", {"id": job_id, "name": name, "properties": job})


def test_instances_show_their_newest_recovery_point(azure: LocalAzure, client: ResourceGraphClient) -> None:
    """An instance's row knows the server, the policy and the time of the latest recovery point."""
    put_instance_with_job(azure)
    azure.advance(10)
    assert ask(client, INSTANCES).data == [
        {
            "id": INSTANCE,
            "serverId": server_id(1).lower(),
            "state": "ProtectionConfigured",
            "policyId": f"{VAULT}/backupPolicies/gold".lower(),
            "lastRp": "2026-11-23T08:00:30.0000000Z",
        }
    ]
    properties = ask(client, f"recoveryservicesresources | where id =~ '{INSTANCE}'").data[0]["properties"]
    assert properties["dataSourceInfo"]["resourceUri"] == ""
    assert properties["backupInstanceExtendedProperties"]["vaultId"] == VAULT
    assert properties["protectionStatus"] == {"errorDetails": None, "status": "ProtectionConfigured"}


def test_jobs_of_the_last_week_are_found(azure: LocalAzure, client: ResourceGraphClient) -> None:
    """ago() counts in virtual time, and a job's errors are a list of objects."""
    put_instance_with_job(azure)
    azure.advance(10)
    assert ask(client, JOBS).data == [
        {
            "id": f"{VAULT}/backupJobs/new",
            "status": "Failed",
            "start": "2026-11-22T08:00:00.5000000Z",
            "serverId": server_id(1).lower(),
            "bi": INSTANCE.lower(),
            "userTriggered": True,
            "errors": [{"code": "PostgreSQLFlexServerError"}],
        }
    ]
    row = ask(client, "recoveryservicesresources | where name == 'new'").data[0]
    assert (row["location"], row["properties"]["duration"]) == ("", "00:01:34.4000000")


def test_a_join_finds_unprotected_servers(azure: LocalAzure, client: ResourceGraphClient) -> None:
    """Two tables can be joined: the server without an instance is left over."""
    put_instance_with_job(azure)
    azure.advance(10)
    query = (
        "resources | where type =~ 'microsoft.dbforpostgresql/flexibleservers' | extend sid=tolower(id)"
        "| join kind=leftouter (recoveryservicesresources | where type endswith '/backupinstances'"
        "  | project serverId=tolower(tostring(properties.dataSourceInfo.resourceID)), bi=id)"
        " on $left.sid == $right.serverId"
        "| where isempty(bi) | project id"
    )
    assert ask(client, query).data == [{"id": server_id(0)}]


def test_pages_lead_through_2500_servers(azure: LocalAzure, client: ResourceGraphClient) -> None:
    """Every server comes exactly once, 1,000 a page, while a token leads on; resultTruncated is a text."""
    put_servers(azure, 2500)
    azure.advance(10)
    found = list(pages(client, SERVERS))
    assert [(page.count, page.total_records, page.result_truncated) for page in found] == [
        (1000, 2500, "false"),
        (1000, 2500, "false"),
        (500, 2500, "false"),
    ]
    assert [row["id"] for page in found for row in page.data] == [server_id(number) for number in range(2500)]


def test_a_token_belongs_to_its_query(client: ResourceGraphClient) -> None:
    """A token with another query, or an invented one, is a 400; $skip and $top choose rows."""
    page = ask(client, "resources | project id | order by id asc", top=1)
    assert [row["id"] for row in ask(client, "resources | project id | order by id asc", top=1, skip=1).data] == [
        server_id(1)
    ]
    for query, token in (
        ("resources | project id", page.skip_token),
        ("resources | project id | order by id asc", "x"),
    ):
        with pytest.raises(HttpResponseError) as refused:
            ask(client, query, skip_token=token)
        assert refused.value.status_code == 400


def test_without_an_id_or_with_a_limit_there_are_no_pages(client: ResourceGraphClient) -> None:
    """What cannot be paged says "true" and has no token; a limit is counted as the whole answer."""
    named = ask(client, "resources | project name", top=1)
    assert (named.result_truncated, named.skip_token) == ("true", None)
    limited = ask(client, "project id | limit 1")
    assert (limited.total_records, limited.count, limited.skip_token) == (1, 1, None)


def test_a_change_is_seen_after_the_lag(azure: LocalAzure, client: ResourceGraphClient) -> None:
    """A new server is missing, a changed one old and a deleted one there, until the lag has passed."""
    names = "resources | project name, env=tostring(tags.env) | order by name asc"
    before = [{"name": "pg-0000", "env": ""}, {"name": "pg-0001", "env": ""}]
    put_servers(azure, 3)
    tags = f"{server_id(0)}/providers/Microsoft.Resources/tags/default"
    call(azure, "PUT", tags, {"properties": {"tags": {"env": "prod"}}})
    azure.world.remove(server_id(1))
    assert ask(client, names).data == before
    azure.advance(9)
    assert ask(client, names).data == before
    azure.advance(1)
    assert ask(client, names).data == [{"name": "pg-0000", "env": "prod"}, {"name": "pg-0002", "env": ""}]


def test_an_old_row_stays_old_while_nobody_asks(azure: LocalAzure, client: ResourceGraphClient) -> None:
    """The lag counts from the change, not from the first query after it."""
    call(azure, "POST", f"{server_id(0)}/stop")
    azure.advance(20)
    assert [row["state"] for row in ask(client, SERVERS).data] == ["Stopping", "Ready"]
    azure.advance(364)
    assert [row["state"] for row in ask(client, SERVERS).data] == ["Stopped", "Ready"]


@pytest.mark.parametrize(
    ("scope", "count"),
    [(f"/subscriptions/{SUB}", 2), (GROUP, 2), (server_id(1), 1), (f"{GROUP}-other", 0)],
)
def test_only_readable_rows_are_found(azure: LocalAzure, scope: str, count: int) -> None:
    """A missing role shows as fewer rows, never as an error."""
    grant(azure.world, "reader", roles.READER, scope)
    assert ask(client_of(azure, "reader"), SERVERS).total_records == count


def test_scopes_are_subscriptions_or_the_tenant(azure: LocalAzure) -> None:
    """Another subscription has no rows; the root group or no scope at all means every one."""
    count = "resources | summarize n = count()"
    asked: list[dict[str, Any]] = [
        {"subscriptions": ["22222222-0000-4000-8000-000000000002"]},
        {"managementGroups": [azure.world.tenant_id]},
        {},
    ]
    assert [post(azure, count, **scope).json()["data"] for scope in asked] == [[{"n": 0}], [{"n": 2}], [{"n": 2}]]


def test_containers_and_assignments_have_their_tables(azure: LocalAzure, client: ResourceGraphClient) -> None:
    """Subscriptions, groups and role assignments stand in tables of their own, whose names have no case."""
    grant(azure.world, "someone", roles.READER, GROUP)
    azure.advance(10)
    containers = ask(client, "ResourceContainers | project type, name | order by type asc").data
    assert [(row["type"].rpartition("/")[2], row["name"]) for row in containers] == [
        ("subscriptions", "Apps"),
        ("resourcegroups", "rg-app"),
    ]
    query = (
        "AuthorizationResources | where properties.principalId == 'someone' | project scope=tostring(properties.scope)"
    )
    assert ask(client, query).data == [{"scope": GROUP}]


def test_the_table_format_has_columns_and_rows(azure: LocalAzure) -> None:
    """The result format "table" answers with typed columns instead of objects."""
    query = "resources | project name, tags, n=toint(properties.storage.storageSizeGB) | order by name asc | take 1"
    data = post(azure, query, options={"resultFormat": "table"}).json()["data"]
    assert data["columns"] == [
        {"name": "name", "type": "string"},
        {"name": "tags", "type": "object"},
        {"name": "n", "type": "integer"},
    ]
    assert data["rows"] == [["pg-0000", {"backup-tier": "gold"}, 128]]


def test_a_malformed_query_is_refused_as_recorded(azure: LocalAzure) -> None:
    """Bad grammar is a 400 BadRequest with InvalidQuery and a ParserFailure that names the place."""
    response = post(azure, "project id, location | where where")
    error = response.json()["error"]
    assert (response.status, error["code"]) == (400, "BadRequest")
    assert error["message"].startswith("Please provide below info when asking for support: timestamp = 2026-11-23T")
    assert [detail["code"] for detail in error["details"]] == ["InvalidQuery", "ParserFailure"]
    assert set(error["details"][1]) == {"code", "message", "line", "characterPositionInLine", "token", "expectedToken"}
    assert response.headers["x-ms-user-quota-remaining"] == "14"


@pytest.mark.parametrize("query", ["resources | where nothing == 1", "nowhere | take 1"])
def test_unknown_names_are_refused(azure: LocalAzure, query: str) -> None:
    """A column or table that is not there is a 400 with InvalidQuery."""
    response = post(azure, query)
    assert (response.status, response.json()["error"]["details"][0]["code"]) == (400, "InvalidQuery")


def test_what_the_engine_lacks_is_said_loudly(azure: LocalAzure) -> None:
    """A construct that the engine cannot run is no 400, which would blame the query, but a 501 that names it."""
    assert post(azure, "resources | serialize n = 1").status == 501
    assert post(azure, "resources", facets=[{"expression": "location"}]).status == 501


def test_fifteen_queries_fit_into_five_seconds(azure: LocalAzure, client: ResourceGraphClient) -> None:
    """The sixteenth query of a window is a 429 with Retry-After, which the real client waits for; callers are apart."""
    answers = [post(azure, "resources | count") for _ in range(16)]
    assert [answer.status for answer in answers] == [200] * 15 + [429]
    assert [answer.headers["x-ms-user-quota-remaining"] for answer in answers[:2]] == ["14", "13"]
    assert answers[0].headers["x-ms-user-quota-resets-after"] == "00:00:05"
    last = answers[-1]
    assert (last.json()["error"]["code"], last.headers["retry-after"]) == ("RateLimiting", "5")
    assert post(azure, "resources | count", caller="someone").status == 200
    before = azure.now
    assert ask(client, SERVERS).count == 2
    assert (azure.now - before).total_seconds() == 5


def test_a_query_makes_no_event(azure: LocalAzure) -> None:
    """Reading by POST is still reading."""
    azure.world.outbox.clear()
    post(azure, "resources | count")
    assert azure.world.outbox == []


@pytest.mark.parametrize(
    ("written", "span"),
    [
        ("PT3M49.1708393S", "00:03:49.1708393"),
        ("P1DT9H22M25S", "1.09:22:25"),
        ("PT0S", "00:00:00"),
        ("00:03:10.6688074", "00:03:10.6688074"),
        (None, None),
    ],
)
def test_durations_are_time_spans(written: str | None, span: str | None) -> None:
    """A duration of a job's own answer becomes the time span of its row."""
    assert time_span(written) == span
