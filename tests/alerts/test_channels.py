"""What every channel promises: an alert becomes data, the same each time, and strangers' words stay data."""

import json
from dataclasses import replace
from datetime import timedelta
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.alerts import CHANNELS, event_grid_topic
from shared.core.incidents import Alert
from tests.core.samples import NOW, SERVER

ALERT = Alert(
    key="job/1",
    kind="backup_failed",
    subject=SERVER,
    summary="The scheduled backup of pg-orders failed: the server was not ready",
    reason="the server was not ready (ServerNotReadyForLongTermBackup)",
    fix="start the server",
    at=NOW,
    details={"job": "/jobs/1"},
)
HOSTILE = 'x", "type": "Flexguard.AllIsWell"}\r\n{"a": "\u202e\x00\x1b[31m<script>{{1+1}}%s'
every_channel = pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.NAME)


def texts(value: object) -> list[str]:
    """Every text in a rendered alert."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] if isinstance(value, str) else [text for one in inner for text in texts(one)]


@every_channel
def test_an_alert_becomes_plain_data(channel: ModuleType):
    """What a channel renders is JSON as it stands, and says what happened, to what, and what to do."""
    rendered = channel.render(ALERT)
    assert json.loads(json.dumps(rendered)) == rendered
    assert {ALERT.summary, ALERT.subject, ALERT.fix, ALERT.id} <= set(texts(rendered))


@every_channel
def test_the_same_incident_has_the_same_id(channel: ModuleType):
    """Told again later, in other words, an incident keeps its id; another incident has another."""
    again = channel.render(replace(ALERT, at=NOW + timedelta(days=1), summary="again", details={}))
    assert again["id"] == channel.render(ALERT)["id"] == ALERT.id
    assert channel.render(replace(ALERT, key="job/2"))["id"] != ALERT.id


@every_channel
def test_rendering_changes_nothing(channel: ModuleType):
    """A channel only renders: the same alert gives the same data, and the alert stays as it was."""
    before = replace(ALERT, details=dict(ALERT.details))
    assert channel.render(ALERT) == channel.render(ALERT)
    assert before == ALERT


@every_channel
def test_hostile_words_stay_data(channel: ModuleType):
    """Text that looks like JSON, a line break or a template changes no field but its own."""
    rendered = channel.render(replace(ALERT, subject=HOSTILE, summary=HOSTILE, reason=HOSTILE))
    assert rendered.keys() == channel.render(ALERT).keys()
    assert len(json.dumps(rendered).splitlines()) == 1
    assert json.loads(json.dumps(rendered)) == rendered
    assert HOSTILE in texts(rendered)


@every_channel
@given(st.text(), st.text(), st.dictionaries(st.text(), st.text()))
def test_no_text_raises(channel: ModuleType, subject: str, summary: str, details: dict[str, str]):
    """Any words render."""
    json.dumps(channel.render(replace(ALERT, subject=subject, summary=summary, details=details)))


def test_the_cloud_event_is_one():
    """The Event Grid channel sends what the CloudEvents schema requires, with its time in UTC."""
    event = event_grid_topic.render(ALERT)
    assert event == {
        "specversion": "1.0",
        "id": ALERT.id,
        "source": "/flexguard",
        "type": "Flexguard.BackupFailed",
        "subject": SERVER,
        "time": "2026-11-23T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"summary": ALERT.summary, "reason": ALERT.reason, "fix": ALERT.fix, "job": "/jobs/1"},
    }


def test_details_cannot_replace_what_happened():
    """A detail that is called like a field of the alert does not take its place."""
    event = event_grid_topic.render(replace(ALERT, details={"fix": "do nothing", "summary": "all is well"}))
    assert (event["data"]["fix"], event["data"]["summary"]) == (ALERT.fix, ALERT.summary)


def test_channels_have_names():
    """Channels are told apart by name."""
    assert len({channel.NAME for channel in CHANNELS}) == len(CHANNELS) > 1
