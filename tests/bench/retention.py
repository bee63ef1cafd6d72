"""How long it takes to say what 50 tiers keep over ten years, and which are lower than which: CPU and memory."""

import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.core.policy import tier_meaning
from shared.core.retention import planned, shorter, steady_state
from shared.core.rules import DAYS, Backup, Custom, Keep, Span, Tier, TimeOfDay, TimeZone

TIERS, START = 50, datetime(2027, 1, 1, tzinfo=UTC)
TEN_YEARS = timedelta(days=3653)
BERLIN = TimeZone("Europe/Berlin", "W. Europe Standard Time")


def tiers() -> list[Tier]:
    """Fifty tiers of all sorts: each another day and length; every fifth with a rule of its own."""
    own = Custom("QuarterEnds", Span(3, "year"), 5, weeks=("last",), months=("march", "june", "september", "december"))
    found = []
    for number in range(TIERS):
        keep = Keep(
            Span(28 + number, "day"), Span(12, "week"), Span(12 + number, "month"), Span(1 + number % 10, "year")
        )
        backup = Backup((DAYS[number % 7],), TimeOfDay(number % 24, 30), BERLIN)
        found.append(Tier(backup, replace(keep, custom=(own,)) if number % 5 == 0 else keep))
    return found


def bench_retention() -> list[tuple[str, str, str, str]]:
    """Rows for the table of numbers: every point of ten years, the steady states, and each tier against the next."""
    meanings = [tier_meaning(tier) for tier in tiers()]
    started = time.process_time()
    points = sum(len(planned(meaning, START, START + TEN_YEARS)) for meaning in meanings)
    points_s, started = time.process_time() - started, time.process_time()
    for meaning in meanings:
        steady_state(meaning, START)
    steady_s, started = time.process_time() - started, time.process_time()
    for new, old in zip(meanings[1:], meanings, strict=False):
        shorter(new, old)
    lower_s = time.process_time() - started
    tracemalloc.start()
    kept = [planned(meaning, START, START + TEN_YEARS) for meaning in meanings]
    peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    assert sum(map(len, kept)) == points
    of = f"retention, {TIERS} tiers over ten years"
    return [
        (f"{of}: {points:,} points, CPU s", f"{points_s:.2f}", "-", "-"),
        (f"{of}: memory, MB", f"{peak_mb:.0f}", "-", "-"),
        ("  how many are kept for good, CPU s", f"{steady_s:.2f}", "-", "-"),
        ("  which tier is lower than its neighbour, CPU s", f"{lower_s:.2f}", "-", "-"),
    ]


if __name__ == "__main__":
    for row in bench_retention():
        print(*row)  # noqa: T201 - the numbers, when asked for alone
