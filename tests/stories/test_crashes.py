"""The app's process dies before and after every call that changes something, and the world ends the same.

A crash leaves what a dead process leaves: the message invisible for ten minutes, the row claimed, the call made or not.
A read leaves nothing, so dying around one is dying between the two changes that it lies between. The story is the happy
path and one run of every timer.
"""

import functools

import pytest
from azure.core.pipeline.transport import HttpTransport
from conftest import happy

from simulator.azure import Crash

STORY_S = 70 * 60
TIMERS_S = 46 * 60  # by then every timer has run once


class Mortal(HttpTransport):
    """Lets the process die at one call: before it leaves, or after it was answered and before anybody knew."""

    def __init__(self, inner, dies_at=None, when="before"):
        self.inner, self.dies_at, self.when = inner, dies_at, when
        self.calls = []

    def send(self, request, **options):
        path = request.url.split("?")[0]
        if request.method == "GET" or path.endswith("Microsoft.ResourceGraph/resources"):
            return self.inner.send(request, **options)
        number = len(self.calls)
        self.calls.append(f"{request.method} {path}")
        if number == self.dies_at and self.when == "before":
            raise Crash
        answer = self.inner.send(request, **options)
        if number == self.dies_at:
            raise Crash
        return answer

    def sleep(self, duration):
        self.inner.sleep(duration)

    def open(self): ...

    def close(self): ...

    def __exit__(self, *_): ...


def play(estate, dies_at=None, when="before", down_s=0.0):
    """A ready server is tagged; the app dies once on the way; two hours pass."""
    world = estate(wrap=functools.partial(Mortal, dies_at=None))
    server = world.ready_server()
    mortal = world._transport
    mortal.calls.clear()
    mortal.dies_at, mortal.when, world.down_s = dies_at, when, down_s
    world.tag(server, backup_tier="gold")
    world.run(seconds=STORY_S + down_s)
    return world, world.state_of(server)


CHANGES = 43
PLACES = [(number, *death) for number in range(CHANGES) for death in (("before", 0), ("after", 0), ("after", 3600))]


def test_the_matrix_covers_the_whole_story(estate, monkeypatch):
    """Without a crash the story changes no more than the matrix below has rows, and hardly less."""
    monkeypatch.setitem(globals(), "STORY_S", TIMERS_S)
    world, state = play(estate)
    assert happy(state)
    assert world.crashes == 0
    assert CHANGES - 3 <= len(world._transport.calls) <= CHANGES


@pytest.mark.parametrize(("dies_at", "when", "down_s"), PLACES)
def test_a_crash_anywhere_ends_in_the_same_world(estate, dies_at, when, down_s):
    """One instance, one policy, two roles, one first backup, no second, wherever and for however long it was dead."""
    world, state = play(estate, dies_at, when, down_s)
    assert world.crashes == (dies_at < len(world._transport.calls))
    assert happy(state)
