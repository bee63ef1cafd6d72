"""The state of the local Azure: resources, what is due later, and one source of chance.

Rules for this file: it holds data and time, no behaviour of any service. Whatever will happen later stands in the
agenda as a name and arguments, never as a closure, so that a world can be written down and read back.
"""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from simulator.faults import Faults
from simulator.journal import Journal, never_late
from simulator.wire import Json

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

Effect = Callable[..., None]
EFFECTS: dict[str, Effect] = {}


def effect[E: Effect](function: E) -> E:
    """Register something that can be put on the agenda: `function(world, **args)`; names are unique."""
    name = f"{function.__module__}.{function.__name__}"
    if name in EFFECTS:
        msg = f"two effects are called {name}"
        raise ValueError(msg)
    EFFECTS[name] = function
    return function


@dataclass(order=True)
class Due:
    """Something that happens at a time; `order` keeps equal times in the order of scheduling."""

    at: datetime
    order: int
    effect: str = field(compare=False)
    args: Json = field(compare=False)


@dataclass
class Resource:
    """One ARM resource: `body` is what GET answers; `hidden` is what only the service knows."""

    id: str
    type: str
    body: Json
    hidden: Json = field(default_factory=dict)


@dataclass
class Behaviour:
    """Switches for what nobody could verify; each is a row of docs/assumptions.md."""

    event_when: str = "both"  # ARM event for a long operation: "accepted", "completed" or "both"
    weekly_limit: str = "scheduled"  # which second backup of a week fails: "none", "scheduled" or "all"
    policy_update: str = "refused"  # PUT on an existing policy with other content: "refused" or "accepted"
    graph_lag_s: float = 10.0  # how old Resource Graph's picture of the world is
    most_instances: int = 0  # how many instances a vault takes, 0 for any number
    throttle: str = "documented"  # how many calls a principal may make: "documented" or the larger "recorded" buckets
    renamed_actions: dict[str, str] = field(default_factory=dict)  # ARM actions, should Azure ask for another name
    throttle_operator: bool = False  # whether the person who builds the world is counted too


class BlobStore(Protocol):
    """Where a provider writes when it writes blobs: the containers of the local Azure's storage account."""

    def versions(self) -> dict[str, tuple[str, datetime]]:
        """The containers, each with its ETag and the time of its last change."""

    def make(self, container: str) -> None:
        """Make a container; nothing happens when it is there."""

    def write(self, container: str, name: str, data: bytes) -> object:
        """Write a blob. Raises KeyError when there is no such container."""


class NoBlobs:
    """The storage of a world that stands alone: it has no container, and a new one is forgotten."""

    def versions(self) -> dict[str, tuple[str, datetime]]:
        return {}

    def make(self, container: str) -> None:
        pass

    def write(self, container: str, name: str, data: bytes) -> object:  # noqa: ARG002 - the form of BlobStore
        raise KeyError(container)


@dataclass
class World:
    """Everything that exists, at one moment.

    random(*key) gives the same stream for the same seed and key, whatever else happened: one more call somewhere
    does not change the latencies of everything after it.
    """

    seed: int = 0
    now: datetime = START
    tenant_id: str = "72f988bf-0000-4000-8000-2d7cd011db47"
    behaviour: Behaviour = field(default_factory=Behaviour)
    faults: Faults = field(default_factory=Faults)
    resources: dict[str, Resource] = field(default_factory=dict)
    by_type: dict[str, dict[str, Resource]] = field(default_factory=dict)
    outbox: list[Json] = field(default_factory=list)  # ARM events in Event Grid schema, not delivered yet
    agenda: list[Due] = field(default_factory=list)
    counter: int = 0
    buckets: dict[str, tuple[float, float]] = field(default_factory=dict)  # tokens left and when, by who and what
    journal: Journal = field(default_factory=Journal)
    touched: set[str] = field(default_factory=set)  # ids handed out since the clock moved: only they can have changed
    blobs: BlobStore = field(default_factory=NoBlobs)  # lent by the local Azure, no part of the state
    derived: dict[str, Any] = field(default_factory=dict)  # what can be computed again from the rest: never dumped

    # -- resources ---------------------------------------------------------------------------------------------

    def get(self, resource_id: str) -> Resource | None:
        key = resource_id.lower()
        self.touched.add(key)
        return self.resources.get(key)

    def put(self, resource_id: str, resource_type: str, body: Json, **hidden: Any) -> Resource:
        """Store a resource under its id; ids and types are compared without case."""
        resource = Resource(resource_id, resource_type.lower(), body, hidden)
        self.touched.add(resource_id.lower())
        self.resources[resource_id.lower()] = resource
        self.by_type.setdefault(resource.type, {})[resource_id.lower()] = resource
        return resource

    def remove(self, resource_id: str) -> Resource | None:
        self.touched.add(resource_id.lower())
        resource = self.resources.pop(resource_id.lower(), None)
        if resource:
            del self.by_type[resource.type][resource_id.lower()]
        return resource

    def of_type(self, resource_type: str, below: str = "") -> Iterator[Resource]:
        """Resources of a type in the order of creation; `below` keeps those whose id starts with that scope."""
        prefix = below.lower().rstrip("/") + "/" if below else ""
        for key, resource in list(self.by_type.get(resource_type.lower(), {}).items()):
            if key.startswith(prefix):
                self.touched.add(key)
                yield resource

    def seen(self, resource_type: str) -> tuple[Resource, ...]:
        """Resources of a type in the order of creation, for who only looks: what is changed in them stays unnoticed."""
        return tuple(self.by_type.get(resource_type.lower(), {}).values())

    def settle(self) -> None:
        """Write down in the journal what changed at this moment. A service that reads the journal calls it first."""
        late = self.faults.row_lag_s if self.faults.waiting else never_late
        for key in sorted(self.touched):
            self.journal.note(self.now, key, self.resources.get(key), late)
        self.touched.clear()
        self.journal.show(self.now - timedelta(seconds=self.behaviour.graph_lag_s))

    # -- time --------------------------------------------------------------------------------------------------

    def schedule(self, after_s: float, function: Effect, **args: Any) -> None:
        """Let a registered effect happen `after_s` virtual seconds from now. Arguments are plain JSON values."""
        self.counter += 1
        name = f"{function.__module__}.{function.__name__}"
        heapq.heappush(self.agenda, Due(self.now + timedelta(seconds=after_s), self.counter, name, args))

    def next_due(self) -> datetime | None:
        return self.agenda[0].at if self.agenda else None

    def advance_to(self, moment: datetime) -> None:
        """Let time pass until `moment`, and everything that is due by then happen in its order. Never goes back."""
        while self.agenda and self.agenda[0].at <= moment:
            due = heapq.heappop(self.agenda)
            self._move_to(due.at)
            EFFECTS[due.effect](self, **due.args)
        self._move_to(moment)

    def _move_to(self, moment: datetime) -> None:
        if moment > self.now:
            self.settle()
            self.now = moment

    # -- chance ------------------------------------------------------------------------------------------------

    def random(self, *key: object) -> random.Random:
        return random.Random(":".join(map(str, (self.seed, *key))))

    def new_guid(self, *key: object) -> str:
        """A GUID that is new in this world and the same in every world with the same seed and history."""
        self.counter += 1
        return str(UUID(int=self.random("guid", self.counter, *key).getrandbits(128), version=4))
