"""Reads a history of backups, and a policy as Azure answers it, from JSON files; says what is wrong with either."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cli.output import BadInput
from shared.core.policy import Policy, read_policy
from shared.core.retention import Run

EXAMPLE = '[{"time": "2026-11-22T00:30:00Z", "kind": "scheduled", "status": "Completed", "override": null}, …]'
_LISTS = ("backups", "data", "value")
_KINDS = {"scheduled": False, "on_demand": True}
_EXTRA_KINDS = {"ondemand": "on_demand", "adhoc": "on_demand", "ad_hoc": "on_demand"}
# Source for the words: statuses of jobs and states of recovery points, in recordings and in the SDK.
_MADE_A_POINT = frozenset({"completed", "completedwithwarnings", "succeeded"})
_MADE_NONE = frozenset({"failed", "cancelled", "cancelling", "inprogress", "partial"})
_STATUSES = ("Completed", "CompletedWithWarnings", "Succeeded", "Failed", "Cancelled", "Cancelling", "InProgress")


def read_policy_file(path: Path) -> Policy:
    """A policy as ARM answers it, or only its properties. Raises BadInput also when it is not understood."""
    body = _json(path)
    if not isinstance(body, dict):
        raise BadInput(f"{path} is no policy; valid is what `az dataprotection backup-policy show` prints")
    policy = read_policy(body)
    if policy.meaning is None:
        raise BadInput(f"{path}: this policy makes no points that can be judged: {policy.unclear}")
    return policy


def read_runs(path: Path) -> tuple[Run, ...]:
    """A history of backups, in any order. Raises BadInput with everything that is wrong at once."""
    body = _json(path)
    rows = next((body[name] for name in _LISTS if name in body), body) if isinstance(body, dict) else body
    if not isinstance(rows, list):
        raise BadInput(f"{path} is not a list; valid is {EXAMPLE}")
    problems = [f"{path}: backup {number}: {problem}" for number, row in enumerate(rows) for problem in _problems(row)]
    if problems:
        raise BadInput("\n".join([*problems, f"valid is {EXAMPLE}"]))
    return tuple(_run(row) for row in rows)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}") from None


def _problems(row: Any) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"{row!r} is not an object"
        return
    for name in ("time", "due"):
        if (name == "time" or row.get(name)) and _moment(row.get(name)) is None:
            yield f"{name} is {row.get(name)!r}, and must be a time such as 2026-11-22T00:30:00Z"
    if _kind(row) not in _KINDS:
        yield f"kind is {row.get('kind')!r}; valid: {', '.join(_KINDS)}{_meant(_kind(row), tuple(_KINDS))}"
    elif row.get("override") and not _KINDS[_kind(row)]:
        yield f"override is {row['override']!r}, and only an on-demand backup can ask for a retention tag"
    if not isinstance(row.get("override") or "", str):
        yield f"override is {row['override']!r}, and must be the name of a retention rule"
    if _status(row) not in _MADE_A_POINT | _MADE_NONE:
        yield f"status is {row.get('status')!r}; valid: {', '.join(_STATUSES)}{_meant(_status(row), _STATUSES)}"


def _run(row: dict[str, Any]) -> Run:
    made, on_demand = _status(row) in _MADE_A_POINT, _KINDS[_kind(row)]
    time, due = _moment(row["time"]), _moment(row.get("due"))
    if time is None:
        raise BadInput(f"{row['time']!r} is no time")
    return Run(time, on_demand=on_demand, tag=row.get("override") or "", succeeded=made, due=due)


def _moment(value: Any) -> datetime | None:
    """A time; without an offset it is UTC, as the times of recovery points are."""
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _kind(row: dict[str, Any]) -> str:
    word = str(row.get("kind", "scheduled")).strip().lower().replace("-", "_").replace(" ", "_")
    return _EXTRA_KINDS.get(word, word)


def _status(row: dict[str, Any]) -> str:
    return str(row.get("status", "completed")).strip().lower().replace("_", "").replace(" ", "")


def _meant(word: str, valid: tuple[str, ...]) -> str:
    near = get_close_matches(word, [one.lower() for one in valid], n=1)
    return f"; did you mean {near[0]}?" if near else ""
