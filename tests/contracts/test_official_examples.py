"""Microsoft's own examples, sent as requests: the status that their authors name, and no member that nobody knows."""

from simulator.wire import Response
from tests.contracts import deviations
from tests.contracts.bundle import bundled
from tests.contracts.examples import Example, examples
from tests.contracts.members import of_example, strangers
from tests.contracts.prepared import prepared


def differences(example: Example, ours: Response) -> set[str]:
    """What an answer has that neither the example nor the schema has."""
    if str(ours.status) not in example.answers:
        return {f"status {ours.status}, not one of {', '.join(example.answers)}"}
    if not ours.body:
        return set()
    document, operation = bundled(example.operation), example.operation
    told = document["paths"][operation.path][operation.method.lower()]["responses"]
    schema = told.get(str(ours.status), {}).get("schema")
    found = strangers(ours.json(), [schema], document["definitions"]) if schema else []
    shown = of_example(ours.json(), example.answers[str(ours.status)].get("body"))
    return {f"{place} is unknown" for place in found if place not in shown}


def test_an_example_is_answered_as_its_authors_say(wire, example):
    """Status and members of the answer are the example's or the schema's, but for what deviations.py lists."""
    assert wire
    azure, parameters = prepared(example)
    ours = azure.handle(example.request(parameters))
    assert differences(example, ours) == deviations.expected(deviations.OF_EXAMPLES, example.key), ours.body


def test_every_listed_example_exists(wire):
    """Nothing is excused that is not there."""
    listed = {key for each in deviations.OF_EXAMPLES for key in each.at}
    assert listed <= {each.key for each in examples(wire) if each.operation.is_served}
