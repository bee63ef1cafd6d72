"""Answers as they come from the wire, for the real clients of azure-core."""

import json
from collections.abc import Iterator
from typing import Any

from azure.core.pipeline.transport import HttpRequest
from azure.core.pipeline.transport import HttpResponse as _HttpResponse


class Answer(_HttpResponse):
    """One answer: a status, a body as JSON or text, headers."""

    def __init__(self, status: int, body: Any = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(HttpRequest("GET", "https://management.azure.com/"), None)
        self.status_code, self.reason, self.headers = status, "", headers or {}
        self.content_type = "application/json"
        self._content = (body if isinstance(body, str) else json.dumps(body)).encode()

    def body(self) -> bytes:
        return self._content

    @property
    def content(self) -> bytes:
        return self._content

    def json(self) -> Any:
        return json.loads(self._content)

    def read(self) -> bytes:
        return self._content

    def stream_download(self, *_arguments: Any, **_options: Any) -> Iterator[bytes]:
        yield self._content
