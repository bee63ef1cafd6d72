"""Which operations do Microsoft's OpenAPI documents name, and which of them are played here? Read and told.

It reads the documents as they are; what has to be converted before a tool understands them is in bundle.py.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from simulator import arm

Json = dict[str, Any]
VERBS = ("get", "put", "post", "patch", "delete", "head")
PUBLISHED = "/api/events"  # x-ms-paths of a topic name only what tells one overload from another
PUBLICATIONS = ("PublishEventGridEvents", "PublishCloudEventEvents")
SAMPLES = {
    "scope": "subscriptions/s/resourceGroups/g",
    "resourceId": "subscriptions/s/resourceGroups/g/providers/Microsoft.X/servers/n",
    "roleAssignmentId": "subscriptions/s/providers/Microsoft.Authorization/roleAssignments/n",
    "roleId": "subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/n",
}


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of one version. told: what the document says of it; file: where, for its relative references."""

    id: str
    version: str
    method: str
    path: str
    told: Json
    file: Path

    @property
    def key(self) -> str:
        return f"{self.id}@{self.version}"

    @property
    def is_publication(self) -> bool:
        """Whether it speaks to a topic of Event Grid instead of ARM."""
        return self.path == PUBLISHED

    @property
    def is_served(self) -> bool:
        """Whether the local Azure plays it. A topic of its own takes events, none with a schema that somebody made."""
        filled = re.sub(r"\{(\w+)\}", lambda name: SAMPLES.get(name[1], "x"), self.path)
        return self.id in PUBLICATIONS or arm.ROUTER.find(self.method, filled) is not None


@cache
def read(file: Path) -> Json:
    """One document. Do not change what is returned."""
    document: Json = json.loads(file.read_text(encoding="utf-8"))
    return document


def follow(file: Path, reference: str) -> tuple[Path, str, Json]:
    """Where a reference leads: the file, the last part of its name, and what stands there."""
    place, _, pointer = reference.partition("#")
    target = (file.parent / place).resolve() if place else file
    found = read(target)
    for part in pointer.strip("/").split("/"):
        found = found[unquote(part).replace("~1", "/").replace("~0", "~")]
    return target, pointer.rpartition("/")[2], found


@cache
def operations(folder: Path) -> tuple[Operation, ...]:
    """Every operation of every document below the folder of wire data."""
    return tuple(
        Operation(told["operationId"], document["info"]["version"], verb.upper(), _clean(path), told, file)
        for file in sorted((folder / "specs" / "specification").rglob("*.json"))
        for document in [read(file)]
        for path, item in (document.get("paths", {}) | document.get("x-ms-paths", {})).items()
        for verb, told in item.items()
        if verb in VERBS
    )


def served(folder: Path) -> tuple[Operation, ...]:
    """Those that the local Azure plays."""
    return tuple(each for each in operations(folder) if each.is_served)


def _clean(path: str) -> str:
    return path.partition("?")[0] or PUBLISHED
