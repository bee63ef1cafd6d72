"""Says whether an event passes the filter of an event subscription, and whether such a filter may be written at all.

Pure functions of the filter and the event. An event is judged in the schema in which it was published.

**Source**: Microsoft, "Understand event filtering for Event Grid subscriptions" (all operators, arrays, limits).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.wire import ArmError, Json

LARGEST_COUNT, LONGEST_TEXT = 25, 512
CLOUD_NAMES = {"source": "topic", "type": "eventtype"}
"""How CloudEvents call members of an event in Event Grid's schema. Assumed: both names work as keys."""


def matches(rules: Json, event: Json) -> bool:
    """Whether an event passes: its type, its subject and every advanced filter."""
    shown = {name.lower(): value for name, value in event.items()}
    wanted = event_types(rules)
    if wanted and str(shown.get("eventtype", shown.get("type"))).lower() not in wanted:
        return False
    if not _subject_passes(rules, str(shown.get("subject") or "")):
        return False
    arrays = bool(rules.get("enableAdvancedFilteringOnArrays"))
    return all(_passes(each, event, arrays) for each in rules.get("advancedFilters") or ())


def event_types(rules: Json) -> set[str]:
    """The event types that a filter lets through, in lower case; empty for all. Assumed: compared without case."""
    types = {str(name).lower() for name in rules.get("includedEventTypes") or ()}
    return set() if "all" in types else types


def _subject_passes(rules: Json, subject: str) -> bool:
    begin, end = rules.get("subjectBeginsWith") or "", rules.get("subjectEndsWith") or ""
    if not rules.get("isSubjectCaseSensitive"):
        begin, end, subject = begin.lower(), end.lower(), subject.lower()
    return subject.startswith(begin) and subject.endswith(end)


# -- advanced filters --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operator:
    """kind: which values of a key are compared at all; negative: a hit means "no"; absent: the answer with no key."""

    kind: type
    hit: Callable[[Any, Any], bool]
    negative: bool = False
    absent: bool = False
    single: bool = False  # the filter has `value`, not `values`


def _equal(found: Any, wanted: Any) -> bool:
    return bool(found == wanted)


def _within(found: Any, wanted: Any) -> bool:
    return bool(wanted[0] <= found <= wanted[1])


OPERATORS = {
    "NumberIn": Operator(float, _equal),
    "NumberNotIn": Operator(float, _equal, negative=True, absent=True),
    "NumberLessThan": Operator(float, lambda found, wanted: found < wanted, single=True),
    "NumberLessThanOrEquals": Operator(float, lambda found, wanted: found <= wanted, single=True),
    "NumberGreaterThan": Operator(float, lambda found, wanted: found > wanted, single=True),
    "NumberGreaterThanOrEquals": Operator(float, lambda found, wanted: found >= wanted, single=True),
    "NumberInRange": Operator(float, _within),
    # Assumed: an absent key passes, as for NumberNotIn; the document does not list this operator there.
    "NumberNotInRange": Operator(float, _within, negative=True, absent=True),
    "BoolEquals": Operator(bool, _equal, single=True),
    "StringIn": Operator(str, _equal),
    "StringNotIn": Operator(str, _equal, negative=True, absent=True),
    "StringContains": Operator(str, lambda found, wanted: wanted in found),
    "StringNotContains": Operator(str, lambda found, wanted: wanted in found, negative=True),
    "StringBeginsWith": Operator(str, lambda found, wanted: found.startswith(wanted)),
    "StringNotBeginsWith": Operator(str, lambda found, wanted: found.startswith(wanted), negative=True),
    "StringEndsWith": Operator(str, lambda found, wanted: found.endswith(wanted)),
    "StringNotEndsWith": Operator(str, lambda found, wanted: found.endswith(wanted), negative=True),
}
NULL_OPERATORS = {"IsNullOrUndefined": True, "IsNotNull": False}
"""Operators without values, and what they answer for a key that is null or not there."""


def _passes(rule: Json, event: Json, arrays: bool) -> bool:
    found = _value_at(event, rule["key"])
    name = rule["operatorType"]
    if name in NULL_OPERATORS:
        return (found is None) == NULL_OPERATORS[name]
    operator = OPERATORS[name]
    if found is None:
        return operator.absent
    wanted = _folded([rule["value"]] if operator.single else rule["values"])
    # Assumed: without the switch an array has no value that could be compared.
    values = (found if arrays else []) if isinstance(found, list) else [found]
    comparable = _folded([value for value in values if _is_a(operator.kind, value)])
    return any(operator.hit(value, each) for each in wanted for value in comparable) != operator.negative


def _folded(values: list[Any]) -> list[Any]:
    return [value.lower() if isinstance(value, str) else value for value in values]


def _is_a(kind: type, value: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind)


def _value_at(event: Any, key: str) -> Any:
    """The value at a dotted path, names compared without case; None when there is none.

    Assumed: without case, because filters on "Data.OperationName" are in use for events that say data.operationName.
    """
    value = event
    for step, part in enumerate(key.lower().split(".")):
        if not isinstance(value, dict):
            return None
        members = {name.lower(): each for name, each in value.items()}
        name = CLOUD_NAMES.get(part, part) if step == 0 and part not in members else part
        value = members.get(name)
    return value


# -- what may be written -----------------------------------------------------------------------------------------


def require_rules(rules: Json) -> None:
    """Raises ArmError 400 `InvalidRequest` for a filter that Event Grid does not take. Assumed: the words."""
    given = rules.get("advancedFilters") or []
    total = sum(len(_values(rule)) for rule in given)
    if len(given) > LARGEST_COUNT or total > LARGEST_COUNT:
        _refuse(f"The filter has more than {LARGEST_COUNT} advanced filters or values.")
    for rule in given:
        name = rule.get("operatorType")
        if name not in OPERATORS and name not in NULL_OPERATORS:
            _refuse(f"Unrecognized operator type {name} in an advanced filter.")
        if not rule.get("key"):
            _refuse(f"An advanced filter with the operator {name} has no key.")
        if name in OPERATORS and not _values(rule):
            _refuse(f"The advanced filter on {rule['key']} has no values.")
        if any(isinstance(value, str) and len(value) > LONGEST_TEXT for value in _values(rule)):
            _refuse(f"The advanced filter on {rule['key']} has a value of more than {LONGEST_TEXT} characters.")


def _values(rule: Json) -> list[Any]:
    operator = OPERATORS.get(str(rule.get("operatorType")))
    if operator and operator.single:
        return [rule["value"]] if rule.get("value") is not None else []
    return list(rule.get("values") or [])


def _refuse(words: str) -> None:
    raise ArmError(400, "InvalidRequest", words)
