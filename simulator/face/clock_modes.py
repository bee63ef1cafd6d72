"""How virtual time passes: so many virtual seconds per real one, or in jumps to whatever is due next.

It moves the clock and decides nothing else. Real time comes in as a function.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulator.azure import LocalAzure
from simulator.face.holders import Holders


@dataclass
class Clock:
    """The clock of one served Azure.

    speed: virtual seconds per real second; None jumps. until: no jump goes beyond it; None lets it go on for ever.
    sleepers: moments that somebody waits for, by number of the waiter.
    """

    azure: LocalAzure
    holders: Holders
    real: Callable[[], float]
    speed: float | None = 1.0
    until: datetime | None = None
    sleepers: dict[int, datetime] = field(default_factory=dict)
    _since: tuple[float, datetime] = field(init=False)
    _visible: tuple[int, datetime | None] = (-1, None)

    def __post_init__(self) -> None:
        self.anchor()

    def anchor(self) -> None:
        """Count from here: the clock was set, or its speed was, or the whole world."""
        self._visible = (-1, None)
        self._since = (self.real(), self.azure.now)

    def set_speed(self, speed: float | None) -> None:
        """Change how time passes from now on."""
        self.catch_up()
        self.speed = speed
        self.anchor()

    def catch_up(self) -> None:
        """Bring virtual time up to real time. In jump mode time stands between jumps."""
        if self.speed:
            real, virtual = self._since
            self._move(virtual + timedelta(seconds=(self.real() - real) * self.speed))

    def advance(self, seconds: float) -> None:
        """Let so many virtual seconds pass at once, whoever is busy."""
        self.catch_up()
        self._move(self.azure.now + timedelta(seconds=seconds))
        self.anchor()

    def jump(self) -> bool:
        """Go to the next thing that is due, or to the limit, if nobody is busy; whether time passed."""
        if self.speed is not None or not self.holders.quiet():
            return False
        self.azure.advance_to(self.azure.now)  # what is due at this very moment
        target = min(filter(None, (self.next_due(), self.until)), default=None)
        if target is None or target <= self.azure.now:
            return False
        self._move(target)
        return True

    def next_due(self) -> datetime | None:
        """When something happens next by itself, after this moment."""
        now = self.azure.now
        coming = (self.azure.world.next_due(), self._next_visible(), *self.sleepers.values(), *self.holders.wakes())
        return min((at for at in coming if at and at > now), default=None)

    def _next_visible(self) -> datetime | None:
        """When the next message comes into sight. Every message is looked at, but only after a queue changed."""
        now, queues = self.azure.now, self.azure.queues.queues.values()
        turns = sum(queue.turns for queue in queues)
        known_turns, found = self._visible
        if known_turns != turns or (found and found <= now):
            messages = (message for queue in queues for message in queue.messages.values())
            found = min((m.visible_at for m in messages if now < m.visible_at < m.expires_at), default=None)
            self._visible = (turns, found)
        return found

    def _move(self, moment: datetime) -> None:
        due = self.next_due()
        self.azure.advance_to(max(moment, self.azure.now))
        if due and due <= moment:
            self.holders.next_turn()
