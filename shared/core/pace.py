"""How fast may one subscription be asked, and whose turn is when? Pure; it knows one moment and no clock.

A token bucket that fills up evenly is one moment: when everything that was promised so far is made up for (GCRA). A
turn is what one flow will ask of ARM; it costs the time in which ARM gives that much back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.actions import Action, EnsurePolicy, GrantRole, Protect, StartBackup, Validate, Wait, Write

# Source: "Understand how Azure Resource Manager throttles requests": per subscription and principal 200 writes and 250
# reads, of which 10 and 25 come back in a second. A little is left to whatever else asks.
WRITES_PER_S, READS_PER_S = 9.8, 24.5
BURST_S = 18.0  # 176 writes at once after a quiet time
READING_BURST_S = 8.0  # 196 reads at once
AT_ONCE_S = 1.0  # a turn that is so near is taken now: Date headers have whole seconds
LONGEST_PUSH_S = 900.0  # a longer Retry-After is the refused server's own; the others ask again after this
FEW_READS = 100  # so few reads left in ARM's bucket, and who has no turn takes one before asking
ALMOST_NONE = 10  # so few calls left, and nobody new gets a turn for five seconds
FULL_READS, READS_BACK_PER_S = 250, 25.0
SHORT_S = 5.0
NO_RETRY_AFTER_S = 5.0  # a 429 that does not say for how long


@dataclass(frozen=True, slots=True)
class Turn:
    """What a flow asks of ARM for one server: so many writes, and reads in proportion."""

    writes: int
    reads: int

    @property
    def cost_s(self) -> float:
        """The seconds in which ARM gives back what the turn takes."""
        return max(self.writes / WRITES_PER_S, self.reads / READS_PER_S)

    @property
    def burst_s(self) -> float:
        """So much may be asked at once after a quiet time; who reads everything at once is held by the reads."""
        return BURST_S if self.writes and self != BACKUP else READING_BURST_S


LOOK = Turn(0, 2)  # server and instances, and nothing is missing
FLOW = Turn(2, 5)  # validate and protect; the reads: server, instances, the validation, server, instances
BACKUP = Turn(1, 3)  # a backup that is wished for; the reads: server, instance, recovery points
_READS_PER_WRITE, _FEWEST_READS = 2.5, 5
_FOLLOWING: dict[type[Action], int] = {Validate: 1, GrantRole: 2}  # writes that come after it in the same flow


def turn_for(actions: tuple[Action, ...]) -> Turn:
    """The turn for a plan that writes: what it writes now, and what its flow writes in later looks."""
    writes = [type(action) for action in actions if not isinstance(action, Wait)]
    return _turn(len(writes) + max((_FOLLOWING.get(kind, 0) for kind in writes), default=0))


def foreseen_turn(writes: tuple[Write, ...]) -> Turn:
    """The turn for everything that is foreseen for a server, as far as it is sure.

    A first backup takes a turn of its own, when everybody is protected; a policy is made once for all; roles are
    checked on apply. A validation goes before every instance.
    """
    kinds = [type(write) for write in writes if not isinstance(write, EnsurePolicy | GrantRole | StartBackup)]
    return _turn(len(kinds) + (Protect in kinds)) if kinds else _turn(1)


def _turn(writes: int) -> Turn:
    return Turn(writes, max(round(writes * _READS_PER_WRITE), _FEWEST_READS))


def reserve(until: datetime | None, now: datetime, turn: Turn) -> tuple[datetime, float]:
    """Promise a turn: until when everything is promised then, and in how many seconds this turn comes."""
    taken = max(until or now, now)
    wait_s = max((taken - now).total_seconds() - turn.burst_s, 0.0)
    return taken + timedelta(seconds=turn.cost_s), wait_s


def pushed(until: datetime | None, now: datetime, wait_s: float) -> datetime:
    """Promise nothing new for so long, fifteen minutes at most: ARM has asked for a rest."""
    quiet = now + timedelta(seconds=min(wait_s, LONGEST_PUSH_S) + BURST_S)
    return max(until or now, quiet)


@dataclass(frozen=True, slots=True)
class Headroom:
    """What ARM's answers last said about one subscription; None where they said nothing.

    closed_until: a 429 asked for silence until then.
    """

    reads: int | None = None
    writes: int | None = None
    at: datetime | None = None
    closed_until: datetime | None = None

    def closed_s(self, now: datetime) -> float:
        """For how long nothing may be asked."""
        return max((self.closed_until - now).total_seconds(), 0.0) if self.closed_until else 0.0

    def is_short_of_reads(self, now: datetime) -> bool:
        """Whether a look that has no turn should take one first. What comes back by itself is counted in."""
        if self.reads is None or self.at is None:
            return False
        back = (now - self.at).total_seconds() * READS_BACK_PER_S
        return min(self.reads + back, max(FULL_READS, self.reads)) < FEW_READS

    def rest_s(self, now: datetime) -> float:
        """For how long no new turn should begin, as far as ARM's answers say."""
        told = [left for left in (self.reads, self.writes) if left is not None]
        is_new = self.at is not None and (now - self.at).total_seconds() < SHORT_S
        return max(self.closed_s(now), SHORT_S if is_new and told and min(told) < ALMOST_NONE else 0.0)
