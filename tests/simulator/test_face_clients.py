"""Microsoft's clients, as they are, against the local Azure over TLS: they get an environment and nothing else."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from served import BODY, GROUP, ROOT, SERVER, SUBSCRIPTION, Served, served

SCRIPT = """
import json, os, sys
from azure.core.credentials import AzureKeyCredential
from azure.data.tables import TableServiceClient, UpdateMode
from azure.eventgrid import EventGridEvent, EventGridPublisherClient
from azure.identity import ManagedIdentityCredential
from azure.mgmt.dataprotection import DataProtectionMgmtClient
from azure.mgmt.postgresqlflexibleservers import PostgreSQLManagementClient
from azure.storage.queue import QueueClient, QueueServiceClient

told, environment = {}, os.environ
credential = ManagedIdentityCredential()
subscription, group = "5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10", "rg-data"
arm = environment["FLEXGUARD_ARM_ENDPOINT"]
backup = DataProtectionMgmtClient(credential, subscription, arm, polling_interval=0)
told["vaults"] = [vault.name for vault in backup.backup_vaults.get_in_subscription()]
servers = PostgreSQLManagementClient(credential, subscription, arm)
told["servers"] = [server.name for server in servers.servers.list_by_subscription()]

topic = EventGridPublisherClient(environment["FLEXGUARD_ALERT_TOPIC"], credential)
topic.send(EventGridEvent(subject="/s", event_type="Flexguard.Alert", data={"n": 1}, data_version="1"))

queue = QueueClient(environment["AzureWebJobsStorage__queueServiceUri"], "converge", credential=credential)
queue.create_queue()
queue.send_message("hello", visibility_timeout=0)
message = queue.receive_message(visibility_timeout=30)
queue.delete_message(message)
told["message"] = message.content
service = QueueServiceClient(environment["AzureWebJobsStorage__queueServiceUri"], credential=credential)
told["queues"] = [each.name for each in service.list_queues()]

tables = TableServiceClient(environment["AzureWebJobsStorage__tableServiceUri"], credential=credential)
table = tables.create_table("ledger")
table.upsert_entity({"PartitionKey": "a", "RowKey": "1", "n": 1})
table.submit_transaction([("create", {"PartitionKey": "a", "RowKey": str(n)}) for n in (2, 3)])
table.update_entity({"PartitionKey": "a", "RowKey": "1", "n": 2}, mode=UpdateMode.MERGE)
told["rows"] = [[row["RowKey"], row.get("n")] for row in table.query_entities("PartitionKey eq 'a'")]
told["tables"] = [each.name for each in tables.list_tables()]
json.dump(told, sys.stdout)
"""
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("face"), "--speed", "0") as running:
        yield running


def run(azure: Served, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script with the environment of the ready line and nothing else."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", script, *arguments],
        env=azure.ready["environment"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_unmodified_clients_work_with_a_managed_identity(azure: Served):
    """Backup, PostgreSQL, Event Grid, queue and table clients work with the environment of the ready line alone."""
    azure.arm("PUT", SUBSCRIPTION, {})
    azure.arm("PUT", GROUP, {"location": "westeurope"})
    azure.arm("PUT", SERVER, BODY)
    azure.arm("PUT", f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/bv-1", {"location": "westeurope"})
    role = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    properties = {
        "roleDefinitionId": role,
        "principalId": azure.ready["principal"],
        "principalType": "ServicePrincipal",
    }
    name = "0b8f6d2e-3c5a-4e0f-9b52-6d1e7f0a2c33"
    path = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/{name}"
    assert azure.arm("PUT", f"{path}?api-version=2022-04-01", {"properties": properties}).status_code == 201
    azure.control("POST", "/clock", {"advance_s": 900})

    ran = run(azure, SCRIPT)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "vaults": ["bv-1"],
        "servers": ["pg-1"],
        "message": "hello",
        "queues": ["converge"],
        "rows": [["1", 2], ["2", None], ["3", None]],
        "tables": ["ledger"],
    }
    published = azure.control("GET", "/published")["published"]
    assert [each["event"]["eventType"] for each in published] == ["Flexguard.Alert"]
    callers = {call["caller"] for call in azure.control("GET", "/log")["calls"]}
    assert callers == {"operator", azure.ready["principal"]}


def test_a_client_secret_credential_finds_the_directory(azure: Served):
    """azure-identity's ClientSecretCredential gets a token from the OAuth endpoint that OpenID discovery names."""
    script = """
import os, sys
from azure.identity import ClientSecretCredential
from azure.mgmt.postgresqlflexibleservers import PostgreSQLManagementClient
arm = os.environ["FLEXGUARD_ARM_ENDPOINT"]
credential = ClientSecretCredential(sys.argv[1], "operator", "any", authority=arm, disable_instance_discovery=True)
client = PostgreSQLManagementClient(credential, "5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10", arm)
print(len(list(client.servers.list_by_subscription())))
"""
    azure.arm("PUT", SUBSCRIPTION, {})
    tenant = azure.arm("GET", "/tenants").json()["value"][0]["tenantId"]
    ran = run(azure, script, tenant)
    assert ran.returncode == 0, ran.stderr
