"""What does a vault tell about its jobs? The two shapes of a job, list and get, and how a job begins and ends.

What a backup does, and whether it fails, is decided in backups.py.
"""

from datetime import datetime, timedelta
from urllib.parse import quote

from simulator.arm.dataprotection import errors, instance_body
from simulator.arm.dataprotection.errors import Problem
from simulator.arm.dataprotection.existence import require_vault
from simulator.arm.dataprotection.kinds import kind_of
from simulator.arm.dataprotection.vault_body import TYPE as VAULT_TYPE
from simulator.arm.routing import Call, Route
from simulator.wire import Json, Response, json_response, stamp
from simulator.world import Resource, World

TYPE = f"{VAULT_TYPE}/backupJobs"
LISTED = timedelta(days=14)
# The size of the recorded server and of its dump. Source: dp-pgflex-lifecycle-roles-2024-04-29.
SOURCE_BYTES, TRANSFERRED_BYTES = "7651855", 69363.0


def begin(world: World, instance: Resource, policy: Resource, tag: str, *, user_triggered: bool) -> Resource:
    """A new job, InProgress. **Source**: dp-pgflex-job-failed-2025-03-12, member by member.

    supportedActions is [] for scheduled jobs (dp-jobs-list-2025-11-06).
    """
    vault_id, activity = instance_body.vault_id(instance.id), world.new_guid("activity")
    job_id = f"{vault_id}/backupJobs/{world.new_guid('job')}"
    kind = instance_body.kind(instance.body["properties"])
    properties = _origin(instance, policy, activity) | {
        "sourceDataStoreName": None,
        "sourceDataStoreType": None,
        "destinationDataStoreName": None,
        "progressEnabled": kind.is_database,
        "etag": _etag(world.now),
        "sourceSubscriptionID": instance_body.datasource_id(instance.body["properties"]).split("/")[2],
        "dataSourceLocation": instance.body["properties"]["dataSourceInfo"].get("resourceLocation"),
        "startTime": stamp(world.now),
        "endTime": None,
        "dataSourceType": kind.type,
        "operationCategory": "Backup",
        "operation": "Backup",
        "status": "InProgress",
        "restoreType": None,
        "isUserTriggered": user_triggered,
        "rehydrationPriority": None,
        "supportedActions": list(kind.actions) if user_triggered else [],
        "duration": "PT0S",
        "progressUrl": None,
        "isCrossRegionRestore": None,
        "errorDetails": None,
        "extendedInfo": _extended("InProgress", tag, None, None, None),
    }
    names = {"id": job_id, "name": job_id.rpartition("/")[2], "type": TYPE}
    job = world.put(job_id, TYPE, {"properties": properties} | names, started=world.now.isoformat())
    if vault := world.get(vault_id):
        vault.hidden["jobs"].append(job_id)
    return job


def end(world: World, job: Resource, status: str, *, problem: Problem | None = None, point_id: str = "") -> None:
    """A job ends Completed with a recovery point, or Failed with a problem."""
    properties = job.body["properties"]
    tag, activity = properties["extendedInfo"]["additionalDetails"]["RetentionTag"], properties["activityID"]
    kind = kind_of(properties["dataSourceType"])
    size, moved = (SOURCE_BYTES, TRANSFERRED_BYTES if kind.is_database else None) if point_id else ("0", None)
    told = {
        "OriginalDatasourceSizeInBytes": size,
        "TaskId": activity,
        "DatasourceType": properties["dataSourceType"],
    }
    point = {"recoveryPointID": point_id, "recoveryPointTime": "0001-01-01T00:00:00Z"} if point_id else None
    properties |= closing(world, job, status, problem)
    properties["destinationDataStoreName"] = kind.destination
    properties["extendedInfo"] = _extended(status, tag, moved, point, told)


def closing(world: World, job: Resource, status: str, problem: Problem | None = None) -> Json:
    """The members that change when any job ends."""
    return {
        "etag": _etag(world.now),
        "endTime": stamp(world.now),
        "status": status,
        "duration": iso_duration(world.now - _started(job)),
        "errorDetails": errors.job_details(problem) if problem else None,
    }


def get(world: World, call: Call) -> Response:
    """One job, readable as soon as its trigger ended: ISO duration, extendedInfo filled."""
    require_vault(world, call)
    job = world.get(call.path)
    if job is None:
        raise errors.not_found()
    return json_response(200, job.body)


def list_jobs(world: World, call: Call) -> Response:
    """The jobs of the last 14 days, in no order, in one page; nextLink is there and null.

    **Source**: dp-jobs-list-2025-11-06, dp-jobs-list-failed-backups-2023-08-14. Assumed: a running job
    lists "00:00:00".
    """
    vault = require_vault(world, call)
    recent = []
    for job_id in reversed(vault.hidden["jobs"]):
        job = world.resources[job_id.lower()]
        if world.now - _started(job) > LISTED:
            break
        recent.append(job)
    shown = [told for job in sorted(recent, key=_name) for told in _told(world, job)]
    return json_response(200, _page(world, call, shown))


def _told(world: World, job: Resource) -> list[Json]:
    """A job as a list shows it: once, unless a fault hides it, doubles it or writes its id in capitals."""
    faults, subject = world.faults, f"{job.id} {job.body['properties']['dataSourceId']}"
    late = faults.holding("late_job", subject)
    if late and world.now - _started(job) < timedelta(seconds=float(late.detail.get("after_s", 3600))):
        return []
    listed = _listed(job)
    if faults.holding("job_odd_case", subject):
        listed = listed | {"id": job.id.upper(), "name": job.body["name"].upper()}
    return [listed] * (2 if faults.holding("job_twice", subject) else 1)


def _page(world: World, call: Call, jobs: list[Json]) -> Json:
    """All jobs in one page; a fault lets the list have several."""
    skipped = int(call.request.query.get("skipped", 0))
    fault = world.faults.holding("jobs_paged", call.path)
    size = int(fault.detail.get("page", 2)) if fault else len(jobs)
    rest = jobs[skipped:]
    if len(rest) <= size:
        return {"value": rest, "nextLink": None}
    address = call.request.url.partition("?")[0]
    return {"value": rest[:size], "nextLink": f"{address}?api-version={call.api_version}&skipped={skipped + size}"}


def iso_duration(passed: timedelta) -> str:
    """A duration as GET writes it: "PT9M46.9273017S", zero is "PT0S"."""
    hours, minutes, seconds = _parts(passed)
    text = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "") + (f"{seconds}S" if seconds else "")
    days = f"{passed.days}D" if passed.days else ""
    return f"P{days}T{text}" if text else f"P{days}" if days else "PT0S"


def time_span(passed: timedelta) -> str:
    """A duration as the list writes it, a .NET time span: "00:03:49.1708393", "1.09:22:25.7992056"."""
    hours, minutes, _ = _parts(passed)
    fraction = f".{passed.microseconds:06d}0" if passed.microseconds else ""
    days = f"{passed.days}." if passed.days else ""
    return f"{days}{hours:02d}:{minutes:02d}:{passed.seconds % 60:02d}{fraction}"


def _listed(job: Resource) -> Json:
    properties = job.body["properties"]
    ended = properties["endTime"]
    passed = datetime.fromisoformat(ended) - _started(job) if ended else timedelta()
    return job.body | {"properties": properties | {"duration": time_span(passed), "extendedInfo": None}}


def _name(job: Resource) -> str:
    return str(job.body["name"])


def _started(job: Resource) -> datetime:
    return datetime.fromisoformat(job.hidden["started"])


def _parts(passed: timedelta) -> tuple[int, int, str]:
    fraction = f".{passed.microseconds:06d}".rstrip("0") if passed.microseconds else ""
    seconds = f"{passed.seconds % 60}{fraction}"
    return passed.seconds // 3600, passed.seconds // 60 % 60, "" if seconds == "0" else seconds


def _etag(at: datetime) -> str:
    return f"W/\"datetime'{quote(stamp(at), safe='')}'\""


def _origin(instance: Resource, policy: Resource, activity: str) -> Json:
    """Whom a job concerns: the members up to the names of the data stores."""
    properties = instance.body["properties"]
    source = instance_body.datasource_id(properties)
    return {
        "activityID": activity,
        "subscriptionId": instance.id.split("/")[2],
        "backupInstanceId": instance.id,
        "policyId": policy.id,
        "dataSourceId": source,
        "vaultName": instance.id.split("/")[8],
        "backupInstanceFriendlyName": properties["friendlyName"],
        "policyName": policy.body["name"],
        "sourceResourceGroup": source.split("/")[4],
        "dataSourceSetName": properties.get("dataSourceSetInfo", {}).get("resourceName"),
        "dataSourceName": properties["dataSourceInfo"]["resourceName"],
    }


def _extended(status: str, tag: str, moved: float | None, point: Json | None, details: Json | None) -> Json:
    task = {"taskId": 1, "taskName": "Trigger Backup", "taskStatus": status, "taskProgress": None}
    return {
        "backupInstanceState": None,
        "dataTransferredInBytes": moved,
        "targetRecoverPoint": point,
        "sourceRecoverPoint": None,
        "recoveryDestination": None,
        "subTasks": [task | {"additionalDetails": details}],
        "additionalDetails": {"RetentionTag": tag},
        "warningDetails": None,
    }


_VAULT = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataProtection/backupVaults/{vault}"

ROUTES = (
    Route("GET", _VAULT + "/backupJobs", f"{TYPE}/read", list_jobs),
    Route("GET", _VAULT + "/backupJobs/{job}", f"{TYPE}/read", get),
)
