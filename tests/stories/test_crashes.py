"""The app's process dies before and after every single call of the happy path, and the world ends the same.

A crash leaves what a dead process leaves: the message invisible for ten minutes, the row claimed, the call made or not.
"""

import functools

import pytest
from azure.core.pipeline.transport import HttpTransport
from conftest import happy

from simulator.azure import Crash

STORY_S = 2 * 3600


class Mortal(HttpTransport):
    """Lets the process die at one call: before it leaves, or after it was answered and before anybody knew."""

    def __init__(self, inner, dies_at=None, when="before"):
        self.inner, self.dies_at, self.when = inner, dies_at, when
        self.calls = []

    def send(self, request, **options):
        path = request.url.split("?")[0]
        if request.method == "GET" and path.endswith("/messages"):
            return self.inner.send(request, **options)  # the host polls all day
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


CALLS = 124
PLACES = [(number, when) for number in range(CALLS) for when in ("before", "after")]


def test_the_matrix_covers_the_whole_story(estate):
    """Without a crash the story makes no more calls than the matrix below has rows, and hardly fewer."""
    world, state = play(estate)
    assert happy(state)
    assert world.crashes == 0
    assert CALLS - 5 <= len(world._transport.calls) <= CALLS


@pytest.mark.parametrize("down_s", [0.0, 3600.0], ids=["at-once", "an-hour-later"])
@pytest.mark.parametrize(("dies_at", "when"), PLACES)
def test_a_crash_anywhere_ends_in_the_same_world(estate, dies_at, when, down_s):
    """One instance, one policy, two roles, one first backup, no second, wherever and for however long it was dead."""
    world, state = play(estate, dies_at, when, down_s)
    assert world.crashes == (dies_at < len(world._transport.calls))
    assert happy(state)
