"""Answers of Azure in which one value is wrong: nothing is lost or done twice, and the story ends well."""

import json
import random
from typing import Any

import pytest
from azure.core.pipeline.transport import HttpTransport

from cli.rehearsal import Rehearsal
from functions import wiring
from tests.simulation.pairs import RULES
from tests.simulation.truth import JOBS, is_right

STRANGE: tuple[Any, ...] = (
    None,
    "",
    "x" * 300,
    0,
    -1,
    2**70,
    1.5,
    True,
    [],
    {},
    ["a"],
    {"a": {"b": None}},
    "\x00é\u202e",
)
SEEDS = range(10)


class Bending(HttpTransport[Any, Any]):
    """Changes one value in some of the answers of ARM, as long as it is switched on."""

    def __init__(self, inner: HttpTransport[Any, Any], seed: int) -> None:
        self.inner, self.chance, self.is_on = inner, random.Random(seed), True

    def send(self, request: Any, **options: Any) -> Any:
        answer = self.inner.send(request, **options)
        if self.is_on and request.url.startswith("https://management") and self.chance.random() < 0.3:
            answer._content = self.bent(answer.content)
        return answer

    def bent(self, content: bytes) -> bytes:
        body = json.loads(content) if content else None
        places = list(_places(body))
        if not places:
            return content
        *path, last = self.chance.choice(places)
        inside = body
        for step in path:
            inside = inside[step]
        inside[last] = self.chance.choice(STRANGE)
        return json.dumps(body).encode()

    def sleep(self, duration: float) -> None:
        self.inner.sleep(duration)  # type: ignore[attr-defined]  # the in-process transport has it

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _places(value: Any, *path: Any) -> Any:
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from _places(inner, *path, key)


@pytest.mark.parametrize("seed", SEEDS)
def test_bent_answers_do_no_harm(seed: int):
    """Whatever value is bent in an answer: nothing is protected or backed up twice, and in the end all is well."""
    benders: list[Bending] = []
    world = Rehearsal(RULES, seed=seed, wrap=lambda wire: benders.append(Bending(wire, seed)) or benders[-1])
    server = world.create_server("pg-one", {"backup-tier": "gold"})
    world.run(seconds=2 * 3600)
    benders[0].is_on = False
    world.run(seconds=26 * 3600)
    wiring.use(None)
    backups = [job for job in world.of_type(JOBS) if job.body["properties"]["isUserTriggered"]]
    assert is_right(world.azure.world, server, "gold")
    assert len(backups) <= 1
