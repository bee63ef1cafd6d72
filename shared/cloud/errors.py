"""Turns every way in which Azure says no into one value.

CloudError: anything that went wrong between us and Azure; always worth looking again later. Its code and message are
Azure's own words; retry_after_s is how long Azure asked us to wait; may_have_happened says that the call may have been
carried out although we saw no success (a lost answer, a 5xx).
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from json import JSONDecodeError
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError

_SUBSCRIPTION = re.compile(r"/subscriptions/([^/?]+)", re.IGNORECASE)
LONGEST_RETRY_AFTER_S = 6 * 3600.0
_DOS_GUARD_S = 2 * 3600.0  # "retry after few hours", says the service with CloudDosTimeboudLimitReached


class CloudError(Exception):
    """Azure, or the way to it, failed. subscription: of what was asked for, "" when that is not known."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 0,
        retry_after_s: float | None = None,
        may_have_happened: bool = False,
        subscription: str = "",
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status
        self.retry_after_s, self.may_have_happened = retry_after_s, may_have_happened
        self.subscription = subscription


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Let nothing of the SDK's errors out but as CloudError."""
    try:
        yield
    except HttpResponseError as error:
        raise _answered(error) from error
    except JSONDecodeError as error:
        raise CloudError("UnreadableAnswer", f"the answer is no JSON: {error}", may_have_happened=True) from error
    except AzureError as error:
        refused = isinstance(error, ServiceRequestError)  # no connection, so nothing was sent
        raise CloudError(type(error).__name__, str(error), may_have_happened=not refused) from error


def _answered(error: HttpResponseError) -> CloudError:
    response: Any = error.response
    status, headers = error.status_code or 0, (response.headers if response else {})
    code, message = read_error(_body(error))
    code = (
        code
        or headers.get("x-ms-error-code", "")
        or (error.error.code if error.error else "")
        or (f"HTTP{status}" if status else type(error).__name__)
    )
    wait = _DOS_GUARD_S if code == "CloudDosTimeboudLimitReached" else retry_after_s(headers)
    return CloudError(
        code,
        message or error.message,
        status=status,
        retry_after_s=wait,
        may_have_happened=status >= 500 or status in (0, 408),  # noqa: PLR2004 - HTTP status classes
        subscription=_subscription(response),
    )


def _subscription(response: Any) -> str:
    url = str(getattr(getattr(response, "request", None), "url", ""))
    found = _SUBSCRIPTION.search(url)
    return found[1].lower() if found else ""


def _body(error: HttpResponseError) -> Any:
    with contextlib.suppress(Exception):  # any body at all may come back, also none or HTML
        response: Any = error.response
        return response.json() if response else None
    return None


def read_error(body: Any) -> tuple[str, str]:
    """Code and message of an error body of ARM or Data Protection; ("", "") when there is none.

    Where the service hides the cause in innerError (permission errors often say "internal error" outside), the
    inner message is added; where Azure Policy denies, the names of its assignments. Source: error shapes of recorded
    failures; for Azure Policy, the documentation of RequestDisallowedByPolicy.
    """
    error = _inside(body, "error")
    message = str(error.get("message") or "")
    extras = error.get("additionalInfo")
    for extra in extras if isinstance(extras, list) else ():
        detail = _inside(extra, "info", "innerError", "additionalInfo").get("DetailedNonLocalisedMessage")
        if detail:
            message = f"{message} {' '.join(str(detail).split())}"
        info = _inside(extra, "info")
        if policy := info.get("policyAssignmentDisplayName") or info.get("policyAssignmentName"):
            message = f"policy assignment '{policy}': {message}"
    return str(error.get("code") or ""), message[:1000]


def _inside(value: Any, *names: str) -> Mapping[str, Any]:
    """The object at the end of a path of names, empty where the path breaks."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The Retry-After of an answer in seconds, capped at six hours; None when there is none that can be read."""
    text = headers.get("Retry-After") or headers.get("retry-after") or ""
    with contextlib.suppress(ValueError):
        return min(max(0.0, float(text)), LONGEST_RETRY_AFTER_S)  # in this order not-a-number is 0
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        sent = parsedate_to_datetime(headers.get("Date") or headers.get("date") or "")
        until = parsedate_to_datetime(text)
        return min(max((until - sent).total_seconds(), 0.0), LONGEST_RETRY_AFTER_S)
    return None


def read_count(headers: Mapping[str, str], name: str) -> int | None:
    """A header that counts something; None when it is not there or no number."""
    text = headers.get(name) or ""
    return int(text) if text.isascii() and text.isdigit() else None


def read_date(headers: Mapping[str, str]) -> datetime | None:
    """The Date of an answer, in UTC."""
    return _date(headers.get("Date") or headers.get("date") or "")


@lru_cache(maxsize=16)
def _date(text: str) -> datetime | None:
    """Kept for a while: many answers come in one second."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return parsedate_to_datetime(text).astimezone(UTC)
    return None
