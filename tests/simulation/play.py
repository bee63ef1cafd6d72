"""Plays a scenario: the real app in several instances, the real SDK clients, a local Azure, one thread, one seed.

Two instances run into each other because, in the middle of any call of one, another may take its turn. First comes a
phase with mishaps, then a quiet one without; what must hold always is checked at every call, the rest at the end.
"""

import functools
import heapq
import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueServiceClient

import function_app
from functions import wiring
from host.in_process import InProcessHost
from shared.cloud.clients import Cloud
from shared.cloud.ledger_table import TableLedger
from shared.journal import LOGGER
from simulator import event_faults, timer_faults
from simulator.azure import Crash
from simulator.transport import InProcessTransport
from tests.simulation.scenario import Scenario
from tests.simulation.stage import APP, HOST, Stage
from tests.simulation.story import Story
from tests.simulation.watched import Attempt, Call, HostWire, Watched
from tests.simulation.worker import Ear, Worker

QUEUE = "converge"
HOST_JSON = json.loads((Path(__file__).parents[2] / "host.json").read_text())
HOST_JSON["extensions"]["queues"]["batchSize"] = 1  # what a host runs in parallel stands here as turns in between
MOST_AT_ONCE = 4
REDELIVER_S = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)  # Source: Event Grid's schedule of repeated delivery
STARTS_AGAIN_S = 30.0
MOST_QUIET = timedelta(hours=9)  # the longest that an answer of Azure may delay
# What a look got wrong, or never did, the next sweep and due scan make up for, forty and ten minutes past an hour; the
# watch tells of it five minutes later.
CALM, TOLD_MIN = timedelta(minutes=38), 17
HEALED = timedelta(minutes=75)
MOST_TURNS = 20_000


class Violation(BaseException):
    """An invariant does not hold. Not an Exception: what the app catches, and the host, must not hide it."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(f"{name}: {words}")
        self.name = name


@dataclass(order=True)
class Mail:
    """An event on its way."""

    at: datetime
    number: int
    attempt: int = field(compare=False)
    event: dict[str, Any] = field(compare=False)


@dataclass(frozen=True)
class Checks:
    """What is asked during a run: at every call before it leaves and with its answer, and when a function returned."""

    at_call: Callable[["Play", Call, Any], None] = lambda *_: None
    at_ending: Callable[["Play", Attempt], None] = lambda *_: None


class Play:
    """One run. Raises Violation when a check does."""

    def __init__(self, scenario: Scenario, checks: Checks | None = None) -> None:
        self.scenario, self.checks = scenario, checks or Checks()
        self.story = Story(scenario.start)
        self.chance = random.Random(f"play:{scenario.seed}")
        self.stage = Stage(scenario, self.tell)
        self.azure = self.stage.azure
        self.stage.deploy()
        self.mail: list[Mail] = []
        self.counts: Counter[str] = Counter()
        self.is_quiet = False
        self.on_duty: list[Worker] = []
        self.paused: list[tuple[Worker, Attempt]] = []  # what waits for an answer while somebody takes a turn
        self.poll_at, self.news_at, self.missed = self.azure.now, self.azure.now, set[str]()
        self.heard: set[tuple[str, str]] = set()
        self.looks: dict[str, tuple[str, list[datetime]]] = {}
        self.rests: dict[str, datetime] = {}
        self.told: set[str] = set()
        self.names: dict[str, str] = {}
        self.holders: dict[tuple[str, int], str] = {}
        self.asked: dict[str, Call] = {}
        self.jobs_read: dict[str, datetime] = {}
        self.poisoned: list[str] = []
        self.incidents: set[str] = set()
        self.lost_at = self.azure.now - timedelta(days=1)
        self._timers = self._host(InProcessTransport(self.azure))  # knows the schedules, whoever is down
        self.workers = [Worker(number, self.azure.now) for number in range(scenario.workers)]
        self.stage.on_damage = self._forget

    # -- the two phases ----------------------------------------------------------------------------------------

    def run(self) -> None:
        """Play the whole scenario."""
        with self._heard():
            self._mishaps()
            for at_s, act in self._programme():
                self._until(self.scenario.start + timedelta(seconds=at_s))
                act()
            self._until(self.scenario.end_of_faults)
            self.azure.world.faults.waiting.clear()
            self.heard.clear()
            self.is_quiet = True
            self.tell("quiet", "from here on nothing goes wrong any more")
            began = self.azure.now
            self._until(began + timedelta(seconds=self.scenario.lingers_s(self.stage.struck_kinds())) + CALM)
            while self._is_busy() and self.azure.now < began + MOST_QUIET:
                hour = (self.azure.now + timedelta(minutes=60 - TOLD_MIN)).replace(minute=0, second=0, microsecond=0)
                self._until(hour + timedelta(minutes=TOLD_MIN))

    def _is_busy(self) -> bool:
        """Whether something is still on its way: an event, a message, a process."""
        waiting = any(queue.messages for queue in self.azure.queues.queues.values())
        rows = [self.stage.row(server_id) for server_id in self.stage.ids]
        lost = any(row.next_look_at and row.next_look_at > self.azure.now - HEALED for row in rows)
        is_fresh = self.azure.now.minute != TOLD_MIN or self.azure.now - self.news_at < CALM
        return bool(waiting or lost or is_fresh or self.mail or any(worker.host is None for worker in self.workers))

    def _mishaps(self) -> None:
        for mishap in self.scenario.mishaps:
            self.azure.world.faults.add(
                mishap.kind, mishap.target, times=mishap.times, rate=mishap.rate, seed=mishap.seed, **mishap.detail
            )

    def _programme(self) -> list[tuple[float, Callable[[], None]]]:
        acts: list[tuple[float, Callable[[], None]]] = [
            (server.at_s, functools.partial(self.stage.create, index))
            for index, server in enumerate(self.scenario.servers)
            if server.at_s >= 0
        ]
        for deed in self.scenario.deeds:
            down = deed.kind == "hosts_down"
            act = (
                functools.partial(self._go_down, deed.detail["for_s"])
                if down
                else functools.partial(self.stage.do, deed)
            )
            acts.append((deed.at_s, act))
        return sorted(acts, key=lambda act: act[0])

    def _go_down(self, for_s: float) -> None:
        self.tell("host", f"is down for {for_s / 60:.0f} minutes")
        for worker in self.workers:
            worker.stop(self.azure.now + timedelta(seconds=for_s))

    # -- time passes -------------------------------------------------------------------------------------------

    def _until(self, deadline: datetime) -> None:
        for _ in range(MOST_TURNS):
            if self._turn():
                continue
            if self.azure.now >= deadline:
                return
            self._pass_to(min(max(min(self._coming(), default=deadline), self.azure.now), deadline))
        msg = f"still busy after {MOST_TURNS} turns at {self.azure.now}"
        raise Violation("I14", msg)

    def _coming(self) -> Iterator[datetime]:
        """When something happens next by itself."""
        if due := self.azure.world.next_due():
            yield due
        if self.mail:
            yield self.mail[0].at
        yield from (worker.back_at for worker in self.workers if worker.host is None)
        if timer := self._timers.next_timer(self.azure.now):
            yield timer[0]
        if (visible := self._visible_at()) and self._up():
            yield max(visible, self.poll_at)

    def _pass_to(self, moment: datetime) -> None:
        due = list(self._timers.timers_due(self.azure.now, moment))
        self.azure.advance_to(moment)
        for _, name in due:
            for after_s, past_due in timer_faults.firings(self.azure.world, name):
                self.azure.advance(after_s)
                self._fire(name, past_due)

    def _fire(self, name: str, past_due: bool) -> None:
        """Run a timer's function; while nobody is up it is missed, and made up for when somebody is."""
        if not self._up():
            self.missed.add(name)
            return
        worker = self.chance.choice(self._up())
        self.tell(worker.name, f"runs {name}{' (past due)' if past_due else ''}")
        self._alive(worker, name, lambda host: host.fire(name, past_due=past_due))

    def _turn(self) -> bool:
        """Deliver what is due and let an instance take what is visible; whether there was anything."""
        self._start_again()
        outbox, self.azure.world.outbox[:] = list(self.azure.world.outbox), []
        for event in outbox:
            for late_s, copy in event_faults.on_its_way(self.azure.world, event):
                self._post(copy, late_s, 0)
        delivered = False
        while self.mail and self.mail[0].at <= self.azure.now:
            self._deliver(heapq.heappop(self.mail))
            delivered = True
        return delivered or self._work()

    def _work(self) -> bool:
        """Let an instance take a batch. One that got none asks again a second later."""
        up = self._up()
        if not self._is_visible() or not up or self.azure.now < self.poll_at:
            return False
        ran = self._alive(self.chance.choice(up), "message", lambda host: host.poll())
        if not ran:
            self.poll_at = self.azure.now + timedelta(seconds=1)
        return bool(ran)

    def _visible_at(self) -> datetime | None:
        """When the next message can be taken; what is set aside as poison waits for a timer."""
        queue = self.azure.queues.queues.get(QUEUE)
        return queue.next_visible() if queue else None

    def _is_visible(self) -> bool:
        visible_at = self._visible_at()
        return visible_at is not None and visible_at <= self.azure.now

    # -- events ------------------------------------------------------------------------------------------------

    def _post(self, event: dict[str, Any], late_s: float, attempt: int) -> None:
        self.counts["posted"] += 1
        heapq.heappush(
            self.mail, Mail(self.azure.now + timedelta(seconds=late_s), self.counts["posted"], attempt, event)
        )

    def _deliver(self, mail: Mail) -> None:
        up = self._up()
        if up and self._alive(self.chance.choice(up), "event", lambda host: host.deliver(mail.event)) == 202:
            self.counts["delivered"] += 1
        elif mail.attempt < len(REDELIVER_S):
            self._post(mail.event, REDELIVER_S[mail.attempt], mail.attempt + 1)

    # -- instances ---------------------------------------------------------------------------------------------

    def _up(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.host and not worker.busy]

    def meddle(self, busy: Worker) -> None:
        """In the middle of a call another message may have its turn: at another instance, or at this very one."""
        if len(self.on_duty) >= MOST_AT_ONCE or not self._is_visible():
            return
        if self.chance.random() < self.scenario.meddling:
            worker = self.chance.choice([*self._up(), busy])
            self.tell(worker.name, f"takes a turn while {busy.name} waits for an answer")
            self.paused.append((busy, busy.attempt))
            try:
                self._alive(worker, "message", lambda host: host.poll())
            finally:
                busy.attempt = self.paused.pop()[1]

    def _alive(self, worker: Worker, what: str, step: Callable[[InProcessHost], Any]) -> Any:
        """Let one instance do one thing. When it dies of it, it is away for a while and then knows nothing."""
        before = wiring._given[:]
        wiring.use(worker.context)
        worker.busy, worker.attempt = worker.busy + 1, Attempt(what)
        self.on_duty.append(worker)
        assert worker.host
        try:
            done = copy_context().run(step, worker.host)
            if what != "message" and done in (202, True):
                self.ended(worker)
        except Crash:
            if worker.busy > 1:
                raise  # everything that it has begun dies with it
            self.counts["crashes"] += 1
            self.tell(worker.name, "dies")
            worker.stop(self.azure.now + timedelta(seconds=self.scenario.down_s))
            return None
        else:
            self._note_failures(worker, worker.host)
            return done
        finally:
            worker.busy -= 1
            self.on_duty.pop()
            wiring._given[:] = before

    def _note_failures(self, worker: Worker, host: InProcessHost) -> None:
        fresh, worker.heard_failures = host.failures[worker.heard_failures :], len(host.failures)
        for failure in fresh:
            self.counts["failures"] += 1
            self.tell(worker.name, f"{failure.function} fails: {type(failure.error).__name__}: {failure.error}")
            self.stage.failures.append(failure)

    def _start_again(self) -> None:
        for worker in self.workers:
            if worker.host is None and worker.back_at <= self.azure.now:
                self._start(worker)
        if self.missed and self._up():
            missed, self.missed = sorted(self.missed), set()
            for name in missed:
                self._fire(name, past_due=True)

    def _start(self, worker: Worker) -> None:
        """Start a process. A host that finds no storage, or no token, is started again later."""
        cloud = Cloud(self.stage.settings, self.azure.credential(APP), Watched(self, worker))
        try:
            worker.host = self._host(HostWire(self, worker))
        except (AzureError, Crash):
            worker.back_at = self.azure.now + timedelta(seconds=STARTS_AGAIN_S)
            return
        worker.context = wiring.Context(cloud, TableLedger(cloud), self.stage.rules)

    def _host(self, transport: Any) -> InProcessHost:
        endpoint, credential = self.stage.settings.queue_endpoint, self.azure.credential(HOST)
        queues = QueueServiceClient(endpoint, credential=credential, transport=transport, retry_total=0)
        return InProcessHost(function_app.app, queues, host_json=HOST_JSON, settings={})

    # -- what is seen ------------------------------------------------------------------------------------------

    def check(self, call: Call, answer: Any = None) -> None:
        """Ask what must hold at a call, before it leaves and with its answer."""
        self.stage.look_around()
        self.counts["calls"] += answer is None
        self.checks.at_call(self, call, answer)
        if answer is not None and call.is_write and call.status < 300:
            self.news_at = self.azure.now

    def ended(self, worker: Worker) -> None:
        """A function returned: ask what must hold then."""
        self.checks.at_ending(self, worker.attempt)
        worker.attempt = Attempt("none")

    @contextmanager
    def _heard(self) -> Iterator[None]:
        ear, level, propagates = Ear(self._hear), LOGGER.level, LOGGER.propagate
        LOGGER.addHandler(ear)
        LOGGER.setLevel(logging.INFO)
        LOGGER.propagate = False
        try:
            yield
        finally:
            LOGGER.removeHandler(ear)
            LOGGER.setLevel(level)
            LOGGER.propagate = propagates

    def _hear(self, fact: dict[str, Any]) -> None:
        worker = self.on_duty[-1]
        worker.attempt.facts.append(fact)
        self.poisoned += [fact["message"]] if fact["fact"] == "message_poisoned" else []
        if fact["fact"] == "looked":
            self._note_news({(fact["server"], fact["verdict"])} - self.heard)
        if fact["fact"] != "applied":  # the call itself says it
            self.tell(worker.name, ", ".join(f"{name} {value}" for name, value in fact.items() if name != "at"))

    def _note_news(self, said: set[tuple[str, str]]) -> None:
        """A server of which is said what was not said before: it may not be the last word."""
        self.heard |= said
        self.news_at = self.azure.now if said else self.news_at

    def _forget(self) -> None:
        """The ledger was lost, or is an older one: nothing that was remembered counts any more."""
        self.rests.clear()
        self.told.clear()
        self.holders.clear()
        self.lost_at = self.azure.now

    def tell_call(self, worker: Worker, call: Call, outcome: str) -> None:
        if call.is_arm or "eventgrid" in call.host:
            self.tell(worker.name, f"{call.method} {call.path} → {outcome}")

    def tell(self, who: str, what: str) -> None:
        self.story.tell(self.azure.now, who, what)
