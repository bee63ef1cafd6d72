"""Backup instances: creation, change, deletion, what is refused and when each state shows."""

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.dataprotection.models import BackupInstanceResource
from dataprotection_world import (
    INSTANCE,
    NAME,
    POLICY,
    SERVER,
    VAULT,
    VAULTS,
    add_vault,
    ask,
    client,
    code,
    estate,
    give_roles,
    instance_body,
    policy_body,
    protect,
    retention_rule,
    state,
)

OTHER_POLICY = f"{VAULT}/backupPolicies/longer"


@pytest.fixture
def azure():
    made = estate()
    longer = policy_body(rules=(retention_rule(duration="P1Y"),))
    assert ask(made, "PUT", OTHER_POLICY, longer).status == 200
    return made


def shown(status: str, provisioning: str = "Succeeded"):
    """The whole instance as recorded for a PostgreSQL flexible server, in the service's order."""
    kind = "Microsoft.DBforPostgreSQL/flexibleServers"
    return {
        "properties": {
            "friendlyName": "pg-app-01",
            "dataSourceInfo": {
                "resourceID": SERVER,
                "resourceUri": SERVER,
                "datasourceType": kind,
                "resourceName": "pg-app-01",
                "resourceType": kind,
                "resourceLocation": "westeurope",
                "objectType": "Datasource",
            },
            "policyInfo": {"policyId": POLICY},
            "protectionStatus": {"status": status},
            "currentProtectionState": status,
            "provisioningState": provisioning,
            "objectType": "BackupInstance",
        },
        "id": INSTANCE,
        "name": NAME,
        "type": "Microsoft.DataProtection/backupVaults/backupInstances",
    }


def test_protection_takes_the_recorded_steps(azure):
    """201 Provisioning; Succeeded but ConfiguringProtection until +36 s at least; configured by +69 s."""
    sent = instance_body()
    sent["properties"] |= {"datasourceAuthCredentials": None, "dataSourceSetInfo": None, "validationType": None}
    answer = ask(azure, "PUT", INSTANCE, sent)
    assert (answer.status, answer.headers["retry-after"], "location" in answer.headers) == (201, "15", False)
    assert list(answer.json()["properties"]) == list(shown("")["properties"])
    assert answer.json() == shown("ConfiguringProtection", "Provisioning")
    azure.advance(2)
    operation = ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()
    assert operation["status"] == "Succeeded"
    assert ask(azure, "GET", INSTANCE).json() == shown("ConfiguringProtection")
    azure.advance(33)
    assert state(azure) == "ConfiguringProtection"
    azure.advance(34)
    assert ask(azure, "GET", INSTANCE).json() == shown("ProtectionConfigured")
    assert ask(azure, "GET", f"{VAULT}/backupInstances").json() == {"value": [shown("ProtectionConfigured")]}


def test_the_sdk_protects_and_the_operations_end_is_not_protection(azure):
    """Microsoft's poller ends after one wait while the instance is still being configured."""
    with client(azure) as backup:
        made = backup.backup_instances.begin_create_or_update(
            "rg-backup", "bv-one", NAME, BackupInstanceResource(instance_body())
        ).result()
        assert made.properties.provisioning_state == "Succeeded"
        assert made.properties.current_protection_state == "ConfiguringProtection"
        azure.advance(60)
        found = backup.backup_instances.get("rg-backup", "bv-one", NAME)
        assert found.properties.current_protection_state == "ProtectionConfigured"
        of_server = list(backup.backup_instances_extension_routing.list(SERVER))
    assert [instance.id for instance in of_server] == [INSTANCE]


def test_missing_roles_end_in_protection_error_and_sync_repairs(azure):
    """The PUT succeeds; the state turns ProtectionError with the reason in two places; roles and sync recover it."""
    azure = estate(with_roles=False)
    answer = ask(azure, "PUT", INSTANCE, instance_body())
    azure.advance(70)
    assert ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()["status"] == "Succeeded"
    properties = ask(azure, "GET", INSTANCE).json()["properties"]
    assert (properties["currentProtectionState"], properties["provisioningState"]) == ("ProtectionError", "Succeeded")
    assert properties["protectionStatus"] == {
        "status": "ProtectionError",
        "errorDetails": properties["protectionErrorDetails"],
    }
    assert properties["protectionErrorDetails"]["code"] == "UserErrorMissingRequiredPermissions"
    sync = ask(azure, "POST", f"{INSTANCE}/sync", {"syncType": "Default"})
    assert (sync.status, sync.headers["retry-after"]) == (202, "30")
    meanwhile = ask(azure, "GET", INSTANCE).json()["properties"]
    assert meanwhile["protectionStatus"]["status"] == "UpdatingProtection"
    assert meanwhile["protectionErrorDetails"] == properties["protectionErrorDetails"]
    azure.advance(160)
    failed = ask(azure, "GET", sync.headers["azure-asyncoperation"]).json()
    again = ask(azure, "GET", INSTANCE).json()["properties"]["protectionErrorDetails"]
    assert (failed["status"], failed["error"]["additionalInfo"][0]["info"]) == ("Failed", again)
    assert again["properties"] != properties["protectionErrorDetails"]["properties"]
    give_roles(azure)
    ask(azure, "POST", f"{INSTANCE}/sync", {"syncType": "Default"})
    azure.advance(160)
    assert ask(azure, "GET", INSTANCE).json() == shown("ProtectionConfigured")


def test_a_policy_change_goes_through_updating(azure):
    """PUT with another policy: 201 UpdatingProtection with Location, whose result is the instance, then configured."""
    protect(azure)
    answer = ask(azure, "PUT", INSTANCE, instance_body(policy=OTHER_POLICY))
    assert (answer.status, answer.json()["properties"]["currentProtectionState"]) == (201, "UpdatingProtection")
    assert answer.json()["properties"]["provisioningState"] == "Succeeded"
    assert answer.headers["location"].startswith(f"https://management.azure.com{INSTANCE}/operationResults/")
    azure.advance(3)
    result = ask(azure, "GET", answer.headers["location"])
    assert (result.status, result.json()["id"], state(azure)) == (200, INSTANCE, "UpdatingProtection")
    azure.advance(70)
    after = ask(azure, "GET", INSTANCE).json()["properties"]
    assert (after["currentProtectionState"], after["policyInfo"]) == (
        "ProtectionConfigured",
        {"policyId": OTHER_POLICY},
    )


def test_an_identical_put_changes_nothing(azure):
    """A protected instance answers the same PUT with 200 and stays protected."""
    protect(azure)
    assert ask(azure, "PUT", INSTANCE, instance_body()).status == 200
    assert state(azure) == "ProtectionConfigured"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", INSTANCE, instance_body(policy=OTHER_POLICY)),
        ("DELETE", INSTANCE, None),
        ("POST", f"{INSTANCE}/backup", {"backupRuleOptions": {"ruleName": "BackupWeekly", "triggerOption": {}}}),
        ("POST", f"{INSTANCE}/sync", {"syncType": "Default"}),
        ("POST", f"{INSTANCE}/suspendBackups", None),
        ("POST", f"{INSTANCE}/resumeProtection", None),
    ],
)
def test_nothing_else_happens_while_configuring(azure, method, path, body):
    """Writes to an instance that is being configured are refused as conflicts, and configuring goes on."""
    ask(azure, "PUT", INSTANCE, instance_body())
    azure.advance(5)
    refused = ask(azure, method, path, body)
    assert (refused.status, code(refused)) == (400, "BMSUserErrorConflictingProtectionOperation")
    azure.advance(65)
    assert state(azure) == "ProtectionConfigured"


def test_one_datasource_has_one_instance(azure):
    """A second instance in another vault or under another name is refused, naming the first with vault and state."""
    protect(azure)
    other = add_vault(azure, "bv-two")
    for path, policy in ((f"{other}/backupInstances/x", f"{other}/backupPolicies/weekly"), (f"{INSTANCE}x", POLICY)):
        refused = ask(azure, "PUT", path, instance_body(policy=policy))
        assert (refused.status, code(refused)) == (400, "UserErrorDppDatasourceAlreadyHasBackupInstance")
        assert refused.json()["error"]["message"] == (
            f"Datasource is already associated with the backup instance pg-app-01 in the Backup vault {VAULT} "
            "with the protection status as ProtectionConfigured."
        )


def test_what_a_new_instance_needs(azure):
    """A vault of the server's region with an identity, a policy of that vault, and a known datasource type."""
    far = add_vault(azure, "bv-far", location="northeurope")
    nobody = add_vault(azure, "bv-nobody", identity={"type": "None"})
    strange = instance_body()
    strange["properties"]["dataSourceInfo"]["datasourceType"] = "Microsoft.Sql/servers"
    refusals = [
        (far, instance_body(policy=f"{far}/backupPolicies/weekly"), "BackupAgentPluginHostValidateProtectionError"),
        (nobody, instance_body(policy=f"{nobody}/backupPolicies/weekly"), "UserErrorSystemIdentityNotEnabledWithVault"),
        (VAULT, instance_body(policy=f"{VAULT}/backupPolicies/none"), "BMSUserErrorInvalidInput"),
        (VAULT, instance_body(policy=f"{far}/backupPolicies/weekly"), "BMSUserErrorInvalidInput"),
        (VAULT, strange, "BMSUserErrorInvalidInput"),
    ]
    for vault, body, expected in refusals:
        refused = ask(azure, "PUT", f"{vault}/backupInstances/x", body)
        assert (refused.status, code(refused)) == (400, expected)


def test_deletion_with_soft_delete(azure):
    """202; gone from the vault, listed as deleted with 14 days to live; undelete brings it back stopped, at once."""
    protect(azure)
    begun = ask(azure, "GET", INSTANCE).json()["properties"]
    answer = ask(azure, "DELETE", INSTANCE)
    moment = azure.now.strftime("%Y-%m-%dT%H:%M:%S")
    assert (answer.status, answer.headers["retry-after"]) == (202, "30")
    azure.advance(125)
    missing = ask(azure, "GET", INSTANCE)
    assert (missing.status, missing.headers["x-ms-error-code"]) == (404, "UserErrorGenericResourceNotFound")
    assert missing.json()["error"] == {
        "code": "UserErrorGenericResourceNotFound",
        "message": "Azure resource does not exist. Please make sure required resources exist. "
        "If the issue persists, contact Microsoft support.",
        "target": None,
        "details": None,
    }
    assert ask(azure, "DELETE", INSTANCE).status == 204
    (gone,) = ask(azure, "GET", f"{VAULT}/deletedBackupInstances").json()["value"]
    info = gone["properties"].pop("deletionInfo")
    assert set(info) == {"deletionTime", "billingEndDate", "scheduledPurgeTime", "deleteActivityID"}
    assert info["deletionTime"].startswith(moment)
    assert info["billingEndDate"] == info["deletionTime"]
    assert info["scheduledPurgeTime"].startswith("2026-12-07")
    deleted = {"protectionStatus": {"status": "SoftDeleted"}, "currentProtectionState": "SoftDeleted"}
    assert gone == {
        "properties": begun | deleted | {"objectType": "DeletedBackupInstance"},
        "id": f"{VAULT}/deletedBackupInstances/{NAME}",
        "name": NAME,
        "type": "Microsoft.DataProtection/backupVaults/deletedBackupInstances",
    }
    back = ask(azure, "POST", f"{VAULT}/deletedBackupInstances/{NAME}/undelete")
    assert (back.status, back.body) == (200, b"")
    assert ask(azure, "GET", INSTANCE).json() == shown("ProtectionStopped")
    assert ask(azure, "POST", f"{VAULT}/deletedBackupInstances/{NAME}/undelete").status == 404


def test_a_soft_deleted_server_is_free_for_other_vaults_only(azure):
    """The same vault refuses a new instance meanwhile, another accepts it, and then the first cannot resume."""
    protect(azure)
    ask(azure, "DELETE", INSTANCE)
    azure.advance(125)
    assert code(ask(azure, "PUT", f"{INSTANCE}x", instance_body())) == "UserErrorDppDatasourceAlreadyHasBackupInstance"
    other = add_vault(azure, "bv-two")
    protect(azure, f"{other}/backupInstances/{NAME}", instance_body(policy=f"{other}/backupPolicies/weekly"))
    assert ask(azure, "POST", f"{VAULT}/deletedBackupInstances/{NAME}/undelete").status == 200
    refused = ask(azure, "POST", f"{INSTANCE}/resumeProtection")
    assert (refused.status, code(refused)) == (400, "UserErrorDppDatasourceAlreadyHasBackupInstance")
    assert f"{VAULTS}/bv-two" in refused.json()["error"]["message"]
    assert len(ask(azure, "GET", f"{SERVER}/providers/Microsoft.DataProtection/backupInstances").json()["value"]) == 2


def test_soft_deleted_instances_are_purged_in_time(azure):
    """After its 14 days a soft-deleted instance is gone, and its server can be protected there again."""
    protect(azure)
    ask(azure, "DELETE", INSTANCE)
    azure.advance(15 * 86_400)
    assert ask(azure, "GET", f"{VAULT}/deletedBackupInstances").json() == {"value": []}
    protect(azure)


@pytest.mark.parametrize(("api", "kept"), [("2024-04-01", 0), ("2026-06-01", 1)])
def test_without_soft_delete_the_api_version_decides(azure, api, kept):
    """A vault that says Off forgets at once, except when asked with an api-version from 2025-09-01 on."""
    off = {"securitySettings": {"softDeleteSettings": {"state": "Off", "retentionDurationInDays": 0.0}}}
    vault = add_vault(azure, "bv-off", properties={"storageSettings": [{"type": "LocallyRedundant"}]} | off)
    path = f"{vault}/backupInstances/{NAME}"
    protect(azure, path, instance_body(policy=f"{vault}/backupPolicies/weekly"))
    ask(azure, "DELETE", path, api=api)
    azure.advance(125)
    assert len(ask(azure, "GET", f"{vault}/deletedBackupInstances").json()["value"]) == kept
    assert ask(azure, "GET", path).status == 404


def test_the_sdk_deletes_and_sees_not_found(azure):
    """Microsoft's client waits for a deletion and then gets ResourceNotFoundError; a second deletion is no error."""
    protect(azure)
    with client(azure) as backup:
        backup.backup_instances.begin_delete("rg-backup", "bv-one", NAME).result()
        backup.backup_instances.begin_delete("rg-backup", "bv-one", NAME).result()
        with pytest.raises(ResourceNotFoundError) as missing:
            backup.backup_instances.get("rg-backup", "bv-one", NAME)
    assert missing.value.error.code == "UserErrorGenericResourceNotFound"


def test_rights_are_asked_for_by_action(azure):
    """A caller without roles is refused by ARM, with the action of the route."""
    refused = ask(azure, "GET", INSTANCE, caller="somebody")
    assert (refused.status, code(refused)) == (403, "AuthorizationFailed")
    assert "Microsoft.DataProtection/backupVaults/backupInstances/read" in refused.json()["error"]["message"]
