"""Renders an alert for any service of your own, and signs it so that the receiver knows who sent it, and when.

The receiver computes HMAC-SHA256 over "TIMESTAMP.BODY" with the shared key, compares it with the header, and refuses
what is older than five minutes. docs/alerts.md shows how.
"""

import hashlib
import hmac
from datetime import datetime

from shared.alerts.plain import cut
from shared.alerts.target import MOVED, NOWHERE, OK, Json, Target
from shared.core.alert import Alert

NAME = "webhook"
TYPE = "application/json"


def render(alert: Alert, _target: Target = NOWHERE) -> Json:
    """The body: flat where it can be, words as they are."""
    return {
        "id": alert.id,
        "incident": alert.incident_id,
        "kind": alert.kind,
        "phase": alert.phase.value,
        "severity": alert.severity.value,
        "subject": cut(alert.subject),
        "summary": cut(alert.summary),
        "reason": cut(alert.reason),
        "fix": cut(alert.fix),
        "cause": cut(alert.cause),
        "place": alert.place,
        "owner": cut(alert.owner),
        "count": alert.count,
        "servers": [{"id": cut(subject), "reason": cut(words)} for subject, words in alert.shown],
        "link": alert.link,
        "time": alert.at.isoformat().replace("+00:00", "Z"),
        "tags": {cut(name): cut(value) for name, value in alert.tags},
        "details": {name: cut(value) for name, value in alert.details.items()},
    }


def headers(body: bytes, target: Target, now: datetime) -> dict[str, str]:
    """The signature and its time, in seconds since 1970. Without a key nothing is signed."""
    if not target.key:
        return {}
    at = str(int(now.timestamp()))
    signed = hmac.new(target.key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Flexguard-Timestamp": at, "X-Flexguard-Signature": f"sha256={signed}"}


def refusal(status: int, text: str) -> str:
    """Why the receiver did not take it, "" when it did: any 2xx, but not one with an error in it."""
    if not OK <= status < MOVED:
        return f"it answered {status}"
    return "it answered 200 with an error in it" if '"error"' in text[:2000] else ""
