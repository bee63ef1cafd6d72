"""The small values of the rules file: lengths of time, times of day, vaults by tier."""

from datetime import timedelta

import pytest
from hypothesis import given

from shared.core.rules import Rules, Span, TimeOfDay, VaultRule
from tests.core.samples import GOLD, OTHER_VAULT, VAULT, spans


@pytest.mark.parametrize(
    ("text", "iso", "days"),
    [
        ("35 days", "P35D", 35),
        ("1 day", "P1D", 1),
        ("12 weeks", "P12W", 84),
        ("12  Months", "P12M", 372),
        (" 10 years ", "P10Y", 3660),
        ("4h", "PT4H", 4 / 24),
        ("1 hour", "PT1H", 1 / 24),
        ("30 hours", "PT30H", 30 / 24),
    ],
)
def test_spans(text: str, iso: str, days: int):
    """A length of time keeps its unit, as the service wants it, and knows the longest that it can mean."""
    assert (Span.parse(text).iso, Span.parse(text).longest) == (iso, timedelta(days=days))


@pytest.mark.parametrize(
    "text", ["", "35", "days", "0 days", "-1 day", "1.5 days", "35 d", "P35D", "99999 days", "4hs", "1 hr", "0h"]
)
def test_what_is_no_span(text: str):
    """Anything but a positive number and one known unit is refused with an example."""
    with pytest.raises(ValueError, match="35 days"):
        Span.parse(text)


@given(spans)
def test_a_span_reads_its_own_words(span: Span):
    """What a span says of itself means the span."""
    assert Span.parse(str(span)) == span


def test_times_of_day():
    """A time of day is written with two digits each, and reads back."""
    assert str(TimeOfDay.parse(" 01:30 ")) == "01:30"
    assert TimeOfDay.parse("23:59") == TimeOfDay(23, 59)


@pytest.mark.parametrize("text", ["", "1:30", "24:00", "12:60", "90", "01:30:00", "noon"])
def test_what_is_no_time_of_day(text: str):
    """Anything but HH:MM is refused with an example; 90 is what YAML makes of an unquoted 01:30."""
    with pytest.raises(ValueError, match="01:30"):
        TimeOfDay.parse(text)


def test_vaults_by_tier():
    """A vault that names no tiers serves all; one that does serves these; the order of the file is kept."""
    rules = Rules("protect", (VaultRule(OTHER_VAULT, ("gold",)), VaultRule(VAULT)), {"gold": GOLD, "silver": GOLD})
    assert [rule.id for rule in rules.vaults_for("gold")] == [OTHER_VAULT, VAULT]
    assert [rule.id for rule in rules.vaults_for("silver")] == [VAULT]
