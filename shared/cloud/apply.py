"""Carries out one action with one write. Safe to repeat, but for StartBackup, whose intention is in the ledger first.

Returns when Azure has accepted, never when it has finished: a long operation comes back as `Running`.
"""

from collections.abc import Callable
from typing import Any, assert_never, cast
from urllib.parse import quote

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError, translated
from shared.cloud.observe import ROLE_API
from shared.core import resource_id
from shared.core.actions import (
    ChangePolicy,
    EnsurePolicy,
    GrantRole,
    Protect,
    ResumeProtection,
    StartBackup,
    Sync,
    Undelete,
    Validate,
    Write,
)
from shared.core.datasource import Datasource
from shared.core.failures import is_decision
from shared.core.observed import Observed, Running, Server
from shared.core.resource_id import ResourceId

_REFUSED, _CONFLICT = 400, 409
_ADDRESS = frozenset({"id", "name", "type", "systemData"})
# Source: the contract's read-only members of a backup instance.
_TOLD_BY_SERVICE = frozenset({
    "protectionStatus", "currentProtectionState", "protectionErrorDetails", "provisioningState",
})  # fmt: skip


def apply(cloud: Cloud, action: Write, observed: Observed) -> Running | None:
    """Carry out one action. Returns the long operation that it started, if it started one. Raises CloudError."""
    match action:
        case EnsurePolicy():
            _ensure_policy(cloud, action)
        case GrantRole():
            _grant_role(cloud, action, observed)
        case Undelete():
            _undelete(cloud, action)
        case ChangePolicy():
            return _change_policy(cloud, action)
        case Sync():
            return _sync(cloud, action)
        case ResumeProtection():
            return _resume(cloud, action)
        case Validate():
            return _validate(cloud, action, observed)
        case Protect():
            return _protect(cloud, action, observed)
        case StartBackup():
            return _start_backup(cloud, action)
        case _:
            assert_never(action)
    return None


def _ensure_policy(cloud: Cloud, action: EnsurePolicy) -> None:
    policy = _known(action.policy_id)
    body = cast("Any", action.body)  # the SDK takes JSON; its annotations do not say so
    cloud.forget("policies", policy.parent_id.lower())
    with translated():
        client = cloud.data_protection(policy.subscription)
        client.backup_policies.create_or_update(policy.group, policy.names[0], policy.name, body)


def _grant_role(cloud: Cloud, action: GrantRole, observed: Observed) -> None:
    """Assign a role under a name of its own. Source: the principal's type skips a directory look-up and its race."""
    subscription = action.scope.split("/")[2]
    definition = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{action.role}"
    properties = {
        "roleDefinitionId": definition,
        "principalId": action.principal_id,
        "principalType": "ServicePrincipal",
        "description": f"Flexguard: Azure Backup protects {observed.server_id.name}",
    }
    assignments = f"{quote(action.scope)}/providers/Microsoft.Authorization/roleAssignments"
    path = f"{cloud.settings.arm_endpoint}{assignments}/{action.assignment_name}"
    request = HttpRequest("PUT", f"{path}?api-version={ROLE_API}", json={"properties": properties})
    with translated():
        response = cloud.arm.send_request(request)
        exists = response.status_code == _CONFLICT and "RoleAssignmentExists" in response.text()
        if response.status_code >= 400 and not exists:  # noqa: PLR2004 - HTTP status classes
            raise HttpResponseError(response=response)


def instance_properties(
    server: Server, datasource: Datasource, policy_id: str, identity_url: str = ""
) -> dict[str, Any]:
    """The properties of a backup instance, as Microsoft's command line sends them. Source: recorded PUT bodies.

    identity_url: the vault's user-assigned identity; a vault that works with its own needs no word about it.
    """
    source = {
        "objectType": "Datasource",
        "datasourceType": datasource.resource_type,
        "resourceID": server.id.text,
        "resourceName": server.id.name,
        "resourceType": datasource.resource_type,
        "resourceLocation": server.location,
        "resourceUri": server.id.text,
    }
    identity = {"useSystemAssignedIdentity": False, "userAssignedIdentityArmUrl": identity_url}
    return {
        "objectType": "BackupInstance",
        "friendlyName": server.id.name,
        "dataSourceInfo": source,
        "policyInfo": {"policyId": policy_id},
    } | ({"identityDetails": identity} if identity_url else {})


def _validate(cloud: Cloud, action: Validate, observed: Observed) -> Running:
    vault, body = _known(action.vault_id), _body(observed, action.policy_id, action.identity_url)
    client = cloud.data_protection(vault.subscription).backup_instances
    return _started(cloud, "validate", lambda hook: client.begin_validate_for_backup(
        vault.group, vault.name, cast("Any", {"backupInstance": body}), polling=False, raw_response_hook=hook,
    ))  # fmt: skip


def _protect(cloud: Cloud, action: Protect, observed: Observed) -> Running:
    vault, properties = _known(action.vault_id), _body(observed, action.policy_id, action.identity_url)
    body = {"properties": properties} | ({"tags": dict(action.tags)} if action.tags else {})
    client = cloud.data_protection(vault.subscription).backup_instances
    return _started(cloud, "protect", lambda hook: client.begin_create_or_update(
        vault.group, vault.name, action.instance_name, cast("Any", body), polling=False, raw_response_hook=hook,
    ))  # fmt: skip


def _change_policy(cloud: Cloud, action: ChangePolicy) -> Running:
    """Read the instance and write it back with another policy: whatever else it has, also what is new, stays.

    Source: dp-update-policy-2025-11-06. What the service tells about it is left out, as its own clients do.
    """
    instance = _known(action.instance_id)
    client = cloud.data_protection(instance.subscription).backup_instances
    with translated():
        found: Any = client.get(instance.group, instance.names[0], instance.name, cls=_as_sent)
    properties = {name: value for name, value in found["properties"].items() if name not in _TOLD_BY_SERVICE}
    properties["policyInfo"] = properties.get("policyInfo", {}) | {"policyId": action.policy_id}
    body: Any = {name: value for name, value in found.items() if name not in _ADDRESS} | {"properties": properties}
    return _started(cloud, "change", lambda hook: client.begin_create_or_update(
        instance.group, instance.names[0], instance.name, body, polling=False, raw_response_hook=hook,
    ))  # fmt: skip


def _as_sent(answer: Any, *_: Any) -> Any:
    """The body of an answer as it was sent: the SDK's models know less than the service."""
    return answer.http_response.json()


def _sync(cloud: Cloud, action: Sync) -> Running:
    """Source: aso-dp-protectionerror-sync-recover."""
    instance = _known(action.instance_id)
    client = cloud.data_protection(instance.subscription).backup_instances
    body: Any = {"syncType": "Default"}
    return _started(cloud, "sync", lambda hook: client.begin_sync_backup_instance(
        instance.group, instance.names[0], instance.name, body, polling=False, raw_response_hook=hook,
    ))  # fmt: skip


def _resume(cloud: Cloud, action: ResumeProtection) -> Running:
    instance = _known(action.instance_id)
    client = cloud.data_protection(instance.subscription).backup_instances
    return _started(cloud, "resume", lambda hook: client.begin_resume_protection(
        instance.group, instance.names[0], instance.name, polling=False, raw_response_hook=hook,
    ))  # fmt: skip


def _undelete(cloud: Cloud, action: Undelete) -> None:
    """Source: dp-softdelete-2025-11-06: 200 when it is done, 404 when there is nothing (any more)."""
    deleted = _known(action.deleted_id)
    cloud.forget("deleted", deleted.parent_id.lower())
    client = cloud.data_protection(deleted.subscription).deleted_backup_instances
    with translated():
        client.begin_undelete(deleted.group, deleted.names[0], deleted.name, polling=False)


def _start_backup(cloud: Cloud, action: StartBackup) -> Running:
    instance = _known(action.instance_id)
    trigger = {"retentionTagOverride": action.retention_tag}
    body: Any = {"backupRuleOptions": {"ruleName": action.backup_rule, "triggerOption": trigger}}
    client = cloud.data_protection(instance.subscription).backup_instances
    return _started(cloud, "backup", lambda hook: client.begin_adhoc_backup(
        instance.group, instance.names[0], instance.name, body, polling=False, raw_response_hook=hook,
    ))  # fmt: skip


def _started(cloud: Cloud, kind: str, begin: Callable[[Callable[[Any], None]], Any]) -> Running:
    """Start a long operation and note where to ask about it. Without such a place the next look finds out by itself.

    What the service refuses at once, having decided, comes back as an operation that has failed: it means the same.
    """
    headers: dict[str, str] = {}
    try:
        with translated():
            begin(lambda response: headers.update(response.http_response.headers))
    except CloudError as error:
        if error.status == _REFUSED and is_decision(error.code):
            return Running(kind, "", cloud.now, "failed", (error.code, error.message))
        raise
    lower = {name.lower(): value for name, value in headers.items()}
    url = lower.get("azure-asyncoperation") or lower.get("location") or ""
    return Running(kind, url, cloud.now)


def _body(observed: Observed, policy_id: str, identity_url: str) -> Any:
    if observed.server is None:
        msg = "an action for a server that was not observed"
        raise ValueError(msg)
    return instance_properties(observed.server, observed.datasource, policy_id, identity_url)


def _known(text: str) -> ResourceId:
    """An id that Azure or the rules file gave. One that cannot be read is Azure's doing, so it is looked at again."""
    parsed = resource_id.parse(text)
    if not parsed:
        raise CloudError("UnreadableResourceId", f"{text!r} is not an id of ARM")
    return parsed
