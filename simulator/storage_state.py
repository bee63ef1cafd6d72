"""What lies in the storage account, as plain data and back: queues, tables, blobs (a part of `world_file.py`)."""

import base64
import bisect
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from simulator.storage.blob import Blob, Container
from simulator.storage.lease import Lease
from simulator.storage.messages import NEVER, MessageQueue, StoredMessage
from simulator.storage.table import Table
from simulator.storage.table_entity import Entity
from simulator.wire import Json

if TYPE_CHECKING:
    from simulator.azure import LocalAzure

MESSAGE_TIMES = ("inserted_at", "expires_at", "visible_at")


def clear(azure: "LocalAzure") -> None:
    """Forget everything in the account."""
    for names in (azure.queues.queues, azure.queues.deleted_at, azure.tables.tables, azure.tables.deleted_at):
        names.clear()
    azure.blobs.containers.clear()


# -- queues ------------------------------------------------------------------------------------------------------


def dump_queues(azure: "LocalAzure") -> Json:
    """Every queue with its messages, and the names that are taken for a while."""
    queues = {
        queue.name: {
            "metadata": queue.metadata,
            "turns": queue.turns,
            "messages": [_plain(message) for message in queue.messages.values()],
        }
        for queue in azure.queues.queues.values()
    }
    return {"queues": queues, "deleted_at": _times(azure.queues.deleted_at), "answers": azure.queues.answers}


def load_queues(azure: "LocalAzure", written: Json) -> None:
    """Fill an account without queues."""
    for name, each in (written.get("queues") or {}).items():
        queue = MessageQueue(name, dict(each.get("metadata") or {}), turns=int(each.get("turns", 0)))
        for message in each.get("messages") or ():
            moments = {field: datetime.fromisoformat(message[field]) for field in MESSAGE_TIMES}
            kept = StoredMessage(**message | moments)
            queue.messages[kept.id] = kept
            bisect.insort(queue.by_visibility, (kept.visible_at, kept.turn, kept.id))
        queue.first_expiry = min((m.expires_at for m in queue.messages.values()), default=NEVER)
        azure.queues.queues[name] = queue
    azure.queues.deleted_at.update(_moments(written.get("deleted_at")))
    azure.queues.answers = int(written.get("answers", 0))


# -- tables ------------------------------------------------------------------------------------------------------


def dump_tables(azure: "LocalAzure") -> Json:
    """Every table with its entities; a property is a pair of type and value."""
    tables = {
        table.name: [
            _plain(entity) | {"properties": {name: list(pair) for name, pair in entity.properties.items()}}
            for entity in table.entities.values()
        ]
        for table in azure.tables.tables.values()
    }
    taken = _times(azure.tables.deleted_at)
    return {"tables": tables, "deleted_at": taken, "ticks": azure.tables.last_ticks, "answers": azure.tables.answers}


def load_tables(azure: "LocalAzure", written: Json) -> None:
    """Fill an account without tables."""
    for name, entities in (written.get("tables") or {}).items():
        table = azure.tables.tables[name.lower()] = Table(name)
        for each in entities or ():
            pairs = {field: (edm, value) for field, (edm, value) in each["properties"].items()}
            table.keep(Entity(each["partition_key"], each["row_key"], each["ticks"], pairs))
    azure.tables.deleted_at.update(_moments(written.get("deleted_at")))
    azure.tables.last_ticks = int(written.get("ticks", 0))
    azure.tables.answers = int(written.get("answers", 0))


# -- blobs -------------------------------------------------------------------------------------------------------


def dump_blobs(azure: "LocalAzure") -> Json:
    """Every container with its blobs: their content as text, or as base64 where it is no text."""
    containers = {
        container.name: _plain(container, "name")
        | {
            "blobs": {
                name: _plain(blob, "data") | {"lease": _plain(blob.lease)} | _content(blob.data)
                for name, blob in container.blobs.items()
            }
        }
        for container in azure.blobs.containers.values()
    }
    return {"containers": containers, "turns": azure.blobs.turns}


def load_blobs(azure: "LocalAzure", written: Json) -> None:
    """Fill an account without containers."""
    for name, each in (written.get("containers") or {}).items():
        at, turn = datetime.fromisoformat(each["written_at"]), int(each.get("turn", 0))
        container = Container(name, at, turn, dict(each.get("metadata") or {}))
        container.blobs = {path: _blob(blob) for path, blob in (each.get("blobs") or {}).items()}
        azure.blobs.containers[name] = container
    azure.blobs.turns = int(written.get("turns", 0))


def _blob(written: Json) -> Blob:
    data = base64.b64decode(written["base64"]) if "base64" in written else written["text"].encode()
    lease = written.get("lease") or {}
    ends = datetime.fromisoformat(lease["ends"]) if lease.get("ends") else None
    written_at, created_at = (datetime.fromisoformat(written[name]) for name in ("written_at", "created_at"))
    held, metadata = Lease(lease.get("id", ""), lease.get("duration_s", 0), ends), dict(written.get("metadata") or {})
    return Blob(data, written["content_type"], written_at, created_at, written["turn"], metadata, held)


def _content(data: bytes) -> Json:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


# -- values ------------------------------------------------------------------------------------------------------


def _plain(thing: Any, *without: str) -> Json:
    """The fields of a dataclass, times as text."""
    values = {each.name: getattr(thing, each.name) for each in fields(thing) if each.name not in without}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _times(moments: dict[str, datetime]) -> dict[str, str]:
    return {name: at.isoformat() for name, at in moments.items()}


def _moments(times: dict[str, str] | Iterable[tuple[str, str]] | None) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(at) for name, at in dict(times or {}).items()}
