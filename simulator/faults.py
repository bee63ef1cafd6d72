"""What can be made to go wrong, by name: the next backup fails, the service throttles, an answer is lost.

A fault is data: it waits in the world until an operation asks for it, and is used up `times` times.
"""

from dataclasses import dataclass, field

from simulator.wire import Json

GUARD = "dos_guard"
CALL_FAULTS = ("throttle", "gateway_timeout", "unavailable", "unavailable_applied", "reset", "reset_applied", GUARD)
"""Faults of any call: 429 · 504 and 503 not applied · 503 though applied · connection reset · reset though applied ·
Azure Backup's guard against abuse: 400 for hours (`hours`, 4 unless told) from the first refusal on, then over."""

SERVICE_FAULTS = ("fail_backup", "fail_validation", "fail_protection")
"""Faults inside a service: the job ends Failed · the validation ends Failed · an instance gets ProtectionError."""

EVENT_FAULTS = ("lose_event", "duplicate_event", "reorder_events")
"""Faults of an event on its way: it never arrives · arrives twice · arrives late, so that others overtake it."""

FAULTS = CALL_FAULTS + SERVICE_FAULTS + EVENT_FAULTS


@dataclass
class Fault:
    """kind: one of the names above; target: part of an id or ARM action it applies to, "" for any."""

    kind: str
    target: str = ""
    times: int = 1
    detail: Json = field(default_factory=dict)


@dataclass
class Faults:
    """The faults that wait to happen."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, kind: str, target: str = "", *, times: int = 1, **detail: object) -> None:
        """Let a fault happen to the next `times` operations whose id or action contains `target`.

        Raises ValueError for a kind that nothing knows.
        """
        if kind not in FAULTS:
            msg = f"no fault is called {kind!r}; there are {', '.join(FAULTS)}"
            raise ValueError(msg)
        target = target or ("microsoft.dataprotection" if kind == GUARD else "")
        self.waiting.append(Fault(kind, target.lower(), times, dict(detail)))

    def take(self, kinds: tuple[str, ...] | str, subject: str) -> Fault | None:
        """Use up one fault of these kinds that applies to this subject, if there is one. A guard is not used up."""
        wanted = (kinds,) if isinstance(kinds, str) else kinds
        for fault in self.waiting:
            if fault.kind in wanted and fault.target in subject.lower():
                fault.times -= fault.kind != GUARD
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None
