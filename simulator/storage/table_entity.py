"""Entities of a table: what a body may contain, how its types are kept, and how it is written back.

A property is kept as its EDM type and its JSON value, so that what was written is what is read.

**Source**: Microsoft, "Understanding the Table service data model" (types, limits), "Payload format for Table service
operations", and the recorded traffic of azure-sdk-for-js `sdk/tables/data-tables` (what minimalmetadata shows).
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from simulator.storage.refusals import StorageError
from simulator.wire import Json

KEY_LENGTH = 1024
NAME_LENGTH = 255
MOST_PROPERTIES = 252
LARGEST_VALUE = 64 * 1024
LARGEST_ENTITY = 1024 * 1024
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
SYSTEM = ("PartitionKey", "RowKey", "Timestamp")
ANNOTATION = "@odata.type"
WRITTEN_AS_TEXT = ("Edm.Int64", "Edm.DateTime", "Edm.Guid", "Edm.Binary")
FORBIDDEN_IN_KEYS = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
PROPERTY_NAME = re.compile(r"[^\W\d]\w*")
INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,7}))?Z?")

Property = tuple[str, Any]


@dataclass(frozen=True)
class Entity:
    """One row. `ticks` is when it was written, in units of 100 ns since 1601; no two writes share it."""

    partition_key: str
    row_key: str
    ticks: int
    properties: dict[str, Property] = field(default_factory=dict)

    @property
    def timestamp(self) -> str:
        """When it was written, with seven digits of a second."""
        moment = EPOCH + timedelta(microseconds=self.ticks // 10)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}{self.ticks % 10}Z"

    @property
    def etag(self) -> str:
        """Its version: the service makes it of the timestamp."""
        return f"W/\"datetime'{quote(self.timestamp)}'\""

    def value(self, name: str) -> Any:
        """A property as a filter compares it; None when the entity has none of that name."""
        system = {"PartitionKey": self.partition_key, "RowKey": self.row_key, "Timestamp": ("moment", self.ticks)}
        if name in system:
            return system[name]
        edm, value = self.properties.get(name, ("", None))
        return COMPARABLE[edm](value) if value is not None else None

    def size(self) -> int:
        """How much of the 1 MiB it takes, by Microsoft's formula for the capacity of tables."""
        keys = 4 + 2 * (len(self.partition_key) + len(self.row_key))
        return keys + sum(8 + 2 * len(name) + _size(p) for name, p in self.properties.items())


def read_properties(body: Json) -> dict[str, Property]:
    """The properties of a request's body, without keys and nulls.

    Raises StorageError: a name that is none, too many, a value that is not of its type or too large.
    """
    properties: dict[str, Property] = {}
    for name, value in body.items():
        if name in SYSTEM or name.startswith("odata.") or name.endswith(ANNOTATION) or value is None:
            continue
        if len(name) > NAME_LENGTH:
            raise StorageError(400, "PropertyNameTooLong", "The property name exceeds the maximum allowed length.")
        if not PROPERTY_NAME.fullmatch(name):
            raise StorageError(400, "PropertyNameInvalid", "The property name is invalid.")
        properties[name] = _property(body.get(name + ANNOTATION), value)
    if len(properties) > MOST_PROPERTIES:
        raise StorageError(400, "TooManyProperties", "The entity contains more properties than allowed.")
    return properties


def require_keys(partition_key: object, row_key: object) -> tuple[str, str]:
    """Both keys, if they may be keys. **Source** for the limit: scalability targets, 1,024 characters.

    Assumed: a key that is too long has the code of a property that is too large.
    """
    if not isinstance(partition_key, str) or not isinstance(row_key, str):
        words = "The values are not specified for all properties in the entity."
        raise StorageError(400, "PropertiesNeedValue", words)
    for name, key in (("PartitionKey", partition_key), ("RowKey", row_key)):
        if FORBIDDEN_IN_KEYS.search(key):
            raise StorageError(400, "OutOfRangeInput", f"The '{name}' parameter of value '{key}' is out of range.")
        if len(key) > KEY_LENGTH:
            raise _value_too_large()
    return partition_key, row_key


def require_size(entity: Entity) -> Entity:
    """The entity, if it is no larger than 1 MiB."""
    if entity.size() > LARGEST_ENTITY:
        raise StorageError(400, "EntityTooLarge", "The entity is larger than the maximum size permitted.")
    return entity


def write_entity(entity: Entity, metadata: str, root: str, table: str, selected: Collection[str] = ()) -> Json:
    """An entity as JSON.

    metadata: "no", "minimal" or "full", what the client accepts; selected: names to show, all when empty (a name that
    the entity has not is shown as null, by Microsoft's "Querying tables and entities").
    """
    head: Json = {}
    if metadata == "full":
        link = f"{table}(PartitionKey='{_key(entity.partition_key)}',RowKey='{_key(entity.row_key)}')"
        account = root.removeprefix("https://").partition(".")[0]
        head = {"odata.type": f"{account}.{table}", "odata.id": f"{root}/{link}", "odata.editLink": link}
    if metadata != "no":
        head["odata.etag"] = entity.etag
    return head | dict(_written(entity, metadata, selected))


def _written(entity: Entity, metadata: str, selected: Collection[str]) -> Iterator[tuple[str, Any]]:
    everything: dict[str, Property] = {
        "PartitionKey": ("Edm.String", entity.partition_key),
        "RowKey": ("Edm.String", entity.row_key),
        "Timestamp": ("Edm.DateTime" if metadata == "full" else "", entity.timestamp),
    } | entity.properties
    for name in selected or everything:
        edm, value = everything.get(name, ("", None))
        special = edm == "Edm.Double" and isinstance(value, str)
        if metadata != "no" and (edm in WRITTEN_AS_TEXT or special):
            yield name + ANNOTATION, edm
        yield name, value


def ticks_of(text: str) -> int:
    """A moment written in ISO 8601, in units of 100 ns since 1601. Raises ValueError if it is none."""
    match = INSTANT.fullmatch(text)
    if not match:
        msg = f"not a moment: {text}"
        raise ValueError(msg)
    whole = datetime.fromisoformat(match[1]).replace(tzinfo=UTC) - EPOCH
    return (whole.days * 86_400 + whole.seconds) * 10_000_000 + int((match[2] or "").ljust(7, "0"))


def _property(annotation: object, value: Any) -> Property:
    """Type and JSON value of one property; the value has the form in which the service writes it back."""
    edm = annotation if isinstance(annotation, str) else NATURAL.get(type(value), "")
    try:
        kept = KEPT[edm](value)
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        raise StorageError(400, "InvalidInput", "An error occurred while processing this request.") from None
    if _size((edm, kept)) > LARGEST_VALUE + 4:
        raise _value_too_large()
    return edm, kept


def _value_too_large() -> StorageError:
    return StorageError(400, "PropertyValueTooLarge", "The property value is larger than the maximum size permitted.")


def _integer(bits: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = int(value)
        if isinstance(value, float | bool) or not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise ValueError(value)
        return number

    return read


def _double(value: Any) -> float | str:
    """Numbers stay numbers; what JSON cannot write stays a word."""
    number = float({"Infinity": "inf", "-Infinity": "-inf"}.get(value, value))
    return value if isinstance(value, str) and not math.isfinite(number) else number


def _exactly(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(value)
        return value

    return read


def _moment(value: str) -> str:
    """Seven digits or none, as the service writes it back. Assumed: trailing zeros of a fraction are dropped."""
    return Entity("", "", ticks_of(value)).timestamp.rstrip("Z").rstrip("0").rstrip(".") + "Z"


def _size(value: Property) -> int:
    edm, kept = value
    if edm == "Edm.String":
        return 4 + 2 * len(kept)
    if edm == "Edm.Binary":
        return 4 + len(base64.b64decode(kept))
    return {"Edm.Guid": 16, "Edm.Int32": 4, "Edm.Boolean": 1}.get(edm, 8)


def _key(text: str) -> str:
    return quote(text.replace("'", "''"))


NATURAL = {str: "Edm.String", bool: "Edm.Boolean", int: "Edm.Int32", float: "Edm.Double"}
KEPT: dict[str, Callable[[Any], Any]] = {
    "Edm.String": _exactly(str),
    "Edm.Boolean": _exactly(bool),
    "Edm.Int32": _integer(32),
    "Edm.Int64": lambda value: str(_integer(64)(value)),
    "Edm.Double": _double,
    "Edm.DateTime": _moment,
    "Edm.Guid": lambda value: str(UUID(value)),
    "Edm.Binary": lambda value: base64.b64encode(base64.b64decode(value, validate=True)).decode(),
}
COMPARABLE: dict[str, Callable[[Any], Any]] = {
    "Edm.String": str,
    "Edm.Boolean": bool,
    "Edm.Int32": int,
    "Edm.Int64": int,
    "Edm.Double": float,
    "Edm.DateTime": lambda value: ("moment", ticks_of(value)),
    "Edm.Guid": UUID,
    "Edm.Binary": base64.b64decode,
}
