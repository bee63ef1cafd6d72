"""Intent: what is wanted for a server. Unknown is never off, and never on either."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.intent import Intent, LeaveAlone, Mistake, NotAsked, Protect, read_intent, weigh
from shared.core.plan import make_plan
from shared.core.rules import Default, Rules, Span
from shared.core.verdict import Kind
from tests.core.samples import BRONZE, GOLD, NOW, RULES, SUBSCRIPTION, observed, server

LONGEST = 300  # of anything that is said about a tag
BY_DEFAULT = replace(RULES, defaults=(Default("gold", tags={"env": "x"}), Default("bronze", (SUBSCRIPTION,))))
EXEMPT = {"backup-tier": "NONE", "Backup-Exempt-Until": "2026-12-31", "BACKUP-EXEMPT-REASON": "load test"}


def read(tags: dict[str, str], rules: Rules = RULES, now: datetime = NOW) -> Intent:
    return read_intent(tags, rules, now, server().id)


@pytest.mark.parametrize("name", ["backup-tier", "BACKUP-TIER", " Backup-Tier "])
@pytest.mark.parametrize("value", ["gold", "Gold", " GOLD ", "gold\n", "\tgOLD\u00a0"])
def test_case_and_blanks_do_not_matter(name: str, value: str):
    """A tier is asked for in any casing, with any blanks around it."""
    assert read({name: value}) == Protect("gold", GOLD, f"tag backup-tier = {value.strip()}")


@pytest.mark.parametrize("tags", [{}, {"backup": "gold"}, {"backup-owner": "x"}, {"backup-tier2": "gold"}])
def test_without_the_tag_nobody_asked(tags: dict[str, str]):
    """A server without the tag is not asked for, whatever other tags say."""
    answer = read(tags)
    assert isinstance(answer, NotAsked)
    assert answer.reason == "it has no tag backup-tier"


@pytest.mark.parametrize(
    ("value", "nearest"),
    [
        ("glod", "gold"),
        ("Golden", "gold"),
        ("bronce", "bronze"),
        ("non", "none"),
        ("off", ""),
        ("false", ""),
        ("", ""),
        ("platinum", ""),
        ("gold,bronze", "bronze"),
        ("🐘", ""),
        ("gold" * 64, ""),
        ("\u202edlog", ""),
        ("\uff47\uff4f\uff4c\uff44", ""),
    ],
)
def test_an_unknown_value_is_a_mistake(value: str, nearest: str):
    """What is no tier is a mistake with the nearest valid word and the whole list of them, and never off."""
    answer = read({"backup-tier": value})
    assert isinstance(answer, Mistake)
    assert (answer.nearest, answer.kind) == (nearest, Kind.UNKNOWN_TIER)
    assert ("did you mean" in answer.reason) == bool(nearest)
    assert answer.fix == "set the tag to one of: gold, bronze, none"
    by_default = read({"backup-tier": value}, BY_DEFAULT)
    assert by_default == Protect("bronze", BRONZE, "defaults[1] of the rules gives bronze", notes=(answer.reason,))


def test_a_long_list_of_tiers_is_shortened():
    """With hundreds of tiers the fix names a dozen and says how many more there are."""
    rules = replace(RULES, tiers={f"tier-{number}": GOLD for number in range(200)})
    answer = read({"backup-tier": "glod"}, rules)
    assert isinstance(answer, Mistake)
    assert answer.fix.endswith("tier-10, tier-11 and 189 more")


def test_an_exemption_says_until_when_and_why():
    """The exemption value with an end and a reason keeps a server out, and both are repeated."""
    assert read(EXEMPT) == LeaveAlone("exempt by tag until 2026-12-31: load test")
    assert read(EXEMPT, BY_DEFAULT) == read(EXEMPT)


@pytest.mark.parametrize(
    ("until", "said"),
    [
        (None, "it has no end (tag backup-exempt-until)"),
        ("", "it has no end"),
        ("soon", "'soon' is neither a date such as 2026-11-23 nor a time"),
        ("31.12.2026", "neither a date"),
        ("20261231", "neither a date"),
        ("2026-W53-1", "neither a date"),
        ("2026-12-32", "is no date"),
        ("2026-12-31T25:00", "is no date"),
        ("2026-11-22", "it ended, backup-exempt-until = '2026-11-22'"),
        ("2026-11-23T12:00Z", "it ended"),
        ("2026-11-23T12:59+01:00", "it ended"),
        ("0001-01-01T00:00+14:00", "it ended"),
        ("2027-05-23", "is more than 180 days away"),
        ("9999-12-31T23:59-14:00", "is more than 180 days away"),
        ("\u0662\u0660\u0662\u0666-12-31", "neither a date"),
    ],
)
def test_an_end_that_does_not_hold(until: str | None, said: str):
    """Without an end that is a date, not past and not too far, nothing is exempt: a default decides, else nobody."""
    tags = {
        "backup-tier": "none",
        "backup-exempt-reason": "x",
        **({} if until is None else {"backup-exempt-until": until}),
    }
    answer = read(tags)
    assert isinstance(answer, Mistake)
    assert (answer.kind, answer.nearest) == (Kind.EXEMPTION_INVALID, "")
    assert said in answer.reason
    assert "at most 180 days away, such as 2026-12-23, and backup-exempt-reason to a reason" in answer.fix
    by_default = read(tags, BY_DEFAULT)
    assert isinstance(by_default, Protect)
    assert (by_default.tier_name, by_default.notes) == ("bronze", (answer.reason,))


@pytest.mark.parametrize(
    "until",
    [
        "2026-11-23",
        "2027-05-22",
        "2026-11-23T12:01Z",
        "2026-11-23 12:00:01",
        "2026-11-23t13:30:00+01:00",
        " 2026-12-31 ",
    ],
)
def test_an_end_that_holds(until: str):
    """A date holds through that day in UTC; a time holds until then, in UTC if it names no offset."""
    assert isinstance(read(EXEMPT | {"Backup-Exempt-Until": until}), LeaveAlone)


def test_an_exemption_needs_a_reason():
    """Without a reason nothing is exempt; everything that is missing is said at once."""
    assert "it has no reason (tag backup-exempt-reason)" in read(EXEMPT | {"BACKUP-EXEMPT-REASON": " "}).reason
    both = read({"backup-tier": "none"})
    assert both.reason.endswith("it has no end (tag backup-exempt-until); it has no reason (tag backup-exempt-reason)")


def test_how_long_at_most_is_the_rules():
    """The longest exemption is what the rules say, and the example in the fix is within it."""
    rules = replace(RULES, exempt=replace(RULES.exempt, longest=Span(2, "week")))
    answer = read(EXEMPT, rules)
    assert isinstance(answer, Mistake)
    assert "at most 2 weeks away, such as 2026-12-07" in answer.fix
    assert isinstance(read(EXEMPT, rules, NOW + timedelta(days=30)), LeaveAlone)


@pytest.mark.parametrize("tier", ["gold", "none", "glod", None])
@pytest.mark.parametrize("rules", [RULES, BY_DEFAULT])
def test_the_owner_is_read_whatever_is_asked(tier: str | None, rules: Rules):
    """Every intent carries the owner that the tags name."""
    tags = {"Backup-Owner": " team-orders ", **({"backup-tier": tier} if tier else {})}
    assert read(tags, rules).owner == "team-orders"


def test_two_casings_are_noted():
    """One tag in two casings is read the same way every time, and both values are named beside the intent."""
    tags = {"Backup-Tier": "gold", "backup-tier": "bronze", "BACKUP-OWNER": "b", "Backup-Owner": "a"}
    for given_tags in (tags, dict(reversed(tags.items()))):
        answer = read(given_tags)
        assert isinstance(answer, Protect)
        assert (answer.tier_name, answer.owner) == ("bronze", "b")
        assert answer.notes == (
            "one tag in two casings, 'backup-tier' = 'bronze' and 'Backup-Tier' = 'gold'; the first counts",
            "one tag in two casings, 'BACKUP-OWNER' = 'b' and 'Backup-Owner' = 'a'; the first counts",
        )
    assert read({"Backup-Tier": "gold", "BACKUP-TIER": "Gold"}).notes == ()


def test_notes_stand_in_the_verdict():
    """What is noted about the tags is part of the reason that the verdict gives, whatever the verdict is."""
    for tags in ({"Backup-Tier": "gold", "backup-tier": "none"}, {"Backup-Tier": "none", "backup-tier": "gold"}):
        intent = read(tags)
        verdict = make_plan(intent, observed(), RULES).verdict
        assert verdict.reason.endswith(f"; {intent.notes[0]}")
    intent = read({"backup-tier": "glod"}, BY_DEFAULT)
    assert "did you mean gold?" in make_plan(intent, observed(), BY_DEFAULT).verdict.reason


def test_candidates_are_every_rule_in_order():
    """Every rule that might decide is named in the order of precedence, with why it won, lost or does not fit."""
    shown = [
        (one.rule, one.says, one.is_winner, one.why)
        for one in weigh({"backup-tier": "gold"}, BY_DEFAULT, NOW, server().id)
    ]
    assert shown == [
        ("exempt", "", False, "tag backup-tier = gold"),
        ("tag", "tier gold", True, "tag backup-tier = gold"),
        ("defaults[0]", "", False, "it has no tag env"),
        ("defaults[1]", "tier bronze", False, "tag comes before it"),
    ]


@pytest.mark.parametrize(
    ("tags", "winner"),
    [(EXEMPT, "exempt"), ({"backup-tier": "gold"}, "tag"), ({"env": "X"}, "defaults[0]"), ({}, "defaults[1]")],
)
def test_the_winner_is_the_intent(tags: dict[str, str], winner: str):
    """The candidate that won gives the intent's reason; where no rule fits, none won."""
    candidates = weigh(tags, BY_DEFAULT, NOW, server().id)
    assert [(one.rule, one.why) for one in candidates if one.is_winner] == [(winner, read(tags, BY_DEFAULT).reason)]
    assert not any(one.is_winner for one in weigh({"backup-tier": "glod"}, RULES, NOW, server().id))


hostile = st.sampled_from(("x" * 5000, "\u202e" * 100, "\U000e0041" * 500, "\x1b[31m" * 40, "a\nb" * 100, "ß" * 300))
days = st.datetimes().map(lambda day: day.date().isoformat())
moments = st.datetimes(timezones=st.just(UTC) | st.timezones()).map(lambda moment: moment.isoformat("T", "minutes"))
words = st.text(max_size=20) | hostile | st.sampled_from(("gold", "none", "Bronze ")) | days | moments
tag_names = st.sampled_from(("backup-tier", "BACKUP-TIER", "backup-exempt-until", "backup-exempt-reason")) | st.text()


@given(st.dictionaries(tag_names, words), st.sampled_from((RULES, BY_DEFAULT)))
def test_any_tags_give_one_intent_in_few_plain_words(tags: dict[str, str], rules: Rules):
    """Any tags give exactly one intent; what it says is short and shows no control or bidi character."""
    answer = read(tags, rules)
    assert isinstance(answer, Protect | LeaveAlone | NotAsked | Mistake)
    for said in (answer.reason, *answer.notes):
        assert len(said) <= LONGEST
        assert said.isprintable()
    assert len([one for one in weigh(tags, rules, NOW, server().id) if one.is_winner]) <= 1


@given(words)
def test_only_a_tier_protects(value: str):
    """A value that is not the name of a tier never gives protection by itself, and never keeps a default away."""
    is_tier = value.strip().casefold() in RULES.tiers
    assert isinstance(read({"backup-tier": value}), Protect) == is_tier
    assert isinstance(read({"backup-tier": value}, BY_DEFAULT), Protect)
