"""PostgreSQL flexible servers as the real management client sees them, in virtual time."""

import json
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.postgresqlflexibleservers import PostgreSQLManagementClient

from simulator.arm.authorization import OPERATOR
from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport
from simulator.wire import Request

SUB = "11111111-0000-4000-8000-000000000001"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg-app"
SERVER = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-app-01"
NEW = {
    "location": "eastus",
    "tags": {"backup-tier": "gold"},
    "sku": {"name": "Standard_D4s_v3", "tier": "GeneralPurpose"},
    "properties": {
        "administratorLogin": "myadmin",
        "administratorLoginPassword": "secret",
        "version": "16",
        "storage": {"storageSizeGB": 256},
        "createMode": "Create",
    },
}


@pytest.fixture
def azure() -> LocalAzure:
    made = LocalAzure()
    raw(made, "PUT", f"/subscriptions/{SUB}", {})
    raw(made, "PUT", GROUP, {"location": "eastus"})
    return made


@pytest.fixture
def client(azure: LocalAzure) -> PostgreSQLManagementClient:
    return PostgreSQLManagementClient(azure.credential(OPERATOR), SUB, transport=InProcessTransport(azure))


def raw(azure: LocalAzure, method: str, path: str, body: Any = None) -> Any:
    """One call without a client, for statuses and headers."""
    url = path if path.startswith("https:") else f"https://management.azure.com{path}?api-version=2024-08-01"
    data = json.dumps(body).encode() if body is not None else b""
    return azure.handle(Request(method, url, {"authorization": f"Bearer simulated.{OPERATOR}"}, data))


def state(azure: LocalAzure, server: str = SERVER) -> str:
    return str(raw(azure, "GET", server).json()["properties"]["state"])


def test_a_server_is_created_as_recorded(azure: LocalAzure) -> None:
    """PUT answers 202 with both operation URLs; the server is Provisioning for 184 to 341 seconds, then Ready."""
    answer = raw(azure, "PUT", SERVER, NEW)
    assert (answer.status, answer.headers["retry-after"]) == (202, "60")
    assert answer.json() == {"operation": "UpsertServerManagementOperationV2", "startTime": "2026-11-23T08:00:00.000Z"}
    assert "/locations/eastus/azureAsyncOperation/" in answer.headers["azure-asyncoperation"]
    assert "/locations/eastus/operationResults/" in answer.headers["location"]
    azure.advance(183)
    poll = raw(azure, "GET", answer.headers["azure-asyncoperation"])
    assert (state(azure), poll.json()["status"], poll.headers["retry-after"]) == ("Provisioning", "InProgress", "60")
    azure.advance(341 - 183)
    poll = raw(azure, "GET", answer.headers["azure-asyncoperation"])
    assert (state(azure), poll.json()["status"]) == ("Ready", "Succeeded")
    assert set(poll.json()) == {"name", "status", "startTime"}


def test_the_client_creates_reads_and_deletes(azure: LocalAzure, client: PostgreSQLManagementClient) -> None:
    """The real client's pollers follow creation and deletion to their end."""
    server = client.servers.begin_create_or_update("rg-app", "pg-app-01", NEW).result()
    assert (server.location, server.state, server.storage.storage_size_gb) == ("East US", "Ready", 256)
    assert (server.tags, server.replication_role, server.version) == ({"backup-tier": "gold"}, "Primary", "16")
    body = raw(azure, "GET", SERVER).json()
    assert not {"administratorLoginPassword", "createMode"} & set(body["properties"])
    assert [each.name for each in client.servers.list_by_resource_group("rg-app")] == ["pg-app-01"]
    assert [each.name for each in client.servers.list_by_subscription()] == ["pg-app-01"]
    client.servers.begin_delete("rg-app", "pg-app-01").result()
    with pytest.raises(ResourceNotFoundError) as missing:
        client.servers.get("rg-app", "pg-app-01")
    assert missing.value.error is not None
    assert missing.value.error.code == "ResourceNotFound"
    assert missing.value.response is not None
    assert missing.value.response.headers["x-ms-failure-cause"] == "gateway"
    assert list(client.servers.list_by_subscription()) == []


def test_deletion_names_the_region_for_display(azure: LocalAzure, client: PostgreSQLManagementClient) -> None:
    """DELETE answers 202 with Retry-After 15 and URLs that call the region "East US"; without a server 204."""
    client.servers.begin_create_or_update("rg-app", "pg-app-01", NEW).result()
    answer = raw(azure, "DELETE", SERVER)
    assert (answer.status, answer.headers["retry-after"]) == (202, "15")
    assert "/locations/East%20US/azureAsyncOperation/" in answer.headers["azure-asyncoperation"]
    assert answer.json()["operation"] == "DropServerManagementOperation"
    azure.advance(14)
    assert state(azure) == "Dropping"
    azure.advance(110)
    assert raw(azure, "GET", SERVER).status == 404
    assert raw(azure, "GET", answer.headers["azure-asyncoperation"]).json()["status"] == "Succeeded"
    assert raw(azure, "GET", answer.headers["location"]).body == b""
    assert raw(azure, "DELETE", SERVER).status == 204


def test_an_update_is_read_when_it_has_ended(azure: LocalAzure, client: PostgreSQLManagementClient) -> None:
    """PATCH changes tags and properties after about a minute; the rest of the server stays."""
    client.servers.begin_create_or_update("rg-app", "pg-app-01", NEW).result()
    change = {"tags": {"backup-tier": "silver"}, "properties": {"backup": {"backupRetentionDays": 17}}}
    assert raw(azure, "PATCH", SERVER, change).status == 202
    assert (state(azure), raw(azure, "GET", SERVER).json()["tags"]) == ("Updating", {"backup-tier": "gold"})
    azure.advance(61)
    body = raw(azure, "GET", SERVER).json()
    assert (body["properties"]["state"], body["tags"]) == ("Ready", {"backup-tier": "silver"})
    assert body["properties"]["backup"]["backupRetentionDays"] == 17
    assert body["properties"]["backup"]["geoRedundantBackup"] == "Disabled"
    assert body["sku"] == NEW["sku"]


def test_start_stop_and_restart_go_through_their_states(azure: LocalAzure, client: PostgreSQLManagementClient) -> None:
    """Each action shows its own state while it runs and leads to Ready or Stopped."""
    client.servers.begin_create_or_update("rg-app", "pg-app-01", NEW).result()
    seen = []
    for verb in ("stop", "start", "restart"):
        assert raw(azure, "POST", f"{SERVER}/{verb}").json()["operation"] == f"{verb.title()}ServerManagementOperation"
        meanwhile = state(azure)
        azure.advance(600)
        seen.append((meanwhile, state(azure)))
    assert seen == [("Stopping", "Stopped"), ("Starting", "Ready"), ("Restarting", "Ready")]


def test_a_second_operation_fails_because_the_server_is_busy(azure: LocalAzure) -> None:
    """A PUT while another operation runs is accepted and then fails; the first one is not disturbed."""
    raw(azure, "PUT", SERVER, NEW)
    second = raw(azure, "PUT", SERVER, NEW | {"tags": {"late": "1"}})
    azure.advance(61)
    poll = raw(azure, "GET", second.headers["azure-asyncoperation"]).json()
    assert (second.status, poll["status"], poll["error"]["code"]) == (202, "Failed", "ProvisioningServerBusy")
    assert poll["error"]["message"] == "Server pg-app-01 is busy with other operations. Please try later"
    azure.advance(300)
    assert (state(azure), raw(azure, "GET", SERVER).json()["tags"]) == ("Ready", {"backup-tier": "gold"})


def test_the_client_raises_for_a_failed_operation(azure: LocalAzure, client: PostgreSQLManagementClient) -> None:
    """The real client turns the failed operation into HttpResponseError with the service's code."""
    raw(azure, "PUT", SERVER, NEW)
    with pytest.raises(HttpResponseError, match="ProvisioningServerBusy"):
        client.servers.begin_create_or_update("rg-app", "pg-app-01", NEW).result()


def test_a_replica_takes_after_its_source(client: PostgreSQLManagementClient) -> None:
    """A replica is made by createMode; it is an AsyncReplica that knows its source and has its version and size."""
    client.servers.begin_create_or_update("rg-app", "pg-app-01", NEW).result()
    wanted = {"location": "westus", "properties": {"createMode": "Replica", "sourceServerResourceId": SERVER}}
    replica = client.servers.begin_create_or_update("rg-app", "pg-rep", wanted).result()
    assert (replica.replication_role, replica.source_server_resource_id) == ("AsyncReplica", SERVER)
    assert (replica.version, replica.storage.storage_size_gb, replica.location) == ("16", 256, "West US")


def test_an_elastic_cluster_shows_its_size(client: PostgreSQLManagementClient) -> None:
    """properties.cluster marks an elastic cluster and is given back."""
    wanted = {**NEW, "properties": {**NEW["properties"], "cluster": {"clusterSize": 2}}}  # type: ignore[dict-item]
    server = client.servers.begin_create_or_update("rg-app", "pg-cluster", wanted).result()
    assert server.cluster.cluster_size == 2


def test_firewall_rules_are_children_of_their_server(client: PostgreSQLManagementClient) -> None:
    """A rule is made, read and removed by long operations, and its 404 is the provider's."""
    client.servers.begin_create_or_update("rg-app", "pg-app-01", NEW).result()
    with pytest.raises(ResourceNotFoundError, match="The specified resource office was not found"):
        client.firewall_rules.get("rg-app", "pg-app-01", "office")
    rule = {"properties": {"startIpAddress": "1.2.3.4", "endIpAddress": "1.2.3.5"}}
    made = client.firewall_rules.begin_create_or_update("rg-app", "pg-app-01", "office", rule).result()
    assert (made.start_ip_address, made.end_ip_address) == ("1.2.3.4", "1.2.3.5")
    assert [each.name for each in client.firewall_rules.list_by_server("rg-app", "pg-app-01")] == ["office"]
    client.firewall_rules.begin_delete("rg-app", "pg-app-01", "office").result()
    assert list(client.firewall_rules.list_by_server("rg-app", "pg-app-01")) == []


def test_the_same_seed_takes_the_same_time() -> None:
    """Two worlds with one seed create a server in the same number of seconds; another seed takes another."""

    def seconds(seed: int) -> float:
        made = LocalAzure()
        made.world.seed = seed
        for path, body in ((f"/subscriptions/{SUB}", {}), (GROUP, {"location": "eastus"}), (SERVER, NEW)):
            raw(made, "PUT", path, body)
        due = made.world.next_due()
        assert due is not None
        return (due - made.now).total_seconds()

    assert seconds(1) == seconds(1) != seconds(2)
    assert 184 <= seconds(1) <= 341
