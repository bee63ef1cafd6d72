"""What the resources looked like some seconds ago, for services that see the world late (Resource Graph).

It keeps the newest text of every resource, the changes that are not shown yet, and when which state was reached, for
people who look at the world from outside. It knows no service and no clock.
"""

import json
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Protocol

from simulator.wire import Json


class Described(Protocol):
    """What the journal reads of a resource."""

    id: str
    type: str
    body: Json


Late = Callable[[str, bool], float]


def never_late(_key: str, _goes: bool) -> float:
    """Every change is shown as soon as any."""
    return 0.0


STATES = {
    "microsoft.dbforpostgresql/flexibleservers": "state",
    "microsoft.dataprotection/backupvaults/backupinstances": "currentProtectionState",
}
"""The property that says where a resource of this type stands."""


@dataclass
class Journal:
    """Texts are JSON [id, type, body] by lower-case id; "" stands for a resource that is gone.

    unread: the ids whose shown text changed since a reader emptied this set. turns: (when, id, state) in order.
    """

    newest: dict[str, str] = field(default_factory=dict)
    born: dict[str, datetime] = field(default_factory=dict)
    pending: list[tuple[datetime, str, str]] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    turns: list[tuple[datetime, str, str]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)

    def note(self, at: datetime, key: str, resource: Described | None, late: Late = never_late) -> None:
        """Write down a resource as it is at a moment; nothing happens when it did not change.

        late: by how many seconds a change is shown later than usual, asked with the key and whether the resource goes.
        """
        text = json.dumps([resource.id, resource.type, resource.body]) if resource else ""
        if self.newest.get(key, "") == text:
            return
        if text:
            self.newest[key] = text
            self.born.setdefault(key, at)
        else:
            del self.newest[key], self.born[key]
        shown_from = at + timedelta(seconds=late(key, not text))
        for shows, other, _ in reversed(self.pending):
            if shows <= at:
                break
            if other == key:
                shown_from = max(shown_from, shows)  # a state is never shown before an older one
                break
        insort(self.pending, (shown_from, key, text), key=itemgetter(0))
        self._note_state(at, key, resource)

    def _note_state(self, at: datetime, key: str, resource: Described | None) -> None:
        name = STATES.get(resource.type) if resource else None
        state = str(resource.body["properties"].get(name, "")) if resource and name else ""
        if state and self.states.get(key) != state:
            self.states[key] = state
            self.turns.append((at, key, state))

    def show(self, until: datetime) -> None:
        """Bring `shown` up to a moment. Never goes back: what was shown stays shown."""
        count = 0
        for at, key, text in self.pending:
            if at > until:
                break
            self.shown[key] = text
            self.unread.add(key)
            count += 1
            if not text:
                del self.shown[key]
        del self.pending[:count]
