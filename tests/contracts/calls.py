"""Generated calls, in process: from a schemathesis case to the local Azure and back, and what is wrong with the answer.

Schemathesis makes the cases and holds status, content type and schema against the document; what it lets pass (an
undocumented success where there is a default, members that no schema names) is added here.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import requests
import schemathesis
from schemathesis import Case
from schemathesis.core import NotSet
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from simulator.arm.access import OPERATOR
from simulator.azure import LocalAzure
from simulator.wire import Request, Response
from tests.contracts.documents import Json, Operation
from tests.contracts.members import strangers

CHECKS: list[Any] = [status_code_conformance, response_schema_conformance]
CHECKS_OF_A_BODY = [*CHECKS, content_type_conformance]  # no recorded answer without a body has a content type
HOSTS = {True: "https://alerts.westeurope-1.eventgrid.azure.net", False: "https://management.azure.com"}
KEYS = {True: {"aeg-sas-key": "key"}, False: {"authorization": f"Bearer simulated.{OPERATOR}"}}


def send(azure: LocalAzure, operation: Operation, case: Case[Any]) -> tuple[Request, Response]:
    """The request of a case, and the local Azure's answer."""
    query = urlencode({**case.query, "api-version": operation.version}, doseq=True)
    kinds = operation.told.get("consumes") or ["application/json"]
    headers = {"content-type": kinds[0]} | KEYS[operation.is_publication]
    body = b"" if isinstance(case.body, NotSet) else case.body
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"{HOSTS[operation.is_publication]}{case.formatted_path}?{query}"
    request = Request(operation.method, url, headers, data)
    return request, azure.handle(request)


def differences(operation: Operation, document: Json, case: Case[Any], request: Request, ours: Response) -> set[str]:
    """What is wrong with an answer, a line each; nothing when the operation, or this variant of it, is not played."""
    body = ours.json()
    if ours.status == 501 and body["error"]["code"] == "OperationNotSimulated":
        return set()
    return {*_of_status(operation, ours), *_of_members(operation, document, ours), *_of_checks(case, request, ours)}


def _of_status(operation: Operation, ours: Response) -> Iterator[str]:
    documented = str(ours.status) in operation.told["responses"]
    if ours.status >= 500 or (ours.status < 400 and not documented):
        yield f"status {ours.status}"
    if ours.status >= 400 and not (ours.json() or {}).get("error", {}).get("code"):
        yield f"status {ours.status} without an error code"


def _of_members(operation: Operation, document: Json, ours: Response) -> Iterator[str]:
    told = document["paths"][operation.path][operation.method.lower()]["responses"]
    schema = (told.get(str(ours.status)) or told.get("default", {})).get("schema")
    if schema and ours.body:
        yield from (
            f"{place} is not in the schema" for place in strangers(ours.json(), [schema], document["definitions"])
        )
    elif ours.body and ours.status < 400:
        yield f"status {ours.status} has a body that the document does not name"


def _of_checks(case: Case[Any], request: Request, ours: Response) -> Iterator[str]:
    asked = requests.Request(request.method, request.url, headers=dict(request.headers), data=request.body).prepare()
    headers = {name: [value] for name, value in ours.headers.items()}
    answer = schemathesis.Response(ours.status, headers, ours.body, asked, elapsed=0.0, verify=True)
    try:
        case.validate_response(answer, checks=CHECKS_OF_A_BODY if ours.body else CHECKS)
    except FailureGroup as failures:
        yield from (_line(failure) for failure in failures.exceptions)


def _line(failure: Any) -> str:
    """One failure in one line, without what was generated."""
    place = ".".join(str(part) for part in getattr(failure, "instance_path", []) if not isinstance(part, int))
    words = str(getattr(failure, "validation_message", "") or failure.message or failure.title)
    return f"body.{place} violates the schema" if place else f"{failure.title}: {words.splitlines()[0]}"
