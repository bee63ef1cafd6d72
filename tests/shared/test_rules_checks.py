"""What the rules file may not say, or says and probably does not mean: each at its place, with who says so."""

import pytest

from shared.core.limits import COMMAND_LINE, SUPPORT_MATRIX
from shared.rules_file import BadRules, Problem, read
from tests.core.samples import OTHER_VAULT, VAULT

GOOD = f"""\
mode: protect
vaults:
  - {{id: {VAULT}, tiers: [gold]}}
tiers:
  gold:
    backup: {{days: [sunday], at: "01:30", time_zone: Europe/Berlin}}
    keep: {{default: 35 days, yearly: 10 years}}
"""
CUSTOM = "custom: [{name: Quarters, keep: 2 years, priority: 12, months: [january], first_of: month}]"
WITH_CUSTOM = GOOD.replace("yearly: 10 years", f"yearly: 10 years, {CUSTOM}")
GUID = "11111111-0000-4000-8000-000000000001"


def errors(text: str) -> list[Problem]:
    """Everything that is wrong with a text, in order."""
    with pytest.raises(BadRules) as caught:
        read(text)
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        # keys that go together
        (f"id: {VAULT}, ", "", 3, "vaults[0] needs exactly one of id, tag"),
        (f"id: {VAULT}", f"id: {VAULT}, tag: {{a: b}}", 3, "vaults[0] needs exactly one of id, tag"),
        ("tiers: [gold]", "tiers: [gold], tag: {}", 3, "vaults[0].tag is empty; valid is at least one"),
        ("mode: protect", "overrides: [{mode: protect}]\nmode: observe", 1, "needs at least one of subscriptions"),
        ("mode: protect", "defaults: [{tier: gold}]\nmode: observe", 1, "defaults[0] needs at least one of"),
        ("mode: protect", "defaults: [{tier: gold, groups: []}]\nmode: observe", 1, "groups is empty"),
        # names
        ("gold:", "g/old:", 5, "a name in tiers is 'g/old'; valid is up to 100 letters"),
        ("gold", "none", 5, "tier 'none' has the name of the exemption value"),
        ("[gold]", "[glod]", 3, "vaults[0].tiers[0] is 'glod', which is no tier; valid: gold; did you mean gold?"),
        ("[gold]", "[GOLD]", 3, "did you mean gold?"),
        ("[gold]", "[gold, gold]", 3, "vaults[0].tiers has gold twice"),
        ("mode: protect", "tag: a<b\nmode: protect", 1, "tag is 'a<b'; valid is up to 512 characters, none of <>%&"),
        ("mode: protect", "tag: Backup-Owner\nmode: protect", 1, "tag is 'Backup-Owner', which is also owner_tag"),
        ("mode: protect", "exempt: {until_tag: t, reason_tag: T}\nmode: protect", 1, "which is also exempt.until_tag"),
        ("mode: protect", f"defaults: [{{tier: glod, subscriptions: [{GUID}]}}]\nmode: protect", 1, "[0].tier is"),
        ("mode: protect", f"defaults: [{{tier: none, subscriptions: [{GUID}]}}]\nmode: protect", 1, "which is no tier"),
        ("mode: protect", "stamp: {'a/b': c}\nmode: protect", 1, "a name in stamp is 'a/b'"),
        # places
        ("mode: protect", f"overrides: [{{mode: protect, subscriptions: [/subscriptions/{GUID}]}}]\nmode: observe", 1,
         "valid is the GUID of a subscription"),
        ("    backup", f"    backup: 1\n  x: {OTHER_VAULT}\n  y:\n    backup", 6, "gold.backup must be a mapping"),
        ("Europe/Berlin", "W. Europe Standard Time", 6, "for this Windows name write Europe/Berlin"),
        ("Europe/Berlin", "Europe/Berlni", 6, "did you mean Europe/Berlin?"),
        ("Europe/Berlin", '""', 6, "valid is an IANA time zone"),
        # numbers and lengths
        ("mode: protect", "brake: {share_percent: 101}\nmode: protect", 1, "is '101'; valid is 0 to 100"),
        ("mode: protect", "brake: {servers: -1}\nmode: protect", 1, "brake.servers is '-1'; valid is 0 or more"),
        ("mode: protect", "brake: {servers: many}\nmode: protect", 1, "servers is 'many'; valid is a whole number"),
        ("mode: protect", 'brake: {servers: "9"}\nmode: protect', 1, "brake.servers is '9'; valid is a whole number"),
        ("tiers: [gold]", "tiers: [gold], most: 0", 3, "vaults[0].most is '0'; valid is 1 or more"),
        ("at: ", "spread: 24h, at: ", 6, "spread is '24h'; valid is 1h to 23h"),
        ("at: ", "spread: 1 day, at: ", 6, "spread is '1 day'; valid is 1h to 23h"),
        ("35 days", "168 hours", 7, "valid is 7 days to 10 years, in days, weeks, months or years"),
        ("mode: protect", "exempt: {longest: 11 years}\nmode: protect", 1, "exempt.longest is '11 years'"),
    ],
)  # fmt: skip
def test_errors(old: str, new: str, line: int, words: str):
    """What cannot be used is refused at its line, with its value and what is valid."""
    found = errors(GOOD.replace(old, new, 1) if new != "none" else GOOD.replace(old, new))
    assert [problem.line for problem in found if words in problem.message] == [line], found


@pytest.mark.parametrize(
    ("old", "new", "words", "source"),
    [
        ("priority: 12", "priority: 10", "custom[0].priority is 10, which is that of yearly", COMMAND_LINE),
        ("priority: 12", "priority: 99", "priority is '99'; valid is 1 to 98", COMMAND_LINE),
        ("priority: 12", "priority: 0", "priority is '0'; valid is 1 to 98", COMMAND_LINE),
        ("Quarters", "wEEKLY", "name is 'wEEKLY', which is the name of another rule", ""),
        ("Quarters", "a b", "name is 'a b'; valid is 3 to 150 letters, digits and hyphens", ""),
        (", months: [january], first_of: month", "", "needs at least one of first_of, days, weeks, months", ""),
        ("months: [january]", "dates: [29]", "dates[0] is '29'; valid: 1, 2, 3", ""),
        ("months: [january]", "dates: [0]", "dates[0] is '0'; valid: 1, 2, 3", ""),
        ("2 years", "6 days", "custom[0].keep is '6 days'", SUPPORT_MATRIX),
        ("2 years", "24 hours", "custom[0].keep is '24 hours'", SUPPORT_MATRIX),
    ],
)
def test_errors_of_custom_rules(old: str, new: str, words: str, source: str):
    """Names and priorities of one's own rules are their own, and each has something to fit."""
    found = [problem for problem in errors(WITH_CUSTOM.replace(old, new)) if words in problem.message]
    assert [(problem.line, problem.source) for problem in found] == [(7, source)]


def test_priorities_of_absent_rules_are_free():
    """The priorities of weekly and monthly may be taken where the tier has no such rule."""
    assert read(WITH_CUSTOM.replace("priority: 12", "priority: 15"))[1] == []


def test_one_vault_twice():
    """A vault stands in the file once, whatever the casing of its id; so does a tag."""
    twice = GOOD.replace("vaults:\n", f"vaults:\n  - {{id: {VAULT.upper()}}}\n")
    assert [problem.message for problem in errors(twice)] == [
        "vaults[1] is the same vault as vaults[0]; name it once with all its tiers"
    ]
    tags = "vaults:\n  - {tag: {use: Backup}}\n  - {tag: {USE: backup}}\n"
    assert len(errors(GOOD.replace("vaults:\n", tags))) == 1


def test_what_is_unreadable_hides_nothing():
    """A value that cannot be read does not keep the rest from being checked."""
    text = GOOD.replace("mode: protect", "mode: on").replace("[gold]", "[glod]").replace("35 days", "soon")
    text += "  silver: {backup: 7}\n  Gold: {}\ntag: backup-owner\n"
    assert [(problem.line, problem.message.split()[0]) for problem in errors(text)] == [
        (1, "mode"), (3, "vaults[0].tiers[0]"), (7, "tiers.gold.keep.default"), (8, "tiers.silver.keep"),
        (8, "tiers.silver.backup"), (9, "tier"), (9, "tiers.Gold.backup"), (9, "tiers.Gold.keep"), (10, "tag"),
    ]  # fmt: skip


SHORTER = "what fits both is kept shorter"


@pytest.mark.parametrize(
    ("old", "new", "place", "words", "source"),
    [
        ("[sunday]", "[sunday, monday]", (6, 14), "has 2 days; only the first backup of a week", SUPPORT_MATRIX),
        ("    keep", "    max_age: 7 days\n    keep", (7, 14), "max_age is 7 days; a weekly schedule", SUPPORT_MATRIX),
        ("    keep", "    max_age: 1 week\n    keep", (7, 14), "max_age is 1 week", SUPPORT_MATRIX),
        ("10 years", "1 year, monthly: 24 months", (7, 38), "yearly keeps 1 year and decides before monthly", ""),
        ("10 years", "1 year, monthly: 13 months", (7, 38), SHORTER, ""),
        ("10 years", "10 years, weekly: 30 days", (7, 56), "weekly keeps 30 days and decides before default", ""),
    ],
)  # fmt: skip
def test_warnings(old: str, new: str, place: tuple[int, int], words: str, source: str):
    """What is valid and probably not meant is said at its place, and the rules are usable."""
    rules, found = read(GOOD.replace(old, new, 1))
    assert rules.mode == "protect"
    assert [(problem.line, problem.column, problem.source) for problem in found] == [(*place, source)], found
    assert words in found[0].message


def test_a_tier_without_a_vault():
    """A tier that no vault serves can protect nobody, and that is told."""
    silver = '  silver: {backup: {days: [sunday], at: "01:30"}, keep: {default: 35 days}}\n'
    told = [(problem.line, problem.message) for problem in read(GOOD + silver)[1]]
    assert told == [(8, "tier 'silver' is served by no vault")]
    assert read((GOOD + silver).replace(", tiers: [gold]", ""))[1] == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("months: [january]", "days: [monday, tuesday]", "days is monday, tuesday; there are backups on sunday alone"),
        ("months: [january]", 'at: ["02:00"]', "at is 02:00; there are backups at 01:30 alone"),
        (
            "months: [january]",
            "dates: [1, 2], weeks: [second, last]",
            "dates 1, 2, none of which is in the second, last",
        ),
        ("2 years", "30 days", "Quarters keeps 30 days and decides before default, which keeps 35 days"),
        ("{name", "{name: May, keep: 20 weeks, priority: 11, months: [may]}, {name", ""),
        (
            "{name",
            "{name: Short, keep: 20 weeks, priority: 11, weeks: [last]}, {name",
            "Short keeps 20 weeks and decides",
        ),
    ],
)
def test_warnings_of_custom_rules(old: str, new: str, words: str):
    """A rule of one's own that no backup can fit, or that keeps shorter than what it takes from, is told."""
    _, found = read(WITH_CUSTOM.replace(old, new))
    assert [words in problem.message for problem in found] == [True] * bool(words), found


@pytest.mark.parametrize(
    "new",
    [
        "days: [sunday]", 'at: ["01:30", "05:00"]', "dates: [28, last], weeks: [last]", "dates: [1], weeks: [first]",
        "months: [january], first_of: year", "first_of: every",
    ],
)  # fmt: skip
def test_what_may_fit_is_no_warning(new: str):
    """Criteria that some backup of the schedule can meet are in order."""
    assert read(WITH_CUSTOM.replace("months: [january], first_of: month", new))[1] == []


@pytest.mark.parametrize("span", ["1 year", "12 months"])
def test_equal_lengths_are_no_warning(span: str):
    """Twelve months are a year, so neither before the other is shorter."""
    assert read(GOOD.replace("10 years", f"{span}, monthly: 12 months"))[1] == []
    assert read(GOOD.replace("10 years", f"{span}, monthly: 1 year"))[1] == []


def test_rules_after_an_equal_one():
    """An override or default that fits the same servers as one before it never decides, and that is told."""
    text = GOOD + "overrides:\n  - {mode: observe, groups: [rg-*]}\n  - {groups: [RG-*], mode: protect}\n"
    assert [(problem.line, problem.message) for problem in read(text)[1]] == [
        (10, "overrides[1] fits the same servers as overrides[0], which decides")
    ]
