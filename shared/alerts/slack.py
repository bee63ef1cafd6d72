"""Renders an alert as blocks for a Slack incoming webhook.

Source: Slack: text objects of type plain_text are not parsed, 150 characters in a header and 3,000 in a section; in
the message's own text &, < and > are control characters. Links in it are not unfolded.
"""

from shared.alerts.plain import plain
from shared.alerts.target import NOWHERE, OK, Json, Target
from shared.core.alert import Alert, Phase, Severity

NAME = "slack"
MOST_SHOWN = 10
_SIGNS = {Severity.HIGH: "\N{LARGE RED CIRCLE}", Severity.NORMAL: "\N{LARGE YELLOW CIRCLE}"}


def render(alert: Alert, _target: Target = NOWHERE) -> Json:
    """The body: a text for notifications, and blocks without any markup."""
    sign = "\N{LARGE GREEN CIRCLE}" if alert.phase is Phase.RECOVERED else _SIGNS.get(alert.severity, "")
    told = [("About", alert.subject), *alert.facts, ("More", alert.link), ("Incident", alert.incident_id)]
    lines = [f"{plain(name, 80)}: {plain(value)}" for name, value in told if value]
    several = alert.shown[:MOST_SHOWN] if alert.count > 1 else ()
    servers = "\n".join(plain(f"{subject.rsplit('/', 1)[-1]}: {words}", 250) for subject, words in several)
    sections = [text for text in ("\n".join(lines)[:3000], servers[:3000]) if text]
    return {
        "text": _escaped(plain(alert.summary)),
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": _words(f"{sign} {plain(alert.summary, 140)}".strip())},
            *({"type": "section", "text": _words(text)} for text in sections),
        ],
    }


def _words(text: str) -> Json:
    return {"type": "plain_text", "text": text or "-", "emoji": False}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def refusal(status: int, text: str) -> str:
    """Source: Slack answers 200 and "ok"; what went wrong is a word in the body."""
    if status == OK and text.strip() == "ok":
        return ""
    return f"it answered {status} {plain(text, 60)}".strip()
