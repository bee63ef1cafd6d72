"""Who is told where: routes by owner, what each channel takes, the fallback, and quiet hours."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.alert import Severity
from shared.core.alert_rules import Alerts, Channel, Quiet, Route
from shared.core.routing import channels_for, is_quiet, setting_of
from shared.core.tiers import TimeOfDay, TimeZone

ALERTS = Alerts(
    channels={"shop": Channel("teams"), "duty": Channel("pagerduty", least="high"), "ops": Channel("slack")},
    routes=(Route(("team-shop*",), ("shop", "duty")), Route(("billing",), ("duty",))),
    fallback=("topic", "ops"),
)


@pytest.mark.parametrize(
    ("owner", "severity", "channels"),
    [
        ("team-shop-eu", Severity.HIGH, ("shop", "duty")),
        (" Team-SHOP ", Severity.NORMAL, ("shop",)),
        ("billing", Severity.HIGH, ("duty",)),
        ("billing", Severity.NORMAL, ("topic", "ops")),
        ("nobody", Severity.HIGH, ("topic", "ops")),
        ("", Severity.LOW, ("topic", "ops")),
    ],
)
def test_routes(owner: str, severity: Severity, channels: tuple[str, ...]):
    """The first route that fits the owner decides, as far as its channels take the severity; else the fallback does."""
    assert channels_for(ALERTS, owner, severity) == channels


@given(st.text(), st.sampled_from([Severity.HIGH, Severity.NORMAL, Severity.LOW]))
def test_nothing_goes_nowhere(owner: str, severity: Severity):
    """Whatever stands in an owner tag, somebody is told; with no rules at all, the topic is."""
    assert channels_for(ALERTS, owner, severity)
    assert channels_for(Alerts(), owner, severity) == ("topic",)


BERLIN = TimeZone("Europe/Berlin", "W. Europe Standard Time")


@pytest.mark.parametrize(
    ("hours", "utc", "quiet"),
    [
        ((22, 6), "2026-11-23T21:30", True),
        ((22, 6), "2026-11-23T20:30", False),
        ((22, 6), "2026-11-24T04:59", True),
        ((22, 6), "2026-11-24T05:00", False),
        ((22, 6), "2026-07-01T20:30", True),
        ((12, 14), "2026-11-23T12:00", True),
        ((12, 14), "2026-11-23T13:00", False),
    ],
)
def test_quiet_hours(hours: tuple[int, int], utc: str, quiet: bool):
    """Hours are those of the wall clock in their zone, in summer and winter, also over midnight."""
    rules = Quiet(TimeOfDay(hours[0], 0), TimeOfDay(hours[1], 0), BERLIN)
    assert is_quiet(rules, datetime.fromisoformat(utc).replace(tzinfo=UTC)) == quiet
    assert not is_quiet(None, datetime(2026, 1, 1, tzinfo=UTC))


def test_the_setting_of_a_channel():
    """A channel's app setting has its name, as environment variables are written."""
    assert setting_of("shop-teams") == "FLEXGUARD_CHANNEL_SHOP_TEAMS"
