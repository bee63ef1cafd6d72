"""How a row's JSON stands in the columns of a table: as text, or compressed and cut where a text would be too long.

Source: Table service: a text has at most 32,768 characters, bytes at most 64 KiB, an entity 252 columns and 1 MiB.
"""

import zlib
from collections.abc import Mapping
from typing import Any

LONGEST_TEXT = 30_000
PART_BYTES = 60_000


def columns_of(row: bytes) -> dict[str, Any]:
    """The columns of a row's JSON: `Row`, or `Part00` and so on."""
    if len(row) <= LONGEST_TEXT:
        return {"Row": row.decode()}
    packed = zlib.compress(row)
    starts = range(0, len(packed), PART_BYTES)
    return {f"Part{number:02d}": packed[start : start + PART_BYTES] for number, start in enumerate(starts)}


def text_of(entity: Mapping[str, Any]) -> bytes:
    """The JSON of a row; empty when there is none. Raises zlib.error when a part is damaged."""
    if "Row" in entity:
        return str(entity["Row"]).encode()
    parts = sorted(name for name in entity if name.startswith("Part") and name[4:].isdigit())
    return zlib.decompress(b"".join(entity[name] for name in parts)) if parts else b""
