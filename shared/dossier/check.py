"""Is this evidence what was written? Reads a folder or a zip, and names every file that is missing, changed or added.

Nothing in the evidence is believed before its digest is right, and only the names that evidence has are looked at.
"""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from shared.dossier.model import MANIFEST, SCHEMA, SCHEMA_FILE, TABLES, File, Manifest, Row, read_rows

NAMES = frozenset({SCHEMA_FILE, *(f"{table}.{kind}" for table in TABLES for kind in ("csv", "json"))})
MOST_BYTES = 2_000_000_000  # of one file: a zip may claim more than anybody has


class Unreadable(Exception):
    """Something is no evidence; the message says why."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is not what the manifest says. what: missing, changed, added, or in words."""

    file: str
    what: str


@dataclass(frozen=True)
class Found:
    """Evidence as it was found. digest: of its manifest. Its tables are to be read when it has no problems."""

    manifest: Manifest
    digest: str
    read: Callable[[str], bytes]
    problems: tuple[Problem, ...]

    def rows[R: Row](self, table: str, row_type: type[R]) -> list[R]:
        """The rows of a table."""
        return read_rows(self.read(f"{table}.json"), row_type)


def look(path: Path, expected: str = "") -> Found:
    """Read a manifest and hold every file against it. expected: the digest that the manifest must have, if it is known.

    Raises Unreadable when there is no manifest that can be read.
    """
    names, read = _opened(path)
    content = read(MANIFEST) if MANIFEST in names else b""
    digest = sha256(content).hexdigest()
    manifest = _manifest(path, content)
    problems = [Problem(MANIFEST, f"changed: its SHA-256 is {digest}")] if expected not in ("", digest) else []
    listed = {file.name: file for file in manifest.files}
    problems += [Problem(name, "the manifest does not have it") for name in sorted(NAMES - listed.keys())]
    problems += [Problem(name, "the manifest has it, and evidence has no such file") for name in listed.keys() - NAMES]
    for name in sorted(NAMES & listed.keys()):
        if what := _wrong(listed[name], read) if name in names else "missing":
            problems.append(Problem(name, what))
    problems += [Problem(name, "added") for name in sorted(names - NAMES - {MANIFEST})]
    return Found(manifest, digest, read, tuple(problems))


def _opened(path: Path) -> tuple[frozenset[str], Callable[[str], bytes]]:
    """The names of all files, also of those in folders, and how to read one."""
    if path.is_dir():
        files = frozenset(str(file.relative_to(path)) for file in path.rglob("*") if not file.is_dir())
        return files, lambda name: (path / name).read_bytes()
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise Unreadable(f"{path} is neither a folder nor a zip with evidence: {error}") from None
    if len(names) != len(set(names)):
        raise Unreadable(f"{path} has two files of one name")
    return frozenset(names), lambda name: _unzipped(path, name)


def _unzipped(path: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            return file.read(MOST_BYTES)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise Unreadable(f"{path}: {name} cannot be unpacked: {error}") from None


def _manifest(path: Path, content: bytes) -> Manifest:
    if not content:
        raise Unreadable(f"{path} has no {MANIFEST}, so it is no evidence")
    try:
        asked = msgspec.json.decode(content, type=dict[str, Any]).get("evidence")
        if isinstance(asked, dict) and asked.get("schema") != SCHEMA:
            raise Unreadable(f"{path}: evidence of schema {asked.get('schema')}; this version reads {SCHEMA}")
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise Unreadable(f"{path}: {MANIFEST} cannot be read: {error}") from None


def _wrong(file: File, read: Callable[[str], bytes]) -> str:
    """What is wrong with a file that is there, "" if it is as it was."""
    content = read(file.name)
    if sha256(content).hexdigest() != file.sha256:
        return "changed"
    table, _, kind = file.name.partition(".")
    if kind != "json" or table not in TABLES:
        return ""
    try:
        rows = read_rows(content, TABLES[table])
    except msgspec.DecodeError as error:
        return f"as it was written, and not what the schema says: {error}"
    return "" if len(rows) == file.rows else f"it has {len(rows):,} rows, and the manifest says {file.rows}"
