"""Which rule decides for which servers, and what looks like a slip."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from samples import BRONZE, GOLD, NOW, RULES, SERVER, VAULT

from shared.core import resource_id
from shared.core.coverage import Subject, coverage
from shared.core.matching import fold, value_of
from shared.core.rules import Default, Override, Rules, VaultRule

UNTIL = (NOW + timedelta(days=30)).date().isoformat()
FULL = replace(
    RULES,
    tiers={"gold": GOLD, "bronze": BRONZE, "unused": BRONZE},
    defaults=(Default("bronze", groups=("rg-prod*",)), Default("gold", groups=("rg-none",))),
    overrides=(Override("observe", tags={"ring": "late"}), Override("protect", groups=("rg-none",))),
)


def subject(name, tags, group="rg-data", *, is_protected=None):
    """A server in a group, with tags."""
    text = SERVER.replace("pg-orders", name).replace("rg-data", group)
    return Subject(resource_id.parse(text), tags, is_protected)


def used(found):
    """What was counted for each rule: (matching, protected, not protected, unknown)."""
    return {use.rule: (use.matching, use.protected, use.not_protected, use.unknown) for use in found.uses}


def names(ids):
    """The last part of ids."""
    return [one.rsplit("/", 1)[-1] for one in ids]


def test_every_rule_is_counted():
    """A tag, a default, an exemption and an override each count the servers that they decide for."""
    found = coverage(
        [
            subject("a", {"backup-tier": "gold"}, is_protected=True),
            subject("b", {"Backup-Tier": " GOLD "}, is_protected=False),
            subject("c", {"backup-tier": "gold", "ring": "late"}),
            subject("d", {}, "rg-prod-shop", is_protected=True),
            subject("e", {"backup-tier": "none", "backup-exempt-until": UNTIL, "backup-exempt-reason": "test"}),
            subject("f", {}),
        ],
        NOW,
        FULL,
    )
    assert found.servers == 6
    assert used(found) == {
        "tiers.gold": (3, 1, 1, 1),
        "tiers.bronze": (0, 0, 0, 0),
        "tiers.unused": (0, 0, 0, 0),
        "exempt": (1, 0, 0, 1),
        "defaults[0]": (1, 1, 0, 0),
        "defaults[1]": (0, 0, 0, 0),
        "overrides[0]": (1, 0, 0, 1),
        "overrides[1]": (0, 0, 0, 0),
    }
    assert found.idle == ("tiers.bronze", "tiers.unused", "defaults[1]", "overrides[1]")
    assert (found.slips, found.mismatches) == ((), ())


def test_slips_have_the_nearest_word_and_the_servers():
    """An unknown value and a misspelt name are found, with what was meant, grouped, also where a default decides."""
    found = coverage(
        [
            subject("b", {"backup-tier": "gould"}),
            subject("a", {"backup-tier": "gould"}),
            subject("c", {"backup-tier": "xyz"}, "rg-prod-shop"),
            subject("d", {"bakcup-tier": "gold"}),
            subject("e", {"backup-owner": "gold", "tier": "web"}),
        ],
        NOW,
        FULL,
    )
    seen = [(slip.tag, slip.value, slip.nearest, names(slip.servers)) for slip in found.slips]
    assert seen == [
        ("backup-tier", "gould", "gold", ["a", "b"]),
        ("backup-tier", "xyz", "", ["c"]),
        ("bakcup-tier", "gold", "backup-tier", ["d"]),
    ]
    assert used(found)["defaults[0]"] == (1, 0, 0, 1)
    assert found.mismatches == ()
    assert found.has_findings


def test_what_a_stranger_wrote_is_shown_harmless():
    """A tag value is cut and stripped of control characters before anybody sees it."""
    (slip,) = coverage([subject("a", {"backup-tier": "gold\x1b[2J" + "!" * 300})], NOW, FULL).slips
    assert "\x1b" not in slip.value
    assert len(slip.value) < 100


def test_tags_that_cannot_be_followed_are_named():
    """An exemption that has ended and a tag in two casings are findings, with the servers."""
    found = coverage(
        [
            subject("a", {"backup-tier": "none", "backup-exempt-until": "2020-01-01", "backup-exempt-reason": "x"}),
            subject("b", {"backup-tier": "gold", "Backup-Tier": "bronze"}),
        ],
        NOW,
        FULL,
    )
    assert sorted(names(one.servers) for one in found.mismatches) == [["a"], ["b"]]
    assert used(found)["exempt"][0] == 0
    assert used(found)["tiers.gold"][0] == 1


def test_nothing_to_say_about_an_estate_that_fits():
    """Rules that are all used, and tags that all fit, are no finding."""
    small = Rules(mode="protect", vaults=(VaultRule(VAULT),), tiers={"gold": GOLD})
    until = {"backup-exempt-until": UNTIL, "backup-exempt-reason": "a test"}
    tagged = subject("a", {"backup-tier": "gold"})
    assert not coverage([tagged, subject("b", {"backup-tier": "none"} | until)], NOW, small).has_findings
    assert not coverage([tagged], NOW, small).has_findings
    assert coverage([], NOW, small).idle == ("tiers.gold",)


TAGS = st.dictionaries(
    st.sampled_from(["backup-tier", "Backup-Tier", "ring", "owner"]),
    st.sampled_from(["gold", "GOLD ", "bronze", "none", "gould", "late", ""]),
)


@given(TAGS, st.sampled_from(["rg-prod-a", "rg-data"]), st.sampled_from([True, False, None]))
def test_one_rule_decides_and_no_word_is_lost(tags, group, is_protected):
    """Of tiers, exemption and defaults at most one decides for a server; a value that is no word is always a slip."""
    found = coverage([subject("a", tags, group, is_protected=is_protected)], NOW, FULL)
    assert sum(use.matching for use in found.uses if not use.rule.startswith("overrides")) <= 1
    assert all(use.matching == use.protected + use.not_protected + use.unknown for use in found.uses)
    value, _ = value_of(tags, "backup-tier")
    is_word = value is None or fold(value) in {*FULL.tiers, "none"}
    assert bool(found.slips) != is_word
