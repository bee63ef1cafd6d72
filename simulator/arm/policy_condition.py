"""Does the condition of an Azure Policy hold for a resource? Reads the part of the language that tags and types need.

**Source**: Microsoft, "Azure Policy definition structure: policy rule". What it does not know it says,
and never guesses.
"""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from simulator.wire import Json

TAG = re.compile(r"tags(?:\['(?P<quoted>[^']+)'\]|\.(?P<plain>.+))")
FIELDS = ("type", "name", "location", "id", "kind", "fullName")


class UnplayedConditionError(Exception):
    """The condition uses a part of the language that is not played."""


def holds(condition: Json, resource: Json, values: Json) -> bool:
    """Whether a condition holds. values: of the parameters. Raises UnplayedConditionError."""
    match condition:
        case {"allOf": list(several)}:
            return all(_judged(several, resource, values))
        case {"anyOf": list(several)}:
            return any(_judged(several, resource, values))
        case {"not": dict(one)}:
            return not holds(one, resource, values)
        case {"field": str(field), **rest} if len(rest) == 1:
            ((operator, wanted),) = rest.items()
            if operator not in OPERATORS:
                raise UnplayedConditionError(f"there is no operator {operator!r} here")
            return OPERATORS[operator](_field(filled(field, values), resource), filled(wanted, values))
    raise UnplayedConditionError(f"not understood: {sorted(condition)}")


def _judged(conditions: list[Json], resource: Json, values: Json) -> list[bool]:
    """Whether each holds: all of them are looked at, so that none is passed over that is not played."""
    return [holds(each, resource, values) for each in conditions]


def _field(name: str, resource: Json) -> Any:
    """The value of a field, None when the resource has none."""
    tag = TAG.fullmatch(name)
    if tag:
        wanted = (tag["quoted"] or tag["plain"]).lower()
        tags = {key.lower(): value for key, value in (resource.get("tags") or {}).items()}
        return tags.get(wanted)
    if name not in FIELDS:
        raise UnplayedConditionError(f"there is no field {name!r} here")
    return resource.get("name" if name == "fullName" else name)


def filled(value: Any, values: Json) -> Any:
    """A value with its parameters put in. `[concat('tags[', parameters('x'), ']')]` is the one concat that is known."""
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"\[parameters\('([^']+)'\)\]", value)
    if whole:
        return values.get(whole[1])
    named = re.fullmatch(r"\[concat\('tags\[', ?parameters\('([^']+)'\), ?'\]'\)\]", value)
    if named:
        return f"tags['{values.get(named[1])}']"
    if value.startswith("[") and not value.startswith("[["):
        raise UnplayedConditionError(f"there is no function {value!r} here")
    return value


def _text(value: Any) -> str:
    return str(value if value is not None else "").lower()


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda value, wanted: _text(value) == _text(wanted),
    "notEquals": lambda value, wanted: _text(value) != _text(wanted),
    "like": lambda value, wanted: fnmatchcase(_text(value), _text(wanted)),
    "notLike": lambda value, wanted: not fnmatchcase(_text(value), _text(wanted)),
    "contains": lambda value, wanted: _text(wanted) in _text(value),
    "in": lambda value, wanted: _text(value) in [_text(each) for each in wanted or ()],
    "notIn": lambda value, wanted: _text(value) not in [_text(each) for each in wanted or ()],
    "exists": lambda value, wanted: (value is not None) == (_text(wanted) == "true"),
}
"""By name; texts are compared without case."""
