"""Writes the evidence: every table as CSV and as JSON, row by row, and last of all the manifest with their digests.

In CSV, a text that a spreadsheet would take for a formula gets a single quote before it, and so does one that begins
with a single quote; taking off the first one gives the text. JSON has every text as it is.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from hashlib import sha256
from typing import IO, Any, Protocol

import msgspec

from shared.dossier.model import MANIFEST, SCHEMA, SCHEMA_FILE, TABLES, File, Head, Manifest, Row
from shared.dossier.schema import text

# Source: OWASP, "CSV Injection", and ASVS 1.2.10; the wide ones are read as formulas in some languages.
FORMULA = tuple("=+-@\t\r\n\0'\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}"
                "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
_LINES = 500  # rows that are written at once

Cell = str | int | float | None


class Place(Protocol):
    """Where files go: a folder, or an archive."""

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]: ...


def write(place: Place, head: Head, tables: Mapping[str, Sequence[Row]]) -> tuple[Manifest, str]:
    """Write everything; the manifest and its own digest. tables: rows by the name of their table.

    A table without rows is written, too. Raises OSError.
    """
    files = [_written(place, SCHEMA_FILE, [text().encode()])]
    for name, row_type in TABLES.items():
        rows = tables.get(name, ())
        files.append(_written(place, f"{name}.csv", _as_csv(row_type, rows), len(rows)))
        files.append(_written(place, f"{name}.json", _as_json(name, rows), len(rows)))
    manifest = Manifest(evidence=head, files=sorted(files, key=lambda file: file.name))
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    return manifest, _written(place, MANIFEST, [content]).sha256


def _as_csv(row_type: type[Row], rows: Sequence[Row]) -> Iterator[bytes]:
    """Every text is quoted. Source: RFC 4180: lines end in CRLF."""
    columns, buffer = row_type.__struct_fields__, io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(columns)
    for start in range(0, max(1, len(rows)), _LINES):
        for row in rows[start : start + _LINES]:
            writer.writerow([cell(getattr(row, column)) for column in columns])
        yield buffer.getvalue().encode("utf-8", "replace")
        buffer.seek(0)
        buffer.truncate()


def cell(value: Any) -> Cell:
    """A value as a spreadsheet may see it: times as ISO 8601 in UTC, no formulas, nothing for null."""
    match value:
        case str():
            return f"'{value}" if value.startswith(FORMULA) else value
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%S}Z"
        case None:
            return ""
        case int() | float():
            return value
    raise TypeError(f"no cell can hold a {type(value).__name__}")


def _as_json(name: str, rows: Sequence[Row]) -> Iterator[bytes]:
    """One row, one line."""
    encode = msgspec.json.Encoder().encode
    yield f'{{"schema": {SCHEMA}, "table": "{name}", "rows": ['.encode()
    for number, row in enumerate(rows):
        yield (b",\n" if number else b"\n") + encode(row)
    yield b"\n]}\n"


def _written(place: Place, name: str, chunks: Iterable[bytes], rows: int | None = None) -> File:
    digest, size = sha256(), 0
    with place.open(name) as file:
        for chunk in chunks:
            digest.update(chunk)
            size += file.write(chunk)
    return File(name=name, sha256=digest.hexdigest(), size=size, rows=rows)
