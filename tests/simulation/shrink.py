"""Makes a failing scenario small: what can be left out without the failure going away is left out."""

from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.run import Result, run
from tests.simulation.scenario import Scenario


def shrink(result: Result) -> Result:
    """The smallest run that still breaks the same invariant: fewer mishaps, deeds, servers and instances.

    Each of the remaining parts is needed; there may be a smaller set that is no part of this one.
    """
    smallest, is_smaller = result, True
    while is_smaller:
        is_smaller = False
        for candidate in _smaller(smallest.scenario):
            tried = run(candidate)
            if tried.broken == result.broken:
                smallest, is_smaller = tried, True
                break
    return smallest


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    """The scenario with one thing less, the greatest first."""
    if scenario.workers > 1:
        yield replace(scenario, workers=1, meddling=0.0)
    for half in (scenario.mishaps[1::2], scenario.mishaps[::2]):
        if len(scenario.mishaps) > 3:
            yield replace(scenario, mishaps=half)
    for index in range(len(scenario.mishaps)):
        yield replace(scenario, mishaps=scenario.mishaps[:index] + scenario.mishaps[index + 1 :])
    for index in range(len(scenario.deeds)):
        yield replace(scenario, deeds=scenario.deeds[:index] + scenario.deeds[index + 1 :])
    for index in range(len(scenario.servers) if len(scenario.servers) > 1 else 0):
        yield scenario.without_server(index)
    if scenario.meddling:
        yield replace(scenario, meddling=0.0)
