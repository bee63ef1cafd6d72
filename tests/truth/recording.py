"""What was recorded: the exchanges of one recording, each with its moment, its operation and what state it shows.

It reads files and takes them apart; it knows no simulator but for the names of its operations.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from simulator import arm

Json = dict[str, Any]
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)  # for recorders that drop the Date header
PAUSE_S = 5  # between two exchanges without a Date; what takes longer is waited for


@dataclass(frozen=True)
class Exchange:
    """One request and the answer of the real Azure. `at` never lies before the exchange that precedes it."""

    recording: str
    n: int
    method: str
    url: str
    request_headers: dict[str, str]
    request_body: Any
    status: int
    headers: dict[str, str]
    body: Any
    at: datetime

    @cached_property
    def host(self) -> str:
        return (urlsplit(self.url).hostname or "").lower()

    @cached_property
    def path(self) -> str:
        return "/" + unquote(urlsplit(self.url).path).strip("/")

    @cached_property
    def code(self) -> str:
        return error_code(self.body)

    @cached_property
    def operation(self) -> str:
        """The operation as a row of the table names it: verb and type, "PUT backupVaults/backupInstances"."""
        if not self.host.startswith("management."):
            return f"{self.method} {self.host.partition('.')[2].partition('.')[2] or self.host}"
        found = arm.ROUTER.find(self.method, self.path)
        return f"{self.method} {_short(found[0].pattern if found else self.path)}"

    @property
    def keeps_retry_after(self) -> bool:
        """Whether the recorder kept Retry-After: that of the CLI's cassettes drops it."""
        return self.recording.startswith(("aso-", "ps-"))

    @cached_property
    def state(self) -> tuple[object, ...]:
        return state_of(self.status, self.body)


def read(file: Path) -> list[Exchange]:
    """The exchanges of a recording, in the order of the wire."""
    exchanges: list[Exchange] = []
    at = None
    for raw in json.loads(file.read_text(encoding="utf-8")):
        headers = {name.lower(): value for name, value in raw["response_headers"].items()}
        stated = parsedate_to_datetime(headers["date"]) if "date" in headers else None
        before = at or stated or BEGAN
        at = max(before, stated or before + timedelta(seconds=PAUSE_S))
        parts = (raw["method"], raw["url"], raw["request_headers"] or {}, raw["request_body"])
        exchanges.append(Exchange(file.stem, raw["n"], *parts, raw["status"], headers, raw["response_body"], at))
    return exchanges


def files(folder: Path) -> list[Path]:
    """The recordings of a folder of wire data, without their index."""
    return sorted(file for file in (folder / "recordings").glob("*.json") if file.name != "index.json")


def state_of(status: int, body: Any) -> tuple[object, ...]:
    """What an answer tells about progress: the members that a client waits for."""
    told = body if isinstance(body, dict) else {}
    properties = told.get("properties")
    inner = properties if isinstance(properties, dict) else {}
    members = (told.get("status"), *(inner.get(name) for name in ("status", "provisioningState", "state")))
    listed = _listed(told["value"]) if isinstance(told.get("value"), list) else None
    return (status, error_code(body), *members, inner.get("currentProtectionState"), listed)


def _listed(elements: list[Any]) -> object:
    """What a list tells about progress: whether it is empty, and the states of protected things in it."""
    told = [each.get("properties") for each in elements if isinstance(each, dict)]
    states = {each["currentProtectionState"] for each in told if each and "currentProtectionState" in each}
    return sorted(states) or bool(elements)


def error_code(body: Any) -> str:
    """The code of an error body, "" when there is none."""
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("code") or "") if isinstance(error, dict) else ""


def _short(pattern: str) -> str:
    """A path without scopes and providers: "backupVaults/backupInstances", "locations/operationResults"."""
    text = re.split(r"(?i)/providers/", pattern)[-1]
    parts = text.strip("/").split("/")
    if "providers" not in pattern.lower():
        parts = ["", *parts]
    kinds = [part for part in parts[1::2] if not part.startswith("{")]
    if not pattern.count("{"):  # no operation that is played: its path has names, of which the last is left out
        return "/".join(kinds) or parts[0]
    verb = parts[-1] if len(parts) % 2 and len(parts) > 1 and not parts[-1].startswith("{") else ""
    return "/".join([*kinds, *([verb] if verb and verb not in kinds else [])]) or parts[0]
