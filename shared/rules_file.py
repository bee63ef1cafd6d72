"""Reads the rules file, or says everything that is wrong with it: file, line, column, value and what is valid.

The model is `shared/core/rules.py`; this file adds no rule of its own but checks what a type cannot say.
"""

import types
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from shared.core import resource_id
from shared.core.rules import Rules, Span, Tier, TimeOfDay, TimeZone

VAULT_TYPE = "microsoft.dataprotection/backupvaults"
_VALID_VAULT = (
    "valid is the ARM id of a Backup vault, "
    "/subscriptions/…/resourceGroups/…/providers/Microsoft.DataProtection/backupVaults/…"
)
# Source: support matrix for vaulted backup of PostgreSQL flexible servers: retention from 7 days to 10 years.
SHORTEST, LONGEST = Span(7, "day"), Span(10, "year")
_MOST = {"day": 3660, "week": 522, "month": 120, "year": 10}  # ten years, in each unit


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (1-based), what stands there, and what is valid."""

    line: int
    column: int
    message: str


class BadRules(Exception):
    """The rules file cannot be used. The app does not start with it; the command line exits with 2."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file, self.problems = file, sorted(problems, key=lambda problem: (problem.line, problem.column))
        super().__init__("\n".join(f"{file}:{p.line}:{p.column}: {p.message}" for p in self.problems))


def load(path: Path) -> Rules:
    """Read the rules file. Raises BadRules with every problem at once, also when the file is not there."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadRules(path.name, [Problem(1, 1, f"cannot be read: {reason}")]) from None
    return parse(text, path.name)


def parse(text: str, file: str = "rules.yaml") -> Rules:
    """Read rules from text; `file` is the name that messages show. Raises BadRules."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # PyYAML lets out what is too deep or out of range
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise BadRules(file, [Problem(line, column, f"is not YAML: {getattr(error, 'problem', error)}")]) from None
    if root is None:
        raise BadRules(file, [Problem(1, 1, "is empty; it needs mode, vaults and tiers")])
    reader = _Reader()
    rules = reader.read(root, Rules, "")
    if not reader.problems:
        _check(root, rules, reader.complain)
    if reader.problems:
        raise BadRules(file, reader.problems)
    return rules  # type: ignore[no-any-return]  # read() answers the type it was given, or there are problems


class _Reader:
    """Walks YAML nodes, which know their place, against the types of the model."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._leaves: dict[Any, Callable[[str], Any]] = {
            Span: Span.parse,
            TimeOfDay: TimeOfDay.parse,
            TimeZone: _time_zone,
        }

    def complain(self, node: yaml.Node, message: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, node.start_mark.column + 1, message))

    def read(self, node: yaml.Node, kind: Any, where: str) -> Any:
        """The value of a node as `kind`, or None after a complaint. where: the dotted path, for messages."""
        origin = get_origin(kind)
        if origin is types.UnionType:
            kind = next(option for option in get_args(kind) if option is not types.NoneType)
            origin = get_origin(kind)
        if kind not in self._leaves and is_dataclass(kind):
            return self._object(node, kind, where)
        if origin is dict:
            return self._mapping(node, get_args(kind)[1], where)
        if origin is tuple:
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

    def _object(self, node: yaml.Node, kind: Any, where: str) -> Any:
        pairs, hints = self._pairs(node, where), get_type_hints(kind)
        before = len(self.problems)
        for name in pairs.keys() - hints.keys():
            self.complain(pairs[name][0], f"{_dotted(where, name)} is not known; {_valid(name, list(hints))}")
        for item in fields(kind):
            if item.name not in pairs and item.default is MISSING and item.default_factory is MISSING:
                self.complain(node, f"{_dotted(where, item.name)} is missing")
        values = {n: self.read(pairs[n][1], hints[n], _dotted(where, n)) for n in hints if n in pairs}
        return kind(**values) if len(self.problems) == before else None

    def _mapping(self, node: yaml.Node, kind: Any, where: str) -> dict[str, Any]:
        return {k: self.read(v, kind, _dotted(where, k)) for k, (_, v) in self._pairs(node, where).items()}

    def _list(self, node: yaml.Node, kind: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self.complain(node, f"{where} must be a list, such as [a, b]")
            return ()
        return tuple(self.read(item, kind, f"{where}[{index}]") for index, item in enumerate(node.value))

    def _leaf(self, node: yaml.Node, kind: Any, where: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            self.complain(node, f"{where} must be one value")
            return None
        text = str(node.value)
        if get_origin(kind) is Literal:
            options = list(get_args(kind))
            if text.lower() not in options:
                self.complain(node, f"{where} is {text!r}; {_valid(text.lower(), options)}")
            return text.lower()
        if kind in self._leaves:
            try:
                return self._leaves[kind](text)
            except ValueError as error:
                self.complain(node, f"{where} is {text!r}; valid is {error}")
                return None
        if not text.strip():
            self.complain(node, f"{where} is empty")
        return text.strip()


def _check(root: yaml.Node, rules: Rules, complain: Callable[[yaml.Node, str], None]) -> None:
    """What the types cannot say: ids, names that must exist, and the limits of the service."""
    for name in ("vaults", "tiers"):
        if not getattr(rules, name):
            complain(_at(root, name), f"{name} is empty; name at least one {name[:-1]}")
    for index, vault in enumerate(rules.vaults):
        parsed = resource_id.parse(vault.id)
        if not parsed or parsed.type != VAULT_TYPE:
            complain(_at(root, "vaults", index, "id"), f"vaults[{index}].id is {vault.id!r}; {_VALID_VAULT}")
        for place, tier in enumerate(vault.tiers):
            if tier not in rules.tiers:
                message = f"vaults[{index}].tiers has {tier!r}, which is no tier; {_valid(tier, list(rules.tiers))}"
                complain(_at(root, "vaults", index, "tiers", place), message)
    for name, tier_rule in rules.tiers.items():
        if name.casefold() == rules.exempt.value.casefold():
            complain(_key_at(root, "tiers", name), f"tier {name!r} has the name of the exemption value")
        twin = next(other for other in rules.tiers if other.casefold() == name.casefold())
        if twin != name:  # on a tag both are one word
            complain(_key_at(root, "tiers", name), f"tier {name!r} has the name of tier {twin!r}")
        _check_tier(root, name, tier_rule, complain)


def _check_tier(root: yaml.Node, name: str, tier: Tier, complain: Callable[[yaml.Node, str], None]) -> None:
    days = tier.backup.days
    if not days:
        complain(_at(root, "tiers", name, "backup", "days"), f"tiers.{name}.backup.days is empty")
    for day in sorted({day for day in days if days.count(day) > 1}):
        complain(_at(root, "tiers", name, "backup", "days"), f"tiers.{name}.backup.days has {day} twice")
    for keep in fields(tier.keep):
        span = getattr(tier.keep, keep.name)
        if span and (span.longest < SHORTEST.longest or span.count > _MOST[span.unit]):
            message = f"tiers.{name}.keep.{keep.name} is {span}; Azure Backup keeps from {SHORTEST} to {LONGEST}"
            complain(_at(root, "tiers", name, "keep", keep.name), message)


def _at(node: yaml.Node, *path: str | int) -> yaml.Node:
    """The node at a path; the nearest one above it when the path does not exist."""
    for step in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            node = {key.value: value for key, value in node.value}.get(step, node)
    return node


def _key_at(root: yaml.Node, section: str, name: str) -> yaml.Node:
    """The node of a name itself, where `_at` answers that of its value."""
    found: yaml.Node = next(key for key, _ in _at(root, section).value if key.value == name)
    return found


def _dotted(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _valid(word: str, options: list[str]) -> str:
    near = get_close_matches(word, options, n=1, cutoff=0.5)
    return f"valid: {', '.join(options)}{f'; did you mean {near[0]}?' if near else ''}"


def _time_zone(text: str) -> TimeZone:
    """The Windows name for an IANA zone: the service stores Windows names. Source: Unicode CLDR windowsZones."""
    from tzlocal.windows_tz import tz_win  # noqa: PLC0415 - 500 names, needed only when a file names a zone

    if text == "UTC":
        return TimeZone("UTC", "UTC")
    if text not in tz_win:
        near = get_close_matches(text, list(tz_win), n=1, cutoff=0.6)
        raise ValueError("an IANA time zone, such as Europe/Berlin" + (f"; did you mean {near[0]}?" if near else ""))
    return TimeZone(text, tz_win[text])
