"""What a flexible server looks like, and how long its operations take. Data and shapes; it changes no world.

**Source**: `pg-server-mgmt` and `pg-server-update-failed` (members at 2024-11-01-preview).
"""

from datetime import datetime, timedelta

from simulator.wire import Json, stamp

LATENCIES_S = {
    "create": (184.0, 223.0, 341.0),
    "create zone redundant": (438.0, 543.0, 545.0),
    "restore": (243.0, 273.0, 303.0),
    "update": (55.0, 58.0, 61.0),
    "scale": (243.0, 363.5, 484.0),
    "delete": (15.0, 47.0, 124.0),
    "restart": (61.0, 91.0, 121.0),
    "stop": (304.0, 334.0, 364.0),
    "start": (423.0, 453.0, 483.0),
    "firewall rule": (5.0, 32.5, 60.0),
    "refused": (1.0, 30.5, 60.0),
    "mistake": (0.0, 0.25, 0.5),
}
"""Seconds between acceptance and end: least, usual, most. **Source**: recorded times; in `pg-server-mgmt`, polled once
a minute, the longest is the poll that saw the end. Assumed: the least there, both for firewall rule and refused, and a
usual time in the middle where fewer than three were recorded."""

REGIONS = {
    "eastus": "East US",
    "eastus2": "East US 2",
    "eastus2euap": "East US 2 EUAP",
    "centraluseuap": "Central US EUAP",
    "centralus": "Central US",
    "northcentralus": "North Central US",
    "southcentralus": "South Central US",
    "westus": "West US",
    "westus2": "West US 2",
    "westus3": "West US 3",
    "canadacentral": "Canada Central",
    "brazilsouth": "Brazil South",
    "northeurope": "North Europe",
    "westeurope": "West Europe",
    "uksouth": "UK South",
    "ukwest": "UK West",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "swedencentral": "Sweden Central",
    "norwayeast": "Norway East",
    "switzerlandnorth": "Switzerland North",
    "italynorth": "Italy North",
    "polandcentral": "Poland Central",
    "uaenorth": "UAE North",
    "southafricanorth": "South Africa North",
    "centralindia": "Central India",
    "southeastasia": "Southeast Asia",
    "eastasia": "East Asia",
    "japaneast": "Japan East",
    "koreacentral": "Korea Central",
    "australiaeast": "Australia East",
}
"""Regions and the display names that the provider answers with."""

DISKS = {
    32: ("P4", 120),
    64: ("P6", 240),
    128: ("P10", 500),
    256: ("P15", 1100),
    512: ("P20", 2300),
    1024: ("P30", 5000),
    2048: ("P40", 7500),
    4096: ("P50", 7500),
    8192: ("P60", 16000),
    16384: ("P70", 18000),
}
"""Tier and IOPS by size in GB. **Source**: `pg-server-mgmt` for 128 and 256; Microsoft's table of premium disks."""

SKU_TIERS = {"Standard_B": "Burstable", "Standard_D": "GeneralPurpose", "Standard_E": "MemoryOptimized"}
FIRST_BACKUP = timedelta(
    minutes=8
)  # 5.8 to 8.7 minutes after the request: `pg-server-mgmt`, `pg-server-504-gatewaytimeout`
PROMISED_UNTIL = "2024-01-01"
STORAGE = {"type": "", "iops": 500, "tier": "P10", "storageSizeGB": 128, "autoGrow": "Disabled"}
WRITE_ONLY = ("administratorLoginPassword", "createMode", "pointInTimeUTC", "sourceServerResourceId")
RESTORING = ("PointInTimeRestore", "GeoRestore", "ReviveDropped")
SHOWN_SINCE = {
    ("storage", "autoGrow"): "2023-03-01",
    **{("storage", name): "2023-06-01" for name in ("type", "iops", "tier")},
    ("", "replica"): "2023-06-01",
    ("", "privateEndpointConnections"): "2023-12-01",
}
"""Properties that an older api-version does not know. **Source**: `aso-pg-flexibleserver-20221201`, the recordings of
2023 and `pg-server-mgmt`; OpenAPI 2023-12-01-preview for the last one."""


def region_of(location: str) -> str:
    """A region's id ("eastus"), from the id or the display name."""
    return location.replace(" ", "").lower()


def display_name(location: str) -> str:
    """What the provider calls a region ("East US")."""
    return REGIONS.get(region_of(location), location)


def new_server(server_id: str, request: Json, source: Json | None, now: datetime) -> Json:
    """The body of a server that is being provisioned.

    source: the body of the server that this one is a replica or a restored copy of. Members that the caller leaves out
    get the values seen in recordings. Assumed: a replica takes over from its source what it does not state.
    """
    given: Json = request.get("properties") or {}
    origin = source or {}
    body = {
        "sku": request.get("sku") or origin.get("sku") or {"name": "Standard_D2s_v3", "tier": "GeneralPurpose"},
        "systemData": {"createdAt": stamp(now)},
        "properties": _new_properties(server_id.rpartition("/")[2], given, origin.get("properties") or {}, now),
        "location": display_name(request.get("location") or origin.get("location", "")),
        **_tags(request, origin),
        "id": server_id,
        "name": server_id.rpartition("/")[2],
        "type": "Microsoft.DBforPostgreSQL/flexibleServers",
    }
    return body | ({"identity": request["identity"]} if request.get("identity") else {})


def _tags(request: Json, origin: Json) -> Json:
    """The tags, if any were ever given; a restored server takes over those of its source (`pg-server-mgmt`)."""
    tags = request.get("tags") or origin.get("tags")
    return {"tags": tags} if tags else {}


def shown(body: Json, api_version: str, now: datetime) -> Json:
    """The server as an api-version shows it.

    The earliest restore date is there once the first backup is; older api-versions show it before (the recordings of
    2022 and 2023). Assumed: since which api-version it is so.
    """
    properties = dict(body["properties"])
    backup: Json = properties["backup"]
    if api_version >= PROMISED_UNTIL and datetime.fromisoformat(backup["earliestRestoreDate"]) > now:
        properties["backup"] = {name: value for name, value in backup.items() if name != "earliestRestoreDate"}
    for (parent, name), since in SHOWN_SINCE.items():
        if api_version >= since:
            continue
        if parent:
            properties[parent] = {key: value for key, value in properties[parent].items() if key != name}
        else:
            properties.pop(name, None)
    return body | {"properties": properties}


def _new_properties(name: str, given: Json, origin: Json, now: datetime) -> Json:
    is_replica = given.get("createMode") == "Replica"
    role, capacity = ("AsyncReplica", 0) if is_replica else ("Primary", 5)
    earliest = stamp(now + FIRST_BACKUP)[:-1] + "+00:00"
    known = {
        "replica": {"role": role, "capacity": capacity} | ({"replicationState": "Active"} if is_replica else {}),
        "storage": STORAGE | origin.get("storage", {}),
        "network": {"publicNetworkAccess": "Enabled"},
        "privateEndpointConnections": [],
        "dataEncryption": {"type": "SystemManaged"},
        "authConfig": {"activeDirectoryAuth": "Disabled", "passwordAuth": "Enabled"},
        "fullyQualifiedDomainName": f"{name}.postgres.database.azure.com",
        "version": origin.get("version", "16"),
        "minorVersion": "4",
        "administratorLogin": origin.get("administratorLogin"),
        "state": "Provisioning",
        "availabilityZone": "1",
        "backup": {"backupRetentionDays": 7, "geoRedundantBackup": "Disabled", "earliestRestoreDate": earliest},
        "highAvailability": {"mode": "Disabled", "state": "NotEnabled"},
        "maintenanceWindow": {"customWindow": "Disabled", "dayOfWeek": 0, "startHour": 0, "startMinute": 0},
        "replicationRole": role,
        "replicaCapacity": capacity,
    }
    properties = _settled(_merged(known, given))
    if given.get("createMode") in RESTORING and origin:
        kept = ("backupRetentionDays", "geoRedundantBackup")
        properties["backup"] |= {name: origin["backup"][name] for name in kept}
    source_id = {"sourceServerResourceId": given.get("sourceServerResourceId")} if is_replica else {}
    return properties | source_id


def _settled(properties: Json) -> Json:
    """What follows from other members: disks by their size, the standby of a pair, one spelling of a switch."""
    storage, window, pair = (properties[name] for name in ("storage", "maintenanceWindow", "highAvailability"))
    tier, iops = DISKS.get(storage["storageSizeGB"], (storage["tier"], storage["iops"]))
    properties["storage"] = storage | {"tier": tier, "iops": iops}
    properties["maintenanceWindow"] = window | {"customWindow": str(window["customWindow"]).capitalize()}
    if pair["mode"] != "Disabled":
        zone = "1" if pair["mode"] == "SameZone" else "2"  # Assumed: which zone, where the request names none.
        properties["highAvailability"] = {"standbyAvailabilityZone": zone} | pair | {"state": "Healthy"}
    return properties


def mistake(body: Json) -> Json | None:
    """What the service finds wrong with a server as it would be after an update (`pg-server-update-failed`)."""
    sku: Json = body["sku"]
    tier = next((tier for prefix, tier in SKU_TIERS.items() if str(sku.get("name")).startswith(prefix)), None)
    if tier and tier.lower() != str(sku.get("tier", tier)).lower():
        where = "azure/postgresql/flexible-server/concepts-compute-storage#compute-tiers-vcores-and-server-types"
        message = (
            "The requested server edition is incompatible with requested Sku Size. "
            f"Please refer https://learn.microsoft.com/en-us/{where}."
        )
        return {"code": "ServerEditionIncompatibleWithSkuSize", "message": message}
    if tier == "Burstable" and body["properties"]["highAvailability"]["mode"] != "Disabled":
        message = f"High availiability not supported for burstable server [{body['name']}]."  # spelt so
        return {"code": "", "message": message}
    return None


def _merged(known: Json, given: Json) -> Json:
    """Members laid over others one level deep, without what is only written; empty texts and nulls change nothing."""
    merged = dict(known)
    for name, value in given.items():
        if name in WRITE_ONLY or value in ("", None):
            continue
        before = merged.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[name] = before | {member: each for member, each in value.items() if each not in ("", None)}
        else:
            merged[name] = value
    return merged


def changed_server(body: Json, request: Json) -> Json:
    """The body after an update: tags are replaced, properties merged one level deep. Assumed: as ARM's PATCH does."""
    changed = body | {"properties": _settled(_merged(body["properties"], request.get("properties") or {}))}
    return changed | {name: request[name] for name in ("tags", "sku", "identity") if request.get(name) is not None}


def update_kind(body: Json, request: Json) -> str:
    """Whether an update is small, or scales compute or storage (which takes minutes)."""
    changed = changed_server(body, request)
    sizes = [(each["sku"].get("name"), each["properties"]["storage"].get("storageSizeGB")) for each in (body, changed)]
    return "update" if sizes[0] == sizes[1] else "scale"
