"""What configures a host: app settings in the texts of triggers, and the queue section of host.json. Pure.

**Source**: Microsoft, "host.json settings in Azure Functions 2.x and later"; azure-webjobs-sdk `QueuesOptions.cs`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

SETTING = re.compile(r"%([^%]+)%")
LARGEST_BATCH = 32
TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})")


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
    """How queue triggers take, repeat and give up messages."""

    batch_size: int = 16
    max_dequeue_count: int = 5
    visibility_timeout_s: int = 0
    base64: bool = True

    @classmethod
    def read(cls, host_json: Mapping[str, Any]) -> "QueueOptions":
        """The options in `extensions.queues`. Raises ValueError for what the host would not start with."""
        section = host_json.get("extensions", {}).get("queues", {})
        encoding = str(section.get("messageEncoding", "base64")).lower()
        batch_size, attempts = int(section.get("batchSize", 16)), int(section.get("maxDequeueCount", 5))
        if not 1 <= batch_size <= LARGEST_BATCH or attempts < 1 or encoding not in ("base64", "none"):
            msg = f"host.json, extensions.queues: {dict(section)} is out of range"
            raise ValueError(msg)
        pause_s = time_span_s(str(section.get("visibilityTimeout", "00:00:00")))
        return cls(batch_size, attempts, pause_s, encoding == "base64")


def time_span_s(text: str) -> int:
    """Seconds of a .NET time span like "00:00:30" or "1.12:00:00". Raises ValueError for anything else."""
    match = TIME_SPAN.fullmatch(text)
    if not match:
        msg = f"{text!r} is no time span; write hours:minutes:seconds"
        raise ValueError(msg)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return int(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds())
