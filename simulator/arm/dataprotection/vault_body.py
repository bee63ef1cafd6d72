"""What does a vault look like? The settings a request asks for, and what the service adds to them.

It answers for the body alone: no operation, no refusal but a missing location.
"""

from copy import deepcopy
from uuid import UUID

from simulator.arm.dataprotection.members import ordered, shaped
from simulator.arm.routing import Call
from simulator.wire import ArmError, Json
from simulator.world import Resource, World

TYPE = "Microsoft.DataProtection/backupVaults"
ALWAYS_ON_SINCE = "2025-09-01"
REGION_OF_CHOICE_SINCE = "2026-06-01"
# Source: aso-dp-backupvault-20231101 (no level yet), dp-validate-failed-then-ok-disk-blob-2022-07-01 (none of them).
# Assumed: which api-version between the recorded ones brought a member.
SHOWN_SINCE = {"secureScore": "2023-01-01", "replicatedRegions": "2023-01-01", "bcdrSecurityLevel": "2024-01-01"}
DEFAULT_SOFT_DELETE = {"state": "AlwaysOn", "retentionDurationInDays": 14.0}

# Azure's pairs, as far as a source names them. Source: dp-vault-create-delete-2025-11-06, the CLI's table.
_PAIRS = (
    "westeurope northeurope; eastus westus; eastus2 centralus; uksouth ukwest; centralindia southindia; "
    "southeastasia eastasia; westus2 westcentralus; centraluseuap eastus2euap; northcentralus southcentralus"
)
PAIRED = {a: b for pair in _PAIRS.split("; ") for a, b in (pair.split(), pair.split()[::-1])}
PAIRED |= {"westus3": "eastus", "brazilsouth": "southcentralus"}

MEMBERS = (
    "provisioningState",
    "storageSettings",
    "isVaultProtectedByResourceGuard",
    "monitoringSettings",
    "securitySettings",
    "featureSettings",
    "secureScore",
    "bcdrSecurityLevel",
    "replicatedRegions",
)
# What a request may set. Source: OpenAPI 2024-04-01. Assumed: a vault drops strangers at every depth, as policies do.
_STATE = {"state": None}
SETTINGS = {
    "storageSettings": [{"datastoreType": None, "type": None}],
    "monitoringSettings": {"azureMonitorAlertSettings": {"alertsForAllJobFailures": None}},
    "securitySettings": {
        "softDeleteSettings": _STATE | {"retentionDurationInDays": None},
        "immutabilitySettings": _STATE,
        "encryptionSettings": _STATE
        | {
            "keyVaultProperties": {"keyUri": None},
            "kekIdentity": {"identityType": None, "identityId": None},
            "infrastructureEncryption": None,
        },
    },
    "featureSettings": {"crossSubscriptionRestoreSettings": _STATE, "crossRegionRestoreSettings": _STATE},
}


def region(text: str) -> str:
    """A region as an identifier: "East US" and "eastus" are one. **Source**: pg-server-mgmt shows both."""
    return text.replace(" ", "").lower()


def shown(vault: Resource, call: Call) -> Json:
    """The vault as this api-version shows it. **Source**: ps-dp-vault-and-instances-get-2026-08-30."""
    properties: Json = vault.body["properties"]
    known = {name: value for name, value in properties.items() if call.api_version >= SHOWN_SINCE.get(name, "")}
    if call.api_version >= REGION_OF_CHOICE_SINCE:
        known["regionOfChoiceSettings"] = {"status": "NotApplicable"}
    return vault.body | {"properties": known}


def unintroduced(body: Json) -> Json:
    """A vault as the answer to its own write shows it: user-assigned identities without their ids.

    **Source**: dp-uami-create-update-2025-11-06, also for identities that the vault had before.
    """
    identity: Json = body.get("identity") or {}
    if "userAssignedIdentities" not in identity:
        return body
    users: Json = {key: {} for key in identity["userAssignedIdentities"]}
    return body | {"identity": identity | {"userAssignedIdentities": users}}


def wanted(world: World, call: Call, known: Resource | None) -> Json:
    """The whole vault after a PUT or PATCH. Assumed: settings that the request does not name stay as they are."""
    old = known.body if known else {}
    location = call.body.get("location") or old.get("location")
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    identity = _identity(world, call, old.get("identity"))
    return {
        "location": region(location),  # Assumed: display names come back as identifiers
        **_kept("tags", call.body.get("tags", old.get("tags"))),
        **_kept("identity", identity),
        "properties": _properties(call, old.get("properties", {}), region(location)),
        "id": known.id if known else call.path,  # Assumed: ids keep the casing of the first write
        "name": known.body["name"] if known else call.at["vault"],
        "type": TYPE,
    }


def _kept(name: str, value: object) -> Json:
    return {} if value is None else {name: value}


def _identity(world: World, call: Call, old: Json | None) -> Json | None:
    """The identity block; a system-assigned principal exists at once and stays as long as it is asked for."""
    asked = call.body.get("identity")
    if asked is None:
        return old
    kind = str(asked.get("type") or "None")
    if kind == "None":
        return {"type": "None"}
    before = old or {}
    known_users = before.get("userAssignedIdentities", {})
    users = {key: known_users.get(key, {}) for key in asked.get("userAssignedIdentities") or {}}
    system = "SystemAssigned" in kind
    principal = (before.get("principalId") or world.new_guid("principal")) if system else None
    return {
        "type": kind,
        **({"userAssignedIdentities": users} if users else {}),
        **_kept("principalId", principal),
        "tenantId": world.tenant_id,
    }


def introduce_users(world: World, vault: Resource) -> None:
    """Let user-assigned identities show their ids: their own, or made-up ones for an identity that nobody made here."""
    for key, known in vault.body.get("identity", {}).get("userAssignedIdentities", {}).items():
        if found := world.resources.get(key.lower()):
            known |= {name: found.body["properties"][name] for name in ("clientId", "principalId")}
        elif not known:
            for name in ("clientId", "principalId"):
                number = world.random("user identity", key.lower(), name).getrandbits(128)
                known[name] = str(UUID(int=number, version=4))


def _properties(call: Call, old: Json, at: str) -> Json:
    sent = shaped(call.body.get("properties") or {}, SETTINGS)
    settings: Json = {name: deepcopy(sent.get(name, old.get(name))) for name in SETTINGS if name in sent or name in old}
    if not old and call.api_version >= ALWAYS_ON_SINCE:
        # Assumed: a new vault that says nothing is secure by default.
        settings.setdefault("securitySettings", {}).setdefault("softDeleteSettings", dict(DEFAULT_SOFT_DELETE))
    soft = settings.get("securitySettings", {}).get("softDeleteSettings")
    if soft:
        # Source: aso-dp-backupvault-20231101 (Off without days reads 0.0). Assumed: On without days reads 14.0.
        days = soft.get("retentionDurationInDays")
        default = 0.0 if str(soft.get("state")).lower() == "off" else 14.0
        soft["retentionDurationInDays"] = default if days is None else float(days)
    score, level = _score(settings.get("securitySettings", {}))
    storage = settings.get("storageSettings") or [{}]
    geo = storage[0].get("type") == "GeoRedundant"
    added = {
        "provisioningState": "Succeeded",
        "isVaultProtectedByResourceGuard": old.get("isVaultProtectedByResourceGuard", False),
        "secureScore": score,
        "bcdrSecurityLevel": level,
        "replicatedRegions": [PAIRED[at]] if geo and at in PAIRED else [],
    }
    return ordered(settings | added, MEMBERS)


def _score(security: Json) -> tuple[str, str]:
    """SecureScore and bcdrSecurityLevel. **Source**: the ten combinations in all recordings."""
    soft = security.get("softDeleteSettings", {}).get("state")
    immutable = security.get("immutabilitySettings", {}).get("state")
    if soft == "AlwaysOn" or immutable == "Locked":
        return "Adequate", "Good"
    return ("Minimum", "Fair") if (soft, immutable) == ("On", "Unlocked") else ("None", "Poor")
