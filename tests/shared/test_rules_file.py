"""The rules file: the shipped one loads, and a wrong one names everything that is wrong, where, and what is valid."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared import rules_file
from shared.core.rules import Span
from shared.rules_file import BadRules, parse
from tests.core.samples import SERVER, VAULT

SHIPPED = Path(rules_file.__file__).parent.parent / "rules.yaml"
GOOD = f"""\
mode: protect
vaults:
  - {{id: {VAULT}, tiers: [gold]}}
tiers:
  gold:
    backup: {{days: [sunday], at: "01:30", time_zone: Europe/Berlin}}
    keep: {{default: 35 days, yearly: 10 years}}
"""


def complaints(text: str) -> list[tuple[int, int, str]]:
    """Everything that is wrong with a text, in order."""
    with pytest.raises(BadRules) as caught:
        parse(text)
    return [(problem.line, problem.column, problem.message) for problem in caught.value.problems]


def test_the_shipped_file_loads():
    """The rules file in the repository is valid, writes nothing, and has the three tiers of the documentation."""
    rules = rules_file.load(SHIPPED)
    assert (rules.mode, list(rules.tiers), rules.tag) == ("observe", ["gold", "silver", "bronze"], "backup-tier")
    assert rules.tiers["gold"].keep.yearly == Span(10, "year")
    assert rules.tiers["bronze"].first_backup == "schedule"


def test_what_is_left_out_has_its_default():
    """A short file is enough; everything else has the documented default."""
    rules = parse(GOOD)
    assert (rules.exempt.value, rules.owner_tag, rules.roles.grant) == ("none", "backup-owner", "server")
    gold = rules.tiers["gold"]
    assert (gold.first_backup, gold.keep.weekly, gold.max_age) == ("at_once", None, Span(8, "day"))
    assert gold.backup.time_zone.windows == "W. Europe Standard Time"


def test_everything_wrong_is_said_at_once():
    """All mistakes of a file come in one answer, each with its line, column, value and what is valid."""
    text = """\
mode: protekt
vaultz: []
vaults:
  - {id: 7, tiers: gold}
tiers:
  gold:
    backup: {days: [sonday], at: 90, time_zone: Berlin}
    keep: {weekly: 12}
    first_backup: later
roles: {grant: everybody}
"""
    found = complaints(text)
    assert [(line, column) for line, column, _ in found] == [
        (1, 7), (2, 1), (4, 10), (4, 20), (7, 21), (7, 34), (7, 49), (8, 11), (8, 20), (9, 19), (10, 16),
    ]  # fmt: skip
    said = [message for _, _, message in found]
    for words, message in zip(
        [
            ["mode is 'protekt'", "observe, protect", "did you mean protect?"],
            ["vaultz is not known", "valid: mode, vaults", "did you mean vaults?"],
            ["vaults[0].id is '7'", "the ARM id of a Backup vault"],
            ["vaults[0].tiers must be a list", "[a, b]"],
            ["tiers.gold.backup.days[0] is 'sonday'", "monday", "did you mean sunday?"],
            ["tiers.gold.backup.at is '90'", '"01:30"'],
            ["tiers.gold.backup.time_zone is 'Berlin'", "Europe/Berlin"],
            ["tiers.gold.keep.default is missing"],
            ["tiers.gold.keep.weekly is '12'", "12 weeks"],
            ["tiers.gold.first_backup is 'later'", "at_once, schedule"],
            ["roles.grant is 'everybody'", "server, resource_group, predeployed"],
        ],
        said,
        strict=True,
    ):
        assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        (VAULT, SERVER, 3, "valid is the ARM id of a Backup vault"),
        (VAULT, "bv-one", 3, "vaults[0].id is 'bv-one'"),
        ("[gold]", "[glod]", 3, "'glod', which is no tier; valid: gold; did you mean gold?"),
        ("[sunday]", "[]", 6, "days is empty"),
        ("35 days", "6 days", 7, "keep.default is '6 days'; valid is 7 days to 10 years"),
        ("10 years", "11 years", 7, "keep.yearly is '11 years'"),
        ("10 years", "9999 weeks", 7, "keep.yearly is '9999 weeks'"),
        ("gold", "none", 5, "tier 'none' has the name of the exemption value"),
        ("[sunday]", "[sunday, Sunday]", 6, "sunday twice"),
    ],
)
def test_what_the_types_cannot_say(old: str, new: str, line: int, words: str):
    """Ids, names and limits are checked when everything has its type; each complaint names its place."""
    found = complaints(GOOD.replace(old, new))
    assert [place for place, _, message in found if words in message] == [line], found


def test_two_tiers_of_one_name():
    """Tiers whose names differ in casing alone are one name on a tag, so the second is refused."""
    text = GOOD + GOOD.partition("tiers:\n")[2].replace("gold", "GOLD")
    assert [message for _, _, message in complaints(text)] == ["tier 'GOLD' has the name of tier 'gold'"]


@pytest.mark.parametrize("span", ["7 days", "10 years", "1 week", "120 months", "3660 days"])
def test_the_limits_are_admitted(span: str):
    """The shortest and the longest retention that the service knows are valid."""
    assert parse(GOOD.replace("35 days", span)).tiers["gold"].keep.default == Span.parse(span)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", (1, 1), "is empty"),
        ("# nothing\n", (1, 1), "is empty"),
        ("just words", (1, 1), "the file must be a mapping"),
        ("- a\n- b", (1, 1), "the file must be a mapping"),
        ("mode: [protect", (1, 15), "is not YAML"),
        ("mode: protect\n\tvaults: []", (2, 1), "is not YAML"),
        ("a: 1\n--- \nb: 2", (2, 1), "is not YAML"),
        (GOOD + "mode: observe\n", (8, 1), "mode stands here twice"),
        (GOOD.replace("tiers:\n", "tiers: {}\nowner_tag: x\nx:\n"), (6, 1), "x is not known"),
        ("? [a, b]\n: c\n", (1, 3), "a name must be one word"),
        ("? {a: b}\n: c\n", (1, 3), "a name must be one word"),
        ('mode: "\\UFFFFFFFF"', (1, 1), "is not YAML"),
        ("[" * 5000, (1, 1), "is not YAML"),
        ("mode: \x00", (1, 1), "is not YAML"),
        ("mode: *nobody", (1, 7), "is not YAML"),
    ],
)
def test_what_is_no_rules_file(text: str, place: tuple[int, int], words: str):
    """A text that is no YAML, no mapping, or says a thing twice is refused at its place."""
    assert any((line, column) == place and words in said for line, column, said in complaints(text)), complaints(text)


def test_anchors_are_read_and_loops_end():
    """An anchor may stand for its value; one that holds itself is a complaint, not an endless walk."""
    shared = GOOD.replace("keep: {", "keep: &kept {") + GOOD.partition("tiers:\n")[2].replace("gold", "silver")
    shared = shared.replace("keep: {default: 35 days, yearly: 10 years}", "keep: *kept")
    rules = parse(shared)
    assert rules.tiers["silver"].keep == rules.tiers["gold"].keep
    assert complaints("mode: &loop [*loop]")
    assert complaints("&loop\nmode: *loop\n<<: *loop\n")


def test_a_file_that_cannot_be_read(tmp_path: Path):
    """A missing file, a folder, and bytes that are no UTF-8 are each one complaint that names the file."""
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, words in ((tmp_path / "no.yaml", "No such file"), (tmp_path, "directory"), (binary, "not UTF-8")):
        with pytest.raises(BadRules, match=f"{path.name}:1:1: cannot be read: .*{words}"):
            rules_file.load(path)


def refusal(text: str) -> BadRules | None:
    try:
        parse(text)
    except BadRules as bad:
        return bad
    return None


lines = st.sampled_from(GOOD.splitlines()) | st.text("abc: -[]{}\"'&*!|>%#?,\n\t~<0", max_size=20) | st.text(max_size=9)


@given(st.lists(lines, max_size=9).map("\n".join))
@example("!!python/object/apply:os.system [ls]")
@example("%YAML " + "9" * 5000 + ".1\n---\nx")
@example("&a [" * 300)
def test_no_text_raises_anything_else(text: str):
    """Any text is rules, or BadRules with at least one problem whose place is in a text."""
    if said := refusal(text):
        assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in said.problems)
        assert said.problems
