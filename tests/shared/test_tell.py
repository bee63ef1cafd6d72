"""What is told at once: opened once, joined by what happens again, and never lost between two instances."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.core.alert import over_budget, poison
from shared.tell import tell_once
from tests.core.samples import NOW, SUBSCRIPTION
from tests.shared.answers import Answer
from tests.shared.clouds import SETTINGS, Credential, Wire
from tests.shared.memory_ledger import MemoryLedger

TOPIC = replace(SETTINGS, alert_topic="https://topic.westeurope-1.eventgrid.azure.net/api/events")


def cloud_with(*answers: Any) -> Cloud:
    """A cloud whose topic gives these answers."""
    cloud = Cloud(TOPIC, Credential(), Wire(*answers))
    cloud.tick(NOW)
    return cloud


def taken(_: Any) -> Answer:
    return Answer(200)


def test_it_is_told_once(caplog: Any):
    """However often it is found, the topic and the log hear of it once, while its incident is open."""
    cloud, ledger = cloud_with(taken), MemoryLedger()
    alert = over_budget(SUBSCRIPTION, 3, NOW, NOW)
    with caplog.at_level(logging.INFO):
        assert all(tell_once(alert, cloud, ledger, NOW) for _ in range(3))
    assert len(cloud.transport.sent) == 1
    assert caplog.text.count('"fact": "alert"') == 1
    assert ledger.writes == 2


def test_what_happens_again_joins():
    """A second poisoned message is no second alert: the open incident knows it, and both count."""
    cloud, ledger = cloud_with(taken), MemoryLedger()
    for name in ("m1", "m2", "M2"):
        assert tell_once(poison("text", name, NOW), cloud, ledger, NOW)
    (kept,) = ledger.told.values()
    assert kept.row
    assert len(kept.row.occurrences) == len(kept.row.subjects) == 2


def test_what_was_closed_is_opened_again():
    """After its end the same thing is a new incident, which still knows what happened in the last one."""
    cloud, ledger = cloud_with(taken, taken), MemoryLedger()
    tell_once(poison("text", "m1", NOW), cloud, ledger, NOW)
    (kept,) = ledger.told.values()
    assert kept.row
    ledger.keep_incident(replace(kept.row, closed_at=NOW), kept.version)
    assert tell_once(poison("text", "m2", NOW), cloud, ledger, NOW)
    (kept,) = ledger.told.values()
    assert kept.row
    assert (kept.row.closed_at, len(kept.row.occurrences), len(kept.row.subjects)) == (None, 2, 1)


def test_an_answer_with_an_error_is_no_yes():
    """A topic that answers 200 with an error in it has not taken the alert; the next attempt sends the same id."""
    ids = []

    def error(request: Any) -> Answer:
        ids.append(request.body)
        return Answer(200, {"error": {"code": "Throttled"}})

    cloud, ledger = cloud_with(error, error), MemoryLedger()
    for _ in range(2):
        with pytest.raises(CloudError, match="AnsweredWithError"):
            tell_once(poison("text", "m1", NOW), cloud, ledger, NOW)
    assert len(ids) == 2
    assert len({str(one) for one in ids}) == 1


def test_another_instance_goes_first():
    """Two instances at once: the one that comes second tells nothing and says so."""

    class Busy(MemoryLedger):
        def keep_incident(self, incident: Any, version: str) -> str:
            super().keep_incident(replace(incident, words="theirs"), self.incident(incident.key).version)
            return super().keep_incident(incident, version)

    cloud = cloud_with()
    assert not tell_once(poison("text", "m1", NOW), cloud, Busy(), NOW)
    assert cloud.transport.sent == []
