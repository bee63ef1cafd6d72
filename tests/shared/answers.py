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
        text = body if isinstance(body, bytes | str) else json.dumps(body)
        self._content = text if isinstance(text, bytes) else text.encode()

    def body(self) -> bytes:
        return self._content

    @property
    def content(self) -> bytes:
        return self._content

    def json(self) -> Any:
        return json.loads(self._content)

    def read(self) -> bytes:
        return self._content

    def iter_bytes(self) -> Iterator[bytes]:
        for start in range(0, len(self._content), 1000):
            yield self._content[start : start + 1000]

    def close(self) -> None: ...

    def stream_download(self, *_arguments: Any, **_options: Any) -> Iterator[bytes]:
        yield self._content
