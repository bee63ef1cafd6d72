"""Intent: what the tags of a server ask for. Unknown is never off, and never on either."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.intent import LeaveAlone, Mistake, NotAsked, Protect, read_intent
from tests.core.samples import GOLD, RULES

LONGEST = 300  # of anything that is said about a tag


@pytest.mark.parametrize("name", ["backup-tier", "BACKUP-TIER", " Backup-Tier "])
@pytest.mark.parametrize("value", ["gold", "Gold", " GOLD ", "gold\n", "\tgOLD\u00a0"])
def test_case_and_blanks_do_not_matter(name: str, value: str):
    """A tier is asked for in any casing, with any blanks around it."""
    assert read_intent({name: value}, RULES) == Protect("gold", GOLD, f"tag backup-tier = {value.strip()}")


@pytest.mark.parametrize("tags", [{}, {"backup": "gold"}, {"backup-owner": "x"}, {"backup-tier2": "gold"}])
def test_without_the_tag_nobody_asked(tags: dict[str, str]):
    """A server without the tag is not asked for, whatever other tags say."""
    answer = read_intent(tags, RULES)
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
    """What is no tier is a mistake with the nearest valid word and the whole list of them."""
    answer = read_intent({"backup-tier": value}, RULES)
    assert isinstance(answer, Mistake)
    assert answer.nearest == nearest
    assert ("did you mean" in answer.reason) == bool(nearest)
    assert answer.fix == "set the tag to one of: gold, bronze, none"


def test_an_exemption_says_until_when_and_why():
    """The exemption value keeps a server out; the tags beside it are repeated."""
    assert read_intent({"backup-tier": "NONE"}, RULES).reason == "exempt by tag"
    tags = {"Backup-Tier": "none", "backup-exempt-until": "2027-01-01", "BACKUP-EXEMPT-REASON": "load test"}
    assert read_intent(tags, RULES) == LeaveAlone("exempt by tag until 2027-01-01: load test")


@pytest.mark.parametrize("tier", ["gold", "none", "glod", None])
def test_the_owner_is_read_whatever_is_asked(tier: str | None):
    """Every intent carries the owner that the tags name."""
    tags = {"Backup-Owner": " team-orders ", **({"backup-tier": tier} if tier else {})}
    assert read_intent(tags, RULES).owner == "team-orders"


hostile = st.sampled_from(("x" * 5000, "\u202e" * 100, "\U000e0041" * 500, "\x1b[31m" * 40, "a\nb" * 100, "ß" * 300))
words = st.text(max_size=20) | hostile | st.sampled_from(("gold", "none", "Bronze "))
tag_names = st.sampled_from(("backup-tier", "BACKUP-TIER", "backup-exempt-until", "backup-exempt-reason")) | st.text()


@given(st.dictionaries(tag_names, words))
def test_any_tags_give_one_intent_in_few_plain_words(tags: dict[str, str]):
    """Any tags give exactly one intent; what it says is short and shows no control or bidi character."""
    answer = read_intent(tags, RULES)
    assert isinstance(answer, Protect | LeaveAlone | NotAsked | Mistake)
    assert len(answer.reason) <= LONGEST
    assert answer.reason.isprintable()


@given(words)
def test_only_a_tier_protects(value: str):
    """A value that is not the name of a tier never gives protection."""
    answer = read_intent({"backup-tier": value}, RULES)
    assert isinstance(answer, Protect) == (value.strip().casefold() in RULES.tiers)
