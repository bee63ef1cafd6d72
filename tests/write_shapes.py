"""Keeps how rows and messages look today as the next file of `tests/shared/shapes`, if it differs: make shapes.

Every later version must read all of them. A file is never changed, once a version that writes it was deployed.
"""

import dataclasses
import json
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from shared import ledger
from shared.claim import Message, as_sent
from shared.core.due import PERSON
from shared.core.incidents import Incident
from shared.core.observed import Wish
from shared.wishes import Wished

FOLDER = Path(__file__).parent / "shared" / "shapes"
GROUP = "/subscriptions/5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10/resourceGroups/rg-data/providers"
SERVER = f"{GROUP}/Microsoft.DBforPostgreSQL/flexibleServers/pg-one"
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
PLAIN: dict[Any, Any] = {bool: True, int: 2, float: 2.5, str: "x", datetime: NOW, date: NOW.date(), Any: "x"}
KNOWN: dict[str, Any] = {"server_id": SERVER, "generation": 3, "schema": ledger.SCHEMA, "more": {}}


def sample(kind: Any) -> Any:
    """A value of a type that is nowhere its default."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, inner = get_origin(kind), [each for each in get_args(kind) if each is not NoneType]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[-1]
    if origin is UnionType:
        return sample(inner[0])
    if origin is Literal:
        return inner[-1]
    if origin is tuple:
        return tuple(sample(each) for each in inner if each is not Ellipsis)
    if isinstance(origin, type) and issubclass(origin, dict):
        return {sample(inner[0]): sample(inner[1])}
    return filled(kind)


def filled(kind: Any) -> Any:
    """A row, message, or part of one, in which every field has a value."""
    is_struct = hasattr(kind, "__struct_fields__")
    names = kind.__struct_fields__ if is_struct else [one.name for one in dataclasses.fields(kind)]
    types = get_type_hints(kind)
    old = {"first_backup"} if "backup" in names else set[str]()  # of rows of the first shapes, never written
    given = {name: KNOWN.get(name) or sample(types[name]) for name in names if name not in (old | {"more"})}
    return kind(**given)


def shapes() -> dict[str, Any]:
    """Everything that today's version writes down and a later one may find."""
    rows = {
        "server": ledger.ServerRow,
        "window": ledger.Window,
        "incident": Incident,
        "watched": ledger.Watched,
        "started": ledger.Started,
    }
    found: dict[str, Any] = {name: json.loads(ledger.encoded(filled(kind))) for name, kind in rows.items()}
    messages = {
        "event message": Message(server_id=SERVER, seen_at=NOW),
        "continuation message": Message(server_id=SERVER, generation=3),
        "wish message": Wished(server_id=SERVER, wish=Wish(PERSON, NOW, "ada@example.com")),
        "sweep message": Message(server_id=SERVER, seen_at=NOW, is_swept=True, turn_at=NOW, turn_writes=2),
    }
    found |= {name: json.loads(msgspec.json.encode(as_sent(message))) for name, message in messages.items()}
    return {"schema": ledger.SCHEMA} | found


def on_file() -> list[dict[str, Any]]:
    """All shapes that are kept, the oldest first."""
    files = sorted(FOLDER.glob("*.json"), key=lambda path: int(path.stem))
    return [json.loads(path.read_text(encoding="utf-8")) for path in files]


if __name__ == "__main__":
    if on_file()[-1] != shapes():
        file = FOLDER / f"{len(on_file()) + 1}.json"
        file.write_text(json.dumps(shapes(), indent=2) + "\n", encoding="utf-8")
