"""The simulation as a test: seeds that failed once, a few new ones, the same trace everywhere, and mutants that die."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulation import mutants, pairs
from tests.simulation.regressions import SEEDS, WORLDS
from tests.simulation.run import run
from tests.simulation.scenario import Mishap, draw
from tests.simulation.shrink import shrink

ROOT = Path(__file__).parents[2]
# Mutants that die of one of their first seeds; `make simulate MUTANTS=1` tries all of them.
QUICK = ("third_role", "telling_tags", "error_is_done", "lost_event", "lost_continuation", "dozing")
TRACES = """
from tests.simulation.run import run
from tests.simulation.scenario import draw
print(*(run(draw(seed)).digest for seed in (3, 8)))
"""


@pytest.mark.parametrize("bug", WORLDS)
def test_what_failed_once_holds(bug: str):
    """A world in which an invariant was once broken holds now."""
    assert run(WORLDS[bug]).words == ""


@pytest.mark.parametrize(("edition", "servers", "seed"), SEEDS)
def test_a_seed_that_failed_once_holds(edition: int, servers: int, seed: int):
    """A seed that once failed holds now."""
    assert run(draw(seed, servers, edition)).words == ""


def traced(hash_seed: str) -> str:
    """The traces of two seeds, played in a process of its own."""
    command, environment = [sys.executable, "-c", TRACES], {"PYTHONHASHSEED": hash_seed}
    return subprocess.run(  # noqa: S603 - the project's own program
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_the_same_seed_is_the_same_run():
    """The trace of a seed is the same in every process, with every hash seed."""
    first, second = (traced(hash_seed) for hash_seed in ("random", "7"))
    assert first == second
    assert len(set(first.split())) == 2


@pytest.mark.parametrize("name", QUICK)
def test_a_mutant_dies(name: str):
    """A product that is broken on purpose breaks the invariant that is there for it, within a few seeds."""
    mutant = next(each for each in mutants.MUTANTS if each.name == name)
    death = mutants.hunt(name, most=12)
    assert death.broken in mutant.caught_by


def test_every_mutant_is_in_the_docs():
    """The table of mutants names each, what it breaks, and an invariant that is there for it."""
    text = (ROOT / "docs/simulation.md").read_text()
    found = dict(re.findall(r"^\| (\w+ \| [^|]+) \| (\w+) \| \d+ \|$", text, re.MULTILINE))
    assert found.keys() == {f"{mutant.name} | {mutant.says}" for mutant in mutants.MUTANTS}
    assert all(found[f"{mutant.name} | {mutant.says}"] in mutant.caught_by for mutant in mutants.MUTANTS)


def test_a_failure_is_shrunk():
    """Of a run that fails whatever goes wrong, nothing is left that goes wrong, and one server."""
    scenario = replace(draw(2), mishaps=(Mishap("clock_skew", 0.1, 1), Mishap("timer_late", 0.3, 2)))
    with next(each for each in mutants.MUTANTS if each.name == "lost_event").patch():
        small = shrink(run(scenario)).scenario
    assert (small.mishaps, small.deeds, len(small.servers)) == ((), (), 1)


def test_two_deaths_end_in_the_same_world():
    """A sample of the pairs of crashes; `make simulate PAIRS=1` tries every pair."""
    assert [said for place in list(pairs.places(step=13)) if (said := pairs.play(place))] == []
