"""Backups on demand and on schedule: jobs, failures, recovery points, and the second backup of a week."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.dataprotection.models import AdHocBackupRuleOptions, AdhocBackupTriggerOption, TriggerBackupRequest
from dataprotection_world import (
    INSTANCE,
    NAME,
    POLICY,
    SERVER,
    SUB_ID,
    VAULT,
    ask,
    client,
    code,
    estate,
    instance_body,
    policy_body,
    protect,
    retention_rule,
    tagging,
)

from simulator.arm import access

DAY_S = 86_400
POINTS = f"{INSTANCE}/recoveryPoints"
ON_DEMAND = {"backupRuleOptions": {"ruleName": "BackupWeekly", "triggerOption": {}}}
FIRST_SUNDAY = datetime(2026, 11, 29, 6, 30, tzinfo=UTC)


@pytest.fixture
def azure():
    made = estate()
    protect(made)
    return made


def start(azure, body=None):
    """Trigger an on-demand backup; the path of its job once the operation has ended."""
    answer = ask(azure, "POST", f"{INSTANCE}/backup", body or ON_DEMAND)
    assert answer.status == 202
    azure.advance(2)
    return ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()["properties"]["jobId"]


def jobs(azure):
    """All listed jobs, oldest first."""
    found = [job["properties"] for job in ask(azure, "GET", f"{VAULT}/backupJobs").json()["value"]]
    return sorted(found, key=lambda job: job["startTime"])


def points(azure):
    return [point["properties"] for point in ask(azure, "GET", POINTS).json()["value"]]


def failure(job):
    """Outer code and innermost code of a failed job."""
    return job["errorDetails"][0]["code"], job["errorDetails"][0]["details"][0]["details"][0]["code"]


def test_a_trigger_answers_as_recorded(azure):
    """202, then an operation that ends at once with a jobId in the recorded casing, in status and result."""
    answer = ask(azure, "POST", f"{INSTANCE}/backup", ON_DEMAND)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (202, b"", "30")
    azure.advance(2)
    document = ask(azure, "GET", answer.headers["azure-asyncoperation"]).json()
    assert (document["status"], document["properties"]["objectType"]) == ("Succeeded", "OperationJobExtendedInfo")
    job_id = document["properties"]["jobId"]
    prefix = f"/subscriptions/{SUB_ID}/resourcegroups/rg-backup/providers/Microsoft.DataProtection/BackupVaults/bv-one"
    assert job_id.startswith(f"{prefix}/backupJobs/")
    result = ask(azure, "GET", answer.headers["location"]).json()
    assert result == {"jobId": job_id, "objectType": "OperationJobExtendedInfo"}


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
        "extendedInfo": {
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
        },
    }
    names = {"id": f"{VAULT}/backupJobs/{job['name']}", "name": job["name"]}
    kind = "Microsoft.DataProtection/backupVaults/backupJobs"
    return {"properties": properties | changes} | names | {"type": kind}


def test_a_running_job_has_every_member_with_nulls_written_out(azure):
    """GET is readable as soon as the trigger ended; order and members as recorded."""
    job = ask(azure, "GET", start(azure)).json()
    assert job == expected_job(job)
    assert list(job["properties"]) == list(expected_job(job)["properties"])


def test_a_completed_job_and_its_recovery_point(azure):
    """After PT9M46.9S to PT15M40.9S: store, sizes, ISO duration; a point of 32 hexadecimal digits kept for three months."""
    path = start(azure)
    azure.advance(941)
    job = ask(azure, "GET", path).json()
    (point,) = ask(azure, "GET", POINTS).json()["value"]
    begun, ended = (datetime.fromisoformat(job["properties"][name]) for name in ("startTime", "endTime"))
    assert 586 < (ended - begun).total_seconds() < 941
    minutes, seconds = divmod((ended - begun).total_seconds(), 60)
    assert job["properties"]["duration"].startswith(f"PT{minutes:.0f}M{int(seconds)}.")
    extended = expected_job(job)["properties"]["extendedInfo"]
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
    assert len(point["name"]) == 32
    assert int(point["name"], 16)
    created = point["properties"]["recoveryPointTime"]
    (store,) = point["properties"]["recoveryPointDataStoresDetails"]
    assert point == {
        "properties": {
            "objectType": "AzureBackupDiscreteRecoveryPoint",
            "recoveryPointId": point["name"],
            "recoveryPointTime": created,
            "recoveryPointType": "Full",
            "friendlyName": point["name"],
            "recoveryPointDataStoresDetails": [
                {
                    "id": store["id"],
                    "type": "VaultStore",
                    "creationTime": created,
                    "expiryTime": created.replace("2026-11", "2027-02"),
                    "metaData": None,
                    "visible": True,
                    "state": "COMMITTED",
                    "rehydrationExpiryTime": None,
                    "rehydrationStatus": None,
                }
            ],
            "retentionTagName": "default",
            "retentionTagVersion": point["properties"]["retentionTagVersion"],
            "policyName": "weekly",
            "policyVersion": None,
            "expiryTime": created.replace("2026-11", "2027-02"),
            "recoveryPointState": "Completed",
        },
        "id": f"{POINTS}/{point['name']}",
        "name": point["name"],
        "type": "Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints",
    }
    assert ask(azure, "GET", point["id"]).json() == point


def test_an_ordered_failure_is_the_recorded_one(azure):
    """The job ends Failed after PT1M34.3675268S with PostgreSQLFlexServerError twice around InternalServerError; no point."""
    azure.world.faults.add("fail_backup", SERVER)
    path = start(azure)
    azure.advance(95)
    job = ask(azure, "GET", path).json()["properties"]
    (outer,) = job["errorDetails"]
    (middle,) = outer["details"]
    (inner,) = middle["details"]
    assert (job["status"], job["duration"][:9], job["destinationDataStoreName"]) == ("Failed", "PT1M34.36", "VaultStore")
    assert {name: value for name, value in outer.items() if name != "details"} == {
        name: value for name, value in middle.items() if name != "details"
    }
    assert list(outer) == list(inner) == [
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
    assert job["extendedInfo"]["targetRecoverPoint"] is None
    assert job["extendedInfo"]["subTasks"][0]["additionalDetails"]["OriginalDatasourceSizeInBytes"] == "0"
    assert points(azure) == []
    start(azure)
    azure.advance(941)
    assert len(points(azure)) == 1


def test_a_stopped_server_and_missing_roles_fail_with_their_inner_codes(azure):
    """Not Ready is ServerNotReadyForLongTermBackup, roles taken away AuthorizationFailed, both under the umbrella code."""
    server = azure.world.get(SERVER)
    server.body["properties"]["state"] = "Stopped"
    start(azure)
    azure.advance(95)
    server.body["properties"]["state"] = "Ready"
    for assignment in list(azure.world.of_type(access.ASSIGNMENT)):
        access.revoke(azure.world, assignment)
    start(azure)
    azure.advance(95)
    umbrella = "PostgreSQLFlexOperationFailedUserError"
    expected = [(umbrella, "ServerNotReadyForLongTermBackup"), (umbrella, "AuthorizationFailed")]
    assert [failure(job) for job in jobs(azure)] == expected


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
    start(azure)
    refused = ask(azure, "POST", f"{INSTANCE}/backup", ON_DEMAND)
    assert (refused.status, code(refused)) == (400, "UserErrorMaxConcurrentOperationLimitReached")
    azure.advance(941)
    start(azure)


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
    first, second = jobs(azure)
    for number, job in enumerate((first, second)):
        late = datetime.fromisoformat(job["startTime"]) - FIRST_SUNDAY - timedelta(days=7 * number)
        assert timedelta(seconds=3) < late < timedelta(seconds=10)
        assert (job["status"], job["isUserTriggered"], job["supportedActions"]) == ("Completed", False, [])
        assert (job["duration"][:3], job["extendedInfo"]) == ("00:", None)
    assert [point["retentionTagName"] for point in points(azure)] == ["Default", "Default"]


def test_the_job_list_ends_after_14_days_and_has_a_null_next_link(azure):
    """Older jobs stay readable one by one, but are not listed."""
    path = start(azure)
    azure.advance(13.9 * DAY_S)
    assert len(jobs(azure)) == 2
    azure.advance(0.2 * DAY_S)
    assert [job["isUserTriggered"] for job in jobs(azure)] == [False]
    assert ask(azure, "GET", path).status == 200
    assert '"nextLink": null' in ask(azure, "GET", f"{VAULT}/backupJobs").body.decode()


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
    start(azure)
    azure.advance(941)
    assert [job["status"] for job in jobs(azure)] == [*scheduled, on_demand]


def test_tags_and_expiry_follow_the_policy(azure):
    """Yearly before monthly before weekly: the first point of the instance is yearly, the next month's first monthly."""
    tags = (tagging(), tagging("Monthly", 15, "FirstOfMonth"), tagging("Yearly", 10, "FirstOfYear"))
    rules = (
        retention_rule(duration="P2W"),
        retention_rule("Monthly", "P12M", default=False),
        retention_rule("Yearly", "P10Y", default=False),
    )
    tiered = f"{VAULT}/backupPolicies/tiered"
    assert ask(azure, "PUT", tiered, policy_body(tags=tags, rules=rules)).status == 200
    assert ask(azure, "PUT", INSTANCE, instance_body(policy=tiered)).status == 201
    azure.advance_to(datetime(2026, 12, 14, tzinfo=UTC))
    found = [(point["retentionTagName"], point["expiryTime"][:10]) for point in points(azure)]
    assert found == [("Yearly", "2036-11-29"), ("Monthly", "2027-12-06"), ("Default", "2026-12-27")]
    azure.advance_to(datetime(2027, 1, 4, tzinfo=UTC))
    found = [(point["retentionTagName"], point["recoveryPointTime"][:10]) for point in points(azure)]
    assert found == [
        ("Yearly", "2026-11-29"),
        ("Monthly", "2026-12-06"),
        ("Default", "2026-12-27"),
        ("Yearly", "2027-01-03"),
    ]


@pytest.mark.parametrize(("stopped", "kept"), [("stopProtection", 2), ("suspendBackups", 1)])
def test_stopping_keeps_points_and_suspending_keeps_the_latest(azure, stopped, kept):
    """Three months on, "retain forever" has all points, "retain as per policy" only the last one."""
    azure.advance_to(FIRST_SUNDAY + timedelta(days=8))
    ask(azure, "POST", f"{INSTANCE}/{stopped}")
    azure.advance(100 * DAY_S)
    assert len(points(azure)) == kept


def test_points_can_be_listed_by_time(azure):
    """$filter with startDate and endDate keeps what lies between; an empty filter keeps all."""
    azure.advance_to(FIRST_SUNDAY + timedelta(days=8))

    def count(start_date: str, end_date: str) -> int:
        query = f"&$filter=startDate%20eq%20%27{start_date}%27%20and%20endDate%20eq%20%27{end_date}%27"
        return len(ask(azure, "GET", POINTS, query=query).json()["value"])

    assert count("2026-11-28T00:00:00.0000000Z", "2026-12-01T00:00:00.0000000Z") == 1
    assert count("2033-06-16T01:00:00.0000000Z", "2023-06-16T01:00:00.0000000Z") == 0
    assert len(ask(azure, "GET", POINTS, query="&$filter=").json()["value"]) == 2


def test_a_deleted_instance_takes_its_points_along(azure):
    """While soft-deleted the points are not readable; after undelete they are there again; after the purge they are gone."""
    start(azure)
    azure.advance(941)
    ask(azure, "DELETE", INSTANCE)
    azure.advance(125)
    assert ask(azure, "GET", POINTS).status == 404
    ask(azure, "POST", f"{VAULT}/deletedBackupInstances/{NAME}/undelete")
    assert len(points(azure)) == 1
    ask(azure, "DELETE", INSTANCE)
    azure.advance(15 * DAY_S)
    assert not list(azure.world.of_type("Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints"))


def test_two_worlds_of_one_seed_are_equal():
    """The same calls in two worlds of one seed give the same bytes."""
    worlds = [estate(), estate()]
    for one in worlds:
        protect(one)
        start(one)
        one.advance(8 * DAY_S)
    first, second = ([ask(one, "GET", path).body for path in (f"{VAULT}/backupJobs", POINTS)] for one in worlds)
    assert first == second
