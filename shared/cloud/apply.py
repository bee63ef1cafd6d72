"""Carries out one action with one call. Safe to repeat, but for StartBackup, whose intention is in the ledger first.

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
from shared.core.actions import EnsurePolicy, GrantRole, Protect, StartBackup, Validate, Write
from shared.core.datasource import Datasource
from shared.core.observed import Observed, Running, Server
from shared.core.resource_id import ResourceId

_CONFLICT = 409


def apply(cloud: Cloud, action: Write, observed: Observed) -> Running | None:
    """Carry out one action. Returns the long operation that it started, if it started one. Raises CloudError."""
    match action:
        case EnsurePolicy():
            _ensure_policy(cloud, action)
        case GrantRole():
            _grant_role(cloud, action)
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


def _grant_role(cloud: Cloud, action: GrantRole) -> None:
    """Assign a role under a name of its own. Source: the principal's type skips a directory look-up and its race."""
    subscription = action.scope.split("/")[2]
    definition = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{action.role}"
    properties = {
        "roleDefinitionId": definition,
        "principalId": action.principal_id,
        "principalType": "ServicePrincipal",
    }
    assignments = f"{quote(action.scope)}/providers/Microsoft.Authorization/roleAssignments"
    path = f"{cloud.settings.arm_endpoint}{assignments}/{action.assignment_name}"
    request = HttpRequest("PUT", f"{path}?api-version={ROLE_API}", json={"properties": properties})
    with translated():
        response = cloud.arm.send_request(request)
        exists = response.status_code == _CONFLICT and "RoleAssignmentExists" in response.text()
        if response.status_code >= 400 and not exists:  # noqa: PLR2004 - HTTP status classes
            raise HttpResponseError(response=response)


def instance_properties(server: Server, datasource: Datasource, policy_id: str) -> dict[str, Any]:
    """The properties of a backup instance, as Microsoft's command line sends them. Source: recorded PUT bodies."""
    source = {
        "objectType": "Datasource",
        "datasourceType": datasource.resource_type,
        "resourceID": server.id.text,
        "resourceName": server.id.name,
        "resourceType": datasource.resource_type,
        "resourceLocation": server.location,
        "resourceUri": server.id.text,
    }
    return {
        "objectType": "BackupInstance",
        "friendlyName": server.id.name,
        "dataSourceInfo": source,
        "policyInfo": {"policyId": policy_id},
    }


def _validate(cloud: Cloud, action: Validate, observed: Observed) -> Running:
    vault, body = _known(action.vault_id), _body(observed, action.policy_id)
    client = cloud.data_protection(vault.subscription).backup_instances
    return _started(cloud, "validate", lambda hook: client.begin_validate_for_backup(
        vault.group, vault.name, cast("Any", {"backupInstance": body}), polling=False, raw_response_hook=hook,
    ))  # fmt: skip


def _protect(cloud: Cloud, action: Protect, observed: Observed) -> Running:
    vault, body = _known(action.vault_id), _body(observed, action.policy_id)
    client = cloud.data_protection(vault.subscription).backup_instances
    return _started(cloud, "protect", lambda hook: client.begin_create_or_update(
        vault.group, vault.name, action.instance_name, cast("Any", {"properties": body}),
        polling=False, raw_response_hook=hook,
    ))  # fmt: skip


def _start_backup(cloud: Cloud, action: StartBackup) -> Running:
    instance = _known(action.instance_id)
    trigger = {"retentionTagOverride": action.retention_tag}
    body: Any = {"backupRuleOptions": {"ruleName": action.backup_rule, "triggerOption": trigger}}
    client = cloud.data_protection(instance.subscription).backup_instances
    return _started(cloud, "backup", lambda hook: client.begin_adhoc_backup(
        instance.group, instance.names[0], instance.name, body, polling=False, raw_response_hook=hook,
    ))  # fmt: skip


def _started(cloud: Cloud, kind: str, begin: Callable[[Callable[[Any], None]], Any]) -> Running:
    """Start a long operation and note where to ask about it. Without such a place the next look finds out by itself."""
    headers: dict[str, str] = {}
    with translated():
        begin(lambda response: headers.update(response.http_response.headers))
    lower = {name.lower(): value for name, value in headers.items()}
    url = lower.get("azure-asyncoperation") or lower.get("location") or ""
    return Running(kind, url, cloud.now)


def _body(observed: Observed, policy_id: str) -> Any:
    if observed.server is None:
        msg = "an action for a server that was not observed"
        raise ValueError(msg)
    return instance_properties(observed.server, observed.datasource, policy_id)


def _known(text: str) -> ResourceId:
    """An id that Azure or the rules file gave. One that cannot be read is Azure's doing, so it is looked at again."""
    parsed = resource_id.parse(text)
    if not parsed:
        raise CloudError("UnreadableResourceId", f"{text!r} is not an id of ARM")
    return parsed
