"""Backups on demand and on schedule: what starts, what fails, and the second backup of a week."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.dataprotection.models import AdHocBackupRuleOptions, AdhocBackupTriggerOption, TriggerBackupRequest
from dataprotection_world import (
    DAY_S,
    INSTANCE,
    NAME,
    ON_DEMAND,
    POINTS,
    POLICY,
    SERVER,
    VAULT,
    ask,
    client,
    code,
    estate,
    listed_jobs,
    listed_points,
    policy_body,
    protect,
    start_backup,
)

from simulator.arm import access

FIRST_SUNDAY = datetime(2026, 11, 29, 6, 30, tzinfo=UTC)


@pytest.fixture
def azure():
    made = estate()
    protect(made)
    return made


def failure(job):
    """Outer code and innermost code of a failed job."""
    return job["errorDetails"][0]["code"], job["errorDetails"][0]["details"][0]["details"][0]["code"]


def test_a_trigger_answers_as_recorded(azure):
    """202, then an operation that ends at once with a jobId in the casing of its vault, in status and result."""
    answer = ask(azure, "POST", f"{INSTANCE}/backup", ON_DEMAND)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (202, b"", "30")
    azure.advance(2)
    document = ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()
    assert (document["status"], document["properties"]["objectType"]) == ("Succeeded", "OperationJobExtendedInfo")
    job_id = document["properties"]["jobId"]
    assert job_id.startswith(f"{VAULT}/backupJobs/")
    result = ask(azure, "GET", answer.headers["location"]).json()
    assert result == {"jobId": job_id, "objectType": "OperationJobExtendedInfo"}


def test_a_stopped_server_and_missing_roles_fail_with_their_inner_codes(azure):
    """Not Ready is ServerNotReadyForLongTermBackup, roles taken away AuthorizationFailed, under the umbrella code."""
    server = azure.world.get(SERVER)
    server.body["properties"]["state"] = "Stopped"
    start_backup(azure)
    azure.advance(95)
    server.body["properties"]["state"] = "Ready"
    for assignment in list(azure.world.of_type(access.ASSIGNMENT)):
        access.revoke(azure.world, assignment)
    start_backup(azure)
    azure.advance(95)
    umbrella = "PostgreSQLFlexOperationFailedUserError"
    expected = [(umbrella, "ServerNotReadyForLongTermBackup"), (umbrella, "AuthorizationFailed")]
    assert [failure(job) for job in listed_jobs(azure)] == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("Default", "BMSUserErrorDPPAdhocBackupNotAllowedForBackupType"),
        ("Nothing", "BMSUserErrorDPPAdhocBackupNotAllowedForBackupType"),
    ],
)
def test_only_a_backup_rule_can_be_triggered(azure, rule, expected):
    """A retention rule's name, or an unknown one, is refused with the known code."""
    body = {"backupRuleOptions": {"ruleName": rule, "triggerOption": {}}}
    refused = ask(azure, "POST", f"{INSTANCE}/backup", body)
    assert (refused.status, code(refused)) == (400, expected)


def test_one_backup_at_a_time(azure):
    """A second trigger is refused until the first job has ended."""
    start_backup(azure)
    refused = ask(azure, "POST", f"{INSTANCE}/backup", ON_DEMAND)
    assert (refused.status, code(refused)) == (400, "UserErrorMaxConcurrentOperationLimitReached")
    azure.advance(941)
    start_backup(azure)


def test_after_a_trigger_that_failed_another_one_is_taken(azure):
    """A trigger whose operation ends Failed has started nothing, so that nothing runs (seed 631 of the simulation)."""
    azure.world.faults.add("fail_operation", "trigger backup", times=1)
    assert ask(azure, "POST", f"{INSTANCE}/backup", ON_DEMAND).status == 202
    azure.advance(941)
    assert not listed_jobs(azure)
    start_backup(azure)


def test_the_sdk_triggers_and_follows_a_job(azure):
    """Microsoft's client gets a job id, reads the job and the point; a wrong rule raises with the service's code."""
    options = AdHocBackupRuleOptions(
        rule_name="BackupWeekly", trigger_option=AdhocBackupTriggerOption(retention_tag_override="Default")
    )
    with client(azure) as backup:
        request = TriggerBackupRequest(backup_rule_options=options)
        result = backup.backup_instances.begin_adhoc_backup("rg-backup", "bv-one", NAME, request).result()
        name = result.job_id.rpartition("/")[2]
        assert backup.jobs.get("rg-backup", "bv-one", name).properties.status == "InProgress"
        azure.advance(941)
        job = backup.jobs.get("rg-backup", "bv-one", name).properties
        (point,) = backup.recovery_points.list("rg-backup", "bv-one", NAME)
        options.rule_name = "Default"
        with pytest.raises(HttpResponseError) as refused:
            backup.backup_instances.begin_adhoc_backup("rg-backup", "bv-one", NAME, request)
    assert (job.status, job.extended_info.target_recover_point.recovery_point_id) == ("Completed", point.name)
    assert point.properties.retention_tag_name == "Default"
    assert refused.value.error.code == "BMSUserErrorDPPAdhocBackupNotAllowedForBackupType"


def test_the_schedule_runs_every_week(azure):
    """Sundays at 06:30 UTC, some seconds late, not user triggered, tagged Default; the list shows a .NET time span."""
    azure.advance_to(FIRST_SUNDAY + timedelta(days=7, hours=1))
    first, second = listed_jobs(azure)
    for number, job in enumerate((first, second)):
        late = datetime.fromisoformat(job["startTime"]) - FIRST_SUNDAY - timedelta(days=7 * number)
        assert timedelta(seconds=3) < late < timedelta(seconds=10)
        assert (job["status"], job["isUserTriggered"], job["supportedActions"]) == ("Completed", False, [])
        assert (job["duration"][:3], job["extendedInfo"]) == ("00:", None)
    assert [point["retentionTagName"] for point in listed_points(azure)] == ["Default", "Default"]


@pytest.mark.parametrize(
    ("limit", "scheduled", "on_demand"),
    [
        ("none", ["Completed"] * 2, "Completed"),
        ("scheduled", ["Completed", "Failed"], "Completed"),
        ("all", ["Completed", "Failed"], "Failed"),
    ],
)
def test_the_second_backup_of_a_week_follows_the_switch(azure, limit, scheduled, on_demand):
    """Two slots in one ISO week and a trigger after them: what fails is what the world's behaviour says."""
    azure.world.behaviour.weekly_limit = limit
    intervals = ("R/2026-11-26T06:00:00+00:00/P1W", "R/2026-11-27T06:00:00+00:00/P1W")
    azure.world.behaviour.policy_update = "accepted"
    assert ask(azure, "PUT", POLICY, policy_body(intervals=intervals)).status == 200
    azure.advance_to(datetime(2026, 11, 28, tzinfo=UTC))
    start_backup(azure)
    azure.advance(941)
    assert [job["status"] for job in listed_jobs(azure)] == [*scheduled, on_demand]


def test_two_worlds_of_one_seed_are_equal():
    """The same calls in two worlds of one seed give the same bytes."""
    worlds = [estate(), estate()]
    for one in worlds:
        protect(one)
        start_backup(one)
        one.advance(8 * DAY_S)
    first, second = ([ask(one, "GET", path).body for path in (f"{VAULT}/backupJobs", POINTS)] for one in worlds)
    assert first == second
