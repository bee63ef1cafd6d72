"""The app dies twice, at every pair of calls of the happy path, and its world must end as without any death.

A process that dies after a call and one that dies before the next leave the same world behind, as calls alone change
it: so it dies before each call, and after the last. (`test_crashes.py` tries both, one death at a time.)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.core.pipeline.transport import HttpTransport

from cli.rehearsal import Rehearsal
from cli.stage import INSTANCES
from functions import wiring
from simulator.azure import Crash
from tests.simulation import truth

RULES = """\
mode: protect
vaults: [{id: "{vault:westeurope}"}]
tiers:
  gold:
    backup: {days: [sunday], at: "01:30", time_zone: Europe/Berlin}
    keep: {default: 35 days, weekly: 12 weeks, monthly: 12 months, yearly: 10 years}
"""
STORY_S = 2 * 3600


class Mortal(HttpTransport[Any, Any]):
    """Dies before the calls of these numbers. What the host does by itself is no call."""

    def __init__(self, inner: HttpTransport[Any, Any]) -> None:
        self.inner, self.moments, self.calls = inner, set[int](), -1

    def send(self, request: Any, **options: Any) -> Any:
        is_polling = request.method == "GET" and request.url.split("?")[0].endswith("/messages")
        is_starting = request.method == "PUT" and request.url.split("?")[0].endswith("/converge")
        if is_polling or is_starting:
            return self.inner.send(request, **options)
        self.calls += 1
        if self.calls in self.moments:
            raise Crash
        return self.inner.send(request, **options)

    def sleep(self, duration: float) -> None:
        self.inner.sleep(duration)  # type: ignore[attr-defined]  # the in-process transport has it

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def places(step: int = 1) -> Iterator[tuple[int, int]]:
    """Every pair of moments of the happy path; step leaves some out."""
    length = _told(()).calls + 2
    for first in range(0, length, step):
        for second in range(first + 1, length, step):
            yield first, second


def play(moments: tuple[int, ...]) -> str:
    """Die at these moments; "" when the world ends as it should, else how it does."""
    return _told(moments).ending


@dataclass(frozen=True)
class _Told:
    """calls: of the app until the server is protected, and has its first backup."""

    calls: int
    ending: str


def _told(moments: tuple[int, ...]) -> _Told:
    mortals: list[Mortal] = []

    def wrap(transport: HttpTransport[Any, Any]) -> Mortal:
        mortals.append(Mortal(transport))
        return mortals[-1]

    world = Rehearsal(RULES, wrap=wrap)
    server = world.create_server("pg-one", {})
    world.run(seconds=1200)
    mortals[0].calls, mortals[0].moments = -1, set(moments)
    tags = {"operation": "Merge", "properties": {"tags": {"backup-tier": "gold"}}}
    world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", tags)
    until = world.azure.now + timedelta(seconds=STORY_S)
    while world.row(server).verdict != "protected" and world.azure.now < until:
        world.run(seconds=60)
    calls = mortals[0].calls
    world.run_until(until)
    wiring.use(None)
    return _Told(calls, _ending(world, server, moments))


def _ending(world: Rehearsal, server: str, moments: tuple[int, ...]) -> str:
    states = [truth.state_of(instance) for instance in world.of_type(INSTANCES)]
    jobs = [job.body["properties"]["status"] for job in world.of_type(truth.JOBS)]
    found = (states, jobs, world.row(server).verdict)
    return "" if found == (["ProtectionConfigured"], ["Completed"], "protected") else f"dead at {moments}: {found}"
