"""What has changed between two looks at the estate, and what of the last day is still worth telling? Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from shared.core.verdict import Kind

LASTING = timedelta(days=1)
MOST = 2_000  # changes of a day that are kept, the newest; a bulk edit of tags is told by the counts


@dataclass(frozen=True, slots=True)
class Change:
    """One server whose verdict or tier is another one than before. was: "" when it is new; verdict: gone when it left.

    at: of the sweep that saw it; it happened within the hour before.
    """

    at: datetime
    id: str
    was: str
    verdict: str
    tier_was: str
    tier: str
    reason: str


@dataclass(frozen=True, slots=True)
class Was:
    """One server as the last snapshot has it."""

    verdict: str
    since: datetime | None = None
    tier: str = ""


@dataclass(frozen=True, slots=True)
class Before:
    """What the last snapshot says, servers by lower-case id. is_complete: who is not in it was not there."""

    servers: Mapping[str, Was] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    is_complete: bool = False


class Server(Protocol):
    """The part of a snapshot's entry that may change."""

    @property
    def id(self) -> str: ...
    @property
    def verdict(self) -> str: ...
    @property
    def tier(self) -> str: ...
    @property
    def reason(self) -> str: ...


def changed(before: Before, servers: Iterable[Server], now: datetime, *, is_complete: bool) -> tuple[Change, ...]:
    """The changes of the last day, newest first. is_complete: whether all was read now; else nobody is called gone."""
    fresh: list[Change] = []
    left = dict(before.servers)
    for one in servers:
        was = left.pop(one.id.lower(), None)
        if was is None and before.is_complete:
            fresh.append(Change(now, one.id, "", one.verdict, "", one.tier, one.reason))
        elif was and (was.verdict, was.tier) != (one.verdict, one.tier):
            fresh.append(Change(now, one.id, was.verdict, one.verdict, was.tier, one.tier, one.reason))
    if is_complete:
        reason = "neither the server nor a backup of it is there any more"
        fresh += [Change(now, key, was.verdict, Kind.GONE.value, was.tier, "", reason) for key, was in left.items()]
    return (*fresh, *(one for one in before.changes if now - one.at < LASTING))[:MOST]
