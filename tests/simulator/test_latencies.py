"""Service times: the page that compares them with the recorded ones tells the truth, and they are like them."""

import statistics

import pytest

from tests.bench.latencies import PAGE, RECORDED, Recorded, page, simulated


@pytest.fixture(scope="module")
def taken_s() -> dict[str, list[float]]:
    return simulated()


def test_the_page_is_in_step(taken_s: dict[str, list[float]]) -> None:
    """docs/latencies.md is what `python -m tests.bench.latencies` writes now."""
    assert PAGE.read_text(encoding="utf-8") == page(taken_s)


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: row.what)
def test_simulated_times_are_like_recorded_ones(taken_s: dict[str, list[float]], row: Recorded) -> None:
    """No time lies outside the recorded ends, and the medians are apart by less than a fifth."""
    times = taken_s[row.what]
    assert row.least - row.polled_s - 0.1 <= min(times) <= max(times) <= row.most + 0.1
    assert statistics.median(times) == pytest.approx(row.median, rel=0.2, abs=0.3)
