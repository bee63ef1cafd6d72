"""Azure Backup as a part of the world: rights, events, what is written down, and what survives a deleted group."""

import json

import pytest
from dataprotection_world import (
    BACKUP_GROUP,
    DAY_S,
    GROUP,
    INSTANCE,
    NAME,
    POLICY,
    SERVER,
    VAULT,
    add_vault,
    ask,
    client,
    code,
    estate,
    instance_body,
    listed_jobs,
    listed_points,
    policy_body,
    protect,
    start_backup,
)

from simulator.arm import dataprotection
from simulator.arm.authorization import grant
from simulator.world import EFFECTS

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"


@pytest.fixture
def azure():
    made = estate()
    protect(made)
    return made


def test_a_contributor_of_the_vaults_group_may_do_all_of_it(azure):
    """With that role on the vault's group a caller writes, triggers and reads; nothing else of the estate is his."""
    grant(azure.world, "robot", CONTRIBUTOR, BACKUP_GROUP)
    calls = [
        ("GET", VAULT, None),
        ("PUT", POLICY, policy_body()),
        ("POST", f"{VAULT}/validateForBackup", {"backupInstance": instance_body()["properties"]}),
        ("PUT", INSTANCE, instance_body()),
        ("POST", f"{INSTANCE}/backup", {"backupRuleOptions": {"ruleName": "BackupWeekly"}}),
        ("GET", f"{VAULT}/backupJobs", None),
        ("GET", f"{INSTANCE}/recoveryPoints", None),
        ("POST", f"{INSTANCE}/suspendBackups", None),
    ]
    for method, path, body in calls:
        assert ask(azure, method, path, body, caller="robot").status < 300, (method, path)
    assert code(ask(azure, "GET", SERVER, caller="robot")) == "AuthorizationFailed"


def test_every_action_is_one_of_this_provider():
    """Routes name actions of Microsoft.DataProtection that end in read, write, delete or action."""
    for route in dataprotection.ROUTES:
        assert route.action.startswith("Microsoft.DataProtection/")
        assert route.action.rpartition("/")[2] in {"read", "write", "delete", "action"}


def test_the_world_stays_plain_data(azure):
    """Everything that this provider hides or schedules can be written as JSON and refers to known effects."""
    azure.world.faults.add("fail_backup", SERVER)
    start_backup(azure)
    ask(azure, "POST", f"{VAULT}/validateForBackup", {"backupInstance": instance_body()["properties"]})
    ask(azure, "DELETE", INSTANCE)
    for resource in azure.world.resources.values():
        json.dumps([resource.body, resource.hidden])
    assert azure.world.agenda
    for due in azure.world.agenda:
        assert due.effect in EFFECTS
        assert json.loads(json.dumps(due.args)).keys() == due.args.keys()


def test_the_end_of_a_put_is_told_to_event_grid(azure):
    """One ResourceWriteSuccess of the instance when the operation ends, none for what only time does."""
    azure.world.behaviour.event_when = "completed"
    other = add_vault(azure, "bv-two")
    ask(azure, "DELETE", INSTANCE)
    azure.advance(125)
    azure.world.outbox.clear()
    ask(azure, "PUT", f"{other}/backupInstances/x", instance_body(policy=f"{other}/backupPolicies/weekly"))
    assert azure.world.outbox == []
    azure.advance(DAY_S)
    (event,) = azure.world.outbox
    assert event["data"]["operationName"] == "Microsoft.DataProtection/backupVaults/backupInstances/write"
    assert event["subject"].endswith("/backupInstances/x")


def test_a_backup_that_outlives_its_instance_is_cancelled(azure):
    """Deleting an instance ends its running job, and the instance can be backed up again after it came back."""
    start_backup(azure)
    ask(azure, "DELETE", INSTANCE)
    azure.advance(941)
    assert [job["status"] for job in listed_jobs(azure)] == ["Cancelled"]
    ask(azure, "POST", f"{VAULT}/deletedBackupInstances/{NAME}/undelete")
    ask(azure, "POST", f"{INSTANCE}/resumeProtection")
    azure.advance(160)
    start_backup(azure)
    azure.advance(941)
    assert len(listed_points(azure)) == 1


def test_a_server_that_is_gone_keeps_its_instance_and_fails(azure):
    """The instance stays ProtectionConfigured; its jobs fail with the reason that the service would give."""
    azure.world.remove(SERVER)
    start_backup(azure)
    azure.advance(95)
    azure.world.remove(GROUP)
    start_backup(azure)
    azure.advance(95)
    inner = [job["errorDetails"][0]["innerError"]["code"] for job in listed_jobs(azure)]
    assert inner == ["ResourceNotFound", "ResourceGroupNotFound"]


def test_a_deleted_group_takes_vault_and_instances(azure):
    """Afterwards the server is free, and what was due for the instance happens to nobody."""
    ask(azure, "DELETE", BACKUP_GROUP, api="2021-04-01")
    azure.advance(8 * DAY_S)
    ask(azure, "PUT", BACKUP_GROUP, {"location": "westeurope"}, api="2021-04-01")
    add_vault(azure, "bv-one")
    protect(azure)
    with client(azure) as backup:
        (only,) = backup.backup_instances_extension_routing.list(SERVER)
    assert only.id == INSTANCE
