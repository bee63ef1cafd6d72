"""Which faults have struck which kinds of calls, over many runs, and which could have and did not."""

from collections import Counter
from collections.abc import Mapping

from rich.table import Table

from simulator.fault_names import FAULTS
from tests.simulation.scenario import NEVER

ANY_CALL = ("refused", "lost", "applied", "death")
CANNOT = dict(NEVER)
RARE = 3  # a kind of call that the app made less often says nothing


def cells(struck: Mapping[tuple[str, str], int], made: Counter[str]) -> tuple[int, list[tuple[str, str]]]:
    """How many pairs there are of a fault that can strike any call and a kind of call, and which did not occur."""
    anywhere = [
        name for name, kind in FAULTS.items() if kind.place in ANY_CALL and not kind.target and name not in NEVER
    ]
    calls = [call for call, count in made.items() if count >= RARE]
    empty = [(fault, call) for fault in anywhere for call in calls if not struck.get((fault, call))]
    return len(anywhere) * len(calls), empty


def silent(struck: Mapping[tuple[str, str], int]) -> list[str]:
    """Faults that have struck nothing at all, though they can."""
    seen = {fault for fault, _ in struck}
    return [name for name in FAULTS if name not in seen and name not in NEVER]


def table(struck: Mapping[tuple[str, str], int]) -> Table:
    """One row per fault: how often it struck, and what."""
    shown = Table("fault", "row", "struck", "kinds of calls", title="What went wrong")
    for name, kind in FAULTS.items():
        hits = Counter({call: count for (fault, call), count in struck.items() if fault == name})
        often = ", ".join(call.rpartition("Microsoft.")[2] for call, _ in hits.most_common(3))
        rest = f" and {len(hits) - 3} more" if len(hits) > 3 else ""
        shown.add_row(name, kind.row, f"{hits.total():,}", often + rest)
    return shown
