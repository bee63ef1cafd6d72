"""Plays the demo on a stage: people create, tag, stop and start servers; Azure's own events reach the app's triggers.

It knows what happened and tells whoever watches, line by line; it decides nothing about protection.
"""

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cli.demo.estate import ESTATE, LASTS_MIN, PREPARED_GROUP, DemoServer, Step
from cli.deployment import PROPAGATION_S, prepare_group, server_body
from cli.stage import SCOPE, Json, Stage, server_id
from shared.core.verdict import Kind

STEP = timedelta(seconds=15)  # how often whoever watches is shown something
_DONE = {
    "EnsurePolicy": "gets a new policy in the vault",
    "GrantRole": "lets the vault's identity in: role assigned",
    "Validate": "is validated for backup",
    "Protect": "gets its backup instance",
    "StartBackup": "gets a backup on demand",
}


@dataclass
class Seen:
    """What is known of one server while the story runs. Times are virtual.

    ready_at: when it could be protected first: Ready, and tagged. looks: when each pass over it ended, by correlation.
    """

    plot: DemoServer
    id: str
    tags: dict[str, str]
    state: str = ""
    verdict: str = ""
    ready_at: datetime | None = None
    protected_at: datetime | None = None
    looks: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One line of the story: when, about which server, and what happened."""

    at: datetime
    server: str
    text: str


@dataclass
class Play:
    """One performance. watch(play, line) is called for every line, and with None whenever time has passed."""

    stage: Stage
    watch: Callable[["Play", Line | None], None] = lambda _play, _line: None
    servers: dict[str, Seen] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    _turns: int = 0
    _facts: int = 0

    def __post_init__(self) -> None:
        self.started_at = self.stage.now

    @property
    def now(self) -> datetime:
        return self.stage.now

    @property
    def share(self) -> float:
        """How much of the story has been told, 0 to 1."""
        return min(max((self.now - self.started_at).total_seconds(), 0) / (LASTS_MIN * 60), 1.0)

    # -- the story ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Play it from the first server to the last minute."""
        self._prepare()
        for at_min, act in self._acts():
            self._pass_time_until(self.started_at + timedelta(minutes=at_min))
            act()
        self._pass_time_until(self.started_at + timedelta(minutes=LASTS_MIN))

    def _acts(self) -> list[tuple[float, Callable[[], None]]]:
        acts: list[tuple[float, Callable[[], None]]] = []
        for plot in ESTATE:
            acts.append((plot.at_min, functools.partial(self._create, plot)))
            acts += [(step.at_min, functools.partial(self._do, plot, step)) for step in plot.steps]
        return sorted(acts, key=lambda act: act[0])

    def _prepare(self) -> None:
        """The platform team assigns the vaults' roles on some groups beforehand; on others nobody has."""
        prepare_group(self.stage.arm, PREPARED_GROUP, "westeurope")
        prepare_group(self.stage.arm, f"{PREPARED_GROUP}-north", "northeurope")
        for plot in ESTATE:
            if plot.group not in (PREPARED_GROUP, f"{PREPARED_GROUP}-north"):
                self.stage.arm("PUT", f"{SCOPE}/resourceGroups/{plot.group}", {"location": plot.region})
            if plot.noisy:
                self.stage.make_noisy(plot.name)
            if plot.fails_first_backup:
                self.stage.fault("fail_backup", f"/{plot.name}")
        self.stage.run_until(self.now + timedelta(seconds=PROPAGATION_S))
        self._turns, self._facts = len(self.stage.turns(0)), len(self.stage.facts(0))
        self.started_at = self.now

    def _create(self, plot: DemoServer) -> None:
        properties: Json = {}
        if plot.replica_of:
            properties = {"createMode": "Replica", "sourceServerResourceId": self.servers[plot.replica_of].id}
        name = server_id(plot.name, plot.group)
        self.servers[plot.name] = Seen(plot, name, dict(plot.tags))
        shown = ", ".join(f"{tag}={value!r}" for tag, value in plot.tags.items()) or "no tags"
        self._say(self.now, plot.name, f"is created with {shown}")
        self.stage.arm("PUT", name, server_body(plot.region, plot.tags, properties))

    def _do(self, plot: DemoServer, step: Step) -> None:
        seen = self.servers[plot.name]
        if step.what == "tag":
            seen.tags |= step.tags
            if seen.state == "Ready":
                seen.ready_at = self.now
            self._say(self.now, plot.name, f"is tagged {', '.join(f'{n}={v}' for n, v in step.tags.items())}")
            body = {"operation": "Merge", "properties": {"tags": step.tags}}
            self.stage.arm("PATCH", f"{seen.id}/providers/Microsoft.Resources/tags/default", body)
        else:
            self._say(self.now, plot.name, f"is asked to {step.what}")
            self.stage.arm("POST", f"{seen.id}/{step.what}")

    def _pass_time_until(self, moment: datetime) -> None:
        """Let time pass in the steps in which something happens, and tell what did."""
        while self.now < moment:
            coming = max(self.stage.next_due() or moment, self.now)
            self.stage.run_until(
                min(coming, self.now + STEP, moment) if coming > self.now else min(self.now + STEP, moment)
            )
            self._tell()
            self.watch(self, None)

    # -- what happened -----------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """Tell the news of Azure and of the app in the order in which they happened."""
        turns, facts = self.stage.turns(self._turns), self.stage.facts(self._facts)
        self._turns, self._facts = self._turns + len(turns), self._facts + len(facts)
        news: list[tuple[datetime, Callable[[], None]]] = []
        news += [(turn[0], functools.partial(self._turned, *turn)) for turn in turns]
        news += [(at, functools.partial(self._heard, at, fact)) for at, fact in facts]
        for _, tell in sorted(news, key=lambda each: each[0]):
            tell()

    def _turned(self, at: datetime, resource_id: str, state: str) -> None:
        name = resource_id.rsplit("/", 1)[-1]
        seen = self.servers.get(name)
        if seen:
            seen.state = state
            if state == "Ready":
                seen.ready_at = at
                self._say(at, name, "is Ready")
            elif state == "Stopped":
                self._say(at, name, "has stopped")
        elif state == "ProtectionConfigured" and (owner := self.servers.get(name[:-37])):  # …-{guid}
            owner.protected_at = at
            self._say(at, owner.plot.name, "is protected: ProtectionConfigured")

    def _heard(self, at: datetime, fact: Json) -> None:
        """One fact of the app's own log."""
        name = str(fact.get("server", "")).rsplit("/", 1)[-1]
        seen = self.servers.get(name)
        match fact["fact"]:
            case "event_dropped":
                self.dropped[str(fact["reason"])] += 1
                self.events[str(fact.get("id"))] += 1
            case "event_received":
                self.events[str(fact.get("id"))] += 1
            case "applied":
                self._say(at, name, _DONE[str(fact["action"])])
            case "alert":
                sign = "GOOD NEWS" if fact["phase"] == "recovered" else "ALERT"
                self._say(at, str(fact["subject"]).rsplit("/", 1)[-1], f"{sign}: {fact['summary']}")
            case "backup_wished":
                self._say(at, name, f"is due for a backup: {fact['reason']}")
            case "looked" if seen:
                self._looked(at, seen, fact)

    def _looked(self, at: datetime, seen: Seen, fact: dict[str, Any]) -> None:
        seen.looks[str(fact["correlation"])] = at
        news = fact["verdict"] != seen.verdict and fact["verdict"] not in (Kind.NOT_READY, Kind.CONFIGURING)
        seen.verdict = str(fact["verdict"])
        if news:
            self._say(at, seen.plot.name, f"→ {seen.verdict}: {fact['reason']}")

    def _say(self, at: datetime, server: str, text: str) -> None:
        self.watch(self, Line(at, server, text))
