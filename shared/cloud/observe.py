"""Reads Azure into frozen values. Reads that decide are ARM reads, which are strongly consistent.

Every function is one call (a list may be several pages), raises CloudError, and changes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from shared.cloud import history, vaults
from shared.cloud.clients import Cloud
from shared.cloud.errors import read_error, translated
from shared.core import resource_id
from shared.core.datasource import Datasource
from shared.core.events import read_time
from shared.core.names import short_region
from shared.core.observed import Deleted, Instance, Job, LastBackup, Need, Observed, Running, Server, Vault
from shared.core.policy import Policy, read_policy
from shared.core.resource_id import ResourceId
from shared.core.rules import Rules

ROLE_API = "2022-04-01"
OPERATIONS_DONE = {"succeeded": "succeeded", "failed": "failed", "cancelled": "failed", "canceled": "failed"}
NOT_FOUND = 404
MOST_NESTED = 8  # errors inside errors; a limit on everything


def get_json(cloud: Cloud, url: str) -> tuple[int, Any]:
    """One ARM GET: status and body; 404 is an answer, every other failure a CloudError."""
    with translated():
        response = cloud.arm.send_request(HttpRequest("GET", url, headers={"Accept": "application/json"}))
        if response.status_code >= 400 and response.status_code != NOT_FOUND:  # noqa: PLR2004 - HTTP status classes
            raise HttpResponseError(response=response)
        return response.status_code, response.json() if response.content else None


def server(cloud: Cloud, server_id: ResourceId, datasource: Datasource) -> Server | None:
    """The server, or None when it does not exist."""
    status, body = get_json(
        cloud, f"{cloud.settings.arm_endpoint}{quote(server_id.text)}?api-version={datasource.api_version}"
    )
    if status == NOT_FOUND:
        return None
    properties = body.get("properties") or {}
    return Server(
        id=resource_id.parse(body.get("id")) or server_id,
        location=short_region(body.get("location") or ""),
        state=str(properties.get("state") or ""),
        replication_role=str(properties.get("replicationRole") or ""),
        is_cluster=bool(properties.get("cluster")),
        tags=body.get("tags") or {},
        storage_gb=int((properties.get("storage") or {}).get("storageSizeGB") or 0),
    )


def instances(cloud: Cloud, server_id: ResourceId) -> tuple[Instance, ...]:
    """The backup instances of a server, in any vault, by name. Soft-deleted ones are not among them."""
    client = cloud.data_protection(server_id.subscription)
    with translated():
        found = [_instance(item) for item in client.backup_instances_extension_routing.list(server_id.text)]
    return tuple(sorted(found, key=lambda instance: instance.id.lower()))


def _instance(body: Mapping[str, Any]) -> Instance:
    properties = body.get("properties") or {}
    status = properties.get("protectionStatus") or {}
    error = properties.get("protectionErrorDetails") or status.get("errorDetails") or {}
    text = str(body.get("id") or "")
    return Instance(
        id=text,
        name=str(body.get("name") or ""),
        vault_id=text.rsplit("/", 2)[0],
        policy_id=str((properties.get("policyInfo") or {}).get("policyId") or ""),
        state=str(properties.get("currentProtectionState") or status.get("status") or ""),
        errors=((str(error.get("code") or ""), str(error.get("message") or "")),) if error else (),
        tags=body.get("tags") or {},
    )


def deleted(cloud: Cloud, vault_id: str) -> tuple[Deleted, ...]:
    """The soft-deleted backup instances of a vault. Read at most every ten minutes."""
    return cloud.kept(("deleted", vault_id.lower()), lambda: _deleted(cloud, vault_id))


def _deleted(cloud: Cloud, vault_id: str) -> tuple[Deleted, ...]:
    parsed = resource_id.parse(vault_id)
    if not parsed:
        return ()
    with translated():
        listed = cloud.data_protection(parsed.subscription).deleted_backup_instances.list(parsed.group, parsed.name)
        return tuple(_gone(body, vault_id) for body in listed)


def _gone(body: Mapping[str, Any], vault_id: str) -> Deleted:
    """Source: dp-softdelete-2025-11-06."""
    properties = body.get("properties") or {}
    return Deleted(
        id=str(body.get("id") or ""),
        name=str(body.get("name") or ""),
        vault_id=vault_id,
        server_id=str((properties.get("dataSourceInfo") or {}).get("resourceID") or ""),
        gone_at=read_time((properties.get("deletionInfo") or {}).get("scheduledPurgeTime")),
        tags=body.get("tags") or {},
    )


def policies(cloud: Cloud, vault_id: str) -> tuple[Policy, ...]:
    """The policies of a vault. Read at most every ten minutes."""
    return cloud.kept(("policies", vault_id.lower()), lambda: _policies(cloud, vault_id))


def _policies(cloud: Cloud, vault_id: str) -> tuple[Policy, ...]:
    parsed = resource_id.parse(vault_id)
    if not parsed:
        return ()
    with translated():
        pages = cloud.data_protection(parsed.subscription).backup_policies.list(parsed.group, parsed.name)
        return tuple(read_policy(body) for body in pages)


def roles(cloud: Cloud, server_id: ResourceId, principal_id: str, datasource: Datasource) -> frozenset[str]:
    """The GUIDs of the roles, of the two wanted ones, that a vault's identity has where it needs them.

    Roles that come from the group or above hold for every server of the group, so they are kept for ten minutes.
    """
    inherited_key = ("roles", principal_id, server_id.group_id.lower())
    wanted = {datasource.server_role, datasource.group_role}
    if wanted <= (known := cloud.kept(inherited_key, frozenset[str])):
        return known
    condition = quote(f"atScope() and assignedTo('{principal_id}')")
    scope = f"{cloud.settings.arm_endpoint}{quote(server_id.text)}/providers/Microsoft.Authorization/roleAssignments"
    _, body = get_json(cloud, f"{scope}?api-version={ROLE_API}&$filter={condition}")
    held: set[str] = set()
    inherited: set[str] = set()
    for item in (body or {}).get("value") or ():
        assignment = item.get("properties") or {}
        role = str(assignment.get("roleDefinitionId", "")).rsplit("/", 1)[-1].lower()
        if assignment.get("principalId") != principal_id or role not in wanted or assignment.get("condition"):
            continue
        above = str(assignment.get("scope", "")).lower() != server_id.key
        held |= {role} if above or role == datasource.server_role else set()
        inherited |= {role} if above else set()
    cloud.forget(*inherited_key)
    cloud.kept(inherited_key, lambda: frozenset(inherited))
    return frozenset(held)


def jobs(cloud: Cloud, vault_id: str) -> tuple[Job, ...]:
    """The jobs of a vault of the last 14 days, all kinds, in no order. Source: recordings of the unfiltered list."""
    parsed = resource_id.parse(vault_id)
    if not parsed:
        return ()
    with translated():
        listed = cloud.data_protection(parsed.subscription).jobs.list(parsed.group, parsed.name)
        return tuple(read_job(body, vault_id) for body in listed)


def job(cloud: Cloud, job_id: str) -> Job | None:
    """One job by its id, None when the service has forgotten it."""
    parsed = resource_id.parse(job_id)
    if not parsed:
        return None
    with translated():
        try:
            body = cloud.data_protection(parsed.subscription).jobs.get(parsed.group, parsed.names[0], parsed.name)
        except HttpResponseError as error:
            if error.status_code == NOT_FOUND:
                return None
            raise
    return read_job(body, parsed.parent_id)


def read_job(body: Mapping[str, Any], vault_id: str) -> Job:
    """A job as ARM answers it; Resource Graph has the same members."""
    properties = body.get("properties") or {}
    details = properties.get("errorDetails")
    first = details[0] if isinstance(details, list) and details else None
    return Job(
        id=str(body.get("id") or ""),
        name=str(body.get("name") or ""),
        instance_id=str(properties.get("backupInstanceId") or ""),
        server_id=str(properties.get("dataSourceId") or ""),
        vault_id=vault_id,
        status=str(properties.get("status") or ""),
        category=str(properties.get("operationCategory") or ""),
        user_triggered=bool(properties.get("isUserTriggered")),
        started_at=read_time(properties.get("startTime")),
        ended_at=read_time(properties.get("endTime")),
        codes=tuple(dict.fromkeys(_codes(details))),
        message=str(first.get("message") or "") if isinstance(first, Mapping) else "",
        location=short_region(str(properties.get("dataSourceLocation") or "")),
        moved_bytes=_moved_bytes(properties.get("extendedInfo")),
    )


def _moved_bytes(extended: object) -> float | None:
    """How much a backup has moved: one job that is asked for says so, a list never does."""
    moved = extended.get("dataTransferredInBytes") if isinstance(extended, Mapping) else None
    return float(moved) if isinstance(moved, int | float) else None


def _codes(error: object, depth: int = 0) -> Iterator[str]:
    """Every code in an error and in the errors inside it, outermost first. Source: recorded jobs nest three deep."""
    if isinstance(error, list):
        for one in error:
            yield from _codes(one, depth)
    if not isinstance(error, Mapping) or depth > MOST_NESTED:
        return
    if error.get("code"):
        yield str(error["code"])
    for inside in ("innerError", "embeddedInnerError", "details"):
        yield from _codes(error.get(inside), depth + 1)


def operation(cloud: Cloud, running: Running) -> Running:
    """Look at a long operation once. The URL is followed as it was given, and only to our own ARM host."""
    status, body = get_json(cloud, running.url)
    if status == NOT_FOUND or not isinstance(body, Mapping):
        return replace(running, status="failed", error=("OperationNotFound", "the service has forgotten the operation"))
    word = OPERATIONS_DONE.get(str(body.get("status") or "").lower(), "running")
    job_id = str((body.get("properties") or {}).get("jobId") or "")
    return replace(running, status=word, error=read_error(body) if word == "failed" else ("", ""), job_id=job_id)


def more(cloud: Cloud, observed: Observed, needed: frozenset[Need], rules: Rules, chosen: Vault | None) -> Observed:
    """The same observation with what was needed read too. chosen: the vault that the server would use."""
    instance = observed.instances[0] if observed.instances else None
    if Need.VAULTS in needed:
        observed = replace(observed, vaults=vaults.of_rules(cloud, rules))
    if Need.POLICIES in needed:
        home = instance.vault_id if instance else chosen.id if chosen else ""
        observed = replace(observed, policies=policies(cloud, home))
    if Need.DELETED in needed and chosen:
        observed = replace(observed, deleted=deleted(cloud, chosen.id))
    if Need.ROLES in needed and (reaching := _home(observed) if instance else chosen):
        held = roles(cloud, observed.server_id, reaching.principal_id, observed.datasource)
        observed = replace(observed, roles=held)
    if Need.RECOVERY_POINTS in needed and instance:
        point = history.latest_point(cloud, instance)
        observed = replace(observed, has_recovery_point=point is not None, latest_point=point)
    if Need.JOBS in needed and instance:
        observed = replace(observed, jobs=_relevant_jobs(cloud, instance, observed.memory.backup))
    return replace(observed, now=cloud.now)


def _home(observed: Observed) -> Vault | None:
    """The vault that the server's instance is in."""
    home = observed.instances[0].vault_id.lower()
    return next((vault for vault in observed.vaults or () if vault.id.lower() == home), None)


def _relevant_jobs(cloud: Cloud, instance: Instance, known: LastBackup) -> tuple[Job, ...]:
    if known.job_id and known.step == "started":
        found = job(cloud, known.job_id)
        return (found,) if found else ()
    return jobs(cloud, instance.vault_id)
