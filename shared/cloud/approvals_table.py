"""Approvals in the ledger's table: one partition, a head for each and its list of writes beside it, in parts.

A list of ten thousand servers is larger than a row may be, so it is compressed and cut. The head is written last:
without it the parts count for nothing. Source: Table service: a value holds 64 KiB, a query answers pages.
"""

import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from shared import journal
from shared.ledger import SCHEMA, Approval

PARTITION = "approval"
PART_BYTES = 60_000


def rows_of(approval: Approval) -> Iterator[dict[str, Any]]:
    """An approval as rows of the table, the head last."""
    packed = zlib.compress(msgspec.json.encode(approval))
    parts = [packed[start : start + PART_BYTES] for start in range(0, len(packed), PART_BYTES)]
    about = {"PartitionKey": PARTITION, "Schema": SCHEMA, "At": approval.at}
    for number, part in enumerate(parts):
        yield about | {"RowKey": f"{approval.plan_hash}-{number:04d}", "Part": part}
    servers = len({entry.server for entry in approval.entries})
    shown = {"By": approval.by, "Servers": servers, "Writes": len(approval.entries), "Parts": len(parts)}
    yield about | {"RowKey": approval.plan_hash} | shown


def since_filter(since: datetime) -> tuple[str, dict[str, Any]]:
    """The filter and its parameters for the rows of approvals that are not older."""
    return "PartitionKey eq @partition and At ge @since", {"partition": PARTITION, "since": since}


def read(rows: Iterator[Any]) -> tuple[Approval, ...]:
    """The approvals of rows in the order of their keys, newest first. One that cannot be read counts as lost."""
    heads: dict[str, int] = {}
    parts: dict[str, list[bytes]] = {}
    for row in rows:
        plan_hash, _, number = str(row["RowKey"]).partition("-")
        if number:
            parts.setdefault(plan_hash, []).append(row.get("Part", b""))
        elif row.get("Schema") == SCHEMA:
            heads[plan_hash] = row.get("Parts", 0)
    found = [one for name, count in heads.items() if (one := _unpacked(name, parts.get(name, [])[:count]))]
    return tuple(sorted(found, key=lambda one: one.at, reverse=True))


def _unpacked(plan_hash: str, parts: list[bytes]) -> Approval | None:
    try:
        return msgspec.json.decode(zlib.decompress(b"".join(parts)), type=Approval)
    except (zlib.error, msgspec.DecodeError):
        journal.record("row_unreadable", kind=PARTITION, key=plan_hash)
        return None
