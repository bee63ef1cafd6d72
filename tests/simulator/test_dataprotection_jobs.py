"""Jobs: every member of a running, a completed and a failed one, and how the list differs."""

from datetime import datetime

import pytest
from dataprotection_world import (
    DAY_S,
    INSTANCE,
    POINTS,
    POLICY,
    SERVER,
    SUB_ID,
    VAULT,
    ask,
    client,
    estate,
    listed_jobs,
    listed_points,
    protect,
    start_backup,
)


@pytest.fixture
def azure():
    made = estate()
    protect(made)
    return made


def expected_extended():
    """The extendedInfo of a running job."""
    return {
        "backupInstanceState": None,
        "dataTransferredInBytes": None,
        "targetRecoverPoint": None,
        "sourceRecoverPoint": None,
        "recoveryDestination": None,
        "subTasks": [
            {
                "taskId": 1,
                "taskName": "Trigger Backup",
                "taskStatus": "InProgress",
                "taskProgress": None,
                "additionalDetails": None,
            }
        ],
        "additionalDetails": {"RetentionTag": "default"},
        "warningDetails": None,
    }


def expected_job(job, **changes):
    """A running on-demand job, member by member, with what this world chose filled in."""
    properties = {
        "activityID": job["properties"]["activityID"],
        "subscriptionId": SUB_ID,
        "backupInstanceId": INSTANCE,
        "policyId": POLICY,
        "dataSourceId": SERVER,
        "vaultName": "bv-one",
        "backupInstanceFriendlyName": "pg-app-01",
        "policyName": "weekly",
        "sourceResourceGroup": "rg-app",
        "dataSourceSetName": None,
        "dataSourceName": "pg-app-01",
        "sourceDataStoreName": None,
        "sourceDataStoreType": None,
        "destinationDataStoreName": None,
        "progressEnabled": True,
        "etag": job["properties"]["etag"],
        "sourceSubscriptionID": SUB_ID,
        "dataSourceLocation": "westeurope",
        "startTime": job["properties"]["startTime"],
        "endTime": None,
        "dataSourceType": "Microsoft.DBforPostgreSQL/flexibleServers",
        "operationCategory": "Backup",
        "operation": "Backup",
        "status": "InProgress",
        "restoreType": None,
        "isUserTriggered": True,
        "rehydrationPriority": None,
        "supportedActions": ["Cancellable"],
        "duration": "PT0S",
        "progressUrl": None,
        "isCrossRegionRestore": None,
        "errorDetails": None,
        "extendedInfo": expected_extended(),
    }
    names = {"id": f"{VAULT}/backupJobs/{job['name']}", "name": job["name"]}
    kind = "Microsoft.DataProtection/backupVaults/backupJobs"
    return {"properties": properties | changes} | names | {"type": kind}


def test_a_running_job_has_every_member_with_nulls_written_out(azure):
    """GET is readable as soon as the trigger ended; order and members as recorded."""
    job = ask(azure, "GET", start_backup(azure)).json()
    assert job == expected_job(job)
    assert list(job["properties"]) == list(expected_job(job)["properties"])


def test_a_completed_job_and_its_recovery_point(azure):
    """After ten to sixteen minutes: store, sizes, ISO duration, and the name of the recovery point."""
    path = start_backup(azure)
    azure.advance(941)
    job = ask(azure, "GET", path).json()
    (point,) = ask(azure, "GET", POINTS).json()["value"]
    begun, ended = (datetime.fromisoformat(job["properties"][name]) for name in ("startTime", "endTime"))
    assert 586 < (ended - begun).total_seconds() < 941
    minutes, seconds = divmod((ended - begun).total_seconds(), 60)
    assert job["properties"]["duration"].startswith(f"PT{minutes:.0f}M{int(seconds)}.")
    extended = expected_extended()
    task = extended["subTasks"][0] | {
        "taskStatus": "Completed",
        "additionalDetails": {
            "OriginalDatasourceSizeInBytes": "7651855",
            "TaskId": job["properties"]["activityID"],
            "DatasourceType": "Microsoft.DBforPostgreSQL/flexibleServers",
        },
    }
    made = {"recoveryPointID": point["name"], "recoveryPointTime": "0001-01-01T00:00:00Z"}
    extended |= {"dataTransferredInBytes": 69363.0, "targetRecoverPoint": made, "subTasks": [task]}
    assert job == expected_job(
        job,
        status="Completed",
        destinationDataStoreName="VaultStore",
        endTime=job["properties"]["endTime"],
        duration=job["properties"]["duration"],
        extendedInfo=extended,
    )


def test_an_ordered_failure_is_the_recorded_one(azure):
    """The job fails after PT1M34.3675268S with PostgreSQLFlexServerError twice around InternalServerError; no point."""
    azure.world.faults.add("fail_backup", SERVER)
    path = start_backup(azure)
    azure.advance(95)
    job = ask(azure, "GET", path).json()["properties"]
    (outer,) = job["errorDetails"]
    (middle,) = outer["details"]
    (inner,) = middle["details"]
    assert (job["status"], job["duration"][:9], job["destinationDataStoreName"]) == (
        "Failed",
        "PT1M34.36",
        "VaultStore",
    )
    assert {name: value for name, value in outer.items() if name != "details"} == {
        name: value for name, value in middle.items() if name != "details"
    }
    assert (
        list(outer)
        == list(inner)
        == [
            "message",
            "recommendedAction",
            "details",
            "code",
            "target",
            "innerError",
            "isRetryable",
            "isUserError",
            "properties",
        ]
    )
    assert (outer["code"], outer["message"]) == (
        "PostgreSQLFlexServerError",
        "Current operation has failed due to server error.",
    )
    assert (inner["code"], inner["message"], inner["innerError"], inner["properties"]) == (
        "InternalServerError",
        "Internal Server Error",
        None,
        None,
    )
    cause = outer["innerError"]
    assert (cause["code"], cause["embeddedInnerError"]) == ("NoInnerErrorFrom1PException", None)
    text = cause["additionalInfo"]["DetailedNonLocalisedMessage"]
    assert text.startswith("Service request failed.\r\nStatus: 500 (Internal Server Error)\r\n\r\nContent:\r\n{")
    assert text.endswith("\r\nExpires: -1\r\n")


def test_an_ordered_failure_makes_no_point_and_is_used_up(azure):
    """A failed job has no sizes and no point; the next backup succeeds."""
    azure.world.faults.add("fail_backup", SERVER)
    path = start_backup(azure)
    azure.advance(95)
    job = ask(azure, "GET", path).json()["properties"]
    assert job["extendedInfo"]["targetRecoverPoint"] is None
    assert job["extendedInfo"]["subTasks"][0]["additionalDetails"]["OriginalDatasourceSizeInBytes"] == "0"
    assert listed_points(azure) == []
    start_backup(azure)
    azure.advance(941)
    assert len(listed_points(azure)) == 1


def test_the_job_list_ends_after_14_days_and_has_a_null_next_link(azure):
    """Older jobs stay readable one by one, but are not listed."""
    path = start_backup(azure)
    azure.advance(13.9 * DAY_S)
    assert [job["isUserTriggered"] for job in listed_jobs(azure)] == [True, False, False]
    azure.advance(0.2 * DAY_S)
    assert [job["isUserTriggered"] for job in listed_jobs(azure)] == [False, False]
    assert ask(azure, "GET", path).status == 200
    assert '"nextLink": null' in ask(azure, "GET", f"{VAULT}/backupJobs").body.decode()


# -- faults of lists ---------------------------------------------------------------------------------------------


def test_lists_of_jobs_can_mislead(azure):
    """A job is listed late, twice, with its id in capitals, or on another page; GET shows it as it is."""
    job = start_backup(azure)
    faults = azure.world.faults
    faults.add("late_job", SERVER, after_s=1000)
    assert (listed_jobs(azure), ask(azure, "GET", job).status) == ([], 200)
    azure.advance(1000)
    assert len(listed_jobs(azure)) == 1
    faults.waiting.clear()
    faults.add("job_twice", SERVER)
    faults.add("job_odd_case", SERVER)
    faults.add("jobs_paged", VAULT, page=1)
    first = ask(azure, "GET", f"{VAULT}/backupJobs").json()
    second = ask(azure, "GET", first["nextLink"]).json()
    assert [each["id"] for each in first["value"] + second["value"]] == [job.upper()] * 2
    assert second["nextLink"] is None
    assert len(list(client(azure).jobs.list("rg-backup", "bv-one"))) == 2


def test_a_job_can_turn_after_its_end(azure):
    """Completed first, Failed an hour later."""
    azure.world.faults.add("job_turns", SERVER)
    start_backup(azure)
    azure.advance(1000)
    assert [job["status"] for job in listed_jobs(azure)] == ["Completed"]
    azure.advance(3600)
    assert [job["status"] for job in listed_jobs(azure)] == ["Failed"]
