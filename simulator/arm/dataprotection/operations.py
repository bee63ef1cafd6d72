"""What became of a long operation? Its record, the opaque URLs that lead to it, and the two ways to ask.

An operation is started by whoever accepts a call and finished by an effect; this file does neither the work nor the
waiting.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from simulator.arm.dataprotection import errors, instance_body, latencies, problems
from simulator.arm.dataprotection.errors import Problem
from simulator.arm.routing import Call, Route
from simulator.fault_names import of_place
from simulator.wire import ArmError, Json, Response, empty_response, json_response, stamp
from simulator.world import Effect, Resource, World, effect

TYPE = "simulator/dataprotectionoperations"
NEVER = "0001-01-01T00:00:00Z"
RESULT = {"objectType": "OperationJobExtendedInfo"}
RETRY_AFTER_S = 30
FAULTS = of_place("operation")
YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)


def start(world: World, vault: Resource, latency: str, then: Effect, **args: object) -> str:
    """Begin a long operation; `then(world, operation=…, **args)` is due when its latency has passed.

    Returns the operation's id, base64 of two GUIDs of which the first is the vault's.
    **Source**: the ids of dp-pgflex-lifecycle-roles-2024-04-29, decoded.
    """
    guids = f"{vault.hidden['guid']};{world.new_guid('operation')}"
    operation = base64.b64encode(guids.encode()).decode()
    record = {"status": "Inprogress", "startTime": stamp(world.now), "endTime": NEVER}
    world.put(_key(operation), TYPE, record, region=vault.body["location"])
    fault = world.faults.take(FAULTS, f"{latency} {vault.id} {json.dumps(args)}")
    after_s = latencies.draw(world, latency, operation)
    if fault and fault.kind == "fail_operation":
        told = {"code": "CloudInternalError", "message": problems.INTERNAL.message} | fault.detail
        of = {"instance_id": args.get("instance_id", ""), "change": args.get("change", 0)}
        world.schedule(after_s, failed, operation=operation, code=str(told["code"]), message=str(told["message"]), **of)
    elif fault is None:
        world.schedule(after_s, then, operation=operation, **args)
    return operation


@effect
def failed(world: World, operation: str, code: str, message: str, instance_id: str, change: int) -> None:
    """An operation ends Failed, and what it was to do does not happen; the instance takes other changes again.

    Assumed: a sync, or a trigger of a backup, leaves the instance as it was.
    """
    problem = Problem(code, message, problems.INTERNAL.advice)
    finish(world, operation, error=errors.protection_details(world, problem))
    triggered = world.get(instance_id)
    if triggered and triggered.hidden["running"] == operation:
        triggered.hidden["running"] = ""
    instance = instance_body.under_change(world, instance_id, change)
    if instance is None:
        return
    if instance.hidden["busy"] == "sync":  # it had been given a state of its own for the time
        old = instance.body["properties"].get("protectionErrorDetails")
        instance_body.turn(instance, instance_body.ERROR if old else instance_body.CONFIGURED, error=old)
    if instance_body.state(instance) not in (instance_body.CONFIGURING, instance_body.UPDATING):
        instance_body.settle(instance)


def finish(world: World, operation: str, *, error: Json | None = None, job_id: str = "") -> None:
    """End an operation, well or with the details of `errors.protection_details`. endTime has whole seconds."""
    record = world.resources[_key(operation).lower()].body
    record["status"] = "Failed" if error else "Succeeded"
    record["endTime"] = world.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    if error:
        record["error"] = errors.operation_error(error)
    if job_id:
        record["properties"] = {"jobId": job_id, **RESULT}


def headers(world: World, call: Call, operation: str, *, retry_after_s: int, location: str = "") -> dict[str, str]:
    """Where to ask for an operation at a vault: Azure-AsyncOperation, and Location when `location` is its path."""
    vault = "/".join(call.path.split("/")[:9])
    found = {"azure-asyncoperation": url(world, call, f"{vault}/operationStatus/{operation}")}
    if location:
        found["location"] = url(world, call, f"{location}/operationResults/{operation}")
    return found | {"retry-after": str(retry_after_s)}


def accepted(world: World, call: Call, vault: Resource, operation: str) -> Response:
    """202 as every POST action and DELETE of this service answers.

    **Source**: ps-dp-disk-adhoc-backup-retryafter-2026-05-17, aso-dp-protectionerror-sync-recover. Assumed:
    Retry-After of validateForBackup, stopProtection, suspendBackups and resumeProtection, whose recorder strips it.
    """
    location = region_path(call, vault.body["location"])
    return empty_response(202, headers(world, call, operation, retry_after_s=RETRY_AFTER_S, location=location))


def region_path(call: Call, region: str) -> str:
    """Where the operations of a region stand, below the caller's subscription."""
    return f"/subscriptions/{call.at['subscription']}/providers/Microsoft.DataProtection/locations/{region}"


def url(world: World, call: Call, path: str) -> str:
    """An operation's URL as the service signs it, about 2.9 kB. It is never read back: the path alone is enough."""
    origin = urlsplit(call.request.url)
    chance = world.random("signature", path, world.now)
    certificate = world.random("certificate").randbytes(1680)
    parts = {"c": certificate, "s": chance.randbytes(256), "h": chance.randbytes(32)}
    signed = "".join(f"&{name}={base64.urlsafe_b64encode(part).decode().rstrip('=')}" for name, part in parts.items())
    return f"{origin.scheme}://{origin.netloc}{path}?api-version={call.api_version}&t={ticks(world.now)}{signed}"


def ticks(at: datetime) -> int:
    """A time as .NET counts it: tenths of a microsecond since the year 1."""
    return (at - YEAR_ONE) // timedelta(microseconds=1) * 10


def get_status(world: World, call: Call) -> Response:
    """200 always, also for a failure, without Retry-After. **Source**: dp-pgflex-job-failed-2025-03-12."""
    record = _require(world, call).body
    shown = {"id": call.path, "name": call.at["operation"], "status": record["status"]}
    names = ("error", "startTime", "endTime", "properties")
    return json_response(200, shown | {name: record[name] for name in names if name in record})


def get_result(world: World, call: Call) -> Response:
    """What Location leads to. Assumed: 202 while the operation runs, and 400 with its error when it failed."""
    found = _require(world, call)
    location = region_path(call, found.hidden["region"])
    told = {
        "azure-asyncoperation": url(world, call, f"{location}/operationStatus/{call.at['operation']}"),
        "retry-after": str(RETRY_AFTER_S),
    }
    pending = still_running(world, call, call.path)
    return pending or json_response(200, found.body.get("properties", RESULT), told)


def still_running(world: World, call: Call, path: str) -> Response | None:
    """202 while the operation of this call runs, None when it ended well. Raises ArmError 400 when it failed."""
    record = _require(world, call).body
    if record["status"] == "Failed":
        error = record["error"]
        raise ArmError(400, error["code"], error["message"], body={"error": error})
    if record["status"] == "Succeeded":
        return None
    return empty_response(202, {"location": url(world, call, path), "retry-after": str(RETRY_AFTER_S)})


def _key(operation: str) -> str:
    return f"/dataProtectionOperations/{operation}"


def _require(world: World, call: Call) -> Resource:
    found = world.get(_key(call.at["operation"]))
    if found is None:
        raise errors.not_found()
    return found


_SUBSCRIPTION = "/subscriptions/{subscription}"
_PROVIDER = "/providers/Microsoft.DataProtection"
_VAULT = _SUBSCRIPTION + "/resourceGroups/{group}" + _PROVIDER + "/backupVaults/{vault}"
_REGION = _PROVIDER + "/locations/{region}"

# Assumed: the path below a resource group (a vault's deletion) needs the action of the path below a subscription.
ROUTES = (
    Route(
        "GET",
        _VAULT + "/operationStatus/{operation}",
        "Microsoft.DataProtection/backupVaults/operationStatus/read",
        get_status,
    ),
    Route(
        "GET",
        _SUBSCRIPTION + _REGION + "/operationStatus/{operation}",
        "Microsoft.DataProtection/locations/operationStatus/read",
        get_status,
    ),
    Route(
        "GET",
        _SUBSCRIPTION + "/resourceGroups/{group}" + _REGION + "/operationStatus/{operation}",
        "Microsoft.DataProtection/locations/operationStatus/read",
        get_status,
    ),
    Route(
        "GET",
        _SUBSCRIPTION + _REGION + "/operationResults/{operation}",
        "Microsoft.DataProtection/locations/operationResults/read",
        get_result,
    ),
)
