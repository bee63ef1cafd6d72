"""The stage in one process: a rehearsal, seen as every stage is."""

import json
import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cli.rehearsal import APP, Rehearsal
from cli.stage import Json
from shared import journal
from shared.ledger import ServerRow


class InProcess:
    """Implements `cli.stage.Stage` over a rehearsal. Close it, or its ear stays on the log."""

    def __init__(self, rules: str, regions: tuple[str, ...], seed: int) -> None:
        self._noisy: tuple[str, ...] = ()
        self._held: list[Json] = []
        self.rehearsal = Rehearsal(rules, seed=seed, regions=regions, courier=self._courier)
        self._ear = Ear(self.rehearsal)
        journal.LOGGER.addHandler(self._ear)
        journal.LOGGER.setLevel(logging.INFO)
        journal.LOGGER.propagate = False

    @property
    def now(self) -> datetime:
        return self.rehearsal.azure.now

    @property
    def alerts(self) -> list[Json]:
        return self.rehearsal.azure.topic.received

    @property
    def failures(self) -> list[str]:
        return [f"{failure.function} raised {failure.error!r}" for failure in self.rehearsal.host.failures]

    def arm(self, method: str, path: str, body: Any = None) -> Any:
        return self.rehearsal.arm(method, path, body)

    def fault(self, kind: str, target: str) -> None:
        self.rehearsal.azure.world.faults.add(kind, target)

    def make_noisy(self, name: str) -> None:
        self._noisy = (*self._noisy, f"/{name}".lower())

    def run_until(self, moment: datetime) -> None:
        self.rehearsal.run_until(moment)

    def next_due(self) -> datetime | None:
        return self.rehearsal.next_due()

    def turns(self, since: int) -> list[tuple[datetime, str, str]]:
        self.rehearsal.azure.world.settle()
        return self.rehearsal.azure.world.journal.turns[since:]

    def facts(self, since: int) -> list[tuple[datetime, Json]]:
        return self._ear.heard[since:]

    def calls(self) -> list[tuple[str, str, str, str]]:
        log = self.rehearsal.azure.log
        arm = (call for call in log if call.caller == APP and call.operation.startswith("Microsoft."))
        return [(call.operation, call.method, call.path, call.correlation) for call in arm]

    def resources(self, resource_type: str) -> list[Json]:
        return [resource.body for resource in self.rehearsal.of_type(resource_type)]

    def row(self, server_id: str) -> ServerRow:
        return self.rehearsal.row(server_id)

    def close(self) -> None:
        journal.LOGGER.removeHandler(self._ear)

    def _courier(self, event: Json) -> Iterable[Json]:
        """Events about a noisy server wait for the next one, and then both arrive backwards and twice."""
        if not any(name in event["subject"].lower() for name in self._noisy):
            return (event,)
        if not self._held:
            self._held.append(event)
            return ()
        first = self._held.pop()
        return (event, event, first, first)


class Ear(logging.Handler):
    """Hears the structured part of the app's log lines, with the virtual time at which they were written."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        super().__init__()
        self.heard: list[tuple[datetime, Json]] = []
        self._rehearsal = rehearsal

    def emit(self, record: logging.LogRecord) -> None:
        fact = getattr(record, "flexguard", None)
        if isinstance(fact, dict):
            self.heard.append((self._rehearsal.azure.now, json.loads(json.dumps(fact, default=str))))
