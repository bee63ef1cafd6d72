"""Plays the demo: people create, tag, stop and start servers; Azure's own events reach the app's real triggers.

It knows what happened and tells whoever watches, fact by fact; it decides nothing about protection.
"""

import functools
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cli.demo.estate import ESTATE, LASTS_MIN, PREPARED_GROUP, REGIONS, RULES, DemoServer, Step
from cli.rehearsal import SCOPE, Rehearsal
from shared import journal
from shared.core.verdict import Kind
from simulator.arm import authorization

ROLES = ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "c088a766-074b-43ba-90d4-1fb21feae531")  # Reader, LTR backup
INSTANCES = "microsoft.dataprotection/backupvaults/backupinstances"


@dataclass
class Seen:
    """What is known of one server while the story runs. Times are virtual; calls are the app's, by the app's pass.

    ready_at: when it could be protected first: Ready, and tagged.
    """

    plot: DemoServer
    id: str
    tags: dict[str, str]
    state: str = ""
    verdict: str = ""
    reason: str = ""
    fix: str = ""
    ready_at: datetime | None = None
    protected_at: datetime | None = None
    reads: int = 0
    writes: int = 0


@dataclass(frozen=True)
class Line:
    """One line of the story: when, about which server ("" for the app as a whole), and what happened."""

    at: datetime
    server: str
    text: str


@dataclass
class Play:
    """One performance. watch(play, line) is called for every line, and with None whenever time has passed."""

    seed: int = 7
    watch: Callable[["Play", Line | None], None] = lambda _play, _line: None
    servers: dict[str, Seen] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    event_ids: Counter[str] = field(default_factory=Counter)
    _held: list[dict[str, Any]] = field(default_factory=list)
    _counted: int = 0

    def __post_init__(self) -> None:
        self.rehearsal = Rehearsal(RULES, seed=self.seed, regions=REGIONS, courier=self._courier, on_time=self._look)
        self.started_at = self.rehearsal.azure.now

    @property
    def now(self) -> datetime:
        return self.rehearsal.azure.now

    @property
    def share(self) -> float:
        """How much of the story has been told, 0 to 1."""
        return min((self.now - self.started_at).total_seconds() / (LASTS_MIN * 60), 1.0)

    # -- the story ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Play it from the first server to the last minute."""
        listener = _Listener(self._hear)
        journal.LOGGER.addHandler(listener)
        journal.LOGGER.setLevel(logging.INFO)
        journal.LOGGER.propagate = False
        try:
            self._prepare()
            for at_min, act in self._acts():
                self._pass_time_until(self.started_at + timedelta(minutes=at_min))
                act()
            self._pass_time_until(self.started_at + timedelta(minutes=LASTS_MIN))
        finally:
            journal.LOGGER.removeHandler(listener)

    def _acts(self) -> list[tuple[float, Callable[[], None]]]:
        acts: list[tuple[float, Callable[[], None]]] = []
        for plot in ESTATE:
            acts.append((plot.at_min, functools.partial(self._create, plot)))
            acts += [(step.at_min, functools.partial(self._do, plot, step)) for step in plot.steps]
        return sorted(acts, key=lambda act: act[0])

    def _prepare(self) -> None:
        """The platform team assigns the vaults' roles on some groups; on others nobody has."""
        play = self.rehearsal
        for group, region in ((PREPARED_GROUP, "westeurope"), (f"{PREPARED_GROUP}-north", "northeurope")):
            play.arm("PUT", f"{SCOPE}/resourceGroups/{group}", {"location": region})
            vault = play.arm("GET", play.vault_id(region))
            for role in ROLES:
                scope = f"{SCOPE}/resourceGroups/{group}"
                authorization.grant(play.azure.world, vault["identity"]["principalId"], role, scope)
        self._counted = len(play.azure.log)

    def _create(self, plot: DemoServer) -> None:
        play = self.rehearsal
        extra: dict[str, Any] = {}
        if plot.replica_of:
            extra["properties"] = {"createMode": "Replica", "sourceServerResourceId": self.servers[plot.replica_of].id}
        if plot.fails_first_backup:
            play.azure.world.faults.add("fail_backup", f"/{plot.name}")
        server_id = play.create_server(plot.name, plot.tags, plot.region, plot.group, **extra)
        self.servers[plot.name] = Seen(plot, server_id, dict(plot.tags))
        shown = ", ".join(f"{name}={value!r}" for name, value in plot.tags.items()) or "no tags"
        self._say(plot.name, f"is created with {shown}")

    def _do(self, plot: DemoServer, step: Step) -> None:
        play, seen = self.rehearsal, self.servers[plot.name]
        if step.what == "tag":
            body = {"operation": "Merge", "properties": {"tags": step.tags}}
            play.arm("PATCH", f"{seen.id}/providers/Microsoft.Resources/tags/default", body)
            seen.tags |= step.tags
            if seen.state == "Ready":
                seen.ready_at = self.now
            self._say(plot.name, f"is tagged {', '.join(f'{n}={v}' for n, v in step.tags.items())}")
        else:
            play.arm("POST", f"{seen.id}/{step.what}")
            self._say(plot.name, f"is asked to {step.what}")

    # -- between people and app --------------------------------------------------------------------------------

    def _courier(self, event: dict[str, Any]) -> Iterable[dict[str, Any]]:
        """Events about a noisy server wait for the next one, and then both arrive backwards and twice."""
        noisy = any(f"/{plot.name}".lower() in event["subject"].lower() for plot in ESTATE if plot.noisy)
        if noisy and not self._held:
            self._held.append(event)
            return ()
        first = [self._held.pop()] if noisy else []
        arriving = [event, event, *first, *first] if noisy else [event]
        for each in arriving:
            self.event_ids[each["id"]] += 1
        return arriving

    def _pass_time_until(self, moment: datetime) -> None:
        """Let time pass in the steps in which something happens."""
        play = self.rehearsal
        while self.now < moment:
            play.run_until(min(max(play.azure.next_due() or moment, self.now), moment))
            self.watch(self, None)

    def _look(self) -> None:
        world = self.rehearsal.azure.world
        configured = {
            instance.body["properties"]["dataSourceInfo"]["resourceID"].lower()
            for instance in world.of_type(INSTANCES)
            if instance.body["properties"]["currentProtectionState"] == "ProtectionConfigured"
        }
        for seen in self.servers.values():
            resource = world.get(seen.id)
            state = resource.body["properties"]["state"] if resource else "gone"
            if state == "Ready" and seen.state != "Ready":
                seen.ready_at = self.now
                self._say(seen.plot.name, "is Ready")
            elif state != seen.state and seen.state and state == "Stopped":
                self._say(seen.plot.name, "has stopped")
            seen.state = state
            if seen.id.lower() in configured and not seen.protected_at:
                seen.protected_at = self.now
                self._say(seen.plot.name, "is protected: ProtectionConfigured")

    # -- what the app says -------------------------------------------------------------------------------------

    def _hear(self, fact: dict[str, Any]) -> None:
        """One fact of the app's own log. Whatever the app has asked of ARM since the last one belongs to it."""
        name = str(fact.get("server", "")).rsplit("/", 1)[-1]
        seen = self.servers.get(name)
        if fact["fact"] in ("looked", "message_skipped", "event_received", "event_dropped", "jobs_watched"):
            self._count_calls(seen)
        match fact["fact"]:
            case "event_dropped":
                self.dropped[fact["reason"]] += 1
            case "applied":
                self._say(name, _DONE[fact["action"]])
            case "alert":
                self._say(str(fact["subject"]).rsplit("/", 1)[-1], f"ALERT: {fact['summary']}")
            case "looked" if seen:
                self._verdict(seen, fact)

    def _verdict(self, seen: Seen, fact: dict[str, Any]) -> None:
        news = fact["verdict"] != seen.verdict and fact["verdict"] not in (Kind.NOT_READY, Kind.CONFIGURING)
        seen.verdict, seen.reason, seen.fix = fact["verdict"], fact["reason"], fact.get("fix", "")
        if news:
            self._say(seen.plot.name, f"→ {seen.verdict}: {seen.reason}")

    def _count_calls(self, seen: Seen | None) -> None:
        calls = self.rehearsal.app_calls(self._counted)
        self._counted = len(self.rehearsal.azure.log)
        if seen and seen.ready_at and not seen.protected_at:
            writes = sum(call.method != "GET" for call in calls)
            seen.writes += writes
            seen.reads += len(calls) - writes

    def _say(self, server: str, text: str) -> None:
        line = Line(self.now, server, text)
        self.lines.append(line)
        self.watch(self, line)


_DONE = {
    "EnsurePolicy": "gets a new policy in the vault",
    "GrantRole": "lets the vault's identity in: role assigned",
    "Validate": "is validated for backup",
    "Protect": "gets its backup instance",
    "StartBackup": "gets its first backup, on demand",
}


class _Listener(logging.Handler):
    """Hands the structured part of the app's log lines on."""

    def __init__(self, hear: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        fact = getattr(record, "flexguard", None)
        if isinstance(fact, dict):
            self._hear(json.loads(json.dumps(fact, default=str)))
