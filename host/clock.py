"""What time it is for timers and polling, and how long that is really.

The one place in the host that reads the real clock. Under a simulator's control (`control.py`) another one is used.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time that timers and queue listeners go by."""

    def now(self) -> datetime:
        """The time, in UTC."""

    def real_s(self, seconds: float) -> float:
        """How long to wait really for so many seconds of this clock. Whoever waited looks at `now` again."""


class RealClock:
    """Time as everybody has it."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - a host process lives in real time

    def real_s(self, seconds: float) -> float:
        return seconds


async def sleep_until(moment: datetime, clock: Clock) -> None:
    """Wait until a clock shows a moment, however it gets there."""
    while True:
        left_s = (moment - clock.now()).total_seconds()
        if left_s <= 0:
            return
        await asyncio.sleep(clock.real_s(left_s))


def steady_s() -> float:
    """Real seconds since some moment, for measuring how long something took."""
    return time.monotonic()
