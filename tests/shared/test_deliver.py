"""Delivery: each message to each channel of its route once, later where it was not taken, and never nowhere."""

import json
import logging
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import ServiceResponseError

from shared.cloud.clients import Cloud
from shared.core.alert import Severity
from shared.core.alert_rules import Alerts, Channel, Quiet, Route
from shared.core.incidents import Incident
from shared.core.tiers import TimeOfDay
from shared.deliver import MOST_SENT, deliver
from tests.core.samples import NOW, SERVER
from tests.shared.answers import Answer
from tests.shared.clouds import SETTINGS, Credential, Wire
from tests.shared.memory_ledger import MemoryLedger
from tests.shared.test_ledger import INCIDENT

SECRETS = {
    "FLEXGUARD_CHANNEL_SHOP": "https://shop.example/s3cret",
    "FLEXGUARD_CHANNEL_DUTY": "r0utingkey",
    "FLEXGUARD_CHANNEL_OPS": "https://ops.example/s3cret",
    "FLEXGUARD_CHANNEL_HOOK": "https://hook.example/s3cret",
    "FLEXGUARD_CHANNEL_HOOK_KEY": "hm4ckey",
    "FLEXGUARD_CHANNEL_MAIL": "https://x.communication.azure.com/",
}
ALERTS = Alerts(
    channels={
        "shop": Channel("teams"),
        "duty": Channel("pagerduty", least="high"),
        "ops": Channel("slack"),
        "hook": Channel("webhook"),
        "mail": Channel("email", sender="a@b.example", to=("x@y.example",)),
    },
    routes=(Route(("shop",), ("shop", "duty")), Route(("search",), ("hook", "mail"))),
    fallback=("ops",),
)
TAKEN = {
    "shop.example": (202, ""),
    "events.pagerduty.com": (202, '{"status":"success"}'),
    "ops.example": (200, "ok"),
    "hook.example": (204, ""),
    "x.communication.azure.com": (202, ""),
}


class Sinks(Wire):
    """Plays every channel's receiver: `answers` by host, else the good ones; `got` is what was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.answers_of: dict[str, Any] = {}
        self.got: list[tuple[str, Any]] = []

    def send(self, request: Any, **_options: Any) -> Any:
        self.sent.append(request)
        host = str(urlsplit(request.url).hostname)
        answer = self.answers_of.get(host, TAKEN[host])
        if isinstance(answer, Exception):
            raise answer
        if answer == TAKEN[host]:
            self.got.append((host, json.loads(request.content)))
        return Answer(*answer)


class Desk:
    """A ledger with incidents, receivers, and the runs that bring the one to the others."""

    def __init__(self, alerts: Alerts = ALERTS, secrets: dict[str, str] | None = None) -> None:
        self.ledger, self.sinks, self.alerts = MemoryLedger(), Sinks(), alerts
        settings = replace(SETTINGS, channels=SECRETS if secrets is None else secrets)
        self.cloud = Cloud(settings, Credential(), self.sinks)
        self.cloud.tick(NOW)

    def open(self, key: str = "k", **changes: Any) -> None:
        row = replace(INCIDENT, key=key, owner="shop", told_to=(), **changes)
        self.ledger.keep_incident(row, self.ledger.incident(key).version)

    def run(self, at: datetime = NOW) -> dict[str, str]:
        """One run; the channels that failed."""
        self.cloud.tick(at)
        failed: dict[str, str] = {}
        rows = list(self.ledger.incidents(NOW - timedelta(days=30)))
        deliver(rows, self.cloud, self.ledger, self.alerts, lambda _: (), failed)
        return failed

    def row(self, key: str = "k") -> Incident:
        row = self.ledger.incident(key).row
        assert row
        return row

    @property
    def hosts(self) -> list[str]:
        return sorted(host for host, _ in self.sinks.got)


def test_each_channel_of_the_route_gets_it_once():
    """The owner's channels get the message in one run and not again; others hear nothing."""
    desk = Desk()
    desk.open()
    for _ in range(3):
        assert desk.run() == {}
    assert desk.hosts == ["events.pagerduty.com", "shop.example"]
    assert desk.row().told


def test_every_kind_of_channel_is_sent_as_its_service_wants():
    """A signed webhook, a mail with a token, a card, blocks, and an event with the routing key."""
    desk = Desk(replace(ALERTS, routes=(Route(("*",), ("shop", "duty", "ops", "hook", "mail")),)))
    desk.open()
    assert desk.run() == {}
    requests = {urlsplit(request.url).hostname: request for request in desk.sinks.sent}
    assert len(requests) == 5
    assert requests["hook.example"].headers["X-Flexguard-Signature"].startswith("sha256=")
    assert requests["x.communication.azure.com"].headers["Authorization"].startswith("Bearer ")
    assert requests["x.communication.azure.com"].url.endswith("/emails:send?api-version=2023-03-31")
    bodies = dict(desk.sinks.got)
    assert bodies["events.pagerduty.com"]["routing_key"] == "r0utingkey"
    assert bodies["shop.example"]["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"


FAILURES = [(500, ""), (302, ""), (200, "error: no"), (429, ""), ServiceResponseError("timed out: /s3cret")]


@pytest.mark.parametrize("answer", FAILURES, ids=str)
def test_what_was_not_taken_comes_again(answer: Any):
    """A slow, refusing or lying receiver gets the message at the run that it takes; others are not bothered."""
    desk = Desk()
    desk.open()
    desk.sinks.answers_of["shop.example"] = answer
    assert set(desk.run()) == {"shop"}
    assert not desk.row().told
    desk.run()
    desk.sinks.answers_of.clear()
    desk.run()
    desk.run()
    assert Counter(desk.hosts) == {"events.pagerduty.com": 1, "shop.example": 1}
    assert desk.row().told


def test_a_channel_that_fails_is_asked_once_a_run():
    """Twenty messages for a receiver that does not answer cost one attempt, so that a run ends."""
    desk = Desk()
    for number in range(20):
        desk.open(f"k{number}")
    desk.sinks.answers_of["shop.example"] = ServiceResponseError("too slow")
    desk.run()
    assert sum("shop.example" in request.url for request in desk.sinks.sent) == 1
    assert Counter(desk.hosts) == {"events.pagerduty.com": 20}


@pytest.mark.parametrize("missing", ["FLEXGUARD_CHANNEL_SHOP", "FLEXGUARD_CHANNEL_DUTY"])
def test_a_missing_setting_is_named(missing: str):
    """A channel of the rules without its app setting fails by the name of the setting."""
    desk = Desk(secrets={name: value for name, value in SECRETS.items() if name != missing})
    desk.open()
    (reason,) = desk.run().values()
    assert missing in reason


@pytest.mark.parametrize(
    "address", ["https://169.254.169.254/metadata", "http://shop.example/", "@Microsoft.KeyVault(x)"]
)
def test_a_bad_address_is_not_sent_to(address: str):
    """An address that may not be is a failure of its channel, and nothing leaves."""
    desk = Desk(secrets=SECRETS | {"FLEXGUARD_CHANNEL_SHOP": address})
    desk.open()
    assert set(desk.run()) == {"shop"}
    assert desk.hosts == ["events.pagerduty.com"]


def test_no_secret_is_in_a_log_or_a_reason(caplog: Any):
    """Whatever a receiver answers, also our own key, no address and no key reaches the log or another channel."""
    desk = Desk(replace(ALERTS, routes=(Route(("*",), ("shop", "duty", "ops", "hook", "mail")),)))
    desk.sinks.answers_of = {host: (400, " ".join([*SECRETS.values(), "/s3cret"])) for host in TAKEN}
    desk.open()
    with caplog.at_level(logging.DEBUG):
        reasons = desk.run()
    assert len(reasons) == 5
    said = caplog.text + " ".join(reasons.values())
    assert not any(secret in said for secret in ("s3cret", "r0uting", "hm4c"))


def test_what_is_low_waits_for_the_morning_and_the_rest_does_not():
    """In quiet hours only low severity waits; in the morning it is sent, and nothing is lost."""
    alerts = replace(ALERTS, quiet=Quiet(TimeOfDay(11, 0), TimeOfDay(13, 0)))
    desk = Desk(alerts)
    desk.open("low", severity=Severity.LOW)
    desk.open("normal", severity=Severity.NORMAL)
    desk.run()
    assert (desk.row("low").told, desk.row("normal").told) == (False, True)
    desk.run(NOW + timedelta(hours=2))
    assert desk.row("low").told


def test_what_is_expected_is_sent_to_nobody():
    """What had to come is in the ledger alone."""
    desk = Desk()
    desk.open(severity=Severity.EXPECTED, told=True)
    desk.run()
    assert desk.sinks.sent == []


def test_without_channels_the_log_is_told(caplog: Any):
    """No topic and no channel: the log has it once, and nothing is owed."""
    desk = Desk(Alerts(), secrets={})
    desk.open()
    with caplog.at_level(logging.INFO):
        assert desk.run() == desk.run() == {}
    assert caplog.text.count('"fact": "alert"') == 1
    assert desk.row().told


def test_a_run_ends():
    """More messages than one run sends are sent by the next, the severe ones first."""
    desk = Desk()
    for number in range(MOST_SENT + 50):
        desk.open(f"k{number:04}", severity=Severity.NORMAL)
    desk.open("z", severity=Severity.HIGH)
    desk.run()
    assert desk.row("z").told
    untold = sum(not (kept.row and kept.row.told) for kept in desk.ledger.told.values())
    assert 0 < untold <= 60
    desk.run()
    assert all(kept.row and kept.row.told for kept in desk.ledger.told.values())


def test_two_runs_at_once_do_not_stop_each_other():
    """A row that somebody else wrote meanwhile is left to them; the run goes on."""
    desk = Desk()
    desk.open("a")
    desk.open("b")
    rows = list(desk.ledger.incidents(NOW - timedelta(days=30)))
    desk.open("a", words="other words")
    deliver(rows, desk.cloud, desk.ledger, desk.alerts, lambda _: (), {})
    assert not desk.row("a").told
    assert desk.row("b").told
    assert SERVER in desk.row("a").shown[0][0]
