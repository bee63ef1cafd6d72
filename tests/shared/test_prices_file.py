"""The price file: what it may say, and every mistake in it with its place, its value and what is valid."""

from datetime import date
from pathlib import Path

import pytest

from shared import prices_file, rules_file
from shared.core.policy import tier_meaning
from shared.core.price import estimate, sentences, total
from shared.prices_file import BadPrices
from shared.rules_file import BadRules

HOME = Path(__file__).resolve().parents[2]
GOOD = """\
date: 2026-01-31
currency: USD
source: our price sheet
dump_gb: {assumed_gb: 40}
regions:
  eastus: {instance_month: 7, gb_month: {ZoneRedundant: 0.028}}
"""


def test_the_shipped_file_says_what_is_known_and_no_more():
    """A dated file in EUR with the three captured numbers for West Europe; no other region, no price for ZRS."""
    prices = prices_file.load(HOME / "prices.yaml")
    assert (prices.currency, list(prices.regions)) == ("EUR", ["westeurope"])
    west = prices.regions["westeurope"]
    assert west.instance_month == 6.58
    assert west.gb_month == {"LocallyRedundant": 0.0197, "GeoRedundant": 0.0393}
    assert "third-party captures" in prices.source


def test_a_file_of_ones_own():
    """Other currency, other region, another assumption: all of it is what users replace."""
    prices = prices_file.parse(GOOD)
    assert (prices.date, prices.currency, prices.dump_gb.gb(0)) == (date(2026, 1, 31), "USD", 40)
    assert prices.regions["eastus"].gb_month["ZoneRedundant"] == 0.028


MISTAKES = [
    ("date: 2026-01-31", "date: 31.1.2026", "1:7: date is '31.1.2026'; valid is a date, such as 2026-01-31"),
    ("currency: USD\n", "", "1:1: currency is missing"),
    ("source: our price sheet", "sorce: x", "3:1: sorce is not known"),
    ("instance_month: 7", "instance_month: '6,58'", "'6,58'; valid is a number with a point, such as 6.58"),
    ("instance_month: 7", "instance_month: -7", "6:28: regions.eastus.instance_month is '-7'; valid is a number"),
    ("instance_month: 7", "instance_month: .inf", "valid is a number"),
    ("ZoneRedundant", "ZRS", "'ZRS'; valid is LocallyRedundant, ZoneRedundant or GeoRedundant"),
    ("eastus", "East US", "'East US'; valid is the short name of a region, such as westeurope"),
    ("{assumed_gb: 40}", "{}", "4:10: dump_gb needs exactly one of assumed_share_of_storage, assumed_gb"),
    ("{assumed_gb: 40}", "{assumed_share_of_storage: 30}", "valid is more than 0 and at most 1"),
    ("{assumed_gb: 40}", "{asumed_gb: 40}", "did you mean assumed_gb?"),
    (GOOD, "", "1:1: is empty; it needs date, currency, source, dump_gb and regions"),
    (GOOD, "date: [", "is not YAML"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[said[-40:] for _, _, said in MISTAKES])
def test_a_mistake_is_said_with_its_place(right: str, wrong: str, said: str):
    """Each mistake names file, line, column, value and what is valid, as in the rules file; nothing is guessed."""
    assert right in GOOD
    with pytest.raises(BadPrices) as caught:
        prices_file.parse(GOOD.replace(right, wrong), "mine.yaml")
    assert said in str(caught.value)
    assert all(line.startswith("mine.yaml:") for line in str(caught.value).splitlines())


def test_all_mistakes_come_at_once():
    """A file with three mistakes takes one round to repair, not three; the lines are in order."""
    text = GOOD.replace("2026-01-31", "today").replace("USD", '""').replace("7,", "seven,")
    with pytest.raises(BadPrices) as caught:
        prices_file.parse(text)
    assert [problem.line for problem in caught.value.problems] == [1, 2, 6]


def test_a_file_that_is_not_there(tmp_path: Path):
    """A missing file is said by name, and whoever handles bad rules handles it too."""
    with pytest.raises(BadRules, match=r"^prices\.yaml:1:1: cannot be read: No such file"):
        prices_file.load(tmp_path / "prices.yaml")


def test_the_documented_estimates_are_what_the_shipped_files_give():
    """docs/price.md shows each tier of rules.yaml at the prices of prices.yaml, and a total that is not whole."""
    text = (HOME / "docs" / "price.md").read_text(encoding="utf-8")
    prices, tiers = prices_file.load(HOME / "prices.yaml"), rules_file.load(HOME / "rules.yaml").tiers
    found = {
        (name, region): estimate(tier_meaning(tier), region, "LocallyRedundant", 128, prices)
        for name, tier in tiers.items()
        for region in ("westeurope", "eastus")
    }
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.endswith(" EUR |")}
    assert rows.keys() == tiers.keys()
    for name, row in rows.items():
        price = found[name, "westeurope"]
        assert f"| {price.monthly:.2f} EUR | {price.first_year:.2f} EUR |" in row
    shown = total(found[place] for place in (("gold", "westeurope"), ("bronze", "westeurope"), ("gold", "eastus")))
    assert "\n".join(sentences(shown, prices)) in text
