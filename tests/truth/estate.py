"""What was there before a recording began? Read from what its exchanges mention, touch and show.

A thing was there when the first exchange that touches it neither makes it nor misses it. It asks nobody and makes
nothing: `scene.py` does.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.truth.recording import Exchange, Json

SUBSCRIPTION = re.compile(r"(?i)/subscriptions/([^/?\"'\s\\]+)")
GROUP = re.compile(r"(?i)/subscriptions/([^/?\"'\s\\]+)/resourceGroups/([^/?\"'\s\\]+)")
_IN_GROUP = r"(?i)/subscriptions/[^/?\"'\s\\]+/resourceGroups/[^/?\"'\s\\]+/providers"
VAULT = re.compile(_IN_GROUP + r"/Microsoft\.DataProtection/backupVaults/[^/?\"'\s\\]+")
POLICY = re.compile(VAULT.pattern + r"/backupPolicies/[^/?\"'\s\\]+")
INSTANCE = re.compile(VAULT.pattern + r"/backupInstances/[^/?\"'\s\\]+")
SERVER = re.compile(_IN_GROUP + r"/Microsoft\.DBforPostgreSQL/flexibleServers/[^/?\"'\s\\]+")
DISK = "Microsoft.Compute/disks"
FLEXIBLE = "Microsoft.DBforPostgreSQL/flexibleServers"
MOST_INSTANCES = 3  # of a list that is only looked at


@dataclass(frozen=True)
class Estate:
    """The exchanges of a recording, asked for what they presuppose."""

    exchanges: list[Exchange]

    def subscriptions(self) -> list[str]:
        return list(dict.fromkeys(found[1] for text in self._texts() for found in SUBSCRIPTION.finditer(text)))

    def groups(self) -> dict[str, str]:
        """Group ids and their regions."""
        ids = {found[0].lower(): found[0] for text in self._texts() for found in GROUP.finditer(text)}
        return {group: self.region() for key, group in ids.items() if not self._missed(key)}

    def vaults(self) -> dict[str, Json]:
        """Ids of vaults that were there, and the requests that make them."""
        return {vault: self._vault_request(vault) for vault in self._there(VAULT)}

    def policies(self) -> dict[str, Json]:
        """Ids of policies that were there; the body as recorded, {} where none was."""
        found = {policy: self.known(policy) or {} for policy in self._there(POLICY)}
        without = [vault for vault in self._there(VAULT) if not any(key.startswith(f"{vault}/") for key in found)]
        return found | {f"{vault}/backupPolicies/{self._policy_name()}": {} for vault in without}

    def servers(self) -> list[str]:
        return list(self._there(SERVER))

    def instances(self) -> dict[str, Json]:
        """Ids of instances that were there, and their properties as far as they are told."""
        there = self._there(INSTANCE)
        touched = {key for key in there if self._first(key) or self._below(key)}
        wanted = [key for key in there if key in touched] + [key for key in there if key not in touched][
            :MOST_INSTANCES
        ]
        told = {key: self._instance_properties(key) for key in wanted}
        return {key: properties for key, properties in told.items() if properties}

    def jobs(self) -> list[Json]:
        """The jobs that the recording shows, as their properties."""
        return [each["properties"] for each in self._shown() if "/backupjobs/" in str(each.get("id", "")).lower()]

    def rule_name(self) -> str:
        """The rule that on-demand backups name."""
        asked = [each.request_body for each in self.exchanges if each.path.endswith("/backup") and each.request_body]
        return str(asked[0]["backupRuleOptions"]["ruleName"]) if asked else "BackupWeekly"

    def assignments(self) -> list[Json]:
        """Role assignments that lists show and nobody makes."""
        made = {each.path.lower() for each in self.exchanges if each.method == "PUT"}
        shown = {str(each.get("id", "")).lower(): each for each in self._shown()}
        return [each for key, each in shown.items() if "/roleassignments/" in key and key not in made]

    def role(self, guid: str) -> Json:
        """The properties of a role definition, {} when none was shown."""
        shown = (each["properties"] for each in self._shown() if str(each.get("id", "")).endswith(guid))
        return next((each for each in shown if "roleName" in each), {})

    def lacks_roles(self) -> bool:
        """Whether a vault's identity was refused something for a role that it did not have."""
        text = json.dumps([each.body for each in self.exchanges])
        return "ermissionsNotPresent" in text or "UserErrorMissingRequiredPermissions" in text or "MissingMSI" in text

    def needs_history(self) -> bool:
        """Whether jobs or recovery points are looked at that no exchange makes."""
        looks = [place for place, each in enumerate(self.exchanges) if self._looks_back(each)]
        made = [place for place, each in enumerate(self.exchanges) if each.path.endswith("/backup")]
        return bool(looks) and (not made or looks[0] < made[0])

    def region(self) -> str:
        """The region that the exchanges are about."""
        for text in self._texts():
            if found := re.search(r"(?i)/locations/(\w+)/operation", text):
                return found[1]
        for text in self._texts():
            if found := re.search(r"\"(?:resourceLocation|location|dataSourceLocation)\": \"(\w[\w ]+)\"", text):
                return found[1].replace(" ", "").lower()
        return "eastus"

    # -- looking -----------------------------------------------------------------------------------------------

    def _texts(self) -> Iterator[str]:
        for each in self.exchanges:
            yield each.path
            yield json.dumps(each.request_body)
            yield json.dumps([each.body, each.headers.get("location", "")])

    def _there(self, pattern: re.Pattern[str]) -> dict[str, str]:
        """Ids that match, in the casing in which they are shown, unless the first exchange says it was not there."""
        ids: dict[str, str] = {}
        texts = list(self._texts())
        own = [job for text in texts for job in re.findall(r'"jobId": "([^"]+)"', text)]  # written as the vault's id is
        for text in (*own, *texts):
            for found in pattern.finditer(text):
                ids.setdefault(found[0].lower(), found[0])
        shown = {str(each.get("id", "")).lower(): str(each["id"]) for each in self._shown() if each.get("id")}
        return {shown.get(key, known): "" for key, known in ids.items() if self._was_there(key)}

    def _was_there(self, key: str) -> bool:
        if (group := GROUP.match(key)) and self._missed(group[0]):
            return False
        first, below = self._first(key), self._below(key)
        if first is None or (below and self.exchanges.index(below) < self.exchanges.index(first)):
            return True
        if first.method == "PUT":
            body = first.body or {}
            state = (body.get("properties") or {}).get("provisioningState")
            return VAULT.fullmatch(key) is not None and state != "Provisioning"
        return first.status < 300 and first.status != 204

    def _first(self, key: str) -> Exchange | None:
        return next((each for each in self.exchanges if each.path.lower() == key), None)

    def _below(self, key: str) -> Exchange | None:
        """The first exchange that presupposes the thing: something below it that goes well."""
        below = (each for each in self.exchanges if each.path.lower().startswith(f"{key}/"))
        return next((each for each in below if each.status < 300 and "operation" not in each.path.lower()), None)

    def _missed(self, group: str) -> bool:
        inside = [each for each in self.exchanges if f"{each.path.lower()}/".startswith(f"{group}/")]
        return bool(inside) and inside[0].code == "ResourceGroupNotFound"

    def _looks_back(self, exchange: Exchange) -> bool:
        path = exchange.path.lower()
        return exchange.method == "GET" and ("/backupjobs" in path or "/recoverypoints" in path)

    def _shown(self) -> Iterator[Json]:
        """Every resource in an answer, also in lists."""
        for each in self.exchanges:
            if isinstance(each.body, dict) and each.status < 300:
                listed = each.body.get("value") or each.body.get("data")
                for item in listed if isinstance(listed, list) else [each.body]:
                    if isinstance(item, dict) and isinstance(item.get("properties"), dict):
                        yield item

    def known(self, resource_id: str) -> Json | None:
        """The first body that is shown of a resource."""
        key = resource_id.lower()
        return next((each for each in self._shown() if str(each.get("id", "")).lower() == key), None)

    def _vault_request(self, vault: str) -> Json:
        known: dict[str, Any] = self.known(vault) or {}
        identity = known.get("identity") or {"type": "SystemAssigned"}
        users: Json = {"userAssignedIdentities": {name: {} for name in identity.get("userAssignedIdentities") or {}}}
        asked = {"type": identity["type"], **(users if users["userAssignedIdentities"] else {})}
        usual: Json = {"storageSettings": [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]}
        if not known and self._shows_deleted(vault):
            usual["securitySettings"] = {"softDeleteSettings": {"state": "On", "retentionDurationInDays": 14.0}}
        request = {"location": known.get("location") or self.region(), "identity": asked}
        request["properties"] = known.get("properties") or usual
        if known and "identity" not in known:
            del request["identity"]
        return request | ({"tags": known["tags"]} if "tags" in known else {})

    def _shows_deleted(self, vault: str) -> bool:
        """Whether soft-deleted instances are seen in a vault."""
        below = f"{vault.lower()}/deletedbackupinstances"
        found = [each.body for each in self.exchanges if each.path.lower().startswith(below) and each.status < 300]
        return any("SoftDeleted" in json.dumps(body) for body in found)

    def _instance_properties(self, instance: str) -> Json:
        known = self.known(instance)
        if known:
            return known["properties"]
        for job in self.jobs():
            if str(job.get("backupInstanceId", "")).lower() == instance.lower():
                return properties_of(job["dataSourceId"], job["dataSourceType"], job["policyId"], self.region())
        if not self._below(instance.lower()):
            return {}
        name, group = instance.rpartition("/")[2], "/".join(instance.split("/")[:5])
        below = f"{instance.lower().partition('/backupinstances/')[0]}/"
        policy = next(each for each in self.policies() if each.lower().startswith(below))
        return properties_of(f"{group}/providers/{DISK}/{name}", DISK, policy, self.region())

    def _policy_name(self) -> str:
        """The policy that recovery points name."""
        found = (each["properties"].get("policyName") for each in self._shown())
        return next((str(name) for name in found if name), "policy")

    def store(self) -> str:
        """Where a policy of which nothing is known keeps its points."""
        text = "".join(self._texts())
        found = re.search(r'"(?:type|dataStoreType)": "(OperationalStore|VaultStore)"', text)
        return found[1] if found else "VaultStore"


def properties_of(source: str, kind: str, policy: str, region: str) -> Json:
    """The properties of an instance of which only the datasource is known."""
    name = source.rpartition("/")[2]
    info = {
        "objectType": "Datasource",
        "resourceID": source,
        "resourceName": name,
        "resourceType": kind,
        "datasourceType": kind,
        "resourceUri": source,
        "resourceLocation": region,
    }
    whole = {"friendlyName": name, "dataSourceInfo": info, "policyInfo": {"policyId": policy}}
    return whole | {"objectType": "BackupInstance"}
