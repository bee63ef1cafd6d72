"""When a timer really fires, and whether it says that it is late. For whoever plays the host's timers."""

from simulator.fault_names import of_place
from simulator.world import World

KINDS = of_place("timer")


def firings(world: World, timer: str) -> tuple[tuple[float, bool], ...]:
    """The firings of a timer that is due: seconds after the one before (or after now), and whether it is past due.

    An early firing does not replace the one in time. **Source**: azure-webjobs-sdk-extensions `TimerListener.cs`.
    """
    fault = world.faults.take(KINDS, timer)
    if fault is None:
        return ((0.0, False),)
    early_s, late_s = float(fault.detail.get("early_s", 5)), float(fault.detail.get("after_s", 600))
    return {
        "timer_missed": (),
        "timer_early": ((0.0, False), (early_s, False)),
        "timer_late": ((late_s, True),),
        "timer_overlap": ((0.0, False), (0.0, False)),
    }[fault.kind]
