"""App settings in trigger texts, and the queue section of host.json."""

from typing import Any

import pytest

from host.settings import QueueOptions, resolve, time_span_s


def test_resolve() -> None:
    """Every %NAME% is replaced, text around it stays, and a name that is not set is refused by name."""
    assert resolve("%A%-x-%B%", {"A": "1", "B": "2"}) == "1-x-2"
    assert resolve("0 0 * * * *", {}) == "0 0 * * * *"
    with pytest.raises(ValueError, match="SWEEP_SCHEDULE"):
        resolve("%SWEEP_SCHEDULE%", {"A": "1"})


def test_defaults() -> None:
    """Without a section the documented defaults hold."""
    assert QueueOptions.read({"version": "2.0"}) == QueueOptions(16, 5, 0, base64=True)


def test_read() -> None:
    """The section's names and forms are those of host.json."""
    section = {"batchSize": 32, "maxDequeueCount": 3, "visibilityTimeout": "00:01:30", "messageEncoding": "none"}
    assert QueueOptions.read({"extensions": {"queues": section}}) == QueueOptions(
        32, 3, 90, base64=False, new_batch_threshold=16
    )


@pytest.mark.parametrize(
    "section", [{"batchSize": 33}, {"batchSize": 0}, {"maxDequeueCount": 0}, {"messageEncoding": "utf8"}]
)
def test_out_of_range(section: dict[str, Any]) -> None:
    """What the host would not start with is refused."""
    with pytest.raises(ValueError, match=r"extensions\.queues"):
        QueueOptions.read({"extensions": {"queues": section}})


@pytest.mark.parametrize(("text", "seconds"), [("00:00:00", 0), ("01:02:03", 3723), ("1.00:00:10", 86_410)])
def test_time_spans(text: str, seconds: int) -> None:
    """Time spans are .NET's."""
    assert time_span_s(text) == seconds


def test_bad_time_span() -> None:
    """A number of seconds is no time span."""
    with pytest.raises(ValueError, match="time span"):
        time_span_s("30")
