"""Renders an alert as a mail of Azure Communication Services: one line of subject, plain text, and escaped HTML.

Source: its REST API: POST {endpoint}/emails:send, answered 202. The app signs in with its managed identity.
"""

from html import escape

from shared.alerts.plain import plain
from shared.alerts.target import ACCEPTED, NOWHERE, Json, Target
from shared.core.alert import Alert

NAME = "email"
PATH = "/emails:send?api-version=2023-03-31"
SCOPE = "https://communication.azure.com/.default"
MOST_SHOWN = 20


def render(alert: Alert, target: Target = NOWHERE) -> Json:
    """The mail. Whatever strangers wrote is text in it: escaped in HTML, without line breaks in the subject."""
    told = [("About", alert.subject), *alert.facts, ("More", alert.link), ("Incident", alert.incident_id)]
    rows = [(plain(name, 80), plain(value, 1000)) for name, value in told if value]
    several = alert.shown[:MOST_SHOWN] if alert.count > 1 else ()
    rows += [(plain(subject.rsplit("/", 1)[-1], 80), plain(words)) for subject, words in several]
    table = "".join(f"<tr><th align='left'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    summary = plain(alert.summary)
    return {
        "senderAddress": target.sender,
        "recipients": {"to": [{"address": address} for address in target.to]},
        "content": {
            "subject": f"[flexguard] {plain(alert.summary, 150)}",
            "plainText": "\n".join([summary, "", *(f"{name}: {value}" for name, value in rows)]),
            "html": f"<html><body><h3>{escape(summary)}</h3><table>{table}</table></body></html>",
        },
        "userEngagementTrackingDisabled": True,
    }


def refusal(status: int, text: str) -> str:
    """Why the mail was not taken, "" when it was."""
    return "" if status == ACCEPTED else f"it answered {status} {plain(text, 120)}".strip()
