"""Asks Resource Graph one question and gives the rows of all its pages, once each; says what did not come.

Rows are decoded straight into small values: the service's own client makes thirty times the work of it. It waits only
with the `pause` that it was given. Source for pages, quota and truncation: recordings, and Resource Graph's guidance.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError, translated

GRAPH_API = "2021-03-01"
PAGE = 1000
MOST_TRIES = 4
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 60.0  # Source: the recorded window of the quota is 5 seconds
_NOT_SIGNED_IN = frozenset({"ClientAuthenticationError", "CredentialUnavailableError"})
_REFUSED, _THROTTLED, _SERVER_ERROR = 400, 429, 500
_SPAN = re.compile(r"(\d+):(\d\d):(\d\d)")

Pause = Callable[[float], None]


# The name of a member, and no password.
_MEMBERS = {"total": "totalRecords", "truncated": "resultTruncated", "token": "$skipToken"}  # nosec B105


class _Page(msgspec.Struct, rename=_MEMBERS):
    total: int
    data: list[msgspec.Raw]
    truncated: str = "false"
    token: str | None = None


class Row(msgspec.Struct):
    """What every row has. Columns that are null or missing are read as such."""

    id: str


class Graph:
    """Resource Graph, for one reading of an estate. incomplete: what could not be read, in words.

    scope: `subscriptions` or `managementGroups` of a request; empty asks for all that the caller may read.
    pause: waits so many seconds; None where nobody may wait, and then a refusal is the end of a question.
    """

    def __init__(self, cloud: Cloud, pause: Pause | None = None, progress: Callable[[int], None] | None = None) -> None:
        self.cloud, self.pause = cloud, pause
        self.progress = progress or (lambda _rows: None)
        self.incomplete: list[str] = []
        self.calls = 0
        self._url = f"{cloud.settings.arm_endpoint}/providers/Microsoft.ResourceGraph/resources?api-version={GRAPH_API}"

    def rows[R: Row](self, name: str, row_type: type[R], scope: Mapping[str, list[str]], **words: str) -> Iterator[R]:
        """All rows of a query, each id once. name: of its .kql file, and of what is missing when some is.

        Raises CloudError when the question itself is refused; what is only missing is noted in `incomplete`.
        """
        asked: dict[str, Any] = {"query": query(name, **words), **scope}
        seen: set[str] = set()
        token, total, truncated, unreadable = "", 0, False, 0
        while True:
            options = {"$top": PAGE, "resultFormat": "objectArray"} | ({"$skipToken": token} if token else {})
            try:
                page = self._page(asked | {"options": options})
            except CloudError as error:
                if not seen and not _passes(error):
                    raise
                self._missing(name, f"{len(seen):,} rows came, then {error.code}: {error.message}")
                return
            total, truncated = page.total, truncated or page.truncated.lower() == "true"
            self.progress(len(page.data))
            for raw in page.data:
                row = _decoded(raw, row_type)
                unreadable += row is None
                if row and (key := row.id.lower()) not in seen:
                    seen.add(key)
                    yield row
            if not page.token or page.token == token:
                break
            token = page.token
        if truncated or len(seen) < total:
            of_these = f", {unreadable:,} cannot be read" if unreadable else ""
            self._missing(name, f"{len(seen):,} of {total:,} rows came{of_these}")

    def _missing(self, name: str, what: str) -> None:
        self.incomplete.append(f"{name}: {what}")

    def _page(self, body: Mapping[str, Any]) -> _Page:
        """One page, asked for again a few times while Azure is busy. Raises CloudError."""
        for attempt in range(MOST_TRIES):
            try:
                return self._ask(body)
            except CloudError as error:
                if self.pause is None or not _passes(error) or attempt == MOST_TRIES - 1:
                    raise
                wait_s = error.retry_after_s or FIRST_PAUSE_S * 2**attempt
                self.pause(min(wait_s, LONGEST_PAUSE_S))
        raise AssertionError

    def _ask(self, body: Mapping[str, Any]) -> _Page:
        self.calls += 1
        with translated():
            response = self.cloud.arm.send_request(HttpRequest("POST", self._url, json=body), stream=True)
            content = response.read()
            if response.status_code >= _REFUSED:
                raise HttpResponseError(response=response)
        if self.pause and response.headers.get("x-ms-user-quota-remaining") == "0":
            self.pause(_seconds(response.headers.get("x-ms-user-quota-resets-after") or ""))
        try:
            return msgspec.json.decode(content, type=_Page)
        except msgspec.DecodeError as error:
            raise CloudError("UnreadableAnswer", f"not an answer of Resource Graph: {error}") from error


def _decoded[R: Row](raw: msgspec.Raw, row_type: type[R]) -> R | None:
    """One row, None when it is of another shape than the query asks for."""
    try:
        return msgspec.json.decode(raw, type=row_type)
    except msgspec.DecodeError:
        return None


@cache
def _text(name: str) -> str:
    return Path(__file__).with_name(f"{name}.kql").read_text(encoding="utf-8")


def query(name: str, **words: str) -> str:
    """The text of a .kql file with the words put in where it says {word}; a word that is not given is empty."""
    return re.sub(r"\{(\w+)\}", lambda match: words.get(match[1], ""), _text(name))


def _passes(error: CloudError) -> bool:
    """Whether asking again may help: too many questions, a bad moment of the service, a lost connection."""
    return error.code not in _NOT_SIGNED_IN and (error.status in (0, _THROTTLED) or error.status >= _SERVER_ERROR)


def _seconds(text: str) -> float:
    match = _SPAN.fullmatch(text)
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3]) if match else FIRST_PAUSE_S
