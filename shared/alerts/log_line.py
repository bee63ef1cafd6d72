"""Renders an alert as the fields of one line of the app's log."""

from shared.alerts.target import NOWHERE, Json, Target
from shared.core.alert import Alert

NAME = "log_line"


def render(alert: Alert, _target: Target = NOWHERE) -> Json:
    """The flat fields of an alert for `shared.journal`, which escapes and cuts them."""
    return {
        "kind": alert.kind,
        "phase": alert.phase.value,
        "severity": alert.severity.value,
        "summary": alert.summary,
        "subject": alert.subject,
        "reason": alert.reason,
        "fix": alert.fix,
        "owner": alert.owner,
        "place": alert.place,
        "count": alert.count,
        "id": alert.id,
        "incident": alert.incident_id,
    }
