"""What a flexible server looks like, and how long its operations take. Data and shapes; it changes no world.

**Source**: `pg-server-mgmt` and `pg-server-update-failed` (members at 2024-11-01-preview).
"""

from datetime import datetime, timedelta

from simulator.wire import Json, stamp

LATENCIES_S = {
    "create": (184.0, 341.0),
    "create zone redundant": (438.0, 545.0),
    "restore": (243.0, 303.0),
    "update": (55.0, 61.0),
    "scale": (243.0, 484.0),
    "delete": (15.0, 124.0),
    "restart": (61.0, 121.0),
    "stop": (304.0, 364.0),
    "start": (423.0, 483.0),
    "firewall rule": (5.0, 60.0),
    "refused": (1.0, 60.0),
}
"""Seconds between acceptance and end. **Source**: recorded times; in `pg-server-mgmt`, polled once a minute, the longer
one is the poll that saw the end. Assumed: the shorter one there, and both for firewall rule and refused."""

REGIONS = {
    "eastus": "East US",
    "eastus2": "East US 2",
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

STORAGE = {"type": "", "iops": 500, "tier": "P10", "storageSizeGB": 128, "autoGrow": "Disabled"}
WRITE_ONLY = ("administratorLoginPassword", "createMode", "pointInTimeUTC", "sourceServerResourceId")
RESTORING = ("PointInTimeRestore", "GeoRestore", "ReviveDropped")


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
        "tags": request.get("tags") or {},
        "id": server_id,
        "name": server_id.rpartition("/")[2],
        "type": "Microsoft.DBforPostgreSQL/flexibleServers",
    }
    return body | ({"identity": request["identity"]} if request.get("identity") else {})


def _new_properties(name: str, given: Json, origin: Json, now: datetime) -> Json:
    is_replica = given.get("createMode") == "Replica"
    role, capacity = ("AsyncReplica", 0) if is_replica else ("Primary", 5)
    earliest = stamp(now + timedelta(minutes=10))[:-1] + "+00:00"
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
    properties = _merged(known, given)
    if properties["highAvailability"]["mode"] != "Disabled":
        properties["highAvailability"]["state"] = "Healthy"
    source_id = {"sourceServerResourceId": given.get("sourceServerResourceId")} if is_replica else {}
    return properties | source_id


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
    changed = body | {"properties": _merged(body["properties"], request.get("properties") or {})}
    return changed | {name: request[name] for name in ("tags", "sku", "identity") if request.get(name) is not None}


def update_kind(body: Json, request: Json) -> str:
    """Whether an update is small, or scales compute or storage (which takes minutes)."""
    changed = changed_server(body, request)
    sizes = [(each["sku"].get("name"), each["properties"]["storage"].get("storageSizeGB")) for each in (body, changed)]
    return "update" if sizes[0] == sizes[1] else "scale"
