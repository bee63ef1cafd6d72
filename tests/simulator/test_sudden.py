"""The world changes under whoever works in it: servers go and move, vaults fail, people do things by hand."""

import pytest
from dataprotection_world import (
    GROUP,
    INSTANCE,
    POLICY,
    SERVER,
    SUB,
    VAULT,
    VAULTS,
    add_server,
    add_vault,
    ask,
    code,
    estate,
    give_roles,
    instance_body,
    listed_jobs,
    policy_body,
    protect,
    start_backup,
    state,
)

from simulator import sudden, world_file
from simulator.arm.authorization import grant
from simulator.azure import LocalAzure

PG = "2024-08-01"
OTHER_SUB = "/subscriptions/22222222-0000-4000-8000-000000000002"
TARGET = f"{OTHER_SUB}/resourceGroups/rg-new"
MOVED = SERVER.replace(GROUP, TARGET)
LISTED = "/providers/Microsoft.DataProtection/backupInstances"


@pytest.fixture(scope="module")
def made() -> dict:
    azure = estate()
    protect(azure)
    return world_file.dump(azure)


@pytest.fixture
def azure(made: dict) -> LocalAzure:
    """A protected server."""
    found = LocalAzure()
    world_file.load(found, made)
    return found


# -- servers -----------------------------------------------------------------------------------------------------


def move(azure: LocalAzure) -> str:
    """Move the server to a group of another subscription, as the portal does; where to ask how it goes."""
    ask(azure, "PUT", OTHER_SUB, {"displayName": "Other"})
    ask(azure, "PUT", TARGET, {"location": "westeurope"}, api="2021-04-01")
    body = {"resources": [SERVER], "targetResourceGroup": TARGET}
    answer = ask(azure, "POST", f"{GROUP}/moveResources", body, api="2021-04-01")
    assert answer.status == 202
    return answer.headers["location"]


def test_a_moved_server_has_another_id_and_its_instance_the_old_one(azure: LocalAzure) -> None:
    """The server answers at the new place only; role assignments on it are gone; the next backup finds nothing."""
    operation = move(azure)
    assert ask(azure, "GET", operation).status == 202
    azure.world.outbox.clear()
    azure.advance(300)
    assert ask(azure, "GET", operation).status == 200
    assert ask(azure, "GET", SERVER, api=PG).status == 404
    assert ask(azure, "GET", MOVED, api=PG).json()["id"] == MOVED
    assert ask(azure, "GET", INSTANCE).json()["properties"]["dataSourceInfo"]["resourceID"] == SERVER
    assert ask(azure, "GET", f"{MOVED}{LISTED}").json()["value"] == []
    assert [event["subject"].rpartition("/resource")[0] for event in azure.world.outbox[-2:]] == [SUB, OTHER_SUB]
    start_backup(azure)
    azure.advance(200)
    assert listed_jobs(azure)[-1]["errorDetails"][0]["innerError"]["code"] == "ResourceNotFound"


def test_only_what_is_there_can_move(azure: LocalAzure) -> None:
    """Something else, or a target that is not there, is refused at once."""
    body = {"resources": [f"{SERVER}-x"], "targetResourceGroup": GROUP}
    assert ask(azure, "POST", f"{GROUP}/moveResources", body, api="2021-04-01").status == 400
    body = {"resources": [SERVER], "targetResourceGroup": TARGET}
    assert ask(azure, "POST", f"{GROUP}/moveResources", body, api="2021-04-01").status == 404


@pytest.mark.parametrize(("mode", "old_role"), [("Standalone", "Primary"), ("Switchover", "AsyncReplica")])
def test_a_replica_is_promoted(azure: LocalAzure, mode: str, old_role: str) -> None:
    """A replica cannot be protected; promoted it can. A switchover makes a replica of the old primary."""
    replica = add_server(azure, "pg-replica", createMode="Replica", sourceServerResourceId=SERVER)
    azure.advance(900)
    name = f"{VAULT}/backupInstances/replica"
    ask(azure, "PUT", name, instance_body(replica))
    azure.advance(90)
    assert state(azure, name) == "ProtectionError"
    change = {"properties": {"replica": {"promoteMode": mode, "promoteOption": "Planned", "role": "Primary"}}}
    assert ask(azure, "PATCH", replica, change, api=PG).status == 202
    azure.advance(700)
    properties = ask(azure, "GET", replica, api=PG).json()["properties"]
    assert (properties["replicationRole"], properties["state"]) == ("Primary", "Ready")
    assert "sourceServerResourceId" not in properties
    assert ask(azure, "GET", SERVER, api=PG).json()["properties"]["replicationRole"] == old_role
    assert ask(azure, "POST", f"{name}/sync", {"syncType": "Default"}).status == 202
    azure.advance(300)
    assert state(azure, name) == "ProtectionConfigured"


def test_a_server_is_made_again_under_the_same_name(azure: LocalAzure) -> None:
    """The old instance still holds the datasource, and backs up the new server."""
    before = ask(azure, "GET", SERVER, api=PG).json()["systemData"]
    azure.world.faults.add("server_recreated", "backupinstances/read", on=SERVER, tags={"backup-tier": "gold"})
    ask(azure, "GET", INSTANCE)
    server = ask(azure, "GET", SERVER, api=PG).json()
    assert (server["systemData"] != before, server["tags"]) == (True, {"backup-tier": "gold"})
    other = f"{VAULT}/backupInstances/again"
    assert code(ask(azure, "PUT", other, instance_body())) == "UserErrorDppDatasourceAlreadyHasBackupInstance"


def test_a_server_over_one_terabyte_fails_its_backups(azure: LocalAzure) -> None:
    """Its jobs fail as long as the fault waits; protection itself is as it was."""
    fault = azure.world.faults.add("server_too_large", SERVER)
    for inner in ("ServerSizeLimitExceeded", None):
        start_backup(azure)
        azure.advance(1000)
        found = max(listed_jobs(azure), key=lambda job: job["startTime"])["errorDetails"]
        assert (found[0]["innerError"]["code"] if found else None) == inner
        azure.world.faults.waiting = [each for each in azure.world.faults.waiting if each is not fault]
    assert state(azure) == "ProtectionConfigured"


@pytest.mark.parametrize(
    ("kind", "detail", "status", "seen"),
    [
        ("server_deleted", {}, 404, ""),
        ("server_stopped", {}, 200, "Stopped"),
        ("server_moved", {}, 404, ""),
        ("server_tagged", {"tags": {"a": "b"}}, 200, "Ready"),
    ],
)
def test_a_server_changes_at_a_call(azure: LocalAzure, kind: str, detail: dict, status: int, seen: str) -> None:
    """The change happens right before the call that the fault waits for, with an event, and once."""
    azure.world.faults.add(kind, "flexibleservers/read", on=SERVER, **detail)
    ask(azure, "GET", VAULT)
    azure.world.outbox.clear()
    answer = ask(azure, "GET", SERVER, api=PG)
    assert answer.status == status
    assert (answer.json().get("properties") or {}).get("state", "") == seen
    assert len(azure.world.outbox) == 1
    assert azure.world.faults.waiting == []


# -- vaults ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("vault_without_identity", "UserErrorSystemIdentityNotEnabledWithVault"),
        ("vault_new_identity", None),
        ("vault_state", None),
        ("vault_immutable", None),
        ("vault_deleted", "ResourceNotFound"),
    ],
)
def test_a_vault_changes_at_a_call(azure: LocalAzure, kind: str, answer: str | None) -> None:
    """A new instance in it is refused with the sourced code, or accepted where nothing refuses it."""
    server = add_server(azure, "pg-two")
    azure.advance(900)
    azure.world.faults.add(kind, "backupinstances/write", on=VAULT)
    put = ask(azure, "PUT", f"{VAULT}/backupInstances/two", instance_body(server))
    assert (put.status < 300, put.json().get("error", {}).get("code")) == (answer is None, answer)
    azure.advance(90)
    shown = ask(azure, "GET", VAULT).json().get("properties", {})
    if kind == "vault_new_identity":
        assert state(azure, f"{VAULT}/backupInstances/two") == "ProtectionError"
    if kind == "vault_state":
        assert shown["provisioningState"] == "Failed"
    if kind == "vault_immutable":
        assert shown["securitySettings"]["immutabilitySettings"] == {"state": "Locked"}


def test_a_full_vault_refuses_one_more(azure: LocalAzure) -> None:
    """As many instances as the switch says fit in; the code is assumed."""
    azure.world.behaviour.most_instances = 1
    server = add_server(azure, "pg-two")
    azure.advance(900)
    refused = ask(azure, "PUT", f"{VAULT}/backupInstances/two", instance_body(server))
    assert (refused.status, code(refused)) == (400, "UserErrorVaultProtectedItemLimitReached")
    assert ask(azure, "PUT", INSTANCE, instance_body()).status == 200


def test_a_user_assigned_identity_backs_up(azure: LocalAzure) -> None:
    """Its own principal shows in the vault; roles for it are what counts; a vault without it refuses the instance."""
    uami = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/backup"
    made = ask(azure, "PUT", uami, {"location": "westeurope"}, api="2023-01-31").json()["properties"]
    vault = add_vault(azure, "bv-uami", identity={"type": "UserAssigned", "userAssignedIdentities": {uami: {}}})
    azure.advance(70)
    shown = ask(azure, "GET", vault).json()["identity"]["userAssignedIdentities"]
    assert shown == {uami: {name: made[name] for name in ("clientId", "principalId")}}
    server = add_server(azure, "pg-two")
    azure.advance(900)
    details = {"useSystemAssignedIdentity": False, "userAssignedIdentityArmUrl": uami}
    body = instance_body(server, f"{vault}/backupPolicies/weekly")
    body["properties"]["identityDetails"] = details
    system = instance_body(server, f"{vault}/backupPolicies/weekly")
    path = f"{vault}/backupInstances/two"
    assert code(ask(azure, "PUT", path, system)) == "UserErrorSystemIdentityNotEnabledWithVault"
    body["properties"]["identityDetails"] = details | {"userAssignedIdentityArmUrl": f"{uami}-x"}
    assert code(ask(azure, "PUT", path, body)) == "UserErrorUserIdentityNotFoundOrNotAssociatedWithVault"
    body["properties"]["identityDetails"] = details
    assert ask(azure, "PUT", path, body).status == 201
    azure.advance(90)
    assert state(azure, path) == "ProtectionError"
    for role in ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "c088a766-074b-43ba-90d4-1fb21feae531"):
        grant(azure.world, made["principalId"], role, GROUP)
    ask(azure, "POST", f"{path}/sync", {})
    azure.advance(300)
    assert state(azure, path) == "ProtectionConfigured"


# -- by hand -----------------------------------------------------------------------------------------------------

CLIENTS = {
    "command line": ("pg-two-pg-two-2f1c", {}, {"friendlyName": "pg-two"}),
    "PowerShell": ("pg-two-pg-two-77aa", {"dataSourceSetInfo": "same"}, {"friendlyName": "pg-two"}),
    "Terraform": ("backup-of-two", {"dataSourceSetInfo": "same"}, {"friendlyName": "backup-of-two"}),
    "portal": ("pg-two-9d0e", {"dataSourceSetInfo": "same", "validationType": "ShallowValidation"}, {}),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_instances_of_every_client(azure: LocalAzure, client: str) -> None:
    """Other names, with and without the set, other policies: all are protected, and found by the server."""
    name, more, named = CLIENTS[client]
    give_roles(azure)
    server = add_server(azure, "pg-two")
    azure.advance(900)
    policy = f"{VAULT}/backupPolicies/by-hand"
    assert ask(azure, "PUT", policy, policy_body()).status == 200
    properties = instance_body(server, policy)["properties"] | named
    if "dataSourceSetInfo" in more:
        more = more | {"dataSourceSetInfo": properties["dataSourceInfo"] | {"objectType": "DatasourceSet"}}
    protect(azure, f"{VAULT}/backupInstances/{name}", {"properties": properties | more})
    (found,) = ask(azure, "GET", f"{server}{LISTED}").json()["value"]
    assert (found["name"], "dataSourceSetInfo" in found["properties"]) == (name, "dataSourceSetInfo" in more)


@pytest.mark.parametrize(("kind", "where"), [("foreign_instance", "live"), ("soft_deleted_instance", "deleted")])
def test_somebody_was_faster(azure: LocalAzure, kind: str, where: str) -> None:
    """Between a look and the PUT a person protects the server, or did and deleted it: the same vault refuses."""
    server = add_server(azure, "pg-two")
    azure.advance(900)
    azure.world.faults.add(kind, "backupinstances/write", on=server, vault=VAULT)
    mine = f"{VAULT}/backupInstances/mine"
    assert code(ask(azure, "PUT", mine, instance_body(server))) == "UserErrorDppDatasourceAlreadyHasBackupInstance"
    live = [each["name"] for each in ask(azure, "GET", f"{server}{LISTED}").json()["value"]]
    deleted = [each["name"] for each in ask(azure, "GET", f"{VAULT}/deletedBackupInstances").json()["value"]]
    assert {"live": live, "deleted": deleted}[where] == ["pg-two-by-hand"]
    if where == "deleted":
        other = add_vault(azure, "bv-two")
        there = instance_body(server, f"{other}/backupPolicies/weekly")
        assert ask(azure, "POST", f"{VAULT}/deletedBackupInstances/pg-two-by-hand/undelete").status == 200
        assert state(azure, f"{VAULT}/backupInstances/pg-two-by-hand") == "ProtectionStopped"
        assert ask(azure, "PUT", f"{VAULTS}/bv-two/backupInstances/x", there).status == 400


def test_somebody_deletes_the_instance(azure: LocalAzure) -> None:
    """It is soft-deleted, and can be brought back."""
    sudden.happen(azure.world, "instance_deleted", INSTANCE)
    assert ask(azure, "GET", INSTANCE).status == 404
    (gone,) = ask(azure, "GET", f"{VAULT}/deletedBackupInstances").json()["value"]
    assert ask(azure, "POST", f"{gone['id']}/undelete").status == 200
    assert state(azure) == "ProtectionStopped"


def test_any_state_can_be_set(azure: LocalAzure) -> None:
    """Also one that no enumeration has, at once or at a call."""
    sudden.happen(azure.world, "instance_state", INSTANCE, state="BackupSchedulesSuspended")
    assert state(azure) == "BackupSchedulesSuspended"
    azure.world.faults.add("instance_state", "backupinstances/read", on=INSTANCE, state="Quiescent")
    assert state(azure) == "Quiescent"


def test_the_other_changes(azure: LocalAzure) -> None:
    """A lock, a guard, a policy that goes, roles that are revoked."""
    for kind, on in (
        ("lock_added", SERVER),
        ("vault_guarded", VAULT),
        ("role_revoked", GROUP),
        ("policy_deleted", POLICY),
    ):
        sudden.happen(azure.world, kind, on)
    assert code(ask(azure, "DELETE", SERVER, api=PG)) == "ScopeLocked"
    assert ask(azure, "GET", VAULT).json()["properties"]["isVaultProtectedByResourceGuard"] is True
    assert ask(azure, "GET", POLICY).status == 404
    path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"
    assert ask(azure, "GET", path, api="2022-04-01", query="&$filter=atScope()").json()["value"] == []
