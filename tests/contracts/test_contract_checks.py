"""What the checks of this folder notice: strangers in answers, wrong types, undocumented answers."""

from pathlib import Path
from typing import Any

import pytest
from schemathesis import openapi

from simulator.wire import Request, Response, json_response
from tests.contracts import calls
from tests.contracts.documents import Operation
from tests.contracts.members import of_example, strangers

ANIMAL = {"properties": {"kind": {"type": "string"}}}
DEFINITIONS = {
    "Animal": {
        "anyOf": [
            {"allOf": [ANIMAL, {"properties": {"kind": {"enum": ["cat"]}, "claws": {"type": "integer"}}}]},
            {"allOf": [ANIMAL, {"properties": {"kind": {"enum": ["dog"]}, "bark": {"properties": {"loud": {}}}}}]},
        ]
    }
}
ZOO = {"properties": {"value": {"type": "array", "items": {"$ref": "#/definitions/Animal"}}}}


def test_strangers_are_found_in_their_kind():
    """A member belongs to the kind that the discriminator names; another kind's member is a stranger."""
    value = [{"kind": "cat", "claws": 9}, {"kind": "dog", "bark": {"loud": True, "far": 1}, "claws": 9}]
    found = strangers({"value": value, "next": None}, [ZOO], DEFINITIONS)
    assert found == ["body.value[].bark.far", "body.value[].claws", "body.next"]


def test_what_an_example_shows_is_known():
    """Places of an example's members, whichever element of a list shows them."""
    value = {"a": [{"b": 1, "c": 2}], "d": 3}
    assert of_example(value, {"a": [{"b": 0}, {"x": 0}]}) == {"body.a", "body.a[].b"}


def answered(ours: Response) -> set[str]:
    """What is said about an answer of an operation that may answer 200 with a name, or an error."""
    told: Any = {"operationId": "Zoo_Get", "responses": {"200": {"description": "", "schema": NAMED}, "default": ERROR}}
    document = {
        "swagger": "2.0",
        "info": {"title": "zoo", "version": "1"},
        "produces": ["application/json"],
        "paths": {"/zoo": {"get": told}},
        "definitions": {},
    }
    operation = Operation("Zoo_Get", "1", "GET", "/zoo", told, Path())
    case: Any = openapi.from_dict(document)["/zoo"]["GET"].Case()
    return calls.differences(operation, document, case, Request("GET", "https://management.azure.com/zoo"), ours)


NAMED = {"type": "object", "properties": {"name": {"type": "string"}}}
ERROR = {"description": "", "schema": {"type": "object", "properties": {"error": {"type": "object"}}}}


@pytest.mark.parametrize(
    ("ours", "found"),
    [
        (json_response(200, {"name": "a"}), set()),
        (json_response(404, {"error": {"code": "NotFound"}}), set()),
        (json_response(501, {"error": {"code": "OperationNotSimulated"}}), set()),
        (json_response(200, {"name": "a", "age": 1}), {"body.age is not in the schema"}),
        (json_response(200, {"name": 1}), {"body.name violates the schema"}),
        (json_response(202, {"error": {}}), {"status 202"}),
        (json_response(500, {"error": {"code": "Broken"}}), {"status 500"}),
        (json_response(400, {"error": {}}), {"status 400 without an error code"}),
    ],
    ids=lambda value: value.status if isinstance(value, Response) else "",
)
def test_an_answer_is_held_against_its_document(ours: Response, found: set[str]):
    """Status, schema, strangers and errors; an operation that is not played is no difference."""
    assert answered(ours) == found


def test_the_content_type_is_held_against_the_document():
    """A body of another type than the document says is a difference."""
    (line,) = answered(Response(200, {"content-type": "text/plain"}, b"{}"))
    assert "Content-Type" in line or "content-type" in line.lower()
