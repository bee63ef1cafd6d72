"""The app's settings: environment variables in Azure, read once at the outermost edge and passed on as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.core import resource_id


class BadSettings(Exception):
    """The app cannot start with these settings; the message lists every problem, each with what is valid."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where everything is. Endpoints are settings because sovereign clouds have their own.

    subscriptions: lower-case ids of the subscriptions whose servers are managed; events about others are dropped.
    queue_endpoint, table_endpoint: https://{account}.queue.core.windows.net and …table….
    alert_topic: endpoint of the Event Grid custom topic for alerts; "" sends alerts to the log alone.
    client_id: of a user-assigned identity; "" uses the system-assigned one.
    """

    subscriptions: frozenset[str]
    queue_endpoint: str
    table_endpoint: str
    alert_topic: str = ""
    client_id: str = ""
    rules_path: Path = field(default=Path("rules.yaml"))
    arm_endpoint: str = "https://management.azure.com"
    arm_scope: str = "https://management.azure.com/.default"
    storage_scope: str = "https://storage.azure.com/.default"


# Environment variable of each setting. The storage ones are those that the Functions host itself needs for
# identity-based connections, so that an app has one truth about its storage account.
VARIABLES: dict[str, str] = {
    "subscriptions": "FLEXGUARD_SUBSCRIPTIONS",
    "queue_endpoint": "AzureWebJobsStorage__queueServiceUri",
    "table_endpoint": "AzureWebJobsStorage__tableServiceUri",
    "alert_topic": "FLEXGUARD_ALERT_TOPIC",
    "client_id": "AZURE_CLIENT_ID",
    "rules_path": "FLEXGUARD_RULES",
    "arm_endpoint": "FLEXGUARD_ARM_ENDPOINT",
    "arm_scope": "FLEXGUARD_ARM_SCOPE",
    "storage_scope": "FLEXGUARD_STORAGE_SCOPE",
}
_REQUIRED = ("subscriptions", "queue_endpoint", "table_endpoint")
_ENDPOINTS = ("queue_endpoint", "table_endpoint", "alert_topic", "arm_endpoint")


def read_settings(environment: Mapping[str, str], folder: Path) -> Settings:
    """Read the settings from the environment; paths are below `folder`. Raises BadSettings with all problems."""
    found = {name: environment.get(variable, "").strip() for name, variable in VARIABLES.items()}
    problems = [f"{VARIABLES[name]} is missing" for name in _REQUIRED if not found[name]]
    problems += [
        f"{VARIABLES[name]} is {found[name]!r}; valid is an https:// address"
        for name in _ENDPOINTS
        if found[name] and not found[name].startswith("https://")
    ]
    subscriptions = frozenset(part.strip().lower() for part in found["subscriptions"].split(",") if part.strip())
    if found["subscriptions"] and not subscriptions:
        problems.append(f"{VARIABLES['subscriptions']} names no subscription")
    problems += [
        f"{VARIABLES['subscriptions']} has {subscription!r}; valid are subscription ids, comma-separated"
        for subscription in sorted(subscriptions)
        if not resource_id.is_guid(subscription)
    ]
    if problems:
        raise BadSettings("\n".join(problems))
    given = {name: value for name, value in found.items() if value and name not in ("subscriptions", "rules_path")}
    path = folder / (found["rules_path"] or "rules.yaml")
    return Settings(subscriptions=subscriptions, rules_path=path, **given)
