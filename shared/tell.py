"""Tells people, once: the ledger knows what was told, across restarts and from every instance of the app."""

import logging
from datetime import datetime

import msgspec

from shared import journal
from shared.alerts import event_grid_topic, log_line
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.cloud.event_grid import publish
from shared.core.incidents import Alert, refused
from shared.core.resource_id import ResourceId
from shared.core.verdict import Verdict
from shared.ledger import Changed, Incident, Ledger


def tell_once(alert: Alert, cloud: Cloud, ledger: Ledger, now: datetime) -> bool:
    """Send an alert through every channel unless it was told before; answer whether it was sent now.

    It is written down as opened before it is sent and as told after. A crash in between tells it again with the same
    event id: twice is possible then, never is not. Raises CloudError; the next run tells it.
    """
    kept = ledger.incident(alert.key)
    if kept.row and kept.row.told:
        return False
    incident = kept.row or Incident(key=alert.key, subject=alert.subject, opened_at=now)
    version = kept.version
    try:
        if kept.row is None:
            version = ledger.keep_incident(incident, version)
        journal.record("alert", level=logging.ERROR, **log_line.render(alert))
        if cloud.settings.alert_topic:
            publish(cloud, event_grid_topic.render(alert))
        ledger.keep_incident(msgspec.structs.replace(incident, told=True), version)
    except Changed:
        return False  # another instance of the app is telling it
    return True


def tell_refusal(verdict: Verdict, server: ResourceId, cloud: Cloud, ledger: Ledger) -> None:
    """Tell once when Azure refuses what a person must repair. A channel that fails is written down."""
    alert = refused(verdict, server, cloud.now)
    if not alert:
        return
    try:
        tell_once(alert, cloud, ledger, cloud.now)
    except CloudError as error:
        journal.record("alert_not_sent", level=logging.WARNING, key=alert.key, code=error.code, reason=error.message)
