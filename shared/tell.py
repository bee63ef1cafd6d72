"""Tells at once what cannot wait for the next watch: in the log and on the Event Grid topic.

What is told becomes an incident in the ledger. The watch brings it to the other channels of its route, tells it again
while it lasts, and says when it is over.
"""

import logging
from dataclasses import replace
from datetime import datetime

from shared import journal
from shared.alerts import event_grid_topic, log_line
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.cloud.event_grid import publish
from shared.core.alert import Alert, refused
from shared.core.alert_rules import TOPIC
from shared.core.incidents import LOG, Incident, joined, opened_by
from shared.core.resource_id import ResourceId
from shared.core.verdict import Verdict
from shared.ledger import Changed, Ledger


def tell_once(alert: Alert, cloud: Cloud, ledger: Ledger, now: datetime) -> bool:
    """Open the incident of an alert and tell it, unless it is open and told already; answer whether it is told.

    It is written down as opened before it is sent and as told after. A crash in between tells it again with the same
    event id: twice is possible then, never is not. What happens again joins the open incident, which is told again with
    the number of times. Raises CloudError; the next watch tells it. False: another instance is at it.
    """
    kept = ledger.incident(alert.key)
    row, version = kept.row, kept.version
    is_open = row is not None and row.closed_at is None
    incident = joined(row, alert, now) if row and is_open else _opened(row, alert, now)
    try:
        if incident != row:
            version = ledger.keep_incident(incident, version)
        here = {LOG, TOPIC} if cloud.settings.alert_topic else {LOG}
        if incident.told or here <= set(incident.told_to):
            return True
        shown = replace(alert, opened_at=incident.opened_at, number=incident.number)
        journal.record("alert", level=logging.ERROR, **log_line.render(shown))
        if cloud.settings.alert_topic:
            publish(cloud, event_grid_topic.render(shown))
        ledger.keep_incident(replace(incident, told_to=tuple(dict.fromkeys((*incident.told_to, LOG, TOPIC)))), version)
    except Changed:
        return False  # another instance of the app is telling it
    return True


def _opened(row: Incident | None, alert: Alert, now: datetime) -> Incident:
    """A new incident; it goes on knowing what happened in the last one of its kind."""
    made = opened_by(alert, now)
    return replace(made, occurrences=row.occurrences | made.occurrences) if row else made


def tell_refusal(verdict: Verdict, server: ResourceId, cloud: Cloud, ledger: Ledger) -> None:
    """Tell once when Azure refuses what a person must repair. A channel that fails is written down."""
    alert = refused(verdict, server, cloud.now)
    if not alert:
        return
    try:
        tell_once(alert, cloud, ledger, cloud.now)
    except CloudError as error:
        journal.record("alert_not_sent", level=logging.WARNING, key=alert.key, code=error.code, reason=error.message)
