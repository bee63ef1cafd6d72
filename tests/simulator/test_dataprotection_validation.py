"""validateForBackup: what it finds, when it looks, and how a failure reaches the client."""

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.dataprotection.models import ValidateForBackupRequest
from dataprotection_world import (
    API,
    INSTANCE,
    LTR_ROLE,
    READER_ROLE,
    SERVER,
    VAULT,
    VAULT_BODY,
    VAULTS,
    add_server,
    add_vault,
    ask,
    client,
    estate,
    give_roles,
    instance_body,
    policy_body,
    protect,
)


def start(azure, server=SERVER, vault=VAULT):
    wanted = instance_body(server, f"{vault}/backupPolicies/weekly")["properties"]
    return ask(azure, "POST", f"{vault}/validateForBackup", {"backupInstance": wanted})


def outcome(azure, server=SERVER, vault=VAULT):
    """The operation's status document after it has ended."""
    answer = start(azure, server, vault)
    assert answer.status == 202
    azure.advance(41)
    return ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()


def found(azure, **where):
    """Code of the failure, and code of its inner error."""
    error = outcome(azure, **where)["error"]
    assert error["code"] == error["additionalInfo"][0]["info"]["code"]
    return error["code"], error["additionalInfo"][0]["info"].get("innerError", {}).get("code")


def test_a_validation_looks_as_recorded():
    """202 without a body, opaque URLs at vault and region, Inprogress with an endTime in the year 1, then Succeeded."""
    azure = estate()
    answer = start(azure)
    status_url, result_url = answer.headers["azure-asyncoperation"], answer.headers["location"]
    assert (answer.status, answer.body, answer.headers["content-length"]) == (202, b"", "0")
    assert status_url.startswith(f"https://management.azure.com{VAULT}/operationStatus/")
    region = "/providers/Microsoft.DataProtection/locations/westeurope/operationResults/"
    assert result_url.startswith(f"https://management.azure.com{VAULT.split('/resourceGroups')[0]}{region}")
    for url in (status_url, result_url):
        query = url.partition("?")[2]
        assert [part.partition("=")[0] for part in query.split("&")] == ["api-version", "t", "c", "s", "h"]
        assert query.startswith(f"api-version={API}&t=6")
        assert 2500 < len(url) < 3300
    running = ask(azure, "GET", status_url)
    name = running.json()["name"]
    assert (running.status, "retry-after" in running.headers, name[-2:]) == (200, False, "==")
    begun = running.json()["startTime"]
    assert running.json() == {
        "id": f"{VAULT}/operationStatus/{name}",
        "name": name,
        "status": "Inprogress",
        "startTime": begun,
        "endTime": "0001-01-01T00:00:00Z",
    }
    assert ask(azure, "GET", result_url).status == 202
    azure.advance(39)
    assert ask(azure, "GET", status_url).json()["status"] == "Inprogress"
    azure.advance(2)
    done = ask(azure, "GET", status_url).json()
    assert (done["status"], set(done)) == ("Succeeded", {"id", "name", "status", "startTime", "endTime"})
    assert len(done["endTime"]) == len("2025-03-11T11:07:51Z")
    result = ask(azure, "GET", result_url)
    assert (result.status, result.json()) == (200, {"objectType": "OperationJobExtendedInfo"})
    assert "/locations/westeurope/operationStatus/" in result.headers["azure-asyncoperation"]
    assert result.headers["retry-after"] == "30"


def test_missing_roles_fail_in_the_recorded_words():
    """Without roles the operation ends Failed, still HTTP 200, and names client, action and scope."""
    azure = estate(with_roles=False)
    document = outcome(azure)
    error = document["error"]
    info = error["additionalInfo"][0]["info"]
    assert (document["status"], set(error)) == ("Failed", {"additionalInfo", "code", "message"})
    assert error["code"] == "UserErrorMissingRequiredPermissions"
    assert error["message"] == "Appropriate permissions to perform the operation is missing."
    assert set(info) == {
        "message",
        "recommendedAction",
        "code",
        "target",
        "innerError",
        "isRetryable",
        "isUserError",
        "properties",
    }
    text = info["innerError"]["additionalInfo"]["DetailedNonLocalisedMessage"]
    assert "does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/read'" in text
    assert "If access was recently granted, please refresh your credentials." in text


@pytest.mark.parametrize(
    ("roles", "succeeds"), [((READER_ROLE,), False), ((LTR_ROLE,), False), ((READER_ROLE, LTR_ROLE), True)]
)
def test_both_roles_are_needed(roles, succeeds):
    """Reader on the group and the long-term-retention role: one alone is not enough."""
    azure = estate(with_roles=False)
    give_roles(azure, *roles)
    assert (outcome(azure)["status"] == "Succeeded") is succeeds


def test_a_role_granted_while_the_validation_runs_counts():
    """Permissions are looked at when the operation ends."""
    azure = estate(with_roles=False)
    answer = start(azure)
    azure.advance(30)
    give_roles(azure)
    azure.advance(11)
    assert ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()["status"] == "Succeeded"


def test_what_else_a_validation_finds():
    """Replicas, clusters, servers not Ready or not there, other regions and other instances are refused by code."""
    azure = estate()
    replica = add_server(azure, "pg-replica", createMode="Replica", sourceServerResourceId=SERVER)
    cluster = add_server(azure, "pg-cluster", cluster={"clusterSize": 2})
    azure.advance(900)
    plugin = "BackupAgentPluginHostValidateProtectionError"
    user = "PostgreSQLFlexOperationFailedUserError"
    far = add_vault(azure, "bv-far", location="North Europe")
    young = add_server(azure, "pg-young")
    assert found(azure, server=young) == (user, "ServerNotReadyForLongTermBackup")
    assert found(azure, server=f"{SERVER}-gone") == (user, "ResourceNotFound")
    assert found(azure, server=replica) == (plugin, plugin)
    assert found(azure, server=cluster) == (plugin, plugin)
    assert found(azure, vault=far)[0] == plugin
    nobody = f"{VAULTS}/bv-nobody"
    ask(azure, "PUT", nobody, {name: value for name, value in VAULT_BODY.items() if name != "identity"})
    ask(azure, "PUT", f"{nobody}/backupPolicies/weekly", policy_body())
    assert found(azure, vault=nobody)[0] == "UserErrorSystemIdentityNotEnabledWithVault"
    protect(azure)
    assert found(azure)[0] == "UserErrorDppDatasourceAlreadyHasBackupInstance"


def test_a_failure_can_be_ordered():
    """The fault fails one validation of that server, with the code it carries, and is used up."""
    azure = estate()
    azure.world.faults.add("fail_validation", SERVER, code="UserErrorX")
    assert [outcome(azure)["status"] for _ in range(2)] == ["Failed", "Succeeded"]


def test_the_sdk_raises_with_status_200():
    """A failed validation reaches the client as HttpResponseError with status 200; only its code tells."""
    azure = estate(with_roles=False)
    request = ValidateForBackupRequest({"backupInstance": instance_body()["properties"]})
    with client(azure) as backup:
        with pytest.raises(HttpResponseError) as failure:
            backup.backup_instances.begin_validate_for_backup("rg-backup", "bv-one", request).result()
        assert failure.value.status_code == 200
        assert failure.value.error.code == "UserErrorMissingRequiredPermissions"
        give_roles(azure)
        result = backup.backup_instances.begin_validate_for_backup("rg-backup", "bv-one", request).result()
    assert result.object_type == "OperationJobExtendedInfo"


def test_names_are_read_without_case_and_nonsense_is_refused():
    """ResourceId passes for resourceID, as the CLI sends it; a body without a datasource is invalid input."""
    azure = estate()
    wanted = instance_body()["properties"]
    wanted["dataSourceInfo"]["resourceId"] = wanted["dataSourceInfo"].pop("resourceID")
    assert ask(azure, "POST", f"{VAULT}/validateForBackup", {"backupInstance": wanted}).status == 202
    assert ask(azure, "POST", f"{VAULT}/validateForBackup", {"backupInstance": {}}).status == 400
    assert ask(azure, "GET", INSTANCE).status == 404
