"""Who hears of what, and where: the `alerts` section of the rules file. Pure.

Addresses and keys are secrets, so they stand in app settings and never in the file. The lines "name: meaning" of the
docstrings are the descriptions in the published JSON Schema.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from shared.core import limits
from shared.core.limits import SOME
from shared.core.tiers import Span, TimeOfDay, TimeZone

TOPIC = "topic"  # the Event Grid topic of the app settings: a channel that needs no entry
_UTC, _DAILY = TimeZone("UTC", "UTC"), Span(24, "hour")
ChannelName = Annotated[str, limits.CHANNEL]
Email = Annotated[str, limits.EMAIL]


@dataclass(frozen=True, slots=True)
class Channel:
    """Where alerts can go. Its address, or key, is the app setting FLEXGUARD_CHANNEL_NAME.

    kind: what is behind it.
    least: it takes only what is at least so severe.
    sender: for email, the address that mails come from.
    to: for email, who gets them.
    """

    kind: Literal["webhook", "teams", "slack", "pagerduty", "email"]
    least: Literal["low", "normal", "high"] = "low"
    sender: Email = ""
    to: Annotated[tuple[Email, ...], SOME] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Which owners are told where.

    owners: patterns with * and ?, one of them must fit the value of the owner tag.
    channels: names of channels; topic is the Event Grid topic.
    """

    owners: Annotated[tuple[str, ...], SOME]
    channels: Annotated[tuple[ChannelName, ...], SOME]


@dataclass(frozen=True, slots=True)
class Quiet:
    """When alerts of low severity wait.

    begin: the time of day from which they wait, in quotes.
    end: the time of day at which they are sent, in quotes.
    time_zone: an IANA time zone, such as Europe/Berlin.
    """

    begin: TimeOfDay
    end: TimeOfDay
    time_zone: TimeZone = _UTC


@dataclass(frozen=True, slots=True)
class Alerts:
    """Who hears of what.

    channels: where alerts can go, by a name of your own.
    routes: which owners are told where; the first that fits decides.
    fallback: channels for everything that no route takes, and for what is wrong with other channels; without it, topic.
    repeat: an incident that goes on is told again after so long.
    quiet: when alerts of low severity wait.
    show_tags: names of tags of the server whose values may stand in an alert, beside the owner.
    """

    channels: dict[ChannelName, Channel] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    fallback: Annotated[tuple[ChannelName, ...], SOME] = ()
    repeat: Annotated[Span, limits.REPEAT] = _DAILY
    quiet: Quiet | None = None
    show_tags: Annotated[tuple[Annotated[str, limits.TAG_NAME], ...], SOME] = ()
