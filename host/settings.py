"""What configures a host: app settings in the texts of triggers, host.json, local.settings.json. Pure.

**Source**: Microsoft, "host.json settings in Azure Functions 2.x and later" and "Code and test Azure Functions
locally" (local.settings.json); azure-webjobs-sdk `QueuesOptions.cs`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

SETTING = re.compile(r"%([^%]+)%")
LARGEST_BATCH = 32
SHORTEST_POLLING_S = 0.1
TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})")
LEVELS = ("Trace", "Debug", "Information", "Warning", "Error", "Critical", "None")


def resolve(text: str, settings: Mapping[str, str]) -> str:
    """A trigger's text with every %NAME% replaced. Raises ValueError for a setting that is not there."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in settings:
            msg = f"'%{match[1]}%' does not resolve to a value: no app setting is called {match[1]}"
            raise ValueError(msg)
        return settings[match[1]]

    return SETTING.sub(value, text)


@dataclass(frozen=True)
class QueueOptions:
    """How queue triggers take, repeat and give up messages.

    new_batch_threshold: more is taken only when no more than so many run. max_polling_interval_s: the longest wait
    between two looks at an empty queue.
    """

    batch_size: int = 16
    max_dequeue_count: int = 5
    visibility_timeout_s: int = 0
    base64: bool = True
    new_batch_threshold: int = 8
    max_polling_interval_s: float = 2.0

    @classmethod
    def read(cls, host_json: Mapping[str, Any]) -> "QueueOptions":
        """The options in `extensions.queues`. Raises ValueError for what the host would not start with.

        Two defaults depend on where a host runs; these are those of a development machine with one core: half a
        batch as threshold, and two seconds between looks (in Azure one minute).
        """
        section = host_json.get("extensions", {}).get("queues", {})
        encoding = str(section.get("messageEncoding", "base64")).lower()
        batch_size, attempts = int(section.get("batchSize", 16)), int(section.get("maxDequeueCount", 5))
        threshold = int(section.get("newBatchThreshold", batch_size // 2))
        in_range = 1 <= batch_size <= LARGEST_BATCH and attempts >= 1 and threshold >= 0
        if not in_range or encoding not in ("base64", "none"):
            msg = f"host.json, extensions.queues: {dict(section)} is out of range"
            raise ValueError(msg)
        pause_s = time_span_s(str(section.get("visibilityTimeout", "00:00:00")))
        longest_s = time_span_s(str(section.get("maxPollingInterval", "00:00:02")))
        if longest_s < SHORTEST_POLLING_S:
            msg = f"host.json, extensions.queues: maxPollingInterval must be at least {SHORTEST_POLLING_S} s"
            raise ValueError(msg)
        return cls(batch_size, attempts, pause_s, encoding == "base64", threshold, longest_s)


@dataclass(frozen=True)
class HostOptions:
    """Everything in host.json that this host plays.

    function_timeout_s: None lets a function run for ever. log_levels: least level by beginning of the category.
    """

    queues: QueueOptions = field(default_factory=QueueOptions)
    function_timeout_s: float | None = 1800.0
    route_prefix: str = "api"
    log_levels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, host_json: Mapping[str, Any]) -> "HostOptions":
        """The options in host.json. Raises ValueError with file, section and what is valid.

        Without functionTimeout a function has 30 minutes, as in the Flex Consumption plan.
        """
        if host_json.get("version") != "2.0":
            msg = f'host.json: version is {host_json.get("version")!r}; valid is "2.0"'
            raise ValueError(msg)
        text = str(host_json.get("functionTimeout", "00:30:00"))
        try:
            timeout_s = None if text == "-1" else float(time_span_s(text))
        except ValueError as mistake:
            msg = f"host.json, functionTimeout: {mistake}, or -1 for no limit"
            raise ValueError(msg) from mistake
        levels = host_json.get("logging", {}).get("logLevel", {})
        if unknown := [level for level in levels.values() if level not in LEVELS]:
            msg = f"host.json, logging.logLevel: {', '.join(map(repr, unknown))}; valid are {', '.join(LEVELS)}"
            raise ValueError(msg)
        prefix = str(host_json.get("extensions", {}).get("http", {}).get("routePrefix", "api")).strip("/")
        return cls(QueueOptions.read(host_json), timeout_s, prefix, levels)

    def shows(self, category: str, level: str) -> bool:
        """Whether a line of this category and level is written: the longest matching beginning decides."""
        found = max((key for key in self.log_levels if category.startswith(key)), key=len, default="default")
        return LEVELS.index(level) >= LEVELS.index(self.log_levels.get(found, "Information"))


def app_settings(local_settings: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """The app settings: the `Values` of local.settings.json, and over them the environment, which wins as in Azure.

    Raises ValueError for an encrypted file and for values that are no texts.
    """
    if local_settings.get("IsEncrypted"):
        msg = "local.settings.json is encrypted; run `func settings decrypt` and set IsEncrypted to false"
        raise ValueError(msg)
    values: dict[str, str] = local_settings.get("Values", {})
    if wrong := [name for name, value in values.items() if not isinstance(value, str)]:
        msg = f"local.settings.json, Values: {', '.join(wrong)} must be a text in quotation marks"
        raise ValueError(msg)
    here = {"FUNCTIONS_WORKER_RUNTIME": "python", "AZURE_FUNCTIONS_ENVIRONMENT": "Development"}
    return here | values | dict(environment)


def time_span_s(text: str) -> int:
    """Seconds of a .NET time span like "00:00:30" or "1.12:00:00". Raises ValueError for anything else."""
    match = TIME_SPAN.fullmatch(text)
    if not match:
        msg = f"{text!r} is no time span; write hours:minutes:seconds"
        raise ValueError(msg)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return int(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds())
