"""`make simulate`: plays many seeds, or one of them as a story; tries the mutants, or pairs of crashes.

Ends with 1 when an invariant does not hold, or a mutant lives. A seed that fails is shrunk, and told as a story.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from tests.simulation import coverage, mutants, pairs
from tests.simulation.run import Result, run
from tests.simulation.scenario import USUAL, Scenario, draw
from tests.simulation.shrink import shrink

OUT, PROGRESS = Console(width=140), Console(stderr=True)
PROCESSES = min(2, os.cpu_count() or 1)
MOST_TOLD = 3  # failures that are shrunk and told


def play_seed(seed: int, servers: int, *, with_trace: bool = False) -> Result:
    """Play one seed."""
    return run(draw(seed, servers), with_trace=with_trace)


def main(words: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    asked = _arguments(words)
    if asked.mutants:
        return _try_mutants(asked.seeds or mutants.MOST_SEEDS)
    if asked.pairs:
        return _report_pairs()
    if asked.seed is not None:
        return _tell(play_seed(asked.seed, asked.servers, with_trace=asked.trace), with_trace=asked.trace)
    return _play_many(range(asked.first_seed, asked.first_seed + (asked.seeds or 1000)), asked.servers)


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, help="how many seeds (1000; with --mutants 200 for each)")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--servers", type=int, default=USUAL, help="the most servers of an estate")
    parser.add_argument("--seed", type=int, help="play this one seed")
    parser.add_argument("--trace", action="store_true", help="tell the story of --seed, whether it fails or not")
    parser.add_argument("--mutants", action="store_true", help="break the product on purpose, and see who notices")
    parser.add_argument("--pairs", action="store_true", help="die twice, at every pair of calls of the happy path")
    return parser.parse_args(words)


# -- many seeds ------------------------------------------------------------------------------------------------------


def _play_many(seeds: range, servers: int) -> int:
    began, counts, broken = time.monotonic(), Counter[str](), list[Result]()
    struck, made, cpu_s = Counter[tuple[str, str]](), Counter[str](), 0.0
    with ProcessPoolExecutor(PROCESSES) as pool, _progress() as progress:
        task = progress.add_task(f"{len(seeds):,} seeds", total=len(seeds))
        for result in pool.map(partial(play_seed, servers=servers), seeds, chunksize=4):
            progress.advance(task)
            cpu_s += result.cpu_s
            counts.update(result.counts)
            struck.update(result.struck)
            made.update(result.made)
            broken += [result] if result.broken else []
    OUT.print(coverage.table(struck))
    _say_coverage(struck, made)
    OUT.print(
        f"{len(seeds):,} seeds of at most {servers} servers on {PROCESSES} processes "
        f"in {time.monotonic() - began:.0f} s: "
        f"{60 * len(seeds) / cpu_s:,.0f} runs per minute and core, {counts['calls'] / len(seeds):.0f} calls, "
        f"{sum(struck.values()) / len(seeds):.0f} faults and {counts['crashes'] / len(seeds):.1f} crashes a run"
    )
    OUT.print(f"[bold]{len(broken)} violations[/bold] {dict(Counter(result.broken for result in broken)) or ''}")
    for result in broken[:MOST_TOLD]:
        _tell(result)
    OUT.print(*(_command(result.scenario) for result in broken[MOST_TOLD:]), sep="\n")
    return 1 if broken else 0


def _say_coverage(struck: Counter[tuple[str, str]], made: Counter[str]) -> None:
    total, empty = coverage.cells(struck, made)
    OUT.print(f"{total - len(empty):,} of {total:,} pairs of a fault of any call and a kind of call have occurred")
    if empty:
        missing = Counter(call for _, call in empty)
        OUT.print("not yet:", ", ".join(f"{call} ({count} faults)" for call, count in missing.most_common()))
    if silent := coverage.silent(struck):
        OUT.print("never struck:", ", ".join(silent))
    for name, why in coverage.CANNOT.items():
        OUT.print(f"cannot occur: {name}, because {why}")


def _tell(result: Result, *, with_trace: bool = False) -> int:
    """Tell one run: whether it holds; and if not, the smallest one that fails, as a story."""
    if not result.broken:
        if with_trace:
            OUT.print(result.trace, markup=False, soft_wrap=True)
        OUT.print(f"seed {result.scenario.seed} holds; trace {result.digest}")
        return 0
    with PROGRESS.status(f"shrinking seed {result.scenario.seed}"):
        small = shrink(result)
    OUT.rule(f"seed {result.scenario.seed} at commit {_commit()}")
    OUT.print(small.trace, small.words, markup=False, soft_wrap=True, sep="\n")
    OUT.print(f"with {small.scenario.workers} instances, {small.scenario.rules}, and no more than this:", markup=False)
    OUT.print(*map(str, (*small.scenario.mishaps, *small.scenario.deeds)), sep="\n", markup=False)
    OUT.print(f"[bold]{_command(result.scenario)}[/bold] plays it as it was")
    return 1


def _command(scenario: Scenario) -> str:
    size = "" if scenario.most_servers == USUAL else f" SERVERS={scenario.most_servers}"
    return f"make simulate SEED={scenario.seed}{size} TRACE=1"


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - nothing of it is given
    return found.stdout.strip() or "unknown"


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=PROGRESS)


# -- mutants and pairs -----------------------------------------------------------------------------------------------


def _try_mutants(most: int) -> int:
    deaths = dict[str, mutants.Death]()
    with ProcessPoolExecutor(PROCESSES) as pool, _progress() as progress:
        task = progress.add_task("mutants", total=len(mutants.MUTANTS))
        hunts = {pool.submit(mutants.hunt, mutant.name, most): mutant.name for mutant in mutants.MUTANTS}
        for hunt in as_completed(hunts):
            deaths[hunts[hunt]] = hunt.result()
            progress.update(task, advance=1, description=f"mutants, {hunts[hunt]} last")
    shown = Table("mutant", "what is broken", "caught by", "after seeds", title="Mutants")
    for mutant in mutants.MUTANTS:
        death = deaths[mutant.name]
        shown.add_row(mutant.name, mutant.says, death.broken or "nobody", str(death.seeds))
    OUT.print(shown)
    needed = sorted(death.seeds for death in deaths.values() if death.broken)
    said = f": median {needed[len(needed) // 2]}, worst {needed[-1]}" if needed else ""
    OUT.print(f"{len(needed)} of {len(deaths)} are caught{said}")
    return 0 if len(needed) == len(deaths) else 1


def _report_pairs() -> int:
    places: Iterable[tuple[int, int]] = pairs.places()
    wrong, count = list[str](), 0
    with ProcessPoolExecutor(PROCESSES) as pool, _progress() as progress:
        every = list(places)
        task = progress.add_task("pairs of crashes", total=len(every))
        for said in pool.map(pairs.play, every, chunksize=16):
            progress.advance(task)
            count += 1
            wrong += [said] if said else []
    OUT.print(*wrong[:20], sep="\n")
    OUT.print(f"{count:,} pairs of crashes, {len(wrong)} of them end in another world")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
