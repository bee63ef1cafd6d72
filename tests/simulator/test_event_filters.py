"""Which events pass a filter: the table of operators of Microsoft's document, and what holds for every filter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.event_filters import NULL_OPERATORS, OPERATORS, matches, require_rules
from simulator.event_schemas import CLOUD, in_schema
from simulator.wire import ArmError

EVENT = {
    "id": "1",
    "topic": "/subscriptions/s",
    "subject": "/subscriptions/s/resourcegroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-one",
    "eventType": "Microsoft.Resources.ResourceWriteSuccess",
    "eventTime": "2026-11-23T08:00:00.0000000Z",
    "dataVersion": "2",
    "metadataVersion": "1",
    "data": {
        "operationName": "Microsoft.DBforPostgreSQL/flexibleServers/write",
        "count": 5,
        "on": True,
        "nothing": None,
        "words": ["Contoso", "fabrikam"],
        "numbers": [1, 50],
        "deep": {"er": "x"},
    },
}

OPERATOR_TABLE = [
    ("StringIn", "data.operationName", ["x", "microsoft.dbforpostgresql/FLEXIBLESERVERS/write"], True),
    ("StringIn", "Data.OperationName", ["Microsoft.DBforPostgreSQL/flexibleServers/write"], True),
    ("StringIn", "data.operationName", ["Microsoft.DBforPostgreSQL/flexibleServers"], False),
    ("StringIn", "data.deep.er", ["X"], True),
    ("StringIn", "data.count", ["5"], False),
    ("StringNotIn", "data.operationName", ["Microsoft.DBforPostgreSQL/flexibleServers/write"], False),
    ("StringNotIn", "data.operationName", ["other"], True),
    ("StringNotIn", "data.absent", ["other"], True),
    ("StringContains", "subject", ["/providers/microsoft.dbforpostgresql/"], True),
    ("StringContains", "subject", ["/providers/microsoft.storage/"], False),
    ("StringNotContains", "subject", ["/providers/microsoft.storage/"], True),
    ("StringNotContains", "subject", ["storage", "PG-ONE"], False),
    ("StringNotContains", "data.absent", ["storage"], False),
    ("StringBeginsWith", "eventtype", ["microsoft.resources.resourcewrite"], True),
    ("StringBeginsWith", "data.absent", ["a"], False),
    ("StringNotBeginsWith", "eventtype", ["Microsoft.Storage"], True),
    ("StringNotBeginsWith", "data.absent", ["a"], False),
    ("StringEndsWith", "data.operationName", ["/delete", "/write"], True),
    ("StringEndsWith", "data.operationName", ["/delete"], False),
    ("StringNotEndsWith", "data.operationName", ["/delete"], True),
    ("StringNotEndsWith", "data.absent", ["/delete"], False),
    ("NumberIn", "data.count", [5, 1], True),
    ("NumberIn", "data.on", [1], False),
    ("NumberNotIn", "data.count", [41, 0], True),
    ("NumberNotIn", "data.count", [41, 5], False),
    ("NumberNotIn", "data.absent", [41], True),
    ("NumberLessThan", "data.count", 5, False),
    ("NumberLessThan", "data.count", 5.5, True),
    ("NumberLessThanOrEquals", "data.count", 5, True),
    ("NumberLessThanOrEquals", "data.count", 4, False),
    ("NumberGreaterThan", "data.count", 4, True),
    ("NumberGreaterThanOrEquals", "data.count", 5, True),
    ("NumberGreaterThanOrEquals", "data.count", 6, False),
    ("NumberGreaterThan", "data.absent", 4, False),
    ("NumberInRange", "data.count", [[3.1, 9.9], [3000, 4000]], True),
    ("NumberInRange", "data.count", [[3000, 4000]], False),
    ("NumberNotInRange", "data.count", [[3000, 4000]], True),
    ("NumberNotInRange", "data.count", [[5, 5]], False),
    ("BoolEquals", "data.on", True, True),
    ("BoolEquals", "data.on", False, False),
    ("BoolEquals", "data.count", True, False),
    ("BoolEquals", "data.absent", False, False),
    ("IsNullOrUndefined", "data.nothing", None, True),
    ("IsNullOrUndefined", "data.absent", None, True),
    ("IsNullOrUndefined", "data.absent.deeper", None, True),
    ("IsNullOrUndefined", "data.count", None, False),
    ("IsNotNull", "data.nothing", None, False),
    ("IsNotNull", "data.count", None, True),
]


def rule(operator, key, value):
    shape = {"operatorType": operator, "key": key}
    return shape | ({"values": value} if isinstance(value, list) else {} if value is None else {"value": value})


@pytest.mark.parametrize(("operator", "key", "value", "passes"), OPERATOR_TABLE)
def test_operators(operator, key, value, passes):
    """Every operator answers as documented, also for keys that are absent or of another type, in any case."""
    assert matches({"advancedFilters": [rule(operator, key, value)]}, EVENT) is passes


def test_the_table_has_every_operator():
    """No operator goes untested, and both answers of each are in the table."""
    answers = {(operator, passes) for operator, _, _, passes in OPERATOR_TABLE}
    assert answers == {(name, answer) for name in (*OPERATORS, *NULL_OPERATORS) for answer in (True, False)}


@pytest.mark.parametrize(
    ("operator", "key", "value", "passes"),
    [
        ("StringIn", "data.words", ["contoso"], True),
        ("StringNotIn", "data.words", ["contoso"], False),
        ("StringContains", "data.words", ["KAM"], True),
        ("NumberGreaterThan", "data.numbers", 49, True),
        ("NumberNotInRange", "data.numbers", [[40, 60]], False),
        ("StringIn", "data.numbers", ["1"], False),
    ],
)
def test_arrays(operator, key, value, passes):
    """With the switch any value of an array may hit; without it no value of an array does."""
    rules = {"advancedFilters": [rule(operator, key, value)]}
    assert matches(rules | {"enableAdvancedFilteringOnArrays": True}, EVENT) is passes
    assert matches(rules, EVENT) is OPERATORS[operator].negative


@pytest.mark.parametrize(
    ("rules", "passes"),
    [
        ({}, True),
        ({"includedEventTypes": None}, True),
        ({"includedEventTypes": ["All"]}, True),
        ({"includedEventTypes": ["Microsoft.Resources.ResourceWriteSuccess"]}, True),
        ({"includedEventTypes": ["Microsoft.Resources.ResourceDeleteSuccess"]}, False),
        ({"subjectBeginsWith": "/SUBSCRIPTIONS/S/", "subjectEndsWith": "PG-ONE"}, True),
        ({"subjectBeginsWith": "/SUBSCRIPTIONS/S/", "isSubjectCaseSensitive": True}, False),
        ({"subjectBeginsWith": "/subscriptions/s/", "isSubjectCaseSensitive": True}, True),
        ({"subjectEndsWith": "pg-two"}, False),
    ],
)
def test_types_and_subjects(rules, passes):
    """Types are a list, subjects have a beginning and an end, compared without case unless asked for."""
    assert matches(rules, EVENT) is passes


@pytest.mark.parametrize("key", ["source", "type", "topic", "eventType"])
def test_keys_of_both_schemas(key):
    """A filter may name a member as Event Grid or as CloudEvents calls it."""
    wanted = {"source": EVENT["topic"], "topic": EVENT["topic"]}.get(key, EVENT["eventType"])
    assert matches({"advancedFilters": [rule("StringIn", key, [wanted])]}, EVENT)
    assert not matches({"advancedFilters": [rule("StringIn", key, ["other"])]}, EVENT)


def test_a_published_cloud_event():
    """An event published as a CloudEvent is judged by its own members, extensions included."""
    event = in_schema(EVENT, CLOUD) | {"cause": "no_roles"}
    assert matches({"includedEventTypes": ["Microsoft.Resources.ResourceWriteSuccess"]}, event)
    assert matches({"advancedFilters": [rule("StringIn", "cause", ["no_roles"])]}, event)
    assert not matches({"advancedFilters": [rule("StringIn", "source", ["other"])]}, event)


RULES = st.builds(
    rule,
    st.sampled_from(["StringIn", "StringContains", "StringBeginsWith", "StringEndsWith"]),
    st.sampled_from(["subject", "data.operationName", "data.absent", "data.count"]),
    st.lists(st.text("abcMicrosoft./", max_size=6), min_size=1, max_size=4),
)


@given(st.lists(RULES, max_size=4), RULES)
def test_filters_only_narrow(rules, more):
    """One more filter never lets an event pass that was kept back before, and the order of filters is nothing."""
    passes = matches({"advancedFilters": rules}, EVENT)
    assert matches({"advancedFilters": [*rules, more]}, EVENT) <= passes
    assert matches({"advancedFilters": rules[::-1]}, EVENT) is passes


@given(RULES)
def test_not_is_the_opposite(one):
    """An operator and its Not… disagree whenever the key is there."""
    name, key = one["operatorType"], one["key"]
    other = one | {"operatorType": name.replace("String", "StringNot")}
    answers = [matches({"advancedFilters": [each]}, EVENT) for each in (one, other)]
    assert answers[0] != answers[1] or key == "data.absent"


@pytest.mark.parametrize(
    "given_rules",
    [
        [rule("StringIn", "subject", ["x"])] * 26,
        [rule("StringIn", "subject", list("abcdefghijklmnopqrstuvwxyz"))],
        [rule("StringIs", "subject", ["x"])],
        [rule("StringIn", "", ["x"])],
        [rule("StringIn", "subject", [])],
        [rule("NumberLessThan", "data.count", [3])],
        [rule("StringIn", "subject", ["x" * 513])],
    ],
)
def test_filters_that_are_refused(given_rules):
    """Too many, unknown, empty and too long filters are refused; the limits themselves are not."""
    with pytest.raises(ArmError) as refusal:
        require_rules({"advancedFilters": given_rules})
    assert (refusal.value.status, refusal.value.code) == (400, "InvalidRequest")
    require_rules({"advancedFilters": [rule("StringIn", "subject", ["x" * 512])] * 25})
    off = {"operatorType": "BoolEquals", "key": "data.on", "value": False}
    require_rules({"advancedFilters": [rule("IsNotNull", "subject", None), off]})
