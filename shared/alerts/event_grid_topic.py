"""Renders an alert as a CloudEvent for the Event Grid custom topic. Types and data: docs/alerts.md, and a schema."""

from shared.alerts.plain import cut
from shared.alerts.target import NOWHERE, Json, Target
from shared.core.alert import Alert, Phase

NAME = "event_grid_topic"
_ENDING = {Phase.OPENED: "", Phase.REPEATED: ".Repeated", Phase.RECOVERED: ".Recovered"}


def type_of(alert: Alert) -> str:
    """Flexguard.BackupFailed when it is opened, then Flexguard.BackupFailed.Repeated and .Recovered."""
    return f"Flexguard.{''.join(word.capitalize() for word in alert.kind.split('_'))}{_ENDING[alert.phase]}"


def data_of(alert: Alert) -> Json:
    """What programs are told of an alert; nothing in its details replaces what happened."""
    told: Json = {
        "summary": cut(alert.summary),
        "reason": cut(alert.reason),
        "fix": cut(alert.fix),
        "kind": alert.kind,
        "phase": alert.phase.value,
        "severity": alert.severity.value,
        "cause": cut(alert.cause),
        "place": alert.place,
        "owner": cut(alert.owner),
        "count": alert.count,
        "incident": alert.incident_id,
        "openedAt": stamp(alert),
        "link": alert.link,
        "servers": [{"id": cut(subject), "reason": cut(words)} for subject, words in alert.shown],
        "tags": {cut(name): cut(value) for name, value in alert.tags},
    }
    return {name: cut(value) for name, value in alert.details.items()} | {n: v for n, v in told.items() if v}


def stamp(alert: Alert) -> str:
    """When its incident was opened, "" when nobody has written that down."""
    return alert.opened_at.isoformat().replace("+00:00", "Z") if alert.opened_at else ""


def render(alert: Alert, _target: Target = NOWHERE) -> Json:
    """The CloudEvent of an alert; its id is the same whenever the same message is sent again."""
    return {
        "specversion": "1.0",
        "id": alert.id,
        "source": "/flexguard",
        "type": type_of(alert),
        "subject": cut(alert.subject),
        "time": alert.at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": data_of(alert),
    }
