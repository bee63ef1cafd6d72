"""Renders an alert as an Adaptive Card for a Microsoft Teams channel, by way of a Workflow.

Source: Microsoft: the Workflow takes a message with Adaptive Cards as attachments, of 28 KB at most. Text runs show
no Markdown, so strangers' words stay words; the one link is ours.
"""

from shared.alerts.plain import plain
from shared.alerts.target import ACCEPTED, NOWHERE, OK, Json, Target
from shared.core.alert import Alert, Phase, Severity

NAME = "teams"
MOST_SHOWN = 10
_COLOURS = {Severity.HIGH: "attention", Severity.NORMAL: "warning", Severity.LOW: "default"}


def render(alert: Alert, _target: Target = NOWHERE) -> Json:
    """The message that the Workflow posts."""
    colour = "good" if alert.phase is Phase.RECOVERED else _COLOURS.get(alert.severity, "default")
    title = _line({"text": plain(alert.summary), "weight": "bolder", "size": "medium", "color": colour})
    facts = [_line({"text": f"{name}: ", "weight": "bolder"}, {"text": plain(value)}) for name, value in _facts(alert)]
    several = alert.shown[:MOST_SHOWN] if alert.count > 1 else ()
    servers = [_line({"text": plain(f"{subject.rsplit('/', 1)[-1]}: {words}")}) for subject, words in several]
    card: Json = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, *facts, *servers, _line({"text": f"Incident {alert.incident_id}", "isSubtle": True})],
    }
    if alert.link.startswith("https://"):
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Read more", "url": alert.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _facts(alert: Alert) -> list[tuple[str, str]]:
    return [("About", alert.subject), *((plain(name, 80), value) for name, value in alert.facts)]


def _line(*runs: Json) -> Json:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}


def refusal(status: int, text: str) -> str:
    """Source: a Workflow answers 202; the connectors before it answered 200 with what went wrong in the body."""
    if status not in (OK, ACCEPTED):
        return f"it answered {status}"
    return "it answered 200 with an error in it" if "error" in text[:2000].lower() else ""
