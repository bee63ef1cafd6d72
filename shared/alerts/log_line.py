"""Renders an alert as the fields of one line of the app's log."""

from typing import Any

from shared.core.incidents import Alert

NAME = "log_line"


def render(alert: Alert) -> dict[str, Any]:
    """The flat fields of an alert for `shared.journal`."""
    return {"kind": alert.kind, "summary": alert.summary, "subject": alert.subject, "fix": alert.fix, "id": alert.id}
