"""Microsoft's own command line against the local Azure: every command exits with 0, and its effect is there."""

import json

import pytest

from cli.az import Az, ask
from cli.az_install import NoAz, program
from tests.simulator.served import GROUP, SERVER, SUBSCRIPTION, served

try:
    INTERPRETER = program()
except NoAz as missing:
    pytest.skip(str(missing), allow_module_level=True)

GUID = "9b0f576e-fc2e-4256-9aa3-6fede171d599"
TYPE = "Microsoft.DBforPostgreSQL/flexibleServers"
VAULT = f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/bv-az"
POLICY, INSTANCE = f"{VAULT}/backupPolicies/weekly", f"{VAULT}/backupInstances/pg-1-az"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/flexrestore"
LTR_ROLE = "PostgreSQL Flexible Server Long Term Retention Backup Role"
BLOB_ROLE = "Storage Blob Data Contributor"
STORE = {"dataStoreType": "VaultStore", "objectType": "DataStoreInfoBase"}
POLICY_BODY = {
    "objectType": "BackupPolicy",
    "datasourceTypes": [TYPE],
    "policyRules": [
        {
            "name": "BackupWeekly",
            "objectType": "AzureBackupRule",
            "backupParameters": {"backupType": "Full", "objectType": "AzureBackupParams"},
            "dataStore": STORE,
            "trigger": {
                "objectType": "ScheduleBasedTriggerContext",
                "schedule": {"repeatingTimeIntervals": ["R/2021-08-15T06:30:00+00:00/P1W"], "timeZone": "UTC"},
                "taggingCriteria": [
                    {"tagInfo": {"tagName": "Default", "id": "Default_"}, "taggingPriority": 99, "isDefault": True}
                ],
            },
        },
        {
            "name": "Default",
            "objectType": "AzureRetentionRule",
            "isDefault": True,
            "lifecycles": [
                {
                    "deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": "P3M"},
                    "sourceDataStore": STORE,
                    "targetDataStoreCopySettings": [],
                }
            ],
        },
    ],
}


class Terminal:
    """An `az` that is signed in to a local Azure."""

    def __init__(self, azure, folder, *, discover=False):
        self.azure = azure
        ask(azure.ready, "PUT", SUBSCRIPTION, {"displayName": "shop"})
        self.tool = Az(INTERPRETER, azure.ready, folder / "azure")
        self.tool.set_up(discover=discover)

    def __call__(self, *words: str):
        """Run a command, given in parts of words or as one text without quotes; what it answers, as JSON."""
        arguments = words[0].split() if len(words) == 1 else list(words)
        done = self.tool.run([*arguments, *(["-o", "json"] if "-o" not in arguments else [])], quiet=True)
        assert done.returncode == 0, f"az {' '.join(arguments)}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def rest(self, method: str, path: str, body=None, api: str = "2025-07-01"):
        """One ARM call through `az rest`."""
        content = ["--body", json.dumps(body)] if body is not None else []
        return self("rest", "--method", method, "--url", f"{path}?api-version={api}", *content)

    def let_pass(self, seconds: float) -> None:
        """Let so much virtual time pass."""
        self.azure.control("POST", "/clock", {"advance_s": seconds})


@pytest.fixture(scope="module")
def az(tmp_path_factory):
    """The terminal, and a group in its subscription."""
    folder = tmp_path_factory.mktemp("az")
    with served(folder, "--jump") as azure:
        terminal = Terminal(azure, folder)
        terminal("group create -n rg-data -l westeurope")
        yield terminal


# -- signing in --------------------------------------------------------------------------------------------------


def test_the_cloud_is_found_by_its_metadata(tmp_path):
    """`az cloud register` reads one object from /metadata/endpoints and can sign in with it."""
    with served(tmp_path, "--jump") as azure:
        az = Terminal(azure, tmp_path, discover=True)
        assert az("account show")["environmentName"] == "flexguard"
        assert az("role assignment list --all") == []


def test_principals_sign_in_with_a_secret_and_as_managed_identity(tmp_path):
    """`az login` works for a service principal and for the managed identity, with what each may read."""
    with served(tmp_path, "--jump") as azure:
        az = Terminal(azure, tmp_path)
        (account,) = az("account list")
        assert f"/subscriptions/{account['id']}" == SUBSCRIPTION
        assert az("account get-access-token")["tenant"] == account["tenantId"]
        az(f"role assignment create --assignee {azure.ready['principal']} --role Reader --scope {SUBSCRIPTION}")
        azure.control("POST", "/clock", {"advance_s": 700})
        az("logout")
        (account,) = az("login --identity")
        assert account["user"]["name"] == "systemAssignedIdentity"
        az("logout")
        az(f"login --service-principal -u operator -p any --tenant {account['tenantId']}")
        assert az("account show")["user"] == {"name": "operator", "type": "servicePrincipal"}


# -- resources ---------------------------------------------------------------------------------------------------


def test_groups_resources_and_tags(az):
    """Groups are made and listed; a resource is shown, listed by tag, and tagged in two ways."""
    server = f"{GROUP}/providers/{TYPE}/pg-tags"
    az("group create -n rg-more -l westeurope --tags team=shop")
    assert az("group show -n rg-more")["id"] == f"{SUBSCRIPTION}/resourceGroups/rg-more"
    assert {"rg-data", "rg-more"} <= {group["name"] for group in az("group list")}
    az.rest("put", server, {"location": "westeurope", "properties": {}}, "2022-12-01")
    az.let_pass(600)
    assert az(f"resource show --ids {server}")["name"] == "pg-tags"
    assert az(f"resource show -g rg-data -n pg-tags --resource-type {TYPE}")["id"] == server
    az(f"resource tag --ids {server} --tags team=shop")
    az.let_pass(120)
    az(f"tag update --resource-id {server} --operation Merge --tags backup-tier=gold")
    (found,) = az("resource list --tag backup-tier=gold")
    assert found["tags"] == {"team": "shop", "backup-tier": "gold"}
    assert "pg-tags" in [each["name"] for each in az(f"resource list -g rg-data --resource-type {TYPE}")]
    assert az(f"tag list --resource-id {server}")["properties"]["tags"]["backup-tier"] == "gold"


def test_roles_are_assigned_and_listed_with_names(az):
    """The assignee is looked up in Microsoft Graph, the role by its name; the list shows both names."""
    az("role", "assignment", "create", "--assignee", GUID, "--role", "Reader", "--scope", GROUP)
    typed = ["--assignee-object-id", GUID[::-1].replace("-", "")[:8] + GUID[8:]]
    typed += ["--assignee-principal-type", "ServicePrincipal"]
    az("role", "assignment", "create", *typed, "--role", LTR_ROLE, "--scope", GROUP)
    listed = az(f"role assignment list --scope {GROUP}")
    assert {(each["principalName"], each["roleDefinitionName"]) for each in listed} >= {(GUID, "Reader")}
    assert LTR_ROLE in [each["roleDefinitionName"] for each in listed]
    assert len(az(f"role assignment list --assignee {GUID} --all")) == 1
    assert az("role", "definition", "list", "--name", LTR_ROLE)[0]["roleType"] == "BuiltInRole"
    az(f"role assignment delete --assignee {GUID} --scope {GROUP}")


def test_the_life_of_a_server(az):
    """`az postgres flexible-server` makes, shows, lists, tags, stops, starts and deletes a server."""
    at = "-g rg-data -n pg-life"
    options = "--admin-user flex --admin-password Secret-12345 --public-access None --yes"
    made = az(f"postgres flexible-server create {at} -l westeurope {options} --tags team=shop")
    assert made["host"] == "pg-life.postgres.database.azure.com"
    assert az(f"postgres flexible-server show {at}")["state"] == "Ready"
    assert "pg-life" in [each["name"] for each in az("postgres flexible-server list -g rg-data")]
    assert az(f"postgres flexible-server update {at} --tags backup-tier=gold")["tags"] == {"backup-tier": "gold"}
    az(f"postgres flexible-server stop {at}")
    assert az(f"postgres flexible-server show {at}")["state"] == "Stopped"
    az(f"postgres flexible-server start {at}")
    assert az(f"postgres flexible-server show {at}")["state"] == "Ready"
    az(f"postgres flexible-server delete {at} --yes")
    assert "pg-life" not in [each["name"] for each in az("postgres flexible-server list")]


# -- Azure Backup ------------------------------------------------------------------------------------------------


def test_backup_and_restore_by_az_rest(tmp_path):
    """Every operation of Azure Backup through `az rest`: from the vault to files in a container, and away again."""
    with served(tmp_path, "--speed", "0") as azure:  # a jumping clock would run from one weekly backup to the next
        _back_up_and_restore(Terminal(azure, tmp_path))


def _back_up_and_restore(az) -> None:
    az("group create -n rg-data -l westeurope")
    principal = _estate(az)
    _give_roles(az, principal)
    properties = _instance()
    az.rest("post", f"{VAULT}/validateForBackup", {"backupInstance": properties})
    az.let_pass(45)
    az.rest("put", INSTANCE, {"properties": properties})
    az.let_pass(80)
    assert _state(az) == "ProtectionConfigured"
    assert len(az.rest("get", f"{VAULT}/backupInstances")["value"]) == 1
    assert len(az.rest("get", f"{SERVER}/providers/Microsoft.DataProtection/backupInstances")["value"]) == 1
    az.rest("post", f"{INSTANCE}/validateForModifyBackup", {"backupInstance": properties})
    az.rest("post", f"{INSTANCE}/backup", {"backupRuleOptions": {"ruleName": "BackupWeekly", "triggerOption": {}}})
    az.let_pass(1200)
    (job,) = az.rest("get", f"{VAULT}/backupJobs")["value"]
    assert az.rest("get", f"{VAULT}/backupJobs/{job['name']}")["properties"]["status"] == "Completed"
    (point,) = az.rest("get", f"{INSTANCE}/recoveryPoints")["value"]
    assert az.rest("get", f"{INSTANCE}/recoveryPoints/{point['name']}")["name"] == point["name"]
    _restore(az, point["name"])
    _stop_and_go(az)


def _estate(az) -> str:
    """A server, a vault with a policy, an account with a container; the principal of the vault's identity."""
    az.rest("put", SERVER, {"location": "westeurope", "properties": {}}, "2022-12-01")
    az.let_pass(600)
    vault = {
        "location": "westeurope",
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}],
            "securitySettings": {"softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0}},
        },
    }
    provider = f"{GROUP}/providers/Microsoft.DataProtection"
    name = {"name": "bv-az", "type": "Microsoft.DataProtection/BackupVaults"}
    assert az.rest("post", f"{provider}/locations/westeurope/checkNameAvailability", name)["nameAvailable"]
    made = az.rest("put", VAULT, vault)
    az.let_pass(70)
    assert az.rest("get", VAULT)["properties"]["provisioningState"] == "Succeeded"
    az.rest("patch", VAULT, {"tags": {"team": "shop"}})
    assert len(az.rest("get", f"{provider}/backupVaults")["value"]) == 1
    assert len(az.rest("get", f"{SUBSCRIPTION}/providers/Microsoft.DataProtection/backupVaults")["value"]) == 1
    az.rest("put", POLICY, {"properties": POLICY_BODY})
    assert az.rest("get", POLICY)["name"] == az.rest("get", f"{VAULT}/backupPolicies")["value"][0]["name"]
    az("storage account create -g rg-data -n flexrestore -l westeurope --allow-cross-tenant-replication true")
    az("storage container-rm create -g rg-data --storage-account flexrestore -n dumps")
    return str(made["identity"]["principalId"])


def _give_roles(az, principal: str) -> None:
    """The three roles, looked up by name as the extension of `az` does; they work after a while."""
    for role, scope in ((LTR_ROLE, SERVER), ("Reader", GROUP), (BLOB_ROLE, ACCOUNT)):
        az("role", "assignment", "create", "--assignee", principal, "--role", role, "--scope", scope)
    az.let_pass(700)


def _instance() -> dict:
    source = {
        "resourceID": SERVER,
        "resourceUri": SERVER,
        "resourceName": "pg-1",
        "resourceType": TYPE,
        "datasourceType": TYPE,
        "resourceLocation": "westeurope",
        "objectType": "Datasource",
    }
    known = {"friendlyName": "pg-1", "dataSourceInfo": source, "policyInfo": {"policyId": POLICY}}
    return known | {"objectType": "BackupInstance"}


def _state(az) -> str:
    return str(az.rest("get", INSTANCE)["properties"]["currentProtectionState"])


def _restore(az, point: str) -> None:
    """Bring the files of a recovery point into the container."""
    url = "https://flexrestore.blob.core.windows.net/dumps"
    details = {"filePrefix": "drill", "restoreTargetLocationType": "AzureBlobs", "url": url}
    target = {"objectType": "RestoreFilesTargetInfo", "recoveryOption": "FailIfExists", "restoreLocation": "westeurope"}
    request = {
        "objectType": "AzureBackupRecoveryPointBasedRestoreRequest",
        "recoveryPointId": point,
        "sourceDataStoreType": "VaultStore",
        "restoreTargetInfo": target | {"targetDetails": details},
    }
    az.rest("post", f"{INSTANCE}/validateRestore", {"restoreRequestObject": request})
    az.let_pass(45)
    az.rest("post", f"{INSTANCE}/restore", request)
    az.let_pass(130)
    jobs = [job["properties"] for job in az.rest("get", f"{VAULT}/backupJobs")["value"]]
    assert [job["status"] for job in jobs if job["operationCategory"] == "Restore"] == ["Completed"]
    listed = az.azure.http.get(
        f"{az.azure.ready['blob']}/dumps",
        params={"restype": "container", "comp": "list", "prefix": "drill"},
        headers={
            "authorization": f"Bearer {az.azure.token('https://storage.azure.com')}",
            "x-ms-version": "2021-12-02",
        },
        timeout=10,
    )
    assert listed.text.count("<Name>drill_") == 4


def _stop_and_go(az) -> None:
    """Every change of state, deletion, undeletion and the end."""
    steps = {
        "suspendBackups": "BackupsSuspended",
        "resumeBackups": "ProtectionConfigured",
        "stopProtection": "ProtectionStopped",
        "resumeProtection": "ProtectionConfigured",
    }
    for verb, state in steps.items():
        az.rest("post", f"{INSTANCE}/{verb}", {})
        az.let_pass(200)
        assert _state(az) == state, verb
    az.rest("post", f"{INSTANCE}/sync", {"syncType": "Default"})
    az.let_pass(200)
    az.rest("delete", INSTANCE)
    az.let_pass(200)
    (gone,) = az.rest("get", f"{VAULT}/deletedBackupInstances")["value"]
    assert az.rest("get", f"{VAULT}/deletedBackupInstances/{gone['name']}")["name"] == gone["name"]
    az.rest("post", f"{VAULT}/deletedBackupInstances/{gone['name']}/undelete", {})
    assert _state(az) == "ProtectionStopped"
