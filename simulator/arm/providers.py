"""Which resource providers and regions a subscription has. All that are played are registered until someone changes it.

**Source**: Microsoft's REST reference, "Providers - Get", "Subscriptions - List Locations"; "Resolve errors for
resource provider registration". Assumed: a provider that is not played here is unknown, registering works at once, and
reads are refused without it as writes are.
"""

import re

from simulator.arm.postgresql_server import REGIONS
from simulator.arm.resources import GATEWAY, require_subscription
from simulator.arm.routing import Call, Route
from simulator.wire import ArmError, Json, Response, json_response
from simulator.world import World

PLAYED: dict[str, dict[str, tuple[str, ...]]] = {
    "Microsoft.Authorization": {
        "roleAssignments": ("2022-04-01",),
        "roleDefinitions": ("2022-05-01-preview", "2022-04-01"),
    },
    "Microsoft.DataProtection": dict.fromkeys(
        ("backupVaults", "locations", "operations", "locations/operationStatus"),
        ("2026-06-01", "2026-03-01", "2025-09-01", "2025-07-01", "2024-04-01", "2023-11-01"),
    ),
    "Microsoft.DBforPostgreSQL": {
        "flexibleServers": ("2025-08-01", "2024-11-01-preview", "2023-12-01-preview", "2022-12-01"),
        "locations": ("2025-08-01", "2022-12-01"),
    },
    "Microsoft.EventGrid": dict.fromkeys(("systemTopics", "topics", "eventSubscriptions"), ("2025-02-15",)),
    "Microsoft.ManagedIdentity": {"userAssignedIdentities": ("2023-01-31",)},
    "Microsoft.ResourceGraph": {"resources": ("2021-03-01",)},
    "Microsoft.Resources": dict.fromkeys(
        ("subscriptions", "resourceGroups", "resources", "tags"), ("2022-09-01", "2021-04-01")
    ),
    "Microsoft.Storage": {"storageAccounts": ("2025-01-01", "2024-01-01", "2023-01-01")},
}
"""Per provider its resource types, each with its api-versions, newest first. Assumed: which ones; any is answered."""


GONE = "simulator/unregisteredproviders"
ALWAYS = ("microsoft.authorization", "microsoft.resources", "microsoft.management", "microsoft.resourcegraph")
ASKED = re.compile(r"/subscriptions/([^/]+)/.*providers/(Microsoft\.[^/]+)/.*", re.IGNORECASE)


def is_registered(world: World, subscription_id: str, namespace: str) -> bool:
    """Whether a subscription may use a provider."""
    return _key(subscription_id, namespace).lower() not in world.by_type.get(GONE, {})


def require_registered(world: World, call: Call) -> None:
    """Raises ArmError 409 MissingSubscriptionRegistration for a call to a provider that is not registered."""
    is_about_providers = call.action.lower().startswith("microsoft.resources/providers/")
    asked = ASKED.fullmatch(call.path) if GONE in world.by_type and not is_about_providers else None
    if not asked or asked[2].lower() in ALWAYS or is_registered(world, asked[1], asked[2]):
        return
    code = "MissingSubscriptionRegistration"
    name = next((each for each in PLAYED if each.lower() == asked[2].lower()), asked[2])
    message = (
        f"The subscription is not registered to use namespace '{name}'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions."
    )
    detail = {"code": code, "target": name, "message": message}
    body = {"error": {"code": code, "message": message, "details": [detail]}}
    raise ArmError(409, code, message, headers=GATEWAY, body=body)


def unregister(world: World, subscription_id: str, namespace: str) -> None:
    """Take a provider away from a subscription."""
    world.put(_key(subscription_id, namespace), GONE, {"namespace": namespace})


def change_registration(world: World, call: Call) -> Response:
    """Register or unregister a provider; the answer is the provider."""
    if call.path.lower().endswith("/unregister"):
        unregister(world, call.at["sub"], call.at["namespace"])
    else:
        world.remove(_key(call.at["sub"], call.at["namespace"]))
    return get_provider(world, call)


def _key(subscription_id: str, namespace: str) -> str:
    return f"/unregistered/{subscription_id}/{namespace}"


def get_provider(world: World, call: Call) -> Response:
    """One resource provider with its types, also as the answer to a registration."""
    require_subscription(world, call.at["sub"])
    found = next((name for name in PLAYED if name.lower() == call.at["namespace"].lower()), None)
    if found is None:
        message = f"The resource namespace '{call.at['namespace']}' is invalid."
        raise ArmError(404, "InvalidResourceNamespace", message, headers=GATEWAY)
    return json_response(200, _provider(world, call.at["sub"], found))


def list_providers(world: World, call: Call) -> Response:
    """All resource providers."""
    require_subscription(world, call.at["sub"])
    return json_response(200, {"value": [_provider(world, call.at["sub"], name) for name in PLAYED]})


def list_locations(world: World, call: Call) -> Response:
    """The regions of a subscription. Assumed: zones, pairs and coordinates are left out."""
    require_subscription(world, call.at["sub"])
    value = [
        {
            "id": f"/subscriptions/{call.at['sub']}/locations/{region}",
            "name": region,
            "type": "Region",
            "displayName": name,
            "regionalDisplayName": name,
            "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
        }
        for region, name in REGIONS.items()
    ]
    return json_response(200, {"value": value})


def _provider(world: World, subscription_id: str, namespace: str) -> Json:
    types = [
        {
            "resourceType": name,
            "locations": list(REGIONS.values()),
            "apiVersions": list(versions),
            "capabilities": "SupportsTags, SupportsLocation",
        }
        for name, versions in PLAYED[namespace].items()
    ]
    return {
        "id": f"/subscriptions/{subscription_id}/providers/{namespace}",
        "namespace": namespace,
        "resourceTypes": types,
        "registrationState": "Registered" if is_registered(world, subscription_id, namespace) else "NotRegistered",
        "registrationPolicy": "RegistrationRequired",
    }


_SUB, _READ = "/subscriptions/{sub}", "Microsoft.Resources/subscriptions"
ROUTES = (
    Route("GET", f"{_SUB}/locations", f"{_READ}/locations/read", list_locations),
    Route("GET", f"{_SUB}/providers", f"{_READ}/providers/read", list_providers),
    Route("GET", f"{_SUB}/providers/{{namespace}}", f"{_READ}/providers/read", get_provider),
    *(
        Route(
            "POST",
            f"{_SUB}/providers/{{namespace}}/{verb}",
            f"Microsoft.Resources/providers/{verb}/action",
            change_registration,
        )
        for verb in ("register", "unregister")
    ),
)
