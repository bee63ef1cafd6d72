"""What can be made to go wrong, and how it waits to happen: the next backup fails, an answer is lost, a row is old.

A fault is data: it waits in the world until an operation asks for it, and is used up `times` times. All names are in
fault_names.py.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from simulator.fault_names import FAULTS, of_place
from simulator.wire import Json

GUARD = "dos_guard"
A_DAY_S = 86_400.0
ALWAYS = 1_000_000_000
"""How often a fault with a rate happens when nobody says how often."""


@dataclass
class Fault:
    """kind: one of FAULTS; target: part of an id or ARM action it applies to, "" for any.

    rate: the share of the operations it applies to that it happens to, decided by `seed` and by how many it `met`.
    """

    kind: str
    target: str = ""
    times: int = 1
    detail: Json = field(default_factory=dict)
    rate: float = 1.0
    seed: int = 0
    met: int = 0

    def strikes(self, *key: object) -> bool:
        """Whether it happens to what has this key: always the same answer for the same seed and key."""
        return self.rate >= 1 or random.Random(":".join(map(str, (self.seed, self.kind, *key)))).random() < self.rate


@dataclass
class Faults:
    """The faults that wait to happen."""

    waiting: list[Fault] = field(default_factory=list)

    def add(
        self, kind: str, target: str = "", *, times: int = 0, rate: float = 1.0, seed: int = 0, **detail: object
    ) -> Fault:
        """Let a fault happen to operations whose id or action contains `target`.

        times: how often; by default once, and with a rate below 1 without end. Raises ValueError for a kind that
        nothing knows and a rate that is none.
        """
        if kind not in FAULTS:
            near = get_close_matches(kind, FAULTS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            msg = f"no fault is called {kind!r}{hint} There are {', '.join(FAULTS)}"
            raise ValueError(msg)
        if not 0 <= rate <= 1:
            msg = f"the rate of {kind!r} is between 0 and 1, not {rate}"
            raise ValueError(msg)
        often = times or (1 if rate >= 1 else ALWAYS)
        fault = Fault(kind, (target or FAULTS[kind].target).lower(), often, dict(detail), rate, seed)
        self.waiting.append(fault)
        return fault

    def take(self, kinds: tuple[str, ...] | str, subject: str, *, spared: bool = False) -> Fault | None:
        """Use up one fault of these kinds that happens to this subject, if there is one. A guard is not used up.

        spared: the subject is the work of whoever builds the world: only faults that name it happen to it by chance.
        """
        return next(self.take_all(kinds, subject, spared=spared), None)

    def take_all(self, kinds: tuple[str, ...] | str, subject: str, *, spared: bool = False) -> Iterator[Fault]:
        """Use up every fault of these kinds that happens to this subject, one after the other."""
        wanted = (kinds,) if isinstance(kinds, str) else kinds
        for fault in list(self.waiting) if self.waiting else ():
            if fault.kind not in wanted or fault.target not in subject.lower():
                continue
            if spared and fault.rate < 1 and fault.target == FAULTS[fault.kind].target:
                continue
            fault.met += 1
            if not fault.strikes(fault.target, fault.met):
                continue
            fault.times -= fault.kind != GUARD
            if fault.times <= 0:
                self.waiting.remove(fault)
            yield fault

    def holding(self, kind: str, subject: str) -> Fault | None:
        """A fault that holds for this subject as long as it waits, without being used up: rows, jobs, servers."""
        for fault in self.waiting:
            if fault.kind == kind and fault.target in subject.lower() and fault.strikes(subject.lower()):
                return fault
        return None

    def row_lag_s(self, key: str, goes: bool) -> float:
        """How many seconds later than usual Resource Graph shows a change of a resource; goes: that it is deleted."""
        held = self.take(("graph_stale", "graph_phantom") if goes else "graph_stale", key)
        return float(held.detail.get("lag_s", A_DAY_S)) if held else 0.0

    def has(self, *kinds: str) -> bool:
        """Whether a fault of these kinds waits at all: a quick look before a long one."""
        return any(fault.kind in kinds for fault in self.waiting)


CALL_FAULTS = of_place("refused") + of_place("lost") + of_place("applied")
"""Faults of any call: refused before it did anything, answered by nobody, or applied all the same."""

EVENT_FAULTS = of_place("event")
"""Faults of an event on its way."""
