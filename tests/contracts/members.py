"""Which members of an answer does its schema not name? JSON Schema lets them pass; a contract does not."""

from collections.abc import Iterator
from typing import Any

from tests.contracts.documents import Json


def strangers(value: Any, schemas: list[Json], definitions: Json, where: str = "body") -> list[str]:
    """Every member that none of the schemas names, as "body.properties[].name"; none below an object without any."""
    parts = [part for schema in schemas for part in _parts(schema, value, definitions)]
    if isinstance(value, list):
        items = [part["items"] for part in parts if "items" in part]
        return [line for each in value for line in strangers(each, items, definitions, f"{where}[]")] if items else []
    if not isinstance(value, dict):
        return []
    members: dict[str, list[Json]] = {}
    for part in parts:
        for name, schema in part.get("properties", {}).items():
            members.setdefault(name, []).append(schema)
    others = [part["additionalProperties"] for part in parts if part.get("additionalProperties")]
    if not members and not others:
        return []
    found = []
    for name, inner in value.items():
        if name in members or others:
            known = members.get(name) or [each for each in others if isinstance(each, dict)]
            found += strangers(inner, known, definitions, f"{where}.{name}")
        else:
            found.append(f"{where}.{name}")
    return list(dict.fromkeys(found))


def of_example(value: Any, example: Any, where: str = "body") -> set[str]:
    """The members that an example shows, as the same kind of places; an element of a list may be like any other."""
    if isinstance(value, dict) and isinstance(example, dict):
        names = value.keys() & example.keys()
        below = (of_example(value[name], example[name], f"{where}.{name}") for name in names)
        return {f"{where}.{name}" for name in names}.union(*below)
    if isinstance(value, list) and isinstance(example, list):
        return {place for one in value for other in example for place in of_example(one, other, f"{where}[]")}
    return set()


def _parts(schema: Json, value: Any, definitions: Json) -> Iterator[Json]:
    """The schema, all that it is made of, and of alternatives those that fit."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    yield schema
    for part in schema.get("allOf", []):
        yield from _parts(part, value, definitions)
    for part in schema.get("anyOf", []):
        if _fits(part, value, definitions):
            yield from _parts(part, value, definitions)


def _fits(schema: Json, value: Any, definitions: Json) -> bool:
    """Whether every member with a closed list of values has one of them."""
    if not isinstance(value, dict):
        return True
    lists = (
        (name, told["enum"])
        for part in _parts(schema, value, definitions)
        for name, told in part.get("properties", {}).items()
        if "enum" in told
    )
    return all(value.get(name) in values for name, values in lists)
