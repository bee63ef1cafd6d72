"""Counts what is asked of Azure Resource Manager, by operation, for the line that says what came of it."""

from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline.policies import SansIOHTTPPolicy

from shared.core.operations import operation_of

TOO_MANY = 429


@dataclass
class Calls:
    """How often each operation was asked for, and how many of these calls Azure refused as too many."""

    by_operation: Counter[str] = field(default_factory=Counter)
    throttled: int = 0


_current: ContextVar[Calls | None] = ContextVar("calls", default=None)


def begin() -> Calls:
    """Count from here on, in this thread alone, until somebody begins anew; answer what is being counted."""
    calls = Calls()
    _current.set(calls)
    return calls


class Count(SansIOHTTPPolicy[Any, Any]):
    """Counts every request of a pipeline, answered or not."""

    def on_request(self, request: Any) -> None:
        if calls := _current.get():
            sent = request.http_request
            calls.by_operation[operation_of(sent.method, urlsplit(sent.url).path)] += 1

    def on_response(self, request: Any, response: Any) -> None:  # noqa: ARG002 - azure-core's signature
        if (calls := _current.get()) and response.http_response.status_code == TOO_MANY:
            calls.throttled += 1
