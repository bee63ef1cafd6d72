"""Reads which resource an event is about, and nothing else of it.

An event is a hint that something may have changed. Both schemas of Event Grid and both kinds of events that tell of
ARM resources come down to one value; everything else is dropped with a reason that can be counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.core import resource_id
from shared.core.resource_id import ResourceId

BACKUP_INSTANCE = "microsoft.dataprotection/backupvaults/backupinstances"
# Source: Azure Resource Manager system topic (Microsoft.Resources) and Resource Notifications, event type lists.
_OF_ARM = {f"microsoft.resources.resource{what}success" for what in ("write", "delete", "action")}
_OF_NOTIFICATIONS = {f"microsoft.resourcenotifications.resources.{what}" for what in ("createdorupdated", "deleted")}


@dataclass(frozen=True, slots=True)
class Seen:
    """Something happened to a server, or to the backup instance `subject`, at `at` (UTC; None if it does not say)."""

    subject: ResourceId
    at: datetime | None

    @property
    def is_instance(self) -> bool:
        return self.subject.type == BACKUP_INSTANCE


@dataclass(frozen=True, slots=True)
class Dropped:
    """An event that is not about anything of ours. reason: one of a few words, for counting."""

    reason: str


def read_event(event: object, server_types: frozenset[str], subscriptions: frozenset[str]) -> Seen | Dropped:
    """Say which server (or backup instance) an event is about.

    event: the event as JSON, in Event Grid or CloudEvents schema. server_types: lower-case ARM types of servers.
    subscriptions: lower-case ids of the subscriptions that are managed. Never raises.
    Reasons: malformed, other_event, malformed_id, foreign_subscription, child_resource, other_resource.
    """
    if not isinstance(event, Mapping):
        return Dropped("malformed")
    kind = event.get("eventType") or event.get("type")
    if not isinstance(kind, str):
        return Dropped("malformed")
    if kind.lower() in _OF_ARM:
        claimed = event.get("subject")
    elif kind.lower() in _OF_NOTIFICATIONS:
        claimed = _notified_id(event.get("data"))
    else:
        return Dropped("other_event")
    if not isinstance(claimed, str):
        return Dropped("malformed")
    subject = resource_id.parse(resource_id.without_tags_suffix(claimed))
    if not subject:
        return Dropped(_why_not_an_id(claimed, server_types))
    if subject.subscription not in subscriptions:
        return Dropped("foreign_subscription")
    if subject.type in server_types or subject.type == BACKUP_INSTANCE:
        return Seen(subject, read_time(event.get("eventTime") or event.get("time")))
    below = any(subject.type.startswith(kind + "/") for kind in server_types)
    return Dropped("child_resource" if below else "other_resource")


def _notified_id(data: object) -> object:
    resource = data.get("resourceInfo") if isinstance(data, Mapping) else None
    return resource.get("id") if isinstance(resource, Mapping) else None


def _why_not_an_id(claimed: str, server_types: frozenset[str]) -> str:
    """Deployments and groups have ids of other shapes, which is no fault; a bent server id is one."""
    near = claimed[: resource_id.LONGEST].lower()
    return "malformed_id" if any(kind in near for kind in server_types) else "other_resource"


def read_time(text: object) -> datetime | None:
    """Read a time of Azure (ISO 8601, up to seven digits of a second) as UTC; None if it is not one."""
    if not isinstance(text, str) or not 10 <= len(text) <= 40:  # noqa: PLR2004 - "2026-11-23" to the longest stamp
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # OverflowError: the year 1 with an offset
        return None
