"""What a deployment makes in a local Azure, by ordinary ARM calls: vaults, the app's role, the app's rights."""

from collections.abc import Callable, Sequence
from typing import Any

from cli.stage import SCOPE, Json, vault_id
from shared.cloud.rights import APP_ACTIONS, GRANTER_ACTIONS, granting_condition
from shared.core.names import role_assignment_name

APP_ROLE = "7d5b3f50-1111-4c9a-9b8e-2f6d1f1c8a0e"
GRANTER_ROLE = "7d5b3f50-2222-4c9a-9b8e-2f6d1f1c8a0e"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
VAULT_ROLES = (READER, "c088a766-074b-43ba-90d4-1fb21feae531")  # Reader, LTR backup
PROPAGATION_S = 600.0  # Source: documentation: a role works after at most ten minutes

Arm = Callable[..., Any]


def deploy(arm: Arm, regions: tuple[str, ...], app: str, *, grants_roles: bool = True) -> None:
    """Make a subscription with a vault in each region, and let the app's identity in. It works after PROPAGATION_S."""
    arm("PUT", SCOPE, {"displayName": "production"})
    arm("PUT", f"{SCOPE}/resourceGroups/rg-backup", {"location": regions[0]})
    vaults = [arm("PUT", vault_id(region), vault_body(region)) for region in regions]
    let_in_app(arm, [SCOPE], app, [vault["identity"]["principalId"] for vault in vaults] if grants_roles else ())


def let_in_app(arm: Arm, scopes: Sequence[str], app: str, principals: Sequence[str]) -> None:
    """Give the app its role on subscriptions, and the right to give the vaults' roles to these identities, if any."""
    _define(arm, APP_ROLE, "Flexguard", sorted(APP_ACTIONS), scopes)
    for scope in scopes:
        assign(arm, scope, APP_ROLE, app)
    if principals:
        condition = granting_condition(VAULT_ROLES, list(principals))
        _define(arm, GRANTER_ROLE, "Flexguard role granter", sorted(GRANTER_ACTIONS), scopes)
        for scope in scopes:
            assign(arm, scope, GRANTER_ROLE, app, condition)


def _define(arm: Arm, guid: str, name: str, actions: list[str], scopes: Sequence[str]) -> None:
    permissions = [{"actions": actions, "notActions": [], "dataActions": [], "notDataActions": []}]
    role = {"roleName": name, "type": "CustomRole", "assignableScopes": list(scopes), "permissions": permissions}
    arm("PUT", f"{scopes[0]}/providers/Microsoft.Authorization/roleDefinitions/{guid}", {"properties": role})


def assign(arm: Arm, scope: str, role: str, principal: str, condition: str = "") -> None:
    """Assign a role, as an infrastructure template does; under a condition (version 2.0), if there is one."""
    properties = {
        "roleDefinitionId": f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{role}",
        "principalId": principal,
        "principalType": "ServicePrincipal",
    } | ({"condition": condition, "conditionVersion": "2.0"} if condition else {})
    name = role_assignment_name(scope, principal, role)
    arm("PUT", f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}", {"properties": properties})


def let_in_reader(arm: Arm, region: str) -> str:
    """Make an identity that may read the subscription, as a person may; its client id. Works after PROPAGATION_S."""
    provider = f"{SCOPE}/resourceGroups/rg-backup/providers/Microsoft.ManagedIdentity"
    properties = arm("PUT", f"{provider}/userAssignedIdentities/id-operator", {"location": region})["properties"]
    assign(arm, SCOPE, READER, properties["principalId"])
    return str(properties["clientId"])


def prepare_group(arm: Arm, group: str, region: str) -> None:
    """Make a resource group in which the vault of a region has its two roles already."""
    scope = f"{SCOPE}/resourceGroups/{group}"
    arm("PUT", scope, {"location": region})
    principal = arm("GET", vault_id(region))["identity"]["principalId"]
    for role in VAULT_ROLES:
        assign(arm, scope, role, principal)


def server_body(region: str, tags: dict[str, str], properties: Json | None = None) -> Json:
    """What a person asks for who wants a small server."""
    return {
        "location": region,
        "tags": tags,
        "sku": {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"},
        "properties": {"version": "16", "storage": {"storageSizeGB": 128}, **(properties or {})},
    }


def api_version(path: str) -> str:
    """A version of the API that knows everything that is asked of this path."""
    return next((version for provider, version in _VERSIONS if f"/providers/{provider}" in path), "2022-12-01")


_VERSIONS = (
    ("Microsoft.Authorization", "2022-04-01"),
    ("Microsoft.Resources", "2022-09-01"),
    ("Microsoft.ManagedIdentity", "2023-01-31"),
    ("Microsoft.EventGrid", "2022-06-15"),
    ("Microsoft.DataProtection", "2026-06-01"),
    ("Microsoft.DBforPostgreSQL", "2025-08-01"),
)


def vault_body(region: str, redundancy: str = "LocallyRedundant", tags: dict[str, str] | None = None) -> Json:
    """What an infrastructure template asks for: a vault with an identity of its own, and soft delete always on."""
    return {
        "location": region,
        "tags": tags or {},
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "storageSettings": [{"datastoreType": "VaultStore", "type": redundancy}],
            "securitySettings": {"softDeleteSettings": {"state": "AlwaysOn", "retentionDurationInDays": 14.0}},
        },
    }
