"""Matching: whether a rule fits a server by subscription, group and tags, in any casing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.matching import fits, fold, misfit, mode_for, shortened, value_of
from shared.core.rules import Default
from tests.core.samples import RULES, SUBSCRIPTION, server

ID = server().id  # in group rg-data
OTHER = SUBSCRIPTION.replace("1", "2")


@pytest.mark.parametrize(
    ("subscriptions", "groups", "tags", "why"),
    [
        ((), (), {}, ""),
        ((SUBSCRIPTION.upper(),), (), {}, ""),
        ((OTHER, SUBSCRIPTION), (), {}, ""),
        ((OTHER,), (), {}, f"subscription {SUBSCRIPTION} is not listed"),
        ((), ("RG-DATA",), {}, ""),
        ((), ("rg-*",), {}, ""),
        ((), ("rg-dat?",), {}, ""),
        ((), ("*",), {}, ""),
        ((), ("rg-?",), {}, "resource group rg-data fits none of rg-?"),
        ((), ("rg", "data"), {}, "resource group rg-data fits none of rg, data"),
        ((), ("rg-[d]ata",), {}, "resource group rg-data fits none of rg-[d]ata"),
        ((), (), {"Ring": "1"}, ""),
        ((), (), {"ring": "*", "env": "Prod*"}, ""),
        ((), (), {"env": "production  [EU]"}, ""),
        ((), (), {"ring": "2"}, "tag ring = '1' does not fit 2"),
        ((), (), {"ring": "1", "team": "*"}, "it has no tag team"),
        ((SUBSCRIPTION,), ("rg-*",), {"ring": "2"}, "tag ring = '1' does not fit 2"),
    ],
)
def test_everything_that_is_given_must_fit(
    subscriptions: tuple[str, ...], groups: tuple[str, ...], tags: dict[str, str], why: str
):
    """Subscription, group and every tag must fit; patterns know * and ? and nothing else."""
    carried = {"RING": "1", "env": " Production [eu] "}
    assert misfit(ID, carried, Default("gold", subscriptions, groups, tags)) == why
    assert fits(ID, carried, subscriptions, groups, tags) == (not why)


@pytest.mark.parametrize(
    ("tags", "value", "is_noted"),
    [
        ({}, None, False),
        ({"Backup-Tier": " gold "}, "gold", False),
        ({"Backup-Tier": "gold", "backup-tier": "GOLD"}, "GOLD", False),
        ({"BACKUP-TIER": "gold", "backup-tier": "none"}, "none", True),
        ({"backup-tier": "none", "BACKUP-TIER": "gold"}, "none", True),
        ({"Backup-tier": "b", "BACKUP-TIER": "a"}, "a", True),
        ({"zackup-tier": "b", " backup-tier": "a", "Backup-Tier ": "c"}, "a", True),
    ],
)
def test_one_tag_in_two_casings(tags: dict[str, str], value: str | None, is_noted: bool):
    """The exact spelling of the rules counts, else the first in sorted order; two values are noted, one is not."""
    found, note = value_of(tags, "backup-tier")
    assert (found, bool(note)) == (value, is_noted)
    if is_noted:
        assert note.startswith("one tag in two casings, ")
        assert note.count(" = ") == 2


@given(st.dictionaries(st.sampled_from(("a", "A", "á", " a", "b")), st.text(max_size=5)), st.randoms())
def test_the_order_of_tags_does_not_matter(tags: dict[str, str], chance):
    """The same tags in any order have the same value and the same note."""
    shuffled = list(tags.items())
    chance.shuffle(shuffled)
    assert value_of(dict(shuffled), "a") == value_of(tags, "a")


@given(st.text(max_size=300))
def test_what_is_shown_is_short_and_plain(text: str):
    """What is shown of a stranger's words is short and printable, and folding twice is folding once."""
    assert len(shortened(text)) <= 81
    assert shortened(text).isprintable()
    assert fold(fold(text)) == fold(text)


def test_without_overrides_the_file_decides():
    """Where no override fits, the mode is the file's, and that is said."""
    assert mode_for(RULES, ID, {}) == ("protect", "mode")
