"""One run: a scenario in, what came of it out. Picklable, so that runs can be shared out among processes."""

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from unittest import mock

from tests.simulation import endings, invariants, liveness, safety, told
from tests.simulation.play import Checks, Play, Violation
from tests.simulation.scenario import Scenario

CHECKS = Checks(invariants.at_call, invariants.at_ending)
RINGS = (safety, endings, liveness, told)  # importing them registers what they check


@dataclass(frozen=True)
class Result:
    """What came of one run. broken: the invariant that does not hold, "" if all do; words: how it does not.

    digest: of the trace. counts: calls, crashes and so on; struck: which fault hit which kind of call, how often;
    made: how many calls of each kind there were.
    """

    scenario: Scenario
    broken: str
    words: str
    digest: str
    trace: str
    cpu_s: float
    counts: Counter[str] = field(default_factory=Counter)
    struck: Counter[tuple[str, str]] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)


def run(
    scenario: Scenario, patch: Callable[[], AbstractContextManager[None]] = nullcontext, *, with_trace: bool = False
) -> Result:
    """Play a scenario and check everything. A bug of the harness, or of the local Azure, breaks "harness".

    patch: changes the product during the run. with_trace: keep the story also of a run that holds.
    """
    for name in ("", "azure"):  # the SDKs tell of every fault, with its traceback
        logging.getLogger(name).setLevel(logging.CRITICAL)
    began = time.process_time()
    play, broken, words = Play(scenario, CHECKS), "", ""
    try:
        with patch(), mock.patch("shared.cloud.graph.PAGE", scenario.page):
            play.run()
            invariants.at_the_end(play)
    except Violation as violation:
        broken, words = violation.name, str(violation)
    except Exception:  # noqa: BLE001 - whatever it is, the seed is worth keeping
        broken, words = "harness", traceback.format_exc(limit=-6)
    cpu_s, stage = time.process_time() - began, play.stage
    trace = play.story.text() if broken or with_trace else ""
    return Result(
        scenario, broken, words, play.story.digest, trace, cpu_s, play.counts, stage.faults.struck, stage.calls_made()
    )
