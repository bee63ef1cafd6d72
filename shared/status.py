"""Status: what the last sweep recorded, what is open now, and how old that is, as a page or as JSON. It only reads.

Every source is read on its own: one that cannot be read is named on the page and hides no other.
"""

import gzip
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from shared import journal
from shared.cloud import snapshot
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.core.incidents import FORGOTTEN, Incident
from shared.core.last_jobs import LastJob
from shared.ledger import Ledger
from shared.page.compose import STALE, page_of
from shared.page.model import Page
from shared.page.render import policy, render

SIGN_IN = "/.auth/login/aad?post_login_redirect_uri=/api/status"  # Source: App Service: customize sign-ins
SIGNED_IN = "x-ms-client-principal-id"  # Source: App Service: work with user identities
_OK, _FOUND, _UNAUTHORIZED, _UNAVAILABLE = 200, 302, 401, 503
_LEVEL = 3
_TEXT = "text/plain; charset=utf-8"
_ALWAYS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}


class NoRecord(Exception):
    """There is nothing to show; the message says why, and when there will be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer over HTTP."""

    status: int
    body: bytes
    headers: dict[str, str]


def read(cloud: Cloud, ledger: Ledger | None) -> Page:
    """The page as it is now. ledger: None where nobody can ask it. Raises CloudError, and NoRecord."""
    if not cloud.settings.blob_endpoint:
        raise NoRecord("there is no setting for blob storage, so the sweep keeps no record")
    record = snapshot.read_latest(cloud)
    if record is None:
        raise NoRecord("no sweep has left a record that can be read; it runs ten minutes past every hour")
    missing: list[str] = []
    jobs, incidents = _jobs(cloud, missing), _incidents(cloud, ledger, missing)
    return page_of(record, cloud.now, jobs, incidents, missing)


def _jobs(cloud: Cloud, missing: list[str]) -> Mapping[str, LastJob]:
    """The last job of each server, by lower-case id; what is not known of them is added to `missing`."""
    try:
        read = snapshot.read_jobs(cloud)
    except CloudError as error:
        missing.append(f"last jobs: {error.code}")
        return {}
    if read is None:
        missing.append("last jobs: the watch has not looked yet; it runs every 15 minutes")
        return {}
    if cloud.now - read.at > STALE:
        missing.append(f"last jobs: the watch has not looked since {read.at:%Y-%m-%d %H:%M} UTC")
    missing += (f"jobs of {vault}: they could not be read" for vault in read.unread)
    return read.servers


def _incidents(cloud: Cloud, ledger: Ledger | None, missing: list[str]) -> list[Incident] | None:
    """The incidents of the ledger; None, and a line in `missing`, where nobody knows."""
    if ledger is None:
        missing.append("open incidents: there is no setting for table storage")
        return None
    try:
        return [kept.row for kept in ledger.incidents(cloud.now - FORGOTTEN) if kept.row]
    except CloudError as error:
        missing.append(f"open incidents: {error.code}")
        return None


def answer(cloud: Cloud, ledger: Ledger | None, *, as_json: bool = False, encodings: str = "") -> Answer:
    """The page for a browser or a program. encodings: what the caller takes, as in Accept-Encoding."""
    try:
        page = read(cloud, ledger)
    except NoRecord as reason:
        return _said(_UNAVAILABLE, f"Flexguard has nothing to show: {reason}.\n".encode(), _TEXT)
    except CloudError as error:
        journal.record("status_unreadable", level=logging.WARNING, code=error.code, reason=error.message)
        return _said(_UNAVAILABLE, f"The record of the last sweep cannot be read: {error.code}.\n".encode(), _TEXT)
    kind = "application/json" if as_json else "text/html; charset=utf-8"
    body = msgspec.json.encode(page) if as_json else render(page).encode("utf-8", "replace")
    if "gzip" in encodings.lower():
        return _said(_OK, gzip.compress(body, _LEVEL, mtime=0), kind, {"Content-Encoding": "gzip"})
    return _said(_OK, body, kind)


def refused(headers: Mapping[str, str], *, has_sign_in: bool, as_json: bool = False) -> Answer | None:
    """What to answer who is not signed in; None for who is. headers: by names in lower case.

    has_sign_in: App Service authentication stands before the app. Without it a header says nothing of anybody. Assumed:
    with it callers cannot set the header, also where requests without a sign-in are let pass, as Event Grid's must be.
    """
    if not has_sign_in:
        words = "The app asks for a sign-in, and App Service authentication is off: switch it on in the deployment.\n"
        return _said(_UNAUTHORIZED, words.encode(), _TEXT)
    if headers.get(SIGNED_IN):
        return None
    if as_json:
        return _said(_UNAUTHORIZED, b"Sign in first.\n", _TEXT)
    return _said(_FOUND, b"", _TEXT, {"Location": SIGN_IN})


def _said(status: int, body: bytes, kind: str, more: Mapping[str, str] | None = None) -> Answer:
    headers = {"Content-Type": kind, "Content-Security-Policy": policy(), **_ALWAYS, **(more or {})}
    return Answer(status, body, headers)
