"""`flexguard retention`: what a tier or a policy keeps, judged histories, pictures, and what it complains of."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from shared.core.policy import render
from tests.core.samples import GOLD
from tests.tidy.tree import ROOT

RULES = str(ROOT / "rules.yaml")
PICTURE = ROOT / "docs" / "pictures" / "retention-gold.svg"
HISTORY = [
    {"time": "2027-01-03T00:30:00Z", "kind": "scheduled", "status": "Failed", "override": None},
    {"time": "2027-01-05T12:00:00Z", "kind": "on_demand", "status": "Completed", "override": "Monthly"},
    {"time": "2027-01-10T01:30:00+01:00", "kind": "scheduled", "status": "Completed"},
    {"time": "2027-01-12T12:00:00Z", "kind": "OnDemand", "status": "Completed", "override": None},
    {"time": "2027-01-17T00:30:00", "kind": "Scheduled", "status": "completed with warnings", "override": ""},
]


@pytest.fixture
def file(tmp_path):
    """Write a file of JSON, or of text; its path."""

    def write(content, name="file.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    return write


def test_gold_over_ten_years(flexguard):
    """A row per rule, with what it keeps, how many points it gets and how many there are at any time."""
    ran = flexguard("retention", "gold", "--rules", RULES, "--start", "2027-01-01")
    assert (ran.code, ran.err) == (0, "")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert "Yearly 10 years 10 9 to 11 2027-01-03 2036-01-06" in lines
    assert "Default 35 days 0 0" in lines
    assert "522 backups, 29 to 32 recovery points kept at any time." in lines


def test_gold_as_json(flexguard):
    """--json gives every point with its tag, its expiry, the rule and those that had to yield."""
    ran = flexguard("retention", "GOLD", "--rules", RULES, "--start", "2027-01-01", "--years", "1", "--json")
    told = json.loads(ran.out)
    assert (told["subject"], told["start"], told["end"]) == ("gold", "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z")
    assert len(told["points"]) == 52
    assert told["points"][0] == {
        "time": "2027-01-03T00:30:00Z", "tag": "Yearly", "expiry": "2037-01-03T00:30:00Z", "rule": "Yearly",
        "lost": ["Monthly", "Weekly", "Default"],
    }  # fmt: skip
    assert told["kept_at_any_time"]["least"] == 29


@pytest.mark.parametrize("whole", [True, False], ids=["the resource", "its properties"])
def test_a_history_is_judged_under_any_policy(flexguard, file, whole):
    """Each success is a point; what failed is none, and the next is the first of the year in its place."""
    body = render(GOLD, "Microsoft.DBforPostgreSQL/flexibleServers")
    policy = file(body | {"name": "by-hand"} if whole else body["properties"], "policy.json")
    ran = flexguard("retention", "--policy", policy, "--backups", file(HISTORY), "--json")
    assert (ran.code, ran.err) == (0, "")
    assert [(point["time"], point["tag"], point["expiry"], point["rule"]) for point in json.loads(ran.out)] == [
        ("2027-01-05T12:00:00Z", "Monthly", "2028-01-05T12:00:00Z", "Monthly"),
        ("2027-01-10T00:30:00Z", "Yearly", "2037-01-10T00:30:00Z", "Yearly"),
        ("2027-01-12T12:00:00Z", "default", "2027-02-16T12:00:00Z", "Default"),
        ("2027-01-17T00:30:00Z", "Weekly", "2027-04-11T00:30:00Z", "Weekly"),
    ]


def test_a_history_as_a_table(flexguard, file):
    """People get the same as a table, and a tier judges as its policy does."""
    ran = flexguard("retention", "gold", "--rules", RULES, "--backups", file({"backups": HISTORY}))
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert "2027-01-10T00:30:00Z Yearly 2037-01-10T00:30:00Z Yearly Monthly, Weekly, Default" in lines


def test_a_change_of_tier(flexguard):
    """--instead-of says that nothing happens to the points that there are, and whether new ones are kept shorter."""
    down = flexguard("retention", "silver", "--rules", RULES, "--instead-of", "gold", "--json")
    up = flexguard("retention", "gold", "--rules", RULES, "--instead-of", "bronze")
    assert json.loads(down.out)["instead_of"]["is_lower"] is True
    assert "points already taken stay as bronze keeps them" in up.out
    assert "none would be kept shorter" in up.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "name a tier, or a policy", id="nothing"),
        pytest.param(["gold", "--policy", "x.json"], "not both", id="both"),
        pytest.param(["glod"], "no tier 'glod'; valid: gold, silver, bronze; did you mean gold?", id="a typing error"),
        pytest.param(["--policy", "nowhere.json"], "nowhere.json cannot be read", id="no file"),
        pytest.param(["gold", "--start", "soon"], "--start is 'soon'; valid is a day", id="no day"),
        pytest.param(["gold", "--picture", "gold.pdf"], "ends in '.pdf'; valid: .svg, .png", id="no kind of picture"),
        pytest.param(["gold", "--picture", "/nowhere/gold.svg"], "cannot be written", id="no folder"),
    ],
)
def test_bad_input(flexguard, arguments, said):
    """What cannot be done is exit code 2, with what is valid."""
    ran = flexguard("retention", *arguments, "--rules", RULES)
    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("{", "is not JSON", id="no JSON"),
        pytest.param("7", "is not a list; valid is", id="no list"),
        pytest.param([7], "backup 0: 7 is not an object", id="no object"),
        pytest.param([{"time": "today"}], "backup 0: time is 'today'", id="no time"),
        pytest.param([{}], "backup 0: time is None", id="no time at all"),
        pytest.param(
            [HISTORY[0] | {"kind": "schedulled"}],
            "kind is 'schedulled'; valid: scheduled, on_demand; did you",
            id="kind",
        ),
        pytest.param([HISTORY[0] | {"status": "Fialed"}], "did you mean failed?", id="no status"),
        pytest.param(
            [HISTORY[0] | {"override": "Yearly"}], "only an on-demand backup", id="override of a scheduled one"
        ),
        pytest.param([HISTORY[1] | {"override": "Decade"}], "no retention rule is called 'Decade'", id="no such rule"),
        pytest.param([HISTORY[1] | {"override": 7}], "must be the name of a retention rule", id="no name"),
    ],
)
def test_bad_histories(flexguard, file, content, said):
    """A history that cannot be understood is refused with the place, the value and what is valid."""
    ran = flexguard("retention", "gold", "--rules", RULES, "--backups", file(content))
    assert ran.code == 2
    assert said in ran.err


def test_everything_that_is_wrong_with_a_history_is_said_at_once(flexguard, file):
    """Two wrong backups are two lines."""
    ran = flexguard("retention", "gold", "--rules", RULES, "--backups", file([{"time": 1}, {"time": "x", "kind": "y"}]))
    assert len(re.findall(r"backup \d:", ran.err)) == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "is no policy"),
        ({"properties": {"policyRules": []}}, "it has no schedule"),
    ],
)
def test_a_policy_that_makes_no_points(flexguard, file, body, said):
    """A policy without a schedule, or what is none, cannot be judged, and the reason is said."""
    ran = flexguard("retention", "--policy", file(body))
    assert ran.code == 2
    assert said in ran.err


def test_the_picture_in_the_readme_is_current(flexguard, tmp_path):
    """The picture of gold is what the command draws from the shipped rules."""
    drawn = tmp_path / "gold.svg"
    ran = flexguard("retention", "gold", "--rules", RULES, "--start", "2027-01-01", "--picture", str(drawn))
    assert ran.code == 0
    assert drawn.read_text("utf-8") == PICTURE.read_text("utf-8"), (
        "draw it again: flexguard retention gold --start 2027-01-01 --picture docs/pictures/retention-gold.svg"
    )


def test_the_picture_has_a_band_and_a_count_for_every_rule(flexguard, tmp_path):
    """Every rule of the tier has its name, what it keeps and its count in the picture, with no text that leaves it."""
    drawn = tmp_path / "gold.svg"
    flexguard("retention", "gold", "--rules", RULES, "--start", "2027-01-01", "--picture", str(drawn))
    svg = ET.fromstring(drawn.read_text("utf-8"))  # noqa: S314 - our own file
    texts = [node.text or "" for node in svg.iter("{http://www.w3.org/2000/svg}text")]
    for word in ("Yearly", "10 years", "10", "Monthly", "12 months", "11", "Weekly", "Default", "35 days", "30"):
        assert word in texts
    assert [str(year) for year in range(2027, 2038)] == [text for text in texts if re.fullmatch(r"20\d\d", text)]


def test_a_picture_as_png(flexguard, tmp_path):
    """A file that ends in .png is a PNG, twice as wide as the SVG."""
    drawn = tmp_path / "gold.png"
    ran = flexguard("retention", "gold", "--rules", RULES, "--years", "3", "--picture", str(drawn))
    assert ran.code == 0
    content = drawn.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(content[16:20]) == 2400
