"""Backup vaults: bodies, statuses, refusals, identities."""

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.dataprotection.models import BackupVaultResource
from dataprotection_world import (
    BACKUP_GROUP,
    POLICY,
    SUB,
    VAULT,
    VAULT_BODY,
    VAULTS,
    ask,
    client,
    code,
    estate,
    protect,
)

from simulator.azure import LocalAzure


@pytest.fixture
def azure() -> LocalAzure:
    return estate()


def vault_body(soft: str = "On", immutable: str = "", **more):
    security = {"softDeleteSettings": {"state": soft, "retentionDurationInDays": 14.0}}
    if immutable:
        security["immutabilitySettings"] = {"state": immutable}
    return VAULT_BODY | {"properties": VAULT_BODY["properties"] | {"securitySettings": security} | more}


def test_a_new_vault_answers_as_recorded(azure):
    """A first PUT is 201 Provisioning with its principal, an operation and Retry-After 10, member by member."""
    wanted = vault_body(immutable="Locked", featureSettings={"crossRegionRestoreSettings": {"state": "Enabled"}})
    wanted["properties"]["storageSettings"] = [{"datastoreType": "VaultStore", "type": "GeoRedundant"}]
    answer = ask(azure, "PUT", f"{VAULTS}/bv-two", wanted, api="2025-07-01")
    body = answer.json()
    assert answer.status == 201
    assert (answer.headers["retry-after"], "location" in answer.headers) == ("10", False)
    assert "createdBy" in answer.headers["x-ms-arm-resource-system-data"]
    assert len(body["identity"].pop("principalId")) == 36
    assert body == {
        "location": "westeurope",
        "identity": {"type": "SystemAssigned", "tenantId": azure.world.tenant_id},
        "properties": {
            "provisioningState": "Provisioning",
            "storageSettings": [{"datastoreType": "VaultStore", "type": "GeoRedundant"}],
            "isVaultProtectedByResourceGuard": False,
            "securitySettings": {
                "softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0},
                "immutabilitySettings": {"state": "Locked"},
            },
            "featureSettings": {"crossRegionRestoreSettings": {"state": "Enabled"}},
            "secureScore": "Adequate",
            "bcdrSecurityLevel": "Good",
            "replicatedRegions": ["northeurope"],
        },
        "id": f"{VAULTS}/bv-two",
        "name": "bv-two",
        "type": "Microsoft.DataProtection/backupVaults",
    }
    azure.advance(62)
    assert ask(azure, "GET", f"{VAULTS}/bv-two").json()["properties"]["provisioningState"] == "Succeeded"


def test_a_put_without_change_is_200_and_a_change_is_201(azure):
    """The same content starts no operation; another setting does, with Updating, and keeps the principal."""
    before = ask(azure, "GET", VAULT).json()
    same = ask(azure, "PUT", VAULT, VAULT_BODY)
    assert (same.status, "azure-asyncoperation" in same.headers, same.json()) == (200, False, before)
    changed = ask(azure, "PUT", VAULT, vault_body(soft="AlwaysOn"))
    assert (changed.status, changed.json()["properties"]["provisioningState"]) == (201, "Updating")
    assert changed.json()["identity"] == before["identity"]


@pytest.mark.parametrize(
    ("first", "then", "refusal", "message"),
    [
        (
            vault_body(soft="AlwaysOn"),
            vault_body(soft="On"),
            "UserErrorDisableSoftDeleteNotAllowed",
            "Cannot disable soft delete once set to AlwaysOn",
        ),
        (
            vault_body(immutable="Locked"),
            vault_body(immutable="Unlocked"),
            "UserErrorUnsupportedVaultImmutabilityStateChange",
            "The immutable vault property for this vault is locked, hence, this setting cannot be disabled.",
        ),
        (
            vault_body(featureSettings={"crossRegionRestoreSettings": {"state": "Enabled"}}),
            vault_body(featureSettings={"crossRegionRestoreSettings": {"state": "Disabled"}}),
            "UserErrorCrossRegionRestoreStateChangeNotAllowed",
            "CrossRegionRestore state cannot be changed from Enabled to Disabled.",
        ),
    ],
)
def test_what_cannot_be_taken_back_is_refused_in_the_recorded_words(azure, first, then, refusal, message):
    """AlwaysOn, Locked and cross-region restore stay, and the error has the recorded shape."""
    assert ask(azure, "PUT", VAULT, first, api="2025-07-01").status == 201
    azure.advance(62)
    answer = ask(azure, "PUT", VAULT, then, api="2025-07-01")
    error = answer.json()["error"]
    info = error["additionalInfo"][0]["info"]
    assert answer.status == 400
    assert len(info["properties"].pop("ActivityId")) == 36
    assert info.pop("recommendedAction")[0]
    assert info == {
        "message": message,
        "details": None,
        "code": refusal,
        "target": "",
        "innerError": None,
        "isRetryable": False,
        "isUserError": False,
        "properties": {},
    }
    assert {name: error[name] for name in ("code", "message", "target", "details")} == {
        "code": refusal,
        "message": message,
        "target": None,
        "details": None,
    }


@pytest.mark.parametrize(("api", "status"), [("2025-07-01", 201), ("2025-09-01", 400), ("2026-06-01", 400)])
def test_new_api_versions_want_soft_delete_always_on(azure, api, status):
    """From 2025-09-01 a vault that asks for less than AlwaysOn is refused."""
    assert ask(azure, "PUT", f"{VAULTS}/bv-new", vault_body(soft="Off"), api=api).status == status


def test_the_newest_version_shows_more(azure):
    """At 2026-06-01 GET has regionOfChoiceSettings; before, it has not."""
    old, new = (ask(azure, "GET", VAULT, api=api).json()["properties"] for api in ("2025-07-01", "2026-06-01"))
    assert new == old | {"regionOfChoiceSettings": {"status": "NotApplicable"}}


def test_user_assigned_identities_show_their_ids_when_done(azure):
    """The PUT's answer has an empty entry; after the operation it has clientId and principalId, and none at the top."""
    uami = f"{SUB}/resourceGroups/rg-app/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"
    body = VAULT_BODY | {"identity": {"type": "UserAssigned", "userAssignedIdentities": {uami: {}}}}
    assert ask(azure, "PUT", VAULT, body).json()["identity"]["userAssignedIdentities"] == {uami: {}}
    azure.advance(62)
    identity = ask(azure, "GET", VAULT).json()["identity"]
    assert set(identity) == {"type", "userAssignedIdentities", "tenantId"}
    assert set(identity["userAssignedIdentities"][uami]) == {"clientId", "principalId"}


def test_the_sdk_creates_lists_and_deletes_a_vault(azure):
    """Microsoft's client drives the whole life of a vault."""
    with client(azure) as backup:
        made = backup.backup_vaults.begin_create_or_update(
            "rg-backup", "bv-sdk", BackupVaultResource(vault_body(soft="AlwaysOn"))
        ).result()
        assert made.properties.provisioning_state == "Succeeded"
        names = {vault.name for vault in backup.backup_vaults.get_in_subscription()}
        assert (
            names == {"bv-one", "bv-sdk"} == {v.name for v in backup.backup_vaults.get_in_resource_group("rg-backup")}
        )
        changed = backup.backup_vaults.begin_update("rg-backup", "bv-sdk", {"tags": {"a": "b"}}).result()
        assert changed.tags == {"a": "b"}
        backup.backup_vaults.begin_delete("rg-backup", "bv-sdk").result()
        with pytest.raises(ResourceNotFoundError) as missing:
            backup.backup_vaults.get("rg-backup", "bv-sdk")
    assert missing.value.error.code == "UserErrorGenericResourceNotFound"


def test_a_vault_with_content_is_not_deleted(azure):
    """Policies and instances keep a vault; a missing one is 204; the status of a deletion stands below the group."""
    protect(azure)
    with client(azure) as backup, pytest.raises(HttpResponseError):
        backup.backup_vaults.begin_delete("rg-backup", "bv-one")
    assert ask(azure, "DELETE", POLICY).status == 400
    assert ask(azure, "DELETE", f"{VAULTS}/bv-none").status == 204
    ask(azure, "PUT", f"{VAULTS}/bv-empty", VAULT_BODY)
    azure.advance(62)
    gone = ask(azure, "DELETE", f"{VAULTS}/bv-empty")
    path = f"{BACKUP_GROUP}/providers/Microsoft.DataProtection/locations/westeurope/operationStatus/"
    assert (gone.status, gone.headers["retry-after"]) == (202, "30")
    assert gone.headers["azure-asyncoperation"].startswith(f"https://management.azure.com{path}")
    assert ask(azure, "GET", gone.headers["azure-asyncoperation"]).json()["id"].startswith(path)


def test_a_child_of_a_missing_vault_gets_arms_404(azure):
    """A missing parent is ARM's ResourceNotFound, with the recorded words."""
    answer = ask(azure, "DELETE", f"{VAULTS}/bv-none/backupPolicies/weekly")
    assert (answer.status, code(answer), answer.headers["x-ms-failure-cause"]) == (404, "ResourceNotFound", "gateway")
    assert answer.json()["error"]["message"] == (
        "The Resource 'Microsoft.DataProtection/BackupVaults/bv-none' under resource group 'rg-backup' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )


def test_ids_keep_the_casing_of_the_first_write_and_are_found_in_any(azure):
    """A vault written as the portal writes it shows that id for ever, whatever casing asks for it."""
    odd = f"{SUB}/resourcegroups/rg-backup/providers/Microsoft.DataProtection/BackupVaults/bv-odd"
    assert ask(azure, "PUT", odd, VAULT_BODY).json()["id"] == odd
    assert ask(azure, "GET", f"{VAULTS}/BV-ODD").json()["id"] == odd


def test_completed_writes_are_told_to_event_grid(azure):
    """The operation of a vault's PUT ends in one ResourceWriteSuccess about the vault."""
    azure.world.behaviour.event_when = "completed"
    azure.world.outbox.clear()
    ask(azure, "PUT", VAULT, vault_body(soft="AlwaysOn"))
    assert azure.world.outbox == []
    azure.advance(62)
    told = [(event["eventType"], event["data"]["operationName"]) for event in azure.world.outbox]
    assert told == [("Microsoft.Resources.ResourceWriteSuccess", "Microsoft.DataProtection/backupVaults/write")]
