"""May this be asked for? The small questions that clients put before they do something: names, features, changes.

Each answers from what is there; only validateForModifyBackup is a long operation.
"""

from simulator.arm.dataprotection import operations
from simulator.arm.dataprotection.datasources import LIVE
from simulator.arm.dataprotection.existence import require_instance, require_vault
from simulator.arm.dataprotection.kinds import KINDS
from simulator.arm.dataprotection.validation import read_request, validated
from simulator.arm.dataprotection.vault_body import TYPE
from simulator.arm.resources import require_group, require_subscription
from simulator.arm.routing import Call, Route
from simulator.wire import Response, json_response
from simulator.world import World

PROVIDER = "Microsoft.DataProtection"


def post_validate_change(world: World, call: Call) -> Response:
    """Start to validate a change of an instance: 202.

    Assumed: it looks at what validateForBackup looks at, and the name of its action.
    """
    vault, instance = require_vault(world, call), require_instance(world, call)
    wanted = read_request(world, call.body.get("backupInstance"))
    about = {"vault_id": vault.id, "instance_id": instance.id, "wanted": wanted}
    operation = operations.start(world, vault, "validate", validated, **about)
    return operations.accepted(world, call, vault, operation)


def check_name(world: World, call: Call) -> Response:
    """Whether a vault's name is free in its group. **Source**: the official example. Assumed: the words of a no."""
    require_group(world, call.at["subscription"], call.at["group"])
    name = str(call.body.get("name") or "")
    group = f"/subscriptions/{call.at['subscription']}/resourceGroups/{call.at['group']}"
    if world.get(f"{group}/providers/{TYPE}/{name}") is None:
        return json_response(200, {"nameAvailable": True})
    message = f"The name '{name}' is already in use."
    return json_response(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": message})


def check_feature(world: World, call: Call) -> Response:
    """Which datasources a region supports. **Source**: the official example. Assumed: all that are known here."""
    require_subscription(world, call.at["subscription"])
    features = [
        {"featureName": kind.type, "supportStatus": "GenerallyAvailable", "exposureControlledFeatures": []}
        for kind in KINDS.values()
    ]
    told = {"featureType": call.body.get("featureType"), "features": features}
    return json_response(200, told | {"objectType": "FeatureValidationResponse"})


_SUBSCRIPTION = "/subscriptions/{subscription}"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_INSTANCE = f"{_GROUP}/providers/{TYPE}/{{vault}}/backupInstances/{{instance}}"
_LOCATION = f"providers/{PROVIDER}/locations/{{location}}"
ROUTES = (
    Route(
        "POST",
        f"{_INSTANCE}/validateForModifyBackup",
        f"{LIVE}/validateForModifyBackup/action",
        post_validate_change,
    ),
    Route(
        "POST",
        f"{_GROUP}/{_LOCATION}/checkNameAvailability",
        f"{PROVIDER}/locations/checkNameAvailability/action",
        check_name,
    ),
    Route(
        "POST",
        f"{_SUBSCRIPTION}/{_LOCATION}/checkFeatureSupport",
        f"{PROVIDER}/locations/checkFeatureSupport/action",
        check_feature,
    ),
)
