"""The app's settings: environment variables in Azure, read once at the outermost edge and passed on as a value."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.core import resource_id


class BadSettings(Exception):
    """The app cannot start with these settings; the message lists every problem, each with what is valid."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where everything is. Endpoints are settings because sovereign clouds have their own.

    subscriptions: lower-case ids of the subscriptions whose servers are managed; events about others are dropped.
    management_groups: names; the sweep looks after every subscription below them, instead of `subscriptions` alone.
    queue_endpoint, table_endpoint: https://{account}.queue.core.windows.net and …table….
    blob_endpoint: https://{account}.blob.core.windows.net, for the sweep's snapshots; "" keeps none.
    alert_topic: endpoint of the Event Grid custom topic for alerts; "" sends alerts to the log alone.
    client_id: of a user-assigned identity; "" uses the system-assigned one.
    vault_identities: lower-case principal ids of vaults that may be used although only a tag says so.
    delivery: how events come in: "function", or "storage_queue" for an app that Event Grid cannot call.
    channels: addresses and keys of alert channels, by the names of their variables; secrets, so they are not shown.
    status_access: who may see the status page: who has a function key, who is signed in to Entra, or anybody.
    evidence_container: where the evidence of each day is kept, a container of the same account; "" keeps none.
    """

    subscriptions: frozenset[str]
    queue_endpoint: str
    table_endpoint: str
    alert_topic: str = ""
    blob_endpoint: str = ""
    client_id: str = ""
    vault_identities: frozenset[str] = frozenset()
    management_groups: frozenset[str] = frozenset()
    channels: Mapping[str, str] = field(default_factory=dict, repr=False)
    rules_path: Path = field(default=Path("rules.yaml"))
    status_access: str = "key"
    evidence_container: str = ""
    arm_endpoint: str = "https://management.azure.com"
    arm_scope: str = "https://management.azure.com/.default"
    storage_scope: str = "https://storage.azure.com/.default"
    delivery: str = "function"


# Environment variable of each setting. The storage ones are those that the Functions host itself needs for
# identity-based connections, so that an app has one truth about its storage account.
VARIABLES: dict[str, str] = {
    "subscriptions": "FLEXGUARD_SUBSCRIPTIONS",
    "management_groups": "FLEXGUARD_MANAGEMENT_GROUPS",
    "queue_endpoint": "AzureWebJobsStorage__queueServiceUri",
    "table_endpoint": "AzureWebJobsStorage__tableServiceUri",
    "blob_endpoint": "AzureWebJobsStorage__blobServiceUri",
    "alert_topic": "FLEXGUARD_ALERT_TOPIC",
    "client_id": "AZURE_CLIENT_ID",
    "vault_identities": "FLEXGUARD_VAULT_IDENTITIES",
    "rules_path": "FLEXGUARD_RULES",
    "status_access": "FLEXGUARD_STATUS_ACCESS",
    "evidence_container": "FLEXGUARD_EVIDENCE_CONTAINER",
    "arm_endpoint": "FLEXGUARD_ARM_ENDPOINT",
    "arm_scope": "FLEXGUARD_ARM_SCOPE",
    "storage_scope": "FLEXGUARD_STORAGE_SCOPE",
    "delivery": "FLEXGUARD_DELIVERY",
}
CHANNELS = "FLEXGUARD_CHANNEL_"  # what the variables of alert channels begin with; which there are, the rules say
ACCESS = ("key", "entra", "anonymous")
REQUIRED = ("subscriptions", "queue_endpoint", "table_endpoint")
_GUIDS = {"subscriptions": "subscription ids", "vault_identities": "principal ids of vaults"}
_LISTS = (*_GUIDS, "management_groups")
DELIVERIES = ("function", "storage_queue")
_ENDPOINTS = ("queue_endpoint", "table_endpoint", "blob_endpoint", "alert_topic", "arm_endpoint")
# Source: naming rules of blob containers.
_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")


def read_settings(environment: Mapping[str, str], folder: Path, required: Sequence[str] = REQUIRED) -> Settings:
    """Read the settings from the environment; paths are below `folder`. Raises BadSettings with all problems.

    required: what must be there; the command line does with less than the app.
    """
    found = {name: environment.get(variable, "").strip() for name, variable in VARIABLES.items()}
    problems = [f"{VARIABLES[name]} is missing" for name in required if not found[name]]
    problems += [
        f"{VARIABLES[name]} is {found[name]!r}; valid is an https:// address"
        for name in _ENDPOINTS
        if found[name] and not found[name].startswith("https://")
    ]
    if found["delivery"] and found["delivery"] not in DELIVERIES:
        problems.append(f"{VARIABLES['delivery']} is {found['delivery']!r}; valid: {', '.join(DELIVERIES)}")
    if found["evidence_container"] and not _CONTAINER.fullmatch(found["evidence_container"]):
        name = f"{VARIABLES['evidence_container']} is {found['evidence_container']!r}"
        problems.append(f"{name}; valid is the name of a container: 3 to 63 small letters, digits and hyphens")
    listed = {name: frozenset(re.split(r"[,\s]+", found[name].lower())) - {""} for name in _LISTS}
    if found["subscriptions"] and not listed["subscriptions"]:
        problems.append(f"{VARIABLES['subscriptions']} names no subscription")
    problems += [
        f"{VARIABLES[name]} has {guid!r}; valid are {what}, comma-separated"
        for name, what in _GUIDS.items()
        for guid in sorted(listed[name])
        if not resource_id.is_guid(guid)
    ]
    if found["status_access"] not in ("", *ACCESS):
        problems.append(f"{VARIABLES['status_access']} is {found['status_access']!r}; valid: {', '.join(ACCESS)}")
    if problems:
        raise BadSettings("\n".join(problems))
    given = dict.fromkeys(REQUIRED, "") | {name: value for name, value in found.items() if value}
    given = {name: value for name, value in given.items() if name not in (*_LISTS, "rules_path")}
    path = folder / (found["rules_path"] or "rules.yaml")
    subscriptions, identities, groups = (listed[name] for name in _LISTS)
    channels = {name: text.strip() for name, text in environment.items() if name.startswith(CHANNELS) and text.strip()}
    return Settings(
        subscriptions=subscriptions,
        vault_identities=identities,
        management_groups=groups,
        channels=channels,
        rules_path=path,
        **given,
    )
