"""Sends one alert to one address outside Azure's own services: one attempt, no redirect, a short wait, no secret told.

The address comes from app settings. A failure is a sentence that names the host and never the path, which is a secret
with most services; the next run tries again.
"""

import contextlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from azure.core import PipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, HeadersPolicy, RequestIdPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest

from shared.cloud.addresses import why_refused
from shared.cloud.clients import Cloud
from shared.cloud.http import AGENT, AdmittedHost

CONNECT_S, READ_S = 5, 10
LONGEST_ANSWER = 4000


class NotTaken(Exception):
    """Nothing took the alert; the message says who and why, without secrets."""


def encoded(payload: Mapping[str, Any]) -> bytes:
    """The bytes of a payload, as they are signed and sent."""
    return msgspec.json.encode(payload)


def post(cloud: Cloud, address: str, body: bytes, headers: Mapping[str, str], scope: str = "") -> tuple[int, str]:
    """Send once; the status of the answer and the beginning of its text. Raises NotTaken when there is no answer.

    scope: of the token that the app's identity signs in with; "" sends none.
    """
    if reason := why_refused(address):
        raise NotTaken(f"nothing was sent: {reason}")
    host = urlsplit(address).hostname or ""
    signing = [BearerTokenCredentialPolicy(cloud.credential, scope)] if scope else []
    agent = UserAgentPolicy(base_user_agent=AGENT)
    policies: list[Any] = [RequestIdPolicy(), HeadersPolicy(), agent, AdmittedHost(address), *signing]
    client: PipelineClient[Any, Any] = PipelineClient(address, policies=policies, transport=cloud.transport)
    request = HttpRequest("POST", address, content=body, headers={"Content-Type": "application/json", **headers})
    try:
        response = client.send_request(request, stream=True, connection_timeout=CONNECT_S, read_timeout=READ_S)
        return response.status_code, _text(response)
    except AzureError as error:
        raise NotTaken(f"{host} did not answer ({type(error).__name__})") from None  # its text shows the whole address


def _text(response: Any) -> str:
    """The beginning of an answer; the rest is not read, however long it is."""
    read = b""
    with contextlib.suppress(AzureError):
        for chunk in response.iter_bytes():
            read += chunk
            if len(read) >= LONGEST_ANSWER:
                break
    response.close()
    return read[:LONGEST_ANSWER].decode("utf-8", "replace")
