"""What one run of the watch could read. Only what was read anew may end an incident: silence is no cure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

REMEMBERED = timedelta(days=1)  # what happened once, and leaves nothing to look at, is over after a day
LISTED = timedelta(days=13)  # Source: recordings: a vault lists the jobs of 14 days; one day of slack


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read, and when. Servers are known by their fingerprints, vaults by their ids in lower case.

    watched: the vaults that should be read, None when nobody can say; vaults: those that were. snapshot_at: of the
    sweep's last record, None without one; is_complete: nothing is missing in it. servers: all that it has. good: the
    newest good backup of each server, in seconds since 1970. read: other sources that were read, by name.
    """

    now: datetime
    watched: frozenset[str] | None = None
    vaults: frozenset[str] = frozenset()
    snapshot_at: datetime | None = None
    is_complete: bool = False
    servers: frozenset[str] = frozenset()
    good: Mapping[str, int] = field(default_factory=dict)
    read: frozenset[str] = frozenset()

    def cures(self, source: str, place: str, subject: str, since_s: int, seen_at: datetime) -> bool:
        """Whether a subject that is not found any more is well, and not merely out of sight.

        since_s: when its trouble began, in seconds since 1970; seen_at: when it was last found.
        """
        age = self.now - datetime.fromtimestamp(since_s, self.now.tzinfo)
        match source:
            case "day":
                return age > REMEMBERED
            case "snapshot":
                is_newer = self.snapshot_at is not None and self.snapshot_at > seen_at
                return is_newer and (self.is_complete or subject in self.servers)
            case "jobs":
                return self._is_read(place) and (age < LISTED or self._is_better(subject, since_s))
            case "vault":
                return self._is_read(place)
            case _:
                return source in self.read

    def _is_read(self, place: str) -> bool:
        """A vault that nobody watches any more has no say; a region is read when all vaults are."""
        if self.watched is None:
            return place in self.vaults
        return place in self.vaults or (place not in self.watched and self.watched <= self.vaults)

    def _is_better(self, subject: str, since_s: int) -> bool:
        """Its failed job is too old to be listed: a good backup since then cures it, or that it is gone."""
        return self.good.get(subject, 0) > since_s or (self.is_complete and subject not in self.servers)
