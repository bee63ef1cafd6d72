"""Stop, suspend, resume: states, answers and what they do to the schedule."""

import pytest
from dataprotection_world import INSTANCE, NAME, VAULT, ask, client, code, estate, instance_body, protect, state

from simulator.arm import access
from simulator.arm.dataprotection.latencies import LATENCIES_S

DAY_S = 86_400


@pytest.fixture
def azure():
    made = estate()
    protect(made)
    return made


def post(azure, name):
    """Start an action and let its operation end."""
    answer = ask(azure, "POST", f"{INSTANCE}/{name}")
    azure.advance(160)
    return answer


@pytest.mark.parametrize(
    ("steps", "states"),
    [
        (("stopProtection", "resumeProtection"), ("ProtectionStopped", "ProtectionConfigured")),
        (("suspendBackups", "resumeBackups"), ("BackupsSuspended", "ProtectionConfigured")),
        (("suspendBackups", "resumeProtection"), ("BackupsSuspended", "ProtectionConfigured")),
        (("suspendBackups", "stopProtection"), ("BackupsSuspended", "ProtectionStopped")),
    ],
)
def test_states_follow_the_recorded_ways(azure, steps, states):
    """Each action is 202 with both URLs and leads to its state; provisioningState stays Succeeded."""
    for step, expected in zip(steps, states, strict=True):
        answer = post(azure, step)
        assert (answer.status, answer.body) == (202, b"")
        assert {"azure-asyncoperation", "location"} <= set(answer.headers)
        properties = ask(azure, "GET", INSTANCE).json()["properties"]
        assert properties["protectionStatus"] == {"status": expected}
        assert (properties["currentProtectionState"], properties["provisioningState"]) == (expected, "Succeeded")


def test_the_state_changes_when_the_operation_ends(azure):
    """Until then the old state shows, and other writes are conflicts."""
    answer = ask(azure, "POST", f"{INSTANCE}/stopProtection")
    azure.advance(LATENCIES_S["stopProtection"][0] - 0.2)
    assert state(azure) == "ProtectionConfigured"
    assert code(ask(azure, "POST", f"{INSTANCE}/suspendBackups")) == "BMSUserErrorConflictingProtectionOperation"
    azure.advance(40)
    assert state(azure) == "ProtectionStopped"
    assert ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()["status"] == "Succeeded"


def test_what_is_so_already_is_200(azure):
    """Resuming a protected instance and stopping a stopped one answer 200 without a body."""
    already = ask(azure, "POST", f"{INSTANCE}/resumeProtection")
    assert (already.status, already.body, "azure-asyncoperation" in already.headers) == (200, b"", False)
    post(azure, "stopProtection")
    assert ask(azure, "POST", f"{INSTANCE}/stopProtection").status == 200


def test_stop_overtakes_configuring():
    """StopProtection is accepted while the instance is being configured, and wins."""
    azure = estate()
    ask(azure, "PUT", INSTANCE, instance_body())
    azure.advance(3)
    assert ask(azure, "POST", f"{INSTANCE}/stopProtection").status == 202
    azure.advance(160)
    assert state(azure) == "ProtectionStopped"


def test_resuming_without_roles_fails_and_leaves_it_stopped(azure):
    """The operation ends Failed with the missing permission."""
    post(azure, "stopProtection")
    for assignment in list(azure.world.of_type(access.ASSIGNMENT)):
        access.revoke(azure.world, assignment)
    answer = post(azure, "resumeProtection")
    document = ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()
    assert (document["status"], document["error"]["code"]) == ("Failed", "UserErrorMissingRequiredPermissions")
    assert state(azure) == "ProtectionStopped"


@pytest.mark.parametrize(
    ("steps", "jobs"),
    [((), 2), (("stopProtection",), 0), (("suspendBackups",), 0), (("suspendBackups", "resumeBackups"), 2)],
)
def test_only_protected_instances_are_backed_up_on_schedule(azure, steps, jobs):
    """Stopped and suspended instances skip their slots; resuming takes the schedule up again."""
    for step in steps:
        post(azure, step)
    azure.advance(14 * DAY_S)
    found = [job["properties"]["isUserTriggered"] for job in ask(azure, "GET", f"{VAULT}/backupJobs").json()["value"]]
    assert found == [False] * jobs


def test_the_sdk_suspends_and_resumes(azure):
    """Microsoft's client drives both ways; the state outside its enumeration stays a plain string."""
    with client(azure) as backup:
        backup.backup_instances.begin_suspend_backups("rg-backup", "bv-one", NAME).result()
        found = backup.backup_instances.get("rg-backup", "bv-one", NAME)
        assert found.properties.current_protection_state == "BackupsSuspended"
        backup.backup_instances.begin_resume_protection("rg-backup", "bv-one", NAME).result()
        found = backup.backup_instances.get("rg-backup", "bv-one", NAME)
        assert found.properties.current_protection_state == "ProtectionConfigured"


def test_after_an_action_that_failed_another_one_is_taken(azure):
    """An operation that ends Failed leaves the instance as it was, and not busy."""
    azure.world.faults.add("fail_operation", "stopProtection", times=1)
    answer = post(azure, "stopProtection")
    assert ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()["status"] == "Failed"
    post(azure, "stopProtection")
    assert state(azure) == "ProtectionStopped"


def test_after_a_sync_that_failed_the_instance_is_what_it_was(azure):
    """A sync shows a state of its own meanwhile; when its operation fails, that does not stay."""
    azure.world.faults.add("fail_operation", "sync", times=1)
    answer = post(azure, "sync")
    assert ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()["status"] == "Failed"
    assert state(azure) == "ProtectionConfigured"
    post(azure, "sync")
    assert state(azure) == "ProtectionConfigured"
