"""What must hold in every world: each invariant a function, a name, and a sentence. Here they are only registered.

Safety is asked at every call of the app (`safety.py`), honesty whenever a function returned (`endings.py`), and
liveness when everything is quiet (`liveness.py`). They look at the world and at the wire, and hold the product's words
against both; truth.py says what ought to be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.play import Play, Violation
from tests.simulation.watched import Attempt, Call

Check = Callable[..., str]


@dataclass(frozen=True)
class Invariant:
    """says: its sentence. check: answers what is wrong, or ""."""

    name: str
    says: str
    check: Check


SAFETY: list[Invariant] = []
ANSWERED: list[Invariant] = []
ENDINGS: list[Invariant] = []
LIVENESS: list[Invariant] = []


def register(name: str, where: list[Invariant]) -> Callable[[Check], Check]:
    """Add a function to those that are asked there; the first line of its docstring is the invariant's sentence."""

    def added(check: Check) -> Check:
        where.append(Invariant(name, (check.__doc__ or "").split("\n")[0], check))
        return check

    return added


def at_call(play: Play, call: Call, answer: Any) -> None:
    """Check what must hold before a call leaves, or with its answer. Raises Violation."""
    for invariant in SAFETY if answer is None else ANSWERED:
        words = invariant.check(play, call) if answer is None else invariant.check(play, call, answer)
        if words:
            raise Violation(invariant.name, f"{words} ({call.method} {call.path})")


def at_ending(play: Play, attempt: Attempt) -> None:
    """Check what must hold when a function returned. Raises Violation."""
    for invariant in ENDINGS:
        if words := invariant.check(play, attempt):
            raise Violation(invariant.name, f"{words} ({attempt.what})")


def at_the_end(play: Play) -> None:
    """Check what must hold when all is quiet. Raises Violation."""
    for invariant in LIVENESS:
        if words := invariant.check(play):
            raise Violation(invariant.name, words)
