"""How long a queue listener waits: between two looks at an empty queue, and before it prolongs what still runs. Pure.

**Source**: azure-webjobs-sdk `Timers/RandomizedExponentialBackoffStrategy.cs`, `Timers/LinearSpeedupStrategy.cs`,
`Queues/Listeners/QueueListener.cs` (renewal at half of the ten minutes, no faster than every minute).
"""

import random
from dataclasses import dataclass, field

from host.trigger_queue import INVISIBLE_S

SHORTEST_S = 0.1
JITTER = 0.2
RENEWAL_S = INVISIBLE_S / 2
FASTEST_RENEWAL_S = 60.0


@dataclass
class Backoff:
    """Waits of 100 ms, then 100 ms more times a doubling number, ±20 %, up to the longest; anew after success."""

    longest_s: float
    chance: random.Random = field(default_factory=random.Random)
    _wait_s: float = 0.0
    _doublings: int = 0

    def after(self, *, found: bool) -> float:
        """Seconds to wait after a look; found: whether there was a message since the last wait."""
        if found:
            self._wait_s, self._doublings = SHORTEST_S, 1
        elif self._wait_s != self.longest_s:
            more = 2.0 ** (self._doublings - 1) * SHORTEST_S * self.chance.uniform(1 - JITTER, 1 + JITTER)
            wait_s = SHORTEST_S + (more if self._doublings else 0.0)
            if wait_s < self.longest_s:
                self._wait_s, self._doublings = wait_s, self._doublings + 1
            else:
                self._wait_s = self.longest_s
        return self._wait_s


@dataclass
class Renewal:
    """Waits of five minutes between renewals; after one that failed half as long, at least a minute."""

    _wait_s: float = RENEWAL_S

    def after(self, *, held: bool) -> float:
        """Seconds until the next renewal."""
        self._wait_s = RENEWAL_S if held else max(self._wait_s / 2, FASTEST_RENEWAL_S)
        return self._wait_s
