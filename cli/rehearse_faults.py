"""What goes wrong in a rehearsal? Reads `--faults`, says which names there are, and lets the faults wait."""

from collections.abc import Iterable
from difflib import get_close_matches

from cli.output import BadInput, Output
from simulator.fault_names import FAULTS, of_place
from simulator.faults import Faults

# Those of place "world" change one thing that is named by its id: a story of its own, and no weather.
NAMES = tuple(name for name in FAULTS if name not in of_place("world"))


def parse(texts: Iterable[str]) -> dict[str, float]:
    """Names and rates: "throttle=0.05,reset" is 5 % of what can be throttled, and one reset. Raises BadInput."""
    found = (each.strip() for text in texts for each in text.split(","))
    return dict(_fault(each) for each in found if each)


def _fault(text: str) -> tuple[str, float]:
    name, given, rate = (part.strip() for part in text.partition("="))
    name = name.lower().replace("-", "_")
    if name not in NAMES:
        raise BadInput(f"--faults {text}: {_unknown(name)}; `flexguard rehearse --list-faults` says what each does")
    try:
        share = float(rate) if given else 1.0
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadInput(f"--faults {text}: the rate is {rate!r}; valid is a number from 0 to 1, such as {name}=0.05")
    return name, share


def _unknown(name: str) -> str:
    if name in FAULTS:
        return f"{name} changes one resource by its id, which a rehearsal has no place for"
    near = get_close_matches(name, NAMES, n=1, cutoff=0.5)
    return f"no fault is called {name!r}" + (f"; did you mean {near[0]}?" if near else "")


def let_happen(faults: Faults, wanted: dict[str, float], seed: int) -> None:
    """Let them wait in the world: without a rate each happens once."""
    for name, rate in wanted.items():
        if rate:
            faults.add(name, rate=rate, seed=seed)


def show(output: Output) -> None:
    """Every name with what it does."""
    output.data([{"name": name, "says": FAULTS[name].says} for name in NAMES])
    output.table("What can go wrong in a rehearsal", ["name", "what happens"], ([n, FAULTS[n].says] for n in NAMES))
