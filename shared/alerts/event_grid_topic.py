"""Renders an alert as a CloudEvent for the Event Grid custom topic."""

from typing import Any

from shared.core.incidents import Alert

NAME = "event_grid_topic"


def render(alert: Alert) -> dict[str, Any]:
    """The CloudEvent of an alert; its id is the same whenever the same incident is told again."""
    return {
        "specversion": "1.0",
        "id": alert.id,
        "source": "/flexguard",
        "type": f"Flexguard.{''.join(word.capitalize() for word in alert.kind.split('_'))}",
        "subject": alert.subject,
        "time": alert.at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": {**alert.details, "summary": alert.summary, "reason": alert.reason, "fix": alert.fix},
    }
