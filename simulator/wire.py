"""HTTP as values: one request, one response, and the small formats that Azure repeats everywhere.

Nothing here opens a socket: a face (`transport.py`, in process) turns real traffic into these values and back.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One HTTP request. Header names are lower case; the body is bytes, empty if there is none."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def host(self) -> str:
        return (urlsplit(self.url).hostname or "").lower()

    @cached_property
    def path(self) -> str:
        """The decoded path, with one leading slash (Azure forgives a doubled one) and none at the end."""
        return "/" + unquote(urlsplit(self.url).path).strip("/")

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON, or None when it is empty. Raises ValueError for bytes that are no JSON."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Response:
    """One HTTP answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


def json_response(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON, as Azure Resource Manager writes it."""
    content = {"content-type": "application/json; charset=utf-8"}
    return Response(status, content | dict(headers or {}), json.dumps(value).encode())


def empty_response(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Answer without a body (202, 204, and the 200 of some deletions)."""
    return Response(status, {"content-length": "0"} | dict(headers or {}))


class ArmError(Exception):
    """A refusal in one of the shapes of Azure's errors; the ARM front door turns it into a response.

    body: the whole error document when the shape is richer than code and message.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Json | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})
        self.body = body or {"error": {"code": code, "message": message}}

    def response(self) -> Response:
        return json_response(self.status, self.body, self.headers)


def stamp(at: datetime) -> str:
    """Write a time as Data Protection does: UTC, seven digits of a second.

    Source: recordings of 2024 and 2025, e.g. startTime "2025-03-11T11:07:10.3855839Z".
    """
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond:06d}0Z"


@lru_cache(maxsize=64)
def http_date(at: datetime) -> str:
    """Write a time as the Date header does (RFC 9110)."""
    return at.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
