"""One operation of an OpenAPI 2.0 document as a document of its own, without references to other files.

Converted is only what a tool for plain OpenAPI cannot know: what `discriminator` means, that `x-ms-enum` may let a list
of values stay open, and that Azure writes absent values as null.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.contracts.documents import Json, Operation, follow, read

REQUEST, ANSWER = "request", "answer"
NULL = {"type": "null"}


def bundled(operation: Operation) -> Json:
    """A self-contained document with this one operation; definitions are named file.name.side."""
    bundle = _Bundle()
    parameters = [bundle.parameter(each, operation.file) for each in operation.told.get("parameters", [])]
    shared = next(each for path, each in _paths(operation.file) if operation.told in each.values())
    parameters += [bundle.parameter(each, operation.file) for each in shared.get("parameters", [])]
    answers = {status: bundle.answer(each, operation.file) for status, each in operation.told["responses"].items()}
    whole = read(operation.file)
    told = {"operationId": operation.id, "parameters": parameters, "responses": answers}
    return {
        "swagger": "2.0",
        "info": {"title": operation.key, "version": operation.version},
        "consumes": ["application/json"],
        "produces": operation.told.get("produces") or whole.get("produces") or ["application/json"],
        "paths": {operation.path: {operation.method.lower(): told}},
        "definitions": bundle.definitions,
    }


def _paths(file: Path) -> Iterator[tuple[str, Json]]:
    document = read(file)
    yield from (document.get("paths", {}) | document.get("x-ms-paths", {})).items()


class _Bundle:
    """What has been copied so far. side: REQUEST or ANSWER; they differ in nulls, open values and read-only members."""

    def __init__(self) -> None:
        self.definitions: Json = {}

    def parameter(self, given: Json, file: Path) -> Json:
        if "$ref" in given:
            file, _, given = follow(file, given["$ref"])
        return {name: self._copy(value, file, REQUEST) for name, value in given.items() if not name.startswith("x-ms")}

    def answer(self, given: Json, file: Path) -> Json:
        schema = {"schema": self._copy(given["schema"], file, ANSWER)} if "schema" in given else {}
        return {"description": given.get("description", "")} | schema

    def _copy(self, node: Any, file: Path, side: str) -> Any:
        if isinstance(node, list):
            return [self._copy(each, file, side) for each in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$ref"), str):
            return {"$ref": self._reference(file, node["$ref"], side)}
        open_list = side == ANSWER and node.get("x-ms-enum", {}).get("modelAsString")
        dropped = {"discriminator", "readOnly", "description", "example", *(["enum"] if open_list else [])}
        copied = {
            name: self._copy(value, file, side)
            for name, value in node.items()
            if name not in ("properties", "allOf") and name not in dropped and not name.startswith("x-ms")
        }
        if isinstance(node.get("properties"), dict):
            copied |= self._members(node, file, side)
        if "allOf" in node:
            copied["allOf"] = [self._base(each, file, side) for each in node["allOf"]]
        return copied

    def _members(self, node: Json, file: Path, side: str) -> Json:
        members = {}
        for name, value in node["properties"].items():
            if side == ANSWER:
                members[name] = {"anyOf": [self._copy(value, file, side), NULL]}
            elif not value.get("readOnly"):
                members[name] = self._copy(value, file, side)
        required = [name for name in node.get("required", []) if name in members]
        return {"properties": members} | ({"required": required} if required else {})

    def _base(self, each: Json, file: Path, side: str) -> Any:
        """What a definition inherits: the base's own members, not the choice among its kinds."""
        if "$ref" not in each:
            return self._copy(each, file, side)
        place, name, found = follow(file, each["$ref"])
        return {"$ref": self._define(f"{place.stem}.{name}.own.{side}", found, place, side)}

    def _reference(self, file: Path, reference: str, side: str) -> str:
        place, name, found = follow(file, reference)
        kinds = _kinds(place, name)
        key = f"{place.stem}.{name}.{side}"
        if not kinds or key in self.definitions:
            return self._define(key, found, place, side)
        self.definitions[key] = {}  # Breaks the circle of kinds that hold each other.
        self.definitions[key] = {"anyOf": [self._kind(place, each, found, side) for each in kinds]}
        return f"#/definitions/{key}"

    def _kind(self, file: Path, name: str, base: Json, side: str) -> Json:
        found = read(file)["definitions"][name]
        mark, value = base["discriminator"], found.get("x-ms-discriminator-value", name)
        own = {"$ref": self._define(f"{file.stem}.{name}.own.{side}", found, file, side)}
        return {"allOf": [own, {"properties": {mark: {"enum": [value]}}, "required": [mark]}]}

    def _define(self, key: str, found: Json, file: Path, side: str) -> str:
        if key not in self.definitions:
            self.definitions[key] = {}
            self.definitions[key] = self._copy(found, file, side)
        return f"#/definitions/{key}"


def _kinds(file: Path, name: str) -> list[str]:
    """The definitions that a base with a discriminator stands for; none for any other definition."""
    definitions = read(file)["definitions"]
    if "discriminator" not in definitions[name]:
        return []
    found, waiting = [], [name]
    while waiting:
        base = waiting.pop()
        below = [key for key, each in definitions.items() if _inherits(each, base)]
        found += below
        waiting += below
    return found


def _inherits(definition: Json, base: str) -> bool:
    return any(each.get("$ref") == f"#/definitions/{base}" for each in definition.get("allOf", []))
