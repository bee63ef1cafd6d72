"""The JSON Schema of the rules file, made from the model so that it is not written twice.

It checks what one value may be; what must go together is checked by `shared/rules_checks.py` alone.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin

from shared.core.rules import Rules, TimeZone
from shared.rules_reader import LEAVES, ONE_OF, SOME_OF, hints_of, unwrapped, zones

Json = dict[str, Any]

_DESCRIBED = re.compile(r"^ *(\w+): (.+(?:\n(?! *\w+: | *$).+)*)", re.MULTILINE)


def schema() -> Json:
    """The schema, draft 2020-12; the same for the same model, so that a file of it can be compared."""
    definitions = {kind.__name__: _object(kind) for kind in _classes(Rules)}
    whole = definitions.pop("Rules")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Flexguard rules",
        **whole,
        "$defs": definitions,
    }


def _classes(kind: Any) -> Iterator[type]:
    """The classes of the model that are objects in the file, each once for each place."""
    kind, _ = unwrapped(kind)
    if isinstance(kind, type) and is_dataclass(kind) and kind not in LEAVES:
        yield kind
        for part in hints_of(kind).values():
            yield from _classes(part)
    elif get_origin(kind) in (dict, tuple):
        for part in get_args(kind):
            yield from _classes(part)


def descriptions(kind: type) -> Mapping[str, str]:
    """What each field means, by the lines "name: meaning" of its class's docstring."""
    return {name: " ".join(text.split()) for name, text in _DESCRIBED.findall(kind.__doc__ or "")}


def _object(kind: Any) -> Json:
    said = descriptions(kind)
    properties = {
        item.name: {**_of(hints_of(kind)[item.name]), "description": said[item.name], **_default(item.default)}
        for item in fields(kind)
    }
    required = [i.name for i in fields(kind) if i.default is MISSING and i.default_factory is MISSING]
    whole = {
        "description": (kind.__doc__ or "").partition("\n")[0],
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required,
    }
    if kind in ONE_OF:
        whole["oneOf"] = [{"required": [name]} for name in ONE_OF[kind]]
    if kind in SOME_OF:
        whole["anyOf"] = [{"required": [name]} for name in SOME_OF[kind]]
    return whole


def _default(value: Any) -> Json:
    """The default of a field, where it is one word or number."""
    is_said = value is not MISSING and value is not None and value != "" and not isinstance(value, tuple)
    return {"default": value if isinstance(value, int) else str(value)} if is_said else {}


def _of(annotated: Any) -> Json:
    kind, limit = unwrapped(annotated)
    return {**_plain(kind), **(limit.schema if limit else {})}


def _plain(kind: Any) -> Json:
    if get_origin(kind) is Literal:
        numbers = [int(option) for option in get_args(kind) if option.isdigit()]  # as YAML reads what has no quotes
        return {"enum": [*get_args(kind), *numbers]}
    if get_origin(kind) is dict:
        name, value = get_args(kind)
        return {"type": "object", "propertyNames": _of(name), "additionalProperties": _of(value)}
    if get_origin(kind) is tuple:
        item = _of(get_args(kind)[0])
        return {"type": "array", "items": item, **({} if "$ref" in item else {"uniqueItems": True})}
    if kind is TimeZone:
        return {"enum": sorted(zones()[0])}
    if kind in LEAVES:
        return {"type": "string", "pattern": LEAVES[kind].pattern}
    if is_dataclass(kind) and isinstance(kind, type):
        return {"$ref": f"#/$defs/{kind.__name__}"}
    return {"type": "integer"} if kind is int else {"type": ["string", "number", "boolean"], "minLength": 1}
