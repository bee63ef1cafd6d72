"""Microsoft's OpenAPI, held against the local Azure by schemathesis: generated calls, well formed and broken ones.

Every answer has a documented status or a documented error, the documented content type and schema, no member that the
schema does not name, and never a 5xx but 501 for what is not played.
"""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, openapi

from tests.contracts import calls, deviations, known
from tests.contracts.bundle import bundled
from tests.contracts.documents import Operation, operations, served

CASES, FEWER, LARGE = 8, 3, 70  # per operation and mode; fewer where a body is made of many definitions and takes long
RUN = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


class Trial:
    """All calls of one operation, and what was wrong with the answers: per difference the call that showed it first."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.document = bundled(operation)
        self.described: Any = openapi.from_dict(self.document)[operation.path][operation.method]
        self.found: dict[str, str] = {}

    def usual(self) -> None:
        """The call that makes sense, in every state of the world."""
        for state in known.STATES:
            body = known.body(self.operation, state)
            told = {} if body is None else {"body": body}
            parameters: Any = known.names(self.operation, state)
            self.call(self.described.Case(path_parameters=parameters, media_type="application/json", **told), state)

    def generated(self, mode: GenerationMode) -> None:
        """Calls that schemathesis makes up; three in four are about something that is there."""

        @settings(RUN, max_examples=FEWER if len(self.document["definitions"]) > LARGE else CASES)
        @given(st.data())
        def run(data: st.DataObject) -> None:
            case = data.draw(self.described.as_strategy(generation_mode=mode))
            state = data.draw(st.sampled_from(known.STATES))
            if data.draw(st.sampled_from((True, True, True, False))):
                case.path_parameters |= {
                    name: known.names(self.operation, state)[name] for name in case.path_parameters
                }
            usual = known.body(self.operation, state)
            if isinstance(usual, dict) and isinstance(case.body, dict) and data.draw(st.booleans()):
                case.body = _laid_over(usual, case.body)
            self.call(case, state)

        run()

    def call(self, case: Case[Any], state: str) -> None:
        request, ours = calls.send(known.azure_in(state), self.operation, case)
        for line in calls.differences(self.operation, self.document, case, request, ours):
            self.found.setdefault(line, f"{request.method} {request.url} {request.body!r}: {ours.status} {ours.body!r}")


def _laid_over(usual: Any, made_up: Any) -> Any:
    """A body that makes sense with some members that were made up."""
    if not isinstance(usual, dict) or not isinstance(made_up, dict):
        return made_up
    return usual | {name: _laid_over(usual.get(name), value) for name, value in made_up.items()}


def test_answers_keep_to_the_document(wire, operation):
    """No answer differs from the document, but for what deviations.py lists; and that does occur."""
    assert wire
    trial = Trial(operation)
    trial.usual()
    trial.generated(GenerationMode.POSITIVE)
    trial.generated(GenerationMode.NEGATIVE)
    listed = deviations.expected(deviations.OF_OPERATIONS, operation.key)
    assert set(trial.found) == listed, json.dumps(trial.found, indent=1)


def test_what_is_not_simulated_is_listed_with_a_reason(wire):
    """deviations.py names every operation of the documents that is not played, and no other."""
    missing = {each.id for each in operations(wire)} - {each.id for each in served(wire)}
    assert missing == set(deviations.NOT_SIMULATED)
    assert all(deviations.NOT_SIMULATED.values())
    listed = {key for each in deviations.OF_OPERATIONS for key in each.at}
    assert listed <= {each.key for each in served(wire)}
