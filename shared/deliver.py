"""Brings what is to be told to the channels of its route: each once, and again at the next run where it was not taken.

A channel that fails is left alone for the rest of the run; what it missed is not lost, and the failure is told through
the fallback. Nothing here waits.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import ModuleType
from urllib.parse import urlsplit

from shared import journal
from shared.alerts import CHANNELS, email, event_grid_topic, log_line, webhook
from shared.alerts.pagerduty import ADDRESS as PAGERDUTY
from shared.alerts.target import Target
from shared.cloud import sender
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.cloud.event_grid import publish
from shared.core.alert import Alert, Severity
from shared.core.alert_rules import TOPIC, Alerts
from shared.core.findings import CHANNEL_FAILING
from shared.core.incidents import LOG, Incident, alert_of
from shared.core.routing import channels_for, is_quiet, setting_of
from shared.ledger import Changed, Kept, Ledger

SHORTEST_SECRET = 4  # what is shorter is a part of ordinary words
MOST_SENT = 500  # messages of one run; the next one goes on
_BY_NAME: dict[str, ModuleType] = {channel.NAME: channel for channel in CHANNELS}

Tags = tuple[tuple[str, str], ...]


def deliver(
    rows: Iterable[Kept[Incident]],
    cloud: Cloud,
    ledger: Ledger,
    alerts: Alerts,
    tags_of: Callable[[Incident], Tags],
    failed: dict[str, str],
) -> int:
    """Send what has not been told, the severe first; answer how many messages were taken. Raises CloudError.

    rows: incidents as they stand in the ledger. failed: channels that do not work, by name, and why; grows on the way.
    """
    order = list(Severity)
    owed = [(kept.row, kept.version) for kept in rows if kept.row and not kept.row.told]
    sent = 0
    for row, version in sorted(owed, key=lambda one: (order.index(one[0].severity), one[0].said_at)):
        if sent >= MOST_SENT or (row.severity is Severity.LOW and is_quiet(alerts.quiet, cloud.now)):
            continue
        names = [name for name in channels_for(alerts, row.owner, row.severity) if _is_for(name, row, cloud)]
        took = _send(row, [name for name in names if name not in failed], cloud, alerts, tags_of, failed)
        sent += len(set(took) - {LOG})
        told_to = (*row.told_to, *took)
        after = replace(row, told_to=told_to, told=set(names) <= set(told_to))
        try:
            if after != row:
                ledger.keep_incident(after, version)
        except Changed:
            journal.record("incident_overtaken", key=row.key)  # another run has written it, and tells it
    return sent


def _is_for(name: str, row: Incident, cloud: Cloud) -> bool:
    """The topic is a channel where there is one; and no channel is told of itself that it does not work."""
    is_itself = row.kind == CHANNEL_FAILING and row.cause == name
    return not is_itself and (name != TOPIC or bool(cloud.settings.alert_topic))


def _send(
    row: Incident,
    names: Iterable[str],
    cloud: Cloud,
    alerts: Alerts,
    tags_of: Callable[[Incident], Tags],
    failed: dict[str, str],
) -> tuple[str, ...]:
    """The channels that have taken the message now. One that did not is noted in `failed`."""
    took: list[str] = []
    alert = alert_of(row, tags_of(row))
    if LOG not in row.told_to:
        level = logging.INFO if row.closed_at else logging.ERROR
        journal.record("alert", level=level, **log_line.render(alert))
        took.append(LOG)
    for name in names:
        if name in row.told_to or name in failed:
            continue
        if reason := _sent(name, alert, cloud, alerts):
            failed[name] = reason
            journal.record("alert_not_sent", level=logging.WARNING, channel=name, key=row.key, reason=reason)
        else:
            took.append(name)
    return tuple(took)


def _sent(name: str, alert: Alert, cloud: Cloud, alerts: Alerts) -> str:
    """Send through one channel, once; why it was not taken, without secrets, "" when it was."""
    try:
        if name == TOPIC:
            publish(cloud, event_grid_topic.render(alert))
            return ""
        channel = alerts.channels[name]
        module, target = _BY_NAME[channel.kind], target_of(name, alerts, cloud.settings.channels)
        if not target.address:
            return f"there is no app setting {setting_of(name)}"
        body = sender.encoded(module.render(alert, target))
        headers = webhook.headers(body, target, cloud.now) if channel.kind == webhook.NAME else {}
        scope = email.SCOPE if channel.kind == email.NAME else ""
        status, text = sender.post(cloud, target.address, body, headers, scope)
        return str(module.refusal(status, _without_secrets(text, cloud.settings.channels)))
    except CloudError as error:
        return f"{error.code}: {error.message}"
    except sender.NotTaken as error:
        return str(error)


def target_of(name: str, alerts: Alerts, settings: Mapping[str, str]) -> Target:
    """The receiver of a channel; its address is "" where the app setting is missing.

    With PagerDuty the setting is the routing key, with email the endpoint of Azure Communication Services; a webhook
    has its key in a second setting that ends in _KEY.
    """
    channel, told = alerts.channels[name], settings.get(setting_of(name), "")
    key = settings.get(f"{setting_of(name)}_KEY", "")
    if channel.kind == "pagerduty":
        return Target(settings.get(f"{setting_of(name)}_ADDRESS", PAGERDUTY) if told else "", told)
    address = told.rstrip("/") + email.PATH if told and channel.kind == "email" else told
    return Target(address, key, channel.sender, channel.to)


def _without_secrets(text: str, settings: Mapping[str, str]) -> str:
    """A receiver may answer with what it was sent, or with part of its address: none of it is told on."""
    secrets = {part for value in settings.values() for part in (value, urlsplit(value).path.lstrip("/"))}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…") if len(secret) >= SHORTEST_SECRET else text
    return text
