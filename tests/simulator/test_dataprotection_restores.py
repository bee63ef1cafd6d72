"""Restores as files: where the files arrive, what a job tells, and what keeps them from arriving."""

import pytest
from azure.core.exceptions import HttpResponseError
from dataprotection_world import (
    API,
    GROUP,
    INSTANCE,
    SUB,
    VAULT,
    ask,
    client,
    estate,
    instance_body,
    protect,
    start_backup,
)

from simulator import world_file
from simulator.arm.authorization import grant
from simulator.arm.roles import BLOB_CONTRIBUTOR, OWNER
from simulator.azure import LocalAzure

ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/flexrestore"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers/dumps"
URL = "https://flexrestore.blob.core.windows.net/dumps"


def restorable(*, container: bool = True, role: str = BLOB_CONTRIBUTOR, scope: str = ACCOUNT) -> LocalAzure:
    """A protected server with one recovery point, and a storage account beside it."""
    azure = estate()
    assert ask(azure, "PUT", ACCOUNT, {"location": "West Europe"}, api="2025-01-01").status == 200
    if container:
        assert ask(azure, "PUT", CONTAINER, {}, api="2025-01-01").status == 201
    if role:
        grant(azure.world, ask(azure, "GET", VAULT).json()["identity"]["principalId"], role, scope)
    protect(azure)
    start_backup(azure)
    azure.advance(1000)
    return azure


def request(azure: LocalAzure, url: str = URL, **details: str) -> dict:
    """The request as the recordings of 2024 have it."""
    point = ask(azure, "GET", f"{INSTANCE}/recoveryPoints", query="&$filter=").json()["value"][0]["name"]
    return {
        "objectType": "AzureBackupRecoveryPointBasedRestoreRequest",
        "recoveryPointId": point,
        "restoreTargetInfo": {
            "objectType": "RestoreFilesTargetInfo",
            "recoveryOption": "FailIfExists",
            "restoreLocation": "westeurope",
            "targetDetails": {"filePrefix": "drill", "restoreTargetLocationType": "AzureBlobs", "url": url, **details},
        },
        "sourceDataStoreType": "VaultStore",
    }


def restore(azure: LocalAzure, **changes: str) -> dict:
    """Trigger a restore and let it end; its job."""
    answer = ask(azure, "POST", f"{INSTANCE}/restore", request(azure, **changes))
    assert answer.status == 202
    azure.advance(2)
    job_id = ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()["properties"]["jobId"]
    assert ask(azure, "GET", job_id).json()["properties"]["status"] == "InProgress"
    azure.advance(126)
    return ask(azure, "GET", job_id).json()["properties"]


def test_the_four_kinds_of_file_arrive():
    """A restore leaves a custom-format dump per database, roles, tablespaces and schema, all named by the prefix."""
    azure = restorable()
    job = restore(azure)
    blobs = azure.blobs.containers["dumps"].blobs
    assert job["status"] == "Completed"
    assert all(name.startswith("drill") and blob.data for name, blob in blobs.items())
    assert [name for name, blob in blobs.items() if blob.data.startswith(b"PGDMP")] == ["drill_postgres.sql"]
    for kind in ("roles.sql", "tablespace.sql", "schema.sql"):
        assert sum(name.lower().endswith(kind) for name in blobs) == 1
    task = job["extendedInfo"]["subTasks"][0]
    assert int(task["additionalDetails"]["DataTransferredInBytes"]) == sum(len(blob.data) for blob in blobs.values())


def test_a_restore_job_tells_what_the_recorded_one_tells():
    """Category, source, destination, prefix and duration stand where they stand in dp-pgflex-lifecycle-roles."""
    azure = restorable()
    job = restore(azure)
    assert (job["operationCategory"], job["operation"], job["sourceDataStoreType"]) == (
        "Restore",
        "Restore",
        "VaultStore",
    )
    assert (job["destinationDataStoreName"], job["supportedActions"], job["errorDetails"]) == (None, [""], None)
    assert job["duration"].startswith("PT2M")
    told = job["extendedInfo"]
    assert told["additionalDetails"] == {"Restore File Prefix": "drill"}
    assert told["recoveryDestination"] == URL
    assert told["subTasks"][0]["taskName"] == "Trigger Restore"
    assert told["sourceRecoverPoint"]["recoveryPointID"] == request(azure)["recoveryPointId"]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"container": False}, "UserErrorStorageAccountContainerNotFound"),
        ({"role": ""}, "UserErrorMSIMissingPermissions"),
        ({"role": OWNER}, "UserErrorMSIMissingPermissions"),
        ({"scope": VAULT}, "UserErrorMSIMissingPermissions"),
    ],
)
def test_what_is_wrong_with_the_target_fails_validation_and_job(wrong, expected):
    """Without container or data role neither validation nor job succeed, and nothing is written."""
    azure = restorable(**wrong)
    with pytest.raises(HttpResponseError) as refused:
        client(azure, api_version="2025-07-01").backup_instances.begin_validate_for_restore(
            "rg-backup", "bv-one", INSTANCE.rpartition("/")[2], {"restoreRequestObject": request(azure)}
        ).result()
    assert refused.value.error.code == expected
    job = restore(azure)
    assert (job["status"], job["errorDetails"][0]["code"]) == ("Failed", expected)
    assert not any(container.blobs for container in azure.blobs.containers.values())


@pytest.mark.parametrize("member", ["publicNetworkAccess", "allowCrossTenantReplication"])
def test_a_closed_account_takes_no_files(member):
    """An account without public access, or that takes nothing from another tenant, is not accessible."""
    azure = restorable()
    value = "Disabled" if member == "publicNetworkAccess" else False
    ask(azure, "PATCH", ACCOUNT, {"properties": {member: value}}, api="2025-01-01")
    assert restore(azure)["errorDetails"][0]["code"] == "UserErrorContainerNotAccessible"


def test_the_real_client_validates_and_restores():
    """Microsoft's client gets the job of a restore whose target it names by ARM id and by the local address."""
    azure = restorable(scope=SUB)
    told = request(azure, url="https://127.0.0.1:10000/flexrestore/dumps", targetResourceArmId=ACCOUNT)
    at = ("rg-backup", "bv-one", INSTANCE.rpartition("/")[2])
    instances = client(azure, api_version="2025-07-01").backup_instances
    assert instances.begin_validate_for_restore(*at, {"restoreRequestObject": told}).result()
    job = instances.begin_trigger_restore(*at, told).result()
    assert "/backupJobs/" in job.job_id


def test_a_restore_of_nothing_is_refused():
    """A recovery point that is not there is refused at once."""
    azure = restorable()
    assert ask(azure, "POST", f"{INSTANCE}/restore", request(azure) | {"recoveryPointId": "0" * 32}).status == 400


def test_a_world_that_was_written_down_still_restores():
    """A restore that runs while the world is written to a file ends in the world that was read back."""
    azure = restorable()
    assert ask(azure, "POST", f"{INSTANCE}/restore", request(azure)).status == 202
    again = LocalAzure()
    world_file.load(again, world_file.dump(azure))
    again.advance(200)
    assert "drill_roles.sql" in again.blobs.containers["dumps"].blobs


# -- checks ------------------------------------------------------------------------------------------------------


def test_a_protected_server_may_change():
    """ValidateForModifyBackup looks at the instance itself and is not in its own way."""
    azure = restorable()
    body = {"backupInstance": instance_body()["properties"]}
    answer = ask(azure, "POST", f"{INSTANCE}/validateForModifyBackup", body)
    azure.advance(42)
    assert ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()["status"] == "Succeeded"


def test_a_taken_vault_name_is_said_to_be_taken():
    """CheckNameAvailability knows the vaults of the group, and checkFeatureSupport flexible servers."""
    azure = estate()
    where = f"{VAULT.partition('/backupVaults')[0]}/locations/westeurope"
    for name, free in (("bv-one", False), ("bv-two", True)):
        body = {"name": name, "type": "Microsoft.DataProtection/BackupVaults"}
        assert ask(azure, "POST", f"{where}/checkNameAvailability", body).json()["nameAvailable"] is free
    where = f"{SUB}/providers/Microsoft.DataProtection/locations/westeurope/checkFeatureSupport"
    told = ask(azure, "POST", where, {"featureType": "DataSourceType"}, api=API).json()
    assert "Microsoft.DBforPostgreSQL/flexibleServers" in [each["featureName"] for each in told["features"]]
