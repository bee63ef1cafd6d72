"""The journal: one fact is one line, whatever strangers wrote into its values."""

import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.journal import LONGEST, record

HOSTILE = 'gold\r\n{"fact": "protected"}\u2028\x1b[2J\u202edlog\x00\x85'


def lines(caplog: pytest.LogCaptureFixture, **fields: Any) -> list[str]:
    """What one fact leaves in the log."""
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="flexguard"):
        record("looked", **fields)
    return [message.getMessage() for message in caplog.records]


def test_a_value_cannot_forge_a_line(caplog: pytest.LogCaptureFixture):
    """Line breaks, terminal codes and bidi characters in a value stay inside one line of plain ASCII."""
    (line,) = lines(caplog, reason=HOSTILE, server=HOSTILE)
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"fact": "looked", "reason": HOSTILE, "server": HOSTILE}


@given(st.dictionaries(st.text(max_size=8).filter(lambda name: name != "level"), st.text()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_one_line(caplog: pytest.LogCaptureFixture, fields: dict[str, str]):
    """Whatever names and values say, a fact is one printable line of JSON."""
    (line,) = lines(caplog, **fields)
    assert line.isprintable()
    assert isinstance(json.loads(line), dict)


def test_a_value_cannot_change_the_fact(caplog: pytest.LogCaptureFixture):
    """A field that is called like the fact itself is still written down under its name, and the level is kept."""
    (line,) = lines(caplog, reason="fact", attempt=3, ready=False, nothing=None, empty="")
    assert json.loads(line) == {"fact": "looked", "reason": "fact", "attempt": 3, "ready": False}


def test_long_values_are_cut(caplog: pytest.LogCaptureFixture):
    """A value of a megabyte takes a few hundred characters."""
    (line,) = lines(caplog, reason="x" * 1_000_000)
    assert len(line) < LONGEST + 100
    assert json.loads(line)["reason"].endswith("x…")


def test_counts_stay_counts(caplog: pytest.LogCaptureFixture):
    """Numbers by name are an object that a query can take apart, and no name in it can forge or flood a line."""
    counts = {"PUT backupVaults": 2, HOSTILE: 1, "x" * 100_000: 1.5} | dict.fromkeys(map(str, range(1000)), 1)
    (line,) = lines(caplog, calls=counts, none={})
    assert line.isprintable()
    assert len(line) < 5_000
    found = json.loads(line)["calls"]
    assert (found["PUT backupVaults"], found[HOSTILE], len(found)) == (2, 1, 100)


def test_objects_are_shown_as_text(caplog: pytest.LogCaptureFixture):
    """A value that JSON does not know is written as its text, and makes nothing raise."""
    (line,) = lines(caplog, where={"a": [1]}, number=1.5)
    assert json.loads(line) == {"fact": "looked", "where": "{'a': [1]}", "number": 1.5}
