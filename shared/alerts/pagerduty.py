"""Renders an alert as an event of PagerDuty's Events API v2: triggered, told again, resolved under one dedup_key.

Source: PagerDuty: severity is critical, error, warning or info; a summary has 1,024 characters; 202 is success.
"""

from shared.alerts.plain import plain
from shared.alerts.target import ACCEPTED, NOWHERE, Json, Target
from shared.core.alert import Alert, Phase, Severity

NAME = "pagerduty"
ADDRESS = "https://events.pagerduty.com/v2/enqueue"  # for Europe: https://events.eu.pagerduty.com/v2/enqueue
_SEVERITIES = {Severity.HIGH: "critical", Severity.NORMAL: "warning"}


def render(alert: Alert, target: Target = NOWHERE) -> Json:
    """The event; its routing key is the channel's."""
    event: Json = {
        "routing_key": target.key,
        "event_action": "resolve" if alert.phase is Phase.RECOVERED else "trigger",
        "dedup_key": alert.incident_id,
        "payload": {
            "summary": plain(alert.summary, 1000),
            "source": plain(alert.subject),
            "severity": _SEVERITIES.get(alert.severity, "info"),
            "timestamp": alert.at.isoformat().replace("+00:00", "Z"),
            "component": "flexguard",
            "group": plain(alert.place),
            "class": alert.kind,
            "custom_details": {
                **{plain(name, 80): plain(value) for name, value in alert.facts},
                "Message": alert.id,
                "Shown": [plain(f"{subject}: {words}") for subject, words in alert.shown],
            },
        },
    }
    if alert.link.startswith("https://"):
        event["links"] = [{"href": alert.link, "text": "Read more"}]
    return event


def refusal(status: int, text: str) -> str:
    """Source: 202 and status success; 400 says what is invalid, 429 that there were too many."""
    is_taken = status == ACCEPTED and '"success"' in text
    return "" if is_taken else f"it answered {status} {plain(text, 120)}".strip()
