"""Telling of a refusal must not stand in the way of the look that found it."""

import logging
from dataclasses import replace
from typing import Any

from shared.cloud.clients import Cloud
from shared.core.verdict import Kind, Verdict
from shared.tell import tell_refusal
from tests.core.samples import NOW, server
from tests.shared.answers import Answer
from tests.shared.clouds import SETTINGS, Credential, Wire
from tests.shared.memory_ledger import MemoryLedger

LOCKED = Verdict.of(Kind.SCOPE_LOCKED, "a lock forbids it")


def test_a_topic_that_is_down_is_written_down_and_told_later(caplog: Any):
    """The alert that could not be sent raises nothing, is in the log, and stands as not told."""
    wire = Wire(lambda _request: Answer(503))
    topic = replace(SETTINGS, alert_topic="https://topic.westeurope-1.eventgrid.azure.net/api/events")
    cloud, ledger = Cloud(topic, Credential(), wire), MemoryLedger()
    cloud.tick(NOW)
    with caplog.at_level(logging.WARNING):
        tell_refusal(LOCKED, server().id, cloud, ledger)
    assert "alert_not_sent" in caplog.text
    (kept,) = ledger.told.values()
    assert kept.row
    assert (kept.row.told, kept.row.told_to) == (False, ())
