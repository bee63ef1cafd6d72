"""Reads servers from a JSON file: what `az graph query`, the portal's export or a script of one's own has written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.output import BadInput
from shared.core import resource_id
from shared.core.coverage import Subject
from shared.core.verdict import Kind

SERVER = "microsoft.dbforpostgresql/flexibleservers"
INSTANCE = "microsoft.dataprotection/backupvaults/backupinstances"
VALID = (
    'valid is a list of servers, [{"id": "/subscriptions/…/flexibleServers/…", "tags": {…}}, …], '
    "alone or as `data`, `servers` or `value` of an object; backup instances may stand among them"
)
_LISTS = ("data", "servers", "value")  # Source: Resource Graph answers `data`, ARM `value`
_COVERED = frozenset({Kind.PROTECTED, Kind.DRIFTED, Kind.WRONG_VAULT, Kind.PROTECTED_ELSEWHERE})


def read_subjects(path: Path) -> tuple[Subject, ...]:
    """The servers of a file, each once. Raises BadInput with the file and, where there is one, the row.

    Whether a server is protected is taken from its `verdict`, or from the backup instances that stand in the file too;
    where the file has neither, nobody could say. Other resources in it are left out.
    """
    rows = [(where, row, _id_of(row, where)) for where, row in _rows(path)]
    protected = {
        _source_of(row)
        for _, row, parsed in rows
        if parsed.type == INSTANCE and _state_of(row) == "protectionconfigured"
    }
    knows = any(parsed.type == INSTANCE for _, _, parsed in rows)
    return tuple(
        {
            parsed.key: Subject(
                parsed,
                _tags_of(row, where),
                row["verdict"] in _COVERED if "verdict" in row else parsed.key in protected if knows else None,
            )
            for where, row, parsed in rows
            if parsed.type == SERVER
        }.values()
    )


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        body = json.loads(path.read_text(encoding="utf-8-sig"))  # the portal's export begins with a mark
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}") from None
    if isinstance(body, dict):
        body = next((body[name] for name in _LISTS if name in body), body)
    if not isinstance(body, list):
        raise BadInput(f"{path} is not a list; {VALID}")
    for index, row in enumerate(body):
        if not isinstance(row, dict):
            raise BadInput(f"{path}: row {index} is not an object; {VALID}")
        yield f"{path}: row {index}", row


def _id_of(row: dict[str, Any], where: str) -> resource_id.ResourceId:
    parsed = resource_id.parse(row.get("id"))
    if parsed is None:
        raise BadInput(f"{where} has the id {row.get('id')!r}; {VALID}")
    return parsed


def _tags_of(row: dict[str, Any], where: str) -> dict[str, str]:
    tags = row.get("tags") or {}  # Resource Graph writes null for none
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise BadInput(f"{where} has tags that are not an object of names and texts")
    return tags


def _source_of(row: dict[str, Any]) -> str:
    source = _within(row, "properties", "dataSourceInfo").get("resourceID")
    return str(source).lower()


def _state_of(row: dict[str, Any]) -> str:
    return str(_within(row, "properties").get("currentProtectionState")).lower()


def _within(value: Any, *names: str) -> dict[str, Any]:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
