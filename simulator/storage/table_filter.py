"""Reads a `$filter` of the table service into a test of an entity. Knows OData's operators, no HTTP.

A comparison is false when the entity has no such property, or one of another kind; numbers compare with numbers.

**Source**: Microsoft, "Querying tables and entities" (operators, literals). Assumed: what is false for a missing
property or another type, also for `ne`.
"""

import operator
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from simulator.storage.refusals import StorageError
from simulator.storage.table_entity import Entity, ticks_of

Test = Callable[[Entity], bool]

TOKEN = re.compile(
    r"""\s*(?:
    (?P<paren>[()])
  | (?:(?P<datetime>datetime'[^']*')
  | (?P<guid>guid'[^']*')
  | (?P<binary>(?:X|binary)'[^']*')
  | (?P<string>'(?:[^']|'')*')
  | (?P<double>[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?)
  | (?P<integer>[-+]?\d+)L?
  | (?P<word>[^\W\d]\w*)
    )(?=[\s()]|$))""",
    re.VERBOSE,
)
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
MIRRORED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}
LITERALS: dict[str, Callable[[str], Any]] = {
    "datetime": lambda text: ("moment", ticks_of(text[9:-1])),
    "guid": lambda text: UUID(text[5:-1]),
    "binary": lambda text: bytes.fromhex(text.partition("'")[2][:-1]),
    "string": lambda text: text[1:-1].replace("''", "'"),
    "double": float,
    "integer": int,
}


def read_filter(text: str) -> Test:
    """The test that a filter stands for; "" is true of everything. Raises StorageError 400 for what is no filter."""
    if not text.strip():
        return lambda _: True
    try:
        return _Parser(text).whole()
    except (ValueError, IndexError):
        raise StorageError(400, "InvalidInput", "One of the request inputs is not valid.") from None


class _Parser:
    """Recursive descent: or, and, not, comparison. Raises ValueError or IndexError for what it cannot read."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = TOKEN.match(text, at)
            if not match or not match.lastgroup:
                raise ValueError(text[at:])
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self.at = 0

    def whole(self) -> Test:
        test = self._either()
        if self.at != len(self.tokens):
            raise ValueError(self.tokens[self.at])
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._accept("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda entity: any(test(entity) for test in tests)

    def _both(self) -> Test:
        tests = [self._negation()]
        while self._accept("and"):
            tests.append(self._negation())
        return tests[0] if len(tests) == 1 else lambda entity: all(test(entity) for test in tests)

    def _negation(self) -> Test:
        if self._accept("not"):
            test = self._negation()
            return lambda entity: not test(entity)
        if self._accept("("):
            test = self._either()
            if not self._accept(")"):
                raise ValueError(self.tokens[self.at :])
            return test
        return self._comparison()

    def _comparison(self) -> Test:
        left = self._next()
        if left[0] == "word" and left[1] not in ("true", "false") and not self._at_comparison():
            name = left[1]
            return lambda entity: entity.value(name) is True
        word, right = self._next()[1], self._next()
        if _is_literal(left):
            left, right, word = right, left, MIRRORED.get(word, word)
        if word not in COMPARISONS or left[0] != "word" or not _is_literal(right):
            raise ValueError(word)
        return _compare(left[1], COMPARISONS[word], _literal(right))

    def _at_comparison(self) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at][1] in COMPARISONS

    def _next(self) -> tuple[str, str]:
        self.at += 1
        return self.tokens[self.at - 1]

    def _accept(self, word: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at] in (("word", word), ("paren", word))
        self.at += found
        return found


def _is_literal(token: tuple[str, str]) -> bool:
    return token[0] in LITERALS or token[1] in ("true", "false")


def _literal(token: tuple[str, str]) -> Any:
    kind, text = token
    return text == "true" if kind == "word" else LITERALS[kind](text)


def _compare(name: str, comparison: Callable[[Any, Any], bool], wanted: Any) -> Test:
    def test(entity: Entity) -> bool:
        value = entity.value(name)
        return value is not None and _kind(value) == _kind(wanted) and comparison(value, wanted)

    return test


def _kind(value: Any) -> str:
    return "number" if type(value) in (int, float) else type(value).__name__
