"""Writes a local Azure down and reads it back: one document with resources, queues, tables, blobs and the agenda.

The form is documented in docs/world-files.md. A document by hand may hold a few of its members, and `make`: ARM
requests that are carried out when it is read. What can be computed again from the rest is not in it.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from simulator import storage_state
from simulator.azure import LocalAzure
from simulator.faults import Fault, Faults
from simulator.grid import Published
from simulator.journal import Journal
from simulator.wire import Json, Request
from simulator.world import START, Behaviour, Due, World

VERSION = 1
OPERATOR = {"authorization": "Bearer simulated.operator", "content-type": "application/json"}
METHODS = ("put", "patch", "post", "delete")


class BadWorldFileError(ValueError):
    """The document is none of ours; the message says where and why."""


# -- files -------------------------------------------------------------------------------------------------------


def read(path: Path) -> Json:
    """The document in a file. Raises BadWorldFileError."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Json:
    """A document in JSON or YAML. Raises BadWorldFileError."""
    try:
        value = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as wrong:
        raise BadWorldFileError(str(wrong)) from None
    if not isinstance(value, dict) or value.get("version") != VERSION:
        raise BadWorldFileError(f"a world file is a mapping with version: {VERSION}")
    unknown = sorted(set(value) - set(MEMBERS) - {"version", "make"})
    if unknown:
        raise BadWorldFileError(
            f"no member of a world file is called {', '.join(unknown)}; there are {', '.join(MEMBERS)}"
        )
    return value


def to_yaml(state: Json) -> str:
    """The document as people read it."""
    return yaml.safe_dump(state, sort_keys=False, allow_unicode=True, width=120)


# -- state -------------------------------------------------------------------------------------------------------


def dump(azure: LocalAzure) -> Json:
    """Everything that is, as plain data. It changes nothing that anybody can see."""
    azure.world.settle()
    return {"version": VERSION} | {name: write(azure) for name, (write, _) in MEMBERS.items()}


def load(azure: LocalAzure, state: Json) -> None:
    """Replace everything in a local Azure by a document, and carry out what its `make` asks for.

    Raises BadWorldFileError for a document that is not understood, or whose `make` is refused; then nothing changed.
    """
    try:
        _fill(LocalAzure(), state)  # a rehearsal
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise BadWorldFileError(f"{type(wrong).__name__}: {wrong}") from wrong
    _fill(azure, state)


def _fill(azure: LocalAzure, state: Json) -> None:
    state = deepcopy(state)
    azure.world = World()
    storage_state.clear(azure)
    azure.topic.log.clear()
    for name, (_, take) in MEMBERS.items():
        if name in state:
            take(azure, state[name])
    for step in state.get("make") or ():
        _make(azure, step)
    azure.world.settle()


def _make(azure: LocalAzure, step: Json) -> None:
    """One step: an ARM request of the operator, or `wait_s`: so many seconds pass."""
    if "wait_s" in step:
        azure.advance(float(step["wait_s"]))
        return
    method = next(name for name in METHODS if name in step)
    url = f"https://management.azure.com{step[method]}?api-version={step.get('api-version', '2026-06-01')}"
    body = json.dumps(step["body"]).encode() if "body" in step else b""
    answer = azure.handle(Request(method.upper(), url, OPERATOR, body))
    if answer.status >= 400:  # noqa: PLR2004 - HTTP status classes
        raise BadWorldFileError(f"{method.upper()} {step[method]}: {answer.status} {answer.body.decode()}")


# -- the members of a document -----------------------------------------------------------------------------------


def _resources(azure: LocalAzure) -> list[Json]:
    return [asdict(resource) for resource in azure.world.resources.values()]


def _take_resources(azure: LocalAzure, resources: list[Json]) -> None:
    for each in resources:
        azure.world.put(each["id"], each["type"], each["body"], **each.get("hidden") or {})
    azure.world.settle()


def _agenda(azure: LocalAzure) -> list[Json]:
    return [{"at": due.at.isoformat(), "effect": due.effect, "args": due.args} for due in sorted(azure.world.agenda)]


def _take_agenda(azure: LocalAzure, agenda: list[Json]) -> None:
    """Sorted by time and order, so it is a heap as it is."""
    azure.world.agenda = sorted(
        Due(_moment(each["at"]), number, each["effect"], each["args"])
        for number, each in enumerate(agenda, 1 - len(agenda))
    )


def _journal(azure: LocalAzure) -> Json:
    """What cannot be read off the resources: births, changes not shown yet, what is shown instead, turns of state."""
    journal = azure.world.journal
    return {
        "born": {key: at.isoformat() for key, at in journal.born.items()},
        "pending": [[at.isoformat(), key, _document(text)] for at, key, text in journal.pending],
        "shown": {key: _document(journal.shown[key]) for _, key, _ in journal.pending if key in journal.shown},
        "turns": [[at.isoformat(), key, state] for at, key, state in journal.turns],
    }


def _take_journal(azure: LocalAzure, written: Json) -> None:
    journal = Journal(dict(azure.world.journal.newest))
    journal.born = {key: _moment(at) for key, at in written["born"].items()}
    journal.pending = [(_moment(at), key, _text(document)) for at, key, document in written["pending"]]
    late = {key for _, key, _ in journal.pending}
    journal.shown = {key: text for key, text in journal.newest.items() if key not in late}
    journal.shown |= {key: _text(document) for key, document in written["shown"].items()}
    journal.turns = [(_moment(at), key, state) for at, key, state in written["turns"]]
    journal.states = {key: state for _, key, state in journal.turns}
    azure.world.journal = journal


def _document(text: str) -> Any:
    return json.loads(text) if text else None


def _text(document: Any) -> str:
    return json.dumps(document) if document else ""


def _moment(value: str | datetime) -> datetime:
    """YAML reads a plain time as a datetime by itself."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise BadWorldFileError(f"{value} has no time zone")
    return moment


def _published(azure: LocalAzure) -> list[Json]:
    return [{"at": each.at.isoformat(), "event": each.event} for each in azure.topic.log]


def _take_published(azure: LocalAzure, log: list[Json]) -> None:
    azure.topic.log += [Published(_moment(each["at"]), each["event"]) for each in log]


def _faults(azure: LocalAzure) -> list[Json]:
    return [asdict(fault) for fault in azure.world.faults.waiting]


def _plain(
    name: str, take: Callable[[Any], Any] = lambda value: value
) -> tuple[Callable[..., Any], Callable[..., None]]:
    """A member that is an attribute of the world."""
    return (
        lambda azure: getattr(azure.world, name),
        lambda azure, value: setattr(azure.world, name, take(value)),
    )


# in the order in which they are read: time before resources, resources before their journal
MEMBERS: dict[str, tuple[Callable[[LocalAzure], Any], Callable[[LocalAzure, Any], None]]] = {
    "seed": _plain("seed", int),
    "now": (
        lambda azure: azure.world.now.isoformat(),
        lambda azure, value: setattr(azure.world, "now", _moment(value or START)),
    ),
    "tenant_id": _plain("tenant_id", str),
    "behaviour": (
        lambda azure: asdict(azure.world.behaviour),
        lambda azure, value: setattr(azure.world, "behaviour", Behaviour(**value)),
    ),
    "faults": (_faults, lambda azure, value: setattr(azure.world, "faults", Faults([Fault(**each) for each in value]))),
    "resources": (_resources, _take_resources),
    "journal": (_journal, _take_journal),
    "agenda": (_agenda, _take_agenda),
    "counter": _plain("counter", int),
    "buckets": (
        lambda azure: {key: list(bucket) for key, bucket in azure.world.buckets.items()},
        lambda azure, value: setattr(azure.world, "buckets", {key: (left, at) for key, (left, at) in value.items()}),
    ),
    "outbox": (lambda azure: list(azure.world.outbox), lambda azure, value: azure.world.outbox.extend(value)),
    "published": (_published, _take_published),
    "queues": (storage_state.dump_queues, storage_state.load_queues),
    "tables": (storage_state.dump_tables, storage_state.load_tables),
    "blobs": (storage_state.dump_blobs, storage_state.load_blobs),
}
