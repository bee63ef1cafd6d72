"""What can be ordered, and which names are free: what clients ask before they create a flexible server.

**Source**: Microsoft's REST reference of Microsoft.DBforPostgreSQL ("Capabilities By Location", "Name Availability"),
its documentation of compute and storage sizes. Assumed: the same in every region, with three zones; the words of a no.
"""

from simulator.arm.postgresql_operations import SERVER
from simulator.arm.resources import require_group, require_subscription, resource_not_found
from simulator.arm.routing import Call, Route
from simulator.wire import Json, Response, json_response
from simulator.world import World

DNS_ZONE_SUFFIX = "private.postgres.database.azure.com"
VERSIONS = ("11", "12", "13", "14", "15", "16", "17")
ZONES = ["1", "2", "3"]
DISKS = (
    # GiB, least performance tier, its IOPS
    (32, "P4", 120),
    (64, "P6", 240),
    (128, "P10", 500),
    (256, "P15", 1100),
    (512, "P20", 2300),
    (1024, "P30", 5000),
    (2048, "P40", 7500),
    (4095, "P50", 7500),
    (8192, "P60", 16000),
    (16384, "P70", 18000),
    (32767, "P80", 20000),
)
SIZES = {
    # edition: the default, and per size vCores and memory for each
    "Burstable": ("Standard_B1ms", {"Standard_B1ms": (1, 2048), "Standard_B2s": (2, 2048), "Standard_B2ms": (2, 4096)}),
    "GeneralPurpose": (
        "Standard_D2ds_v5",
        {
            f"Standard_D{cores}{kind}": (cores, 4096)
            for kind in ("s_v3", "ds_v4", "ds_v5")
            for cores in (2, 4, 8, 16, 32)
        },
    ),
    "MemoryOptimized": (
        "Standard_E2ds_v5",
        {
            f"Standard_E{cores}{kind}": (cores, 8192)
            for kind in ("s_v3", "ds_v4", "ds_v5")
            for cores in (2, 4, 8, 16, 32)
        },
    ),
}
FEATURES = {
    "FastProvisioning": "Disabled",
    "GeoBackup": "Enabled",
    "IndexTuning": "Disabled",
    "OfferRestricted": "Disabled",
    "OnlineResize": "Enabled",
    "StorageAutoGrowth": "Enabled",
    "ZoneRedundantHa": "Enabled",
    "ZoneRedundantHaAndGeoBackup": "Enabled",
}


def list_capabilities(world: World, call: Call) -> Response:
    """What a region offers, or what an existing server can become: one entry."""
    if "server" in call.at:
        require_group(world, call.at["sub"], call.at["group"])
        if world.get(call.path.rpartition("/")[0]) is None:
            raise resource_not_found(f"{SERVER}/{call.at['server']}", call.at["group"])
    else:
        require_subscription(world, call.at["sub"])
    entry = {
        "name": "FlexibleServerCapabilities",
        "supportedServerEditions": [_edition(name) for name in SIZES],
        "supportedServerVersions": [_version(name) for name in VERSIONS],
        "supportedFeatures": _features(),
        "fastProvisioningSupported": FEATURES["FastProvisioning"],
        "supportedFastProvisioningEditions": [],
        "geoBackupSupported": FEATURES["GeoBackup"],
        "zoneRedundantHaSupported": FEATURES["ZoneRedundantHa"],
        "zoneRedundantHaAndGeoBackupSupported": FEATURES["ZoneRedundantHaAndGeoBackup"],
        "storageAutoGrowthSupported": FEATURES["StorageAutoGrowth"],
        "onlineResizeSupported": FEATURES["OnlineResize"],
        "restricted": FEATURES["OfferRestricted"],
    }
    return json_response(200, {"value": [entry]})


def check_name(world: World, call: Call) -> Response:
    """Whether a name of a server is free: it must be the only one of all Azure, here of all subscriptions."""
    require_subscription(world, call.at["sub"])
    name = str(call.body.get("name") or "")
    is_taken = any(name.lower() == str(server.body["name"]).lower() for server in world.of_type(SERVER))
    answer: Json = {"name": name, "type": call.body.get("type"), "nameAvailable": not is_taken, "message": ""}
    if is_taken:
        answer |= {"reason": "AlreadyExists", "message": f"Specified server name '{name}' is already used."}
    return json_response(200, answer)


def private_dns_zone_suffix(world: World, call: Call) -> Response:  # noqa: ARG001 - every handler has this form
    """The end of the names of private DNS zones: a JSON text."""
    return json_response(200, DNS_ZONE_SUFFIX)


def _edition(name: str) -> Json:
    usual, sizes = SIZES[name]
    return {
        "name": name,
        "defaultSkuName": usual,
        "supportedStorageEditions": [
            {"name": "ManagedDisk", "defaultStorageSizeMb": DISKS[0][0] * 1024, "supportedStorageMb": _disks()}
        ],
        "supportedServerSkus": [_size(sku, *numbers) for sku, numbers in sizes.items()],
    }


def _disks() -> list[Json]:
    return [
        {
            "storageSizeMb": size * 1024,
            "supportedIops": iops,
            "defaultIopsTier": tier,
            "supportedIopsTiers": [{"name": other, "iops": more} for _, other, more in DISKS[at:]],
        }
        for at, (size, tier, iops) in enumerate(DISKS)
    ]


def _size(name: str, cores: int, memory_mb: int) -> Json:
    is_burstable = name.startswith("Standard_B")
    return {
        "name": name,
        "vCores": cores,
        "supportedIops": 640 * cores if is_burstable else 1600 * cores,
        "supportedMemoryPerVcoreMb": memory_mb,
        "supportedZones": ZONES,
        "supportedHaMode": [] if is_burstable else ["SameZone", "ZoneRedundant"],
        "supportedFeatures": [],
    }


def _version(name: str) -> Json:
    later = list(VERSIONS[VERSIONS.index(name) + 1 :])
    return {"name": name, "supportedVersionsToUpgrade": later, "supportedFeatures": []}


def _features() -> list[Json]:
    return [{"name": name, "status": status} for name, status in FEATURES.items()]


_PROVIDER = "Microsoft.DBforPostgreSQL"
_SUB = f"/subscriptions/{{sub}}/providers/{_PROVIDER}"
_ONE = f"/subscriptions/{{sub}}/resourceGroups/{{group}}/providers/{SERVER}/{{server}}"
CATALOGUE_ROUTES = (
    Route(
        "GET",
        f"{_SUB}/locations/{{location}}/capabilities",
        f"{_PROVIDER}/locations/capabilities/read",
        list_capabilities,
    ),
    Route("GET", f"{_ONE}/capabilities", f"{SERVER}/capabilities/read", list_capabilities),
    Route("POST", f"{_SUB}/checkNameAvailability", f"{_PROVIDER}/checkNameAvailability/action", check_name),
    Route(
        "POST",
        f"{_SUB}/locations/{{location}}/checkNameAvailability",
        f"{_PROVIDER}/locations/checkNameAvailability/action",
        check_name,
    ),
    Route(
        "POST",
        f"/providers/{_PROVIDER}/getPrivateDnsZoneSuffix",
        f"{_PROVIDER}/getPrivateDnsZoneSuffix/action",
        private_dns_zone_suffix,
    ),
)
