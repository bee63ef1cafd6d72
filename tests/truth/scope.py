"""What is compared, what is known to differ, and why: reads differences.yaml and judges what a replay found."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from tests.truth import faults
from tests.truth.recording import Exchange
from tests.truth.replay import Outcome

FILE = Path(__file__).with_name("differences.yaml")


class Verdict(Enum):
    """What became of an exchange."""

    AGREES = "agrees"
    DIFFERS = "differs, as listed"
    WRONG = "differs"
    OUT = "out of scope"


@dataclass(frozen=True)
class Entry:
    """One entry of differences.yaml: which exchanges it is about, what it says of them, and why."""

    section: str
    operations: tuple[str, ...]
    recordings: tuple[str, ...]
    says: tuple[str, ...]
    before: date | None
    when: str
    status: int
    why: str

    def is_about(self, exchange: Exchange) -> bool:
        """Whether the entry concerns this exchange."""
        is_there = _fits(exchange.operation, self.operations) and _fits(exchange.recording, self.recordings)
        is_there = is_there and self.status in (0, exchange.status)
        return is_there and (not self.before or exchange.at < datetime.combine(self.before, time(), UTC))

    def explains(self, difference: str) -> bool:
        """Whether the entry names this difference."""
        return _fits(difference, self.says)

    def __str__(self) -> str:
        return f"{self.section}: {', '.join(self.operations)} in {', '.join(self.recordings)}: {', '.join(self.says)}"


def _fits(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, pattern.replace("[", "[[]")) for pattern in patterns)


def _entry(section: str, raw: dict[str, Any]) -> Entry:
    def texts(name: str) -> tuple[str, ...]:
        value = raw.get(name, "*")
        return (value,) if isinstance(value, str) else tuple(value)

    told = raw.get("before"), raw.get("when", ""), raw.get("status", 0)
    return Entry(section, texts("operations"), texts("recordings"), texts("says"), *told, raw["why"])


class Scope:
    """The entries of differences.yaml, and which of them were needed."""

    def __init__(self) -> None:
        sections = yaml.safe_load(FILE.read_text(encoding="utf-8"))
        self.entries = [_entry(section, raw) for section, entries in sections.items() for raw in entries]
        self.used: set[Entry] = set()

    def judge(self, outcome: Outcome) -> tuple[Verdict, list[str]]:
        """The verdict on an exchange, and the differences that nothing in the file explains."""
        exchange = outcome.exchange
        if outer := next(self._about(exchange, "out of scope", outcome), None):
            self.used.add(outer)
            return Verdict.OUT, []
        left = self._unexplained(exchange, outcome.differences, "older Azure")
        if not left:
            return Verdict.AGREES, []
        wrong = self._unexplained(exchange, left, "differences")
        return (Verdict.WRONG, wrong) if wrong else (Verdict.DIFFERS, left)

    def _about(self, exchange: Exchange, section: str, outcome: Outcome | None = None) -> Iterator[Entry]:
        for entry in self.entries:
            unfit = entry.when == "not started" and (outcome is None or outcome.started)
            unfit |= entry.when == "answered" and faults.is_played(exchange)
            if entry.section == section and entry.is_about(exchange) and not unfit:
                yield entry

    def _unexplained(self, exchange: Exchange, found: list[str], section: str) -> list[str]:
        left = found
        for entry in self._about(exchange, section):
            explained = [line for line in left if entry.explains(line)]
            if explained:
                self.used.add(entry)
                left = [line for line in left if line not in explained]
        return left
