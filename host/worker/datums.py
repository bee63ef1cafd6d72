"""Values between host and worker as JSON: bytes are base64, and a datum is told from a plain object by its key.

Used on both sides. A datum is whatever has a kind and a value, however a side calls it. Pure.
"""

import base64
from collections.abc import Callable
from typing import Any

DATUM = "datum"
Parts = Callable[[Any], tuple[str, Any] | None]


def write(kind: str, value: Any, parts: Parts) -> dict[str, Any]:
    """A datum as JSON. parts: takes a datum of this side apart, and answers None for anything else."""
    if isinstance(value, bytes | bytearray):
        return {DATUM: kind, "value": base64.b64encode(value).decode(), "base64": True}

    def nested(inner: Any) -> Any:
        if found := parts(inner):
            return write(*found, parts)
        if isinstance(inner, dict):
            return {name: nested(part) for name, part in inner.items()}
        return inner

    return {DATUM: kind, "value": nested(value)}


def read(node: Any, make: Callable[[str, Any], Any]) -> Any:
    """What was written, each datum made by `make(kind, value)`."""
    if not isinstance(node, dict):
        return node
    if not isinstance(node.get(DATUM), str):
        return {name: read(part, make) for name, part in node.items()}
    value = base64.b64decode(node["value"]) if node.get("base64") else read(node["value"], make)
    return make(node[DATUM], value)
