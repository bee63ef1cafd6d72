"""Walks a YAML text against the types of the model and says what is wrong where: line, column, value, what is valid.

It knows the types alone (`shared/core/rules.py`); what goes with what is checked in `shared/rules_checks.py`.
"""

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from shared.core.limits import Limit
from shared.core.rules import Custom, Default, Override, Span, TimeOfDay, TimeZone, VaultRule
from shared.core.tiers import Dates, Window

# Which keys go together: exactly one of them, or at least one of them, must be given.
ONE_OF: dict[type, tuple[str, ...]] = {VaultRule: ("id", "tag")}
SOME_OF: dict[type, tuple[str, ...]] = {
    Override: ("subscriptions", "groups", "tags"),
    Default: ("subscriptions", "groups", "tags"),
    Custom: ("first_of", "days", "weeks", "months", "dates", "at"),
}
_INT_TAG = "tag:yaml.org,2002:int"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (1-based), what stands there and what is valid, and who says so ("": we do)."""

    line: int
    column: int
    message: str
    source: str = ""

    @classmethod
    def at(cls, node: yaml.Node, message: str, source: str = "") -> "Problem":
        return cls(node.start_mark.line + 1, node.start_mark.column + 1, message, source)

    def __str__(self) -> str:
        return f"{self.message} ({self.source})" if self.source else self.message


def text_of(path: Path) -> str | Problem:
    """The text of a file, or why it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return Problem(1, 1, f"cannot be read: {reason}")


def compose(text: str, needed: str) -> yaml.Node | Problem:
    """The nodes of a YAML text, or why there are none. needed: what a file without anything lacks."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # PyYAML lets out what is too deep or out of range
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Problem(line, column, f"is not YAML: {getattr(error, 'problem', error)}")
    return Problem(1, 1, f"is empty; it needs {needed}") if root is None else root


class Reader:
    """Reads YAML nodes, which know their place, as values of a model; `problems` grows on the way.

    one_of: of which keys of a class exactly one must be given.
    """

    def __init__(self, one_of: Mapping[type, tuple[str, ...]] = ONE_OF) -> None:
        self.problems: list[Problem] = []
        self.one_of = one_of

    def complain(self, node: yaml.Node, message: str, source: str = "") -> None:
        self.problems.append(Problem.at(node, message, source))

    def read(self, node: yaml.Node, kind: Any, where: str) -> Any:
        """The value of a node as `kind`, or None after a complaint. where: the dotted path, for messages."""
        kind, limit = unwrapped(kind)
        before = len(self.problems)
        value = self._value(node, kind, where)
        if limit and len(self.problems) == before and not limit.holds(value):
            shown = repr(str(node.value)) if isinstance(node, yaml.ScalarNode) else "empty"
            self.complain(node, f"{where} is {shown}; valid is {limit.valid}", limit.source)
        return value if len(self.problems) == before or isinstance(value, (tuple, dict)) else None

    def parts(self, node: yaml.Node, kind: Any, where: str) -> dict[str, Any]:
        """The values of an object's fields that could be read; what could not is None, or holds None."""
        pairs, hints = self._pairs(node, where), hints_of(kind)
        if not isinstance(node, yaml.MappingNode):
            return {}
        for name in pairs.keys() - hints.keys():
            self.complain(pairs[name][0], f"{_dotted(where, name)} is not known; {valid(name, list(hints))}")
        for item in fields(kind):
            if item.name not in pairs and item.default is MISSING and item.default_factory is MISSING:
                self.complain(node, f"{_dotted(where, item.name)} is missing")
        one, some = self.one_of.get(kind, ()), SOME_OF.get(kind, ())
        if one and len(pairs.keys() & set(one)) != 1:
            self.complain(node, f"{where} needs exactly one of {', '.join(one)}")
        if some and not pairs.keys() & set(some):
            self.complain(node, f"{where} needs at least one of {', '.join(some)}")
        return {n: self.read(pairs[n][1], hints[n], _dotted(where, n)) for n in hints if n in pairs}

    def _value(self, node: yaml.Node, kind: Any, where: str) -> Any:
        if kind not in LEAVES and isinstance(kind, type) and is_dataclass(kind):
            before = len(self.problems)
            values = self.parts(node, kind, where)
            return kind(**values) if len(self.problems) == before else None
        if get_origin(kind) is dict:
            return self._mapping(node, get_args(kind), where)
        if get_origin(kind) is tuple:
            return self._list(node, get_args(kind)[0], where)
        return self._leaf(node, kind, where)

    def _pairs(self, node: yaml.Node, where: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self.complain(node, f"{where or 'the file'} must be a mapping of names to values")
            return {}
        pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.complain(key, f"a name must be one word, in {where or 'the file'}")
                continue
            if key.value in pairs:
                self.complain(key, f"{_dotted(where, key.value)} stands here twice")
            pairs[str(key.value)] = (key, value)
        return pairs

    def _mapping(self, node: yaml.Node, kinds: tuple[Any, ...], where: str) -> dict[str, Any]:
        (name, kind), pairs = kinds, self._pairs(node, where)
        for key, _ in pairs.values():
            self.read(key, name, f"a name in {where}")
        return {key: self.read(value, kind, _dotted(where, key)) for key, (_, value) in pairs.items()}

    def _list(self, node: yaml.Node, kind: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self.complain(node, f"{where} must be a list, such as [a, b]")
            return ()
        items = [self.read(item, kind, f"{where}[{index}]") for index, item in enumerate(node.value)]
        for index, item in enumerate(items):
            if isinstance(node.value[index], yaml.ScalarNode) and item is not None and item in items[:index]:
                self.complain(node.value[index], f"{where} has {item} twice")
        return tuple(items)

    def _leaf(self, node: yaml.Node, kind: Any, where: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            self.complain(node, f"{where} must be one value")
            return None
        text = str(node.value).strip()
        try:
            if get_origin(kind) is Literal:
                return _one_of(text, list(get_args(kind)))
            if kind is int:
                return _whole_number(text, node.tag)
            if kind in LEAVES:
                return LEAVES[kind].parse(text)
        except ValueError as error:
            self.complain(node, f"{where} is {node.value!r}; {error}")
            return None
        if not text:
            self.complain(node, f"{where} is empty")
        return text


def unwrapped(kind: Any) -> tuple[Any, Limit | None]:
    """A type without Annotated and without None, and its limit."""
    if get_origin(kind) in (types.UnionType, Union):
        kind = next(option for option in get_args(kind) if option is not types.NoneType)
    if get_origin(kind) is Annotated:
        kind, limit = get_args(kind)
        return kind, limit
    return kind, None


@cache
def hints_of(kind: type) -> dict[str, Any]:
    """The types of a class's fields, with their limits."""
    return get_type_hints(kind, include_extras=True)


def node_at(node: yaml.Node, *path: str | int) -> yaml.Node:
    """The node of a value at a path, of its name where it is an object or list; the nearest above what is not there."""
    shown = node
    for step in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            shown = node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                return shown
            key, node = found[-1]
            shown = node if isinstance(node, yaml.ScalarNode) else key
    return shown


def valid(word: str, options: list[str]) -> str:
    """What is valid, and which of it a word probably means."""
    by_fold = {option.casefold(): option for option in options}
    near = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.5)
    return f"valid: {', '.join(options)}{f'; did you mean {by_fold[near[0]]}?' if near else ''}"


def _one_of(text: str, options: list[str]) -> str:
    if text.lower() not in options:
        raise ValueError(valid(text, options))
    return text.lower()


def _whole_number(text: str, tag: str) -> int:
    if tag != _INT_TAG or not re.fullmatch(r"0|-?[1-9][0-9]{0,8}", text):
        raise ValueError("valid is a whole number")
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        raise ValueError("valid is a number with a point, such as 6.58")
    return float(text)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("valid is a date, such as 2026-01-31") from None


def _dotted(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


@cache
def zones() -> tuple[dict[str, str], dict[str, str]]:
    """The Windows name of each IANA time zone, and the other way round. Source: Unicode CLDR, by tzlocal."""
    from tzlocal.windows_tz import tz_win, win_tz  # noqa: PLC0415 - 700 names, needed only when a file names a zone

    return {iana: windows for iana, windows in tz_win.items() if iana} | {"UTC": "UTC"}, win_tz


def _time_zone(text: str) -> TimeZone:
    """The service stores Windows names; people write IANA names, which say what the clocks do."""
    names, by_windows_name = zones()
    if text in names:
        return TimeZone(text, names[text])
    if text in by_windows_name:
        raise ValueError(f"valid is an IANA time zone; for this Windows name write {by_windows_name[text]}")
    near = get_close_matches(text, names, n=1, cutoff=0.6)
    raise ValueError(
        "valid is an IANA time zone, such as Europe/Berlin" + (f"; did you mean {near[0]}?" if near else "")
    )


@dataclass(frozen=True, slots=True)
class Leaf:
    """A type that is written as one word. pattern: how, for the JSON Schema; parse raises ValueError."""

    parse: Callable[[str], Any]
    pattern: str = ""


LEAVES: dict[Any, Leaf] = {
    Span: Leaf(Span.parse, "^[0-9]{1,4} ?((hour|day|week|month|year)s?|h)$"),
    TimeOfDay: Leaf(TimeOfDay.parse, "^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    Window: Leaf(Window.parse, "^([01][0-9]|2[0-3]):[0-5][0-9] ?- ?([01][0-9]|2[0-3]):[0-5][0-9]$"),
    Dates: Leaf(Dates.parse, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}( ?\.\. ?[0-9]{4}-[0-9]{2}-[0-9]{2})?$"),
    TimeZone: Leaf(_time_zone),
    float: Leaf(_number),
    date: Leaf(_date),
}
