"""What may be written about a resource of a type and api-version: Microsoft's own type definitions (bicep-types-az).

They lie in the folder that FLEXGUARD_BICEP_TYPES names, a folder for each provider and version.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

REQUIRED, READ_ONLY = 1, 2  # flags of a property
CLOSED = {"StringType": "string", "IntegerType": "int", "BooleanType": "bool", "ArrayType": "array"}


@dataclass(frozen=True)
class ArmType:
    """One type, in the list of types that it refers to."""

    nodes: tuple[dict[str, Any], ...]
    number: int

    @property
    def node(self) -> dict[str, Any]:
        return self.nodes[self.number]

    @property
    def is_a(self) -> str:
        return str(self.node["$type"])

    def at(self, reference: dict[str, str]) -> "ArmType":
        """The type that a member refers to."""
        return ArmType(self.nodes, int(reference["$ref"].removeprefix("#/")))

    @property
    def kind(self) -> str:
        """As Bicep calls it: string, int, bool, array, object; empty where anything may stand."""
        if self.is_a in {"ObjectType", "DiscriminatedObjectType"}:
            return "object"
        if self.is_a in {"UnionType", "StringLiteralType"}:
            return "string"
        return CLOSED.get(self.is_a, "")

    @property
    def words(self) -> set[str]:
        """The words that a string may be; empty where any may."""
        if self.is_a == "StringLiteralType":
            return {self.node["value"]}
        choices = [self.at(each).node for each in self.node.get("elements", ())] if self.is_a == "UnionType" else []
        return {str(each["value"]) for each in choices if each["$type"] == "StringLiteralType"}

    def members(self, chosen: str | None = None) -> dict[str, dict[str, Any]]:
        """Each member's type and flags. chosen: the value of the discriminator, where there is one."""
        found = dict(self.node.get("properties", {})) | dict(self.node.get("baseProperties", {}))
        element = self.node.get("elements", {}).get(chosen) if self.is_a == "DiscriminatedObjectType" else None
        return found | (self.at(element).members() if element else {})

    def choices(self) -> set[str]:
        """The values of the discriminator."""
        return set(self.node["elements"]) if self.is_a == "DiscriminatedObjectType" else set()


@cache
def provider(folder: Path, name: str) -> dict[str, ArmType]:
    """The bodies of all resource types of a provider, by `type@version` in lower case."""
    found = {}
    for path in sorted((folder / name.lower()).glob("*/types*.json")):
        nodes = tuple(json.loads(path.read_text(encoding="utf-8")))
        bodies = {each["name"].lower(): each["body"] for each in nodes if each["$type"] == "ResourceType"}
        found |= {key: ArmType(nodes, 0).at(body) for key, body in bodies.items()}
    return found


def find(folder: Path, type_name: str) -> tuple[ArmType | None, list[str]]:
    """The body of `type@version`, or None with what is known: versions of the type, or types of the provider."""
    known = provider(folder, type_name.split("/", maxsplit=1)[0])
    kind = type_name.split("@", maxsplit=1)[0].lower()
    versions = [key.split("@")[1] for key in known if key.split("@")[0] == kind]
    return known.get(type_name.lower()), versions or sorted({key.split("@")[0] for key in known})
