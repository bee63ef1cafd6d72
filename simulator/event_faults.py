"""What becomes of an event on its way: lost, doubled, late, or not what it was. For whoever delivers events.

**Source** of the forms: what arrives at a public endpoint, and what Event Grid's other schemas and topics look like.
"""

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from simulator.faults import EVENT_FAULTS, Fault
from simulator.wire import Json
from simulator.world import World

LATE_S = (20.0, 120.0)  # Assumed: how late an event arrives that another one overtakes.
A_DAY_S = 86_400.0
MEGABYTE = 1_000_000


def on_its_way(world: World, event: Json) -> Iterator[tuple[float, Json]]:
    """The copies of an event that arrive: how many seconds late, and as what. None when it is lost."""
    subject = f"{event.get('eventType', event.get('type'))} {event.get('subject')}"
    fault = world.faults.take(EVENT_FAULTS, subject)
    if fault is None:
        yield 0.0, event
        return
    chance = world.random(fault.kind, event.get("id"))
    for late_s in LATENESS[fault.kind](fault, chance):
        yield late_s, malformed(event, fault, chance) if fault.kind == "malform_event" else event


def malformed(event: Json, fault: Fault, chance: random.Random) -> Json:
    """The event in a wrong form: the one that the fault names, or one by chance."""
    form = str(fault.detail.get("form") or chance.choice(sorted(FORMS)))
    return FORMS[form](deepcopy(event))


LATENESS: dict[str, Callable[[Fault, random.Random], tuple[float, ...]]] = {
    "lose_event": lambda _, __: (),
    "duplicate_event": lambda _, __: (0.0, 0.0),
    "reorder_events": lambda _, chance: (chance.uniform(*LATE_S),),
    "delay_event": lambda fault, chance: (float(fault.detail.get("after_s", chance.uniform(0, A_DAY_S))),),
    "malform_event": lambda _, __: (0.0,),
}
"""How late each copy arrives."""


# -- wrong forms -------------------------------------------------------------------------------------------------


def _with_subject(event: Json, change: Callable[[str], str]) -> Json:
    """The event about another subject, wherever it is named."""
    subject = change(str(event.get("subject")))
    data = event.get("data")
    told = data | {"resourceUri": subject} if isinstance(data, dict) else data
    return event | {"subject": subject, "data": told}


def _tags_only(event: Json) -> Json:
    changed = _with_subject(event, lambda subject: f"{subject}/providers/Microsoft.Resources/tags/default")
    changed["data"] = changed["data"] | {"operationName": "Microsoft.Resources/tags/write"}
    return changed


def _wrong_type(event: Json) -> Json:
    return event | {("eventType" if "eventType" in event else "type"): "Contoso.Items.ItemReceived"}


def _text_data(event: Json) -> Json:
    data: Any = "a text where an object should be"
    return event | {"data": data}


FORMS: dict[str, Callable[[Json], Json]] = {
    "child": lambda event: _with_subject(event, lambda subject: f"{subject}/firewallRules/all"),
    "huge": lambda event: _with_subject(event, lambda subject: subject + "a" * MEGABYTE),
    "no_data": lambda event: {name: value for name, value in event.items() if name != "data"},
    "no_subject": lambda event: {name: value for name, value in event.items() if name != "subject"},
    "other_case": lambda event: _with_subject(event, str.upper),
    "other_provider": lambda event: _with_subject(event, lambda s: s.replace("DBforPostgreSQL", "DBforMySQL")),
    "tags_only": _tags_only,
    "text_data": _text_data,
    "wrong_type": _wrong_type,
}
"""By name. Not JSON, or a list in a list, cannot come from Event Grid, which writes what it read; the host's tests send
those."""
