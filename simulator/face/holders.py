"""Is anybody busy? Virtual time may jump only when nobody is: no request, no delivery, no holder.

A holder is a process that says by itself whether it works (the Functions host). `turn` counts the moments at which
something new may be seen; being idle counts only for the turn that the holder had seen, so nobody can be overtaken
by the clock between "I have nothing to do" and "there is something for you". A holder that tells no turn gets a short
moment of real time instead.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

SILENCE_S = 10.0  # a holder that has not looked at a new turn for so long (real time) is taken to be gone
GRACE_S = 0.05  # how long, in real time, a holder that tells no turn may take to notice something new


@dataclass
class Holder:
    """What a holder said last, and when. wake_at: when it has something to do by itself (a timer)."""

    busy: bool
    turn: int | None
    heard_at: float
    wake_at: datetime | None = None


@dataclass
class Holders:
    """Everybody who may be busy. `real` is a clock of real seconds; turned_at is when the newest turn came, on it."""

    real: Callable[[], float]
    turn: int = 0
    turned_at: float = 0.0
    in_flight: int = 0
    named: dict[str, Holder] = field(default_factory=dict)

    def next_turn(self) -> None:
        """There is something new to see."""
        self.turn += 1
        self.turned_at = self.real()

    def report(self, name: str, busy: bool, turn: int | None = None, wake_at: datetime | None = None) -> None:
        """Take down what a holder says. turn: the newest that it has seen, if it tells."""
        self.named[name] = Holder(busy, turn, self.real(), wake_at)

    def quiet(self) -> bool:
        """Whether time may jump."""
        return not self.in_flight and not any(self._holds(holder) for holder in self.named.values())

    def busy(self) -> list[str]:
        """The names of the holders that keep time from jumping."""
        return sorted(name for name, holder in self.named.items() if self._holds(holder))

    def wakes(self) -> list[datetime]:
        """When holders have something to do by themselves."""
        return [holder.wake_at for holder in self.named.values() if holder.wake_at]

    def _holds(self, holder: Holder) -> bool:
        now = self.real()
        if holder.turn is None:
            return holder.busy or now - self.turned_at < GRACE_S
        overtaken = holder.turn < self.turn and now - max(holder.heard_at, self.turned_at) < SILENCE_S
        return holder.busy or overtaken
