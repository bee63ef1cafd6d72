"""The pipeline policies that every client of ours shares: one attempt, admitted hosts only, Azure's clock."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.policies import (
    ContentDecodePolicy,
    CustomHookPolicy,
    HeadersPolicy,
    RequestIdPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)

from shared.cloud.errors import read_date

AGENT = "flexguard"
_correlation: ContextVar[str] = ContextVar("correlation", default="")


@contextlib.contextmanager
def correlated(guid: str) -> Iterator[None]:
    """Let every request inside carry this GUID, so that Azure's activity log shows one pass as one thing.

    Source: ARM takes x-ms-correlation-request-id from the caller and writes it beside every operation.
    """
    token = _correlation.set(guid)
    try:
        yield
    finally:
        _correlation.reset(token)


class Correlation(SansIOHTTPPolicy[Any, Any]):
    """Names the pass that a request belongs to."""

    def on_request(self, request: Any) -> None:
        if guid := _correlation.get():
            request.http_request.headers["x-ms-correlation-request-id"] = guid


class ForeignHost(ServiceRequestError):
    """A request was about to leave for a host that is not ours, with our token in it; it did not leave."""


class AdmittedHost(SansIOHTTPPolicy[Any, Any]):
    """Lets requests out to one host alone: a bent operation URL or nextLink must not carry our token away."""

    def __init__(self, endpoint: str) -> None:
        self.host = urlsplit(endpoint).netloc.lower()

    def on_request(self, request: Any) -> None:
        target = urlsplit(request.http_request.url)
        if target.netloc.lower() != self.host or target.scheme != "https":
            raise ForeignHost(f"{target.hostname} is not {self.host}; nothing was sent")


class RateWatch(SansIOHTTPPolicy[Any, Any]):
    """Hands what an answer of ARM says about our rate to `note`: subscription, status, headers."""

    def __init__(self, note: Callable[[str, int, Mapping[str, str]], None]) -> None:
        self.note = note

    def on_response(self, request: Any, response: Any) -> None:
        _, _, below = urlsplit(request.http_request.url).path.partition("/subscriptions/")
        if subscription := below.partition("/")[0]:
            self.note(subscription.lower(), response.http_response.status_code, response.http_response.headers)


class AzureClock(SansIOHTTPPolicy[Any, Any]):
    """Hands the Date of every answer to `tick`: all decisions are made on Azure's clock, so clocks cannot skew."""

    def __init__(self, tick: Callable[[datetime], None]) -> None:
        self.tick = tick

    def on_response(self, request: Any, response: Any) -> None:  # noqa: ARG002 - azure-core's signature
        if date := read_date(response.http_response.headers):
            self.tick(date)


def policies(endpoint: str, authentication: Any, clock: AzureClock, *before: Any) -> list[Any]:
    """The whole pipeline of one client, in order. No retry, no redirect, no provider registration: see `cloud`."""
    return [
        RequestIdPolicy(),
        Correlation(),
        HeadersPolicy(),
        UserAgentPolicy(base_user_agent=AGENT),
        *before,
        AdmittedHost(endpoint),
        ContentDecodePolicy(),
        CustomHookPolicy(),
        authentication,
        clock,
    ]
