"""The in-process face: the real Azure SDK clients talk to the local Azure without a socket, in virtual time.

An SDK's waits (`transport.sleep`, used by its retry policy and its pollers) advance the virtual clock.
"""

from typing import Any

from azure.core.exceptions import ServiceRequestError, ServiceResponseError, ServiceResponseTimeoutError
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest._http_response_impl import HttpResponseImpl
from azure.core.utils import case_insensitive_dict

from simulator.azure import LocalAzure
from simulator.call_faults import AnswerLost
from simulator.wire import Request

SILENCES = {
    "reset": ServiceResponseError,
    "refuse_connection": ServiceRequestError,
    "read_timeout": ServiceResponseTimeoutError,
}


class InProcessTransport(HttpTransport[Any, Any]):
    """Pass one to any Azure client as `transport=`. Safe to share between clients; closing it does nothing."""

    def __init__(self, azure: LocalAzure) -> None:
        self.azure = azure

    def send(self, request: Any, **options: Any) -> Any:
        """Carry one request to the local Azure. Raises what azure-core raises when nobody answers.

        A timeout lasts as long as the client is ready to wait.
        """
        try:
            response = self.azure.handle(_read(request))
        except AnswerLost as lost:
            self.azure.advance(min(lost.wait_s, float(options.get("read_timeout") or lost.wait_s)))
            raise SILENCES[lost.how](f"{lost.how}: {lost}") from None
        answer = HttpResponseImpl(
            request=request,
            internal_response=response,
            status_code=response.status,
            headers=case_insensitive_dict(response.headers),
            reason="",
            content_type=response.headers.get("content-type", ""),
            stream_download_generator=None,
        )
        answer._content = response.body  # noqa: SLF001 - azure-core offers no other way to make an answer
        answer._is_closed = True  # noqa: SLF001 - there is no stream behind it that reading would have to close
        return answer

    def sleep(self, duration: float) -> None:
        self.azure.advance(duration)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _read(request: Any) -> Request:
    body: Any = getattr(request, "content", None) or getattr(request, "data", None) or getattr(request, "body", None)
    if isinstance(body, dict):
        msg = "form bodies are not carried in process"
        raise TypeError(msg)
    data = body.encode() if isinstance(body, str) else b"".join(body) if hasattr(body, "__next__") else body or b""
    return Request(request.method, request.url, {k.lower(): v for k, v in request.headers.items()}, data)
