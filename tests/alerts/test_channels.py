"""What every channel promises: an alert becomes data, the same each time, and strangers' words stay words."""

import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.alerts import CHANNELS, email, event_grid_topic, log_line, pagerduty, plain, slack, teams, webhook
from shared.alerts.target import Target
from shared.core.alert import Alert, Phase, Severity
from tests.alerts.cases import CASES, GOLDEN, HOSTILE, OPENED, RECOVERED, TAKEN_OVER, TARGET, file_of, text_of
from tests.core.samples import NOW

SCHEMA = Path(__file__).parent.parent.parent / "docs" / "alert-event.schema.json"
every_channel = pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.NAME)
for_people = pytest.mark.parametrize("channel", [teams, slack, pagerduty, email], ids=lambda channel: channel.NAME)


def texts(value: object) -> Iterator[str]:
    """Every text in a rendered alert."""
    if isinstance(value, str):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from texts(one)


@every_channel
@pytest.mark.parametrize("case", CASES)
def test_the_rendering_is_as_reviewed(channel: ModuleType, case: str):
    """Each channel renders each case as its golden file has it."""
    assert text_of(channel, case) == file_of(channel, case).read_text(encoding="ascii")


def test_every_golden_file_has_its_case():
    """No golden file is left over."""
    assert {path.name for path in GOLDEN.iterdir()} == {file_of(one, case).name for one in CHANNELS for case in CASES}


@every_channel
def test_an_alert_becomes_plain_data(channel: ModuleType):
    """What a channel renders is JSON as it stands, and says what happened, to what, and what to do."""
    rendered = channel.render(OPENED, TARGET)
    assert json.loads(json.dumps(rendered)) == rendered
    shown = " ".join(texts(rendered))
    assert all(words in shown for words in (OPENED.summary, "pg-orders", OPENED.fix, OPENED.incident_id))


@every_channel
def test_rendering_changes_nothing(channel: ModuleType):
    """A channel only renders: the same alert gives the same data, and the alert stays as it was."""
    before = replace(OPENED, details=dict(OPENED.details))
    assert channel.render(OPENED, TARGET) == channel.render(OPENED, TARGET)
    assert before == OPENED


@every_channel
@given(st.text(), st.text(), st.dictionaries(st.text(), st.text()), st.sampled_from(Phase), st.sampled_from(Severity))
def test_no_text_raises(
    channel: ModuleType, subject: str, summary: str, details: dict[str, str], phase: Phase, severity: Severity
):
    """Any words render, in any phase."""
    odd = replace(OPENED, subject=subject, summary=summary, details=details, phase=phase, severity=severity)
    json.dumps(channel.render(replace(odd, owner=summary, shown=((subject, summary),), count=2), TARGET))


@for_people
def test_what_people_see_has_no_hidden_characters(channel: ModuleType):
    """No control, bidi or invisible character, and no line break of a stranger's, reaches what people look at."""
    for text in texts(channel.render(TAKEN_OVER, TARGET)):
        assert all(char.isprintable() or char == "\n" for char in text)
        assert "\nBcc" not in text


@every_channel
def test_what_is_sent_is_not_large(channel: ModuleType):
    """Ten kilobytes in a tag become a short text: every message is far below what its service takes (Teams: 28 KB)."""
    assert len(json.dumps(channel.render(TAKEN_OVER, TARGET))) < 28_000
    assert len(json.dumps(channel.render(RECOVERED, TARGET))) < 28_000


@every_channel
def test_no_secret_is_rendered_but_where_it_belongs(channel: ModuleType):
    """Address and key stand in no message; PagerDuty's routing key is its address."""
    shown = json.dumps(channel.render(OPENED, TARGET))
    assert TARGET.address not in shown
    assert (TARGET.key in shown) == (channel is pagerduty)


def test_a_card_has_no_markup():
    """Teams: strangers' words stand in text runs, which show no Markdown, and the only link is ours."""
    (attachment,) = teams.render(TAKEN_OVER)["attachments"]
    kinds = {block["type"] for block in attachment["content"]["body"]}
    assert kinds == {"RichTextBlock"}
    assert [action["url"] for action in attachment["content"]["actions"]] == [OPENED.link]
    assert "actions" not in teams.render(replace(OPENED, link="javascript:1"))["attachments"][0]["content"]


def test_slack_parses_nothing():
    """Slack: blocks are plain text, and the notification has no control character that could call a channel."""
    rendered = slack.render(TAKEN_OVER)
    assert {block["text"]["type"] for block in rendered["blocks"]} == {"plain_text"}
    assert not re.search(r"[<>]", rendered["text"])
    assert len(rendered["blocks"][0]["text"]["text"]) <= 150
    assert all(len(block["text"]["text"]) <= 3000 for block in rendered["blocks"])


def test_a_mail_has_one_line_of_subject_and_no_html_of_strangers():
    """E-mail: no header can be injected, and every stranger's character is escaped."""
    content = email.render(TAKEN_OVER, TARGET)["content"]
    assert "\n" not in content["subject"]
    assert "\r" not in content["subject"]
    tags = set(re.findall(r"<(/?\w+)", content["html"]))
    assert tags <= {
        "html",
        "/html",
        "body",
        "/body",
        "h3",
        "/h3",
        "table",
        "/table",
        "tr",
        "/tr",
        "th",
        "/th",
        "td",
        "/td",
    }
    assert "onerror=alert(1)&gt;" in content["html"]


def test_pagerduty_resolves_what_it_opened():
    """PagerDuty: opened and repeated trigger under one dedup_key, recovered resolves it."""
    again = replace(OPENED, phase=Phase.REPEATED, number=2, at=NOW + timedelta(days=1))
    events = [pagerduty.render(alert, TARGET) for alert in (OPENED, again, RECOVERED)]
    assert [event["event_action"] for event in events] == ["trigger", "trigger", "resolve"]
    assert len({event["dedup_key"] for event in events}) == 1


def test_a_webhook_is_signed_with_its_time():
    """The receiver can prove who sent the bytes and when; another body, time or key has another signature."""
    body = b'{"a": 1}'
    headers = webhook.headers(body, TARGET, NOW)
    signed = f"{int(NOW.timestamp())}.".encode() + body
    assert headers["X-Flexguard-Signature"] == "sha256=" + hmac.new(b"secret-key", signed, sha256).hexdigest()
    others = [
        webhook.headers(b"{}", TARGET, NOW),
        webhook.headers(body, TARGET, NOW + timedelta(seconds=1)),
        webhook.headers(body, Target(key="other"), NOW),
    ]
    assert len({one["X-Flexguard-Signature"] for one in (headers, *others)}) == 4
    assert webhook.headers(body, Target(), NOW) == {}


@pytest.mark.parametrize(
    ("channel", "status", "text", "is_taken"),
    [
        (webhook, 204, "", True),
        (webhook, 200, '{"ok": true}', True),
        (webhook, 200, '{"error": "no"}', False),
        (webhook, 302, "", False),
        (webhook, 500, "", False),
        (teams, 202, "", True),
        (teams, 200, "1", True),
        (teams, 200, "Webhook message delivery failed with error: throttled", False),
        (teams, 404, "", False),
        (slack, 200, "ok", True),
        (slack, 200, "invalid_payload", False),
        (slack, 404, "no_service", False),
        (pagerduty, 202, '{"status":"success"}', True),
        (pagerduty, 202, '{"status":"invalid event"}', False),
        (pagerduty, 429, "", False),
        (email, 202, "", True),
        (email, 200, "", False),
        (email, 401, "Denied", False),
    ],
)
def test_an_answer_is_understood(channel: ModuleType, status: int, text: str, is_taken: bool):
    """A service that answers 200 and means no is not taken for a yes; the reason has the status."""
    reason = channel.refusal(status, text)
    assert (reason == "") == is_taken
    assert is_taken or str(status) in reason


@pytest.mark.parametrize("alert", CASES.values(), ids=CASES)
def test_the_cloud_event_keeps_to_its_schema(alert: Alert):
    """The Event Grid channel sends what the published JSON Schema says: its members, types and required ones."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    event = event_grid_topic.render(alert)
    assert list(jsonschema_rs.validator_for(schema).iter_errors(event)) == []
    assert not jsonschema_rs.validator_for(schema).is_valid(event | {"data": event["data"] | {"count": "2"}})


def test_programs_get_the_words_as_they_are():
    """Event Grid and webhooks carry data: no character is lost but what is too long, and none ends a field."""
    for channel in (event_grid_topic, webhook):
        assert HOSTILE in set(texts(channel.render(TAKEN_OVER)))
    assert log_line.render(TAKEN_OVER)["summary"] == HOSTILE


def test_details_cannot_replace_what_happened():
    """A detail that is called like a field of the alert does not take its place."""
    event = event_grid_topic.render(replace(OPENED, details={"fix": "do nothing", "summary": "all is well"}))
    assert (event["data"]["fix"], event["data"]["summary"]) == (OPENED.fix, OPENED.summary)


def test_only_allowed_tags_are_shown():
    """What stands in an alert of a server's tags is what the alert was given, and nothing else knows tags."""
    for channel in CHANNELS:
        shown = json.dumps(channel.render(OPENED, TARGET))
        assert ("cost-center" in shown) == (channel is not log_line)


@given(st.text(), st.integers(5, 400))
def test_plain_text_is_short_and_printable(text: str, longest: int):
    """Whatever comes in, what comes out is one printable line of at most so many characters."""
    shown = plain.plain(text, longest)
    assert len(shown) <= longest
    assert shown.isprintable()


def test_channels_have_names():
    """Channels are told apart by name."""
    assert len({channel.NAME for channel in CHANNELS}) == len(CHANNELS) == 7
