"""The JSON Schema of the rules file: published as the model says, and of one mind with the reader."""

import jsonschema_rs
import pytest
import yaml

from shared.core.rules import Rules
from shared.rules_file import BadRules, parse, schema
from shared.rules_schema import _classes
from tests.core.samples import OTHER_VAULT, VAULT
from tests.tidy.tree import ROOT
from tests.write_schema import SCHEMA, text

CHECK = jsonschema_rs.validator_for(schema())
GUID = "11111111-0000-4000-8000-000000000001"
GOOD = f"""\
mode: protect
vaults:
  - {{id: {VAULT}, tiers: [gold]}}
tiers:
  gold:
    backup: {{days: [sunday], at: "01:30", time_zone: Europe/Berlin}}
    keep: {{default: 35 days, yearly: 10 years}}
"""
EVERYTHING = f"""\
mode: observe
tag: backup
vaults:
  - {{id: {VAULT}, tiers: [gold], most: 900}}
  - {{id: {OTHER_VAULT}/}}
  - {{tag: {{use: backup, ring: 1, live: true}}}}
tiers:
  gold:
    backup: {{days: [sunday, monday], at: "23:59", time_zone: UTC, spread: 4h}}
    keep:
      default: 5 weeks
      weekly: 12 weeks
      monthly: 12 months
      yearly: 10 years
      custom:
        - {{name: quarters, keep: 2 years, priority: 11, first_of: month, months: [january, april]}}
        - {{name: ends, keep: 60 days, priority: 40, dates: [1, "15", last], weeks: [first, last], days: [sunday]}}
        - {{name: night, keep: 60 days, priority: 41, at: ["23:59"], first_of: every}}
    first_backup: schedule
    max_age: 200 hours
    on_demand: {{every: 36 hours, window: "22:00-05:00", blackout: ["2026-12-24..2027-01-02", "2026-12-31"]}}
  silver 2.x: {{backup: {{days: [friday], at: "00:00"}}, keep: {{default: 7 days}}}}
exempt: {{value: no backup, until_tag: u, reason_tag: r, longest: 1 year}}
owner_tag: owner
overrides:
  - {{mode: protect, subscriptions: [{GUID}], groups: [rg-*], tags: {{ring: 1}}}}
defaults:
  - {{tier: gold, groups: ["*"]}}
adopt: take
downgrade: allow
resume: allow
policies: predeployed
roles: {{grant: resource_group}}
brake: {{share_percent: 0, servers: 0, monthly_price: 500}}
on_demand: {{most_at_once: 5, most_a_day: 0, second_in_week: try}}
coverage_target: 95
stamp: {{cost-center: "42"}}
alerts:
  channels:
    shop: {{kind: teams, least: high}}
    mail: {{kind: email, sender: a@b.example, to: [x@y.example]}}
  routes:
    - {{owners: [team-*], channels: [shop, topic]}}
  fallback: [mail]
  repeat: 12h
  quiet: {{begin: "22:00", end: "06:00", time_zone: UTC}}
  show_tags: [cost-center]
"""


def reads(rules: str) -> bool:
    """Whether the reader takes the text."""
    try:
        parse(rules)
    except BadRules:
        return False
    return True


def fits(rules: str) -> bool:
    """Whether the schema takes the text."""
    return bool(CHECK.is_valid(yaml.safe_load(rules)))


def test_the_published_schema_is_the_model():
    """What editors read is what the model says today; `make schema` writes it."""
    assert SCHEMA.read_text(encoding="utf-8") == text()


def test_the_schema_is_a_schema():
    """The schema follows its own draft, and describes every key."""
    jsonschema_rs.meta.validate(schema())
    objects = [schema(), *schema()["$defs"].values()]
    assert len(objects) == len(set(_classes(Rules)))
    for one in objects:
        assert one["description"].endswith(".")
        assert [name for name, key in one["properties"].items() if not key["description"].endswith(".")] == []


def test_the_shipped_file_names_the_schema():
    """An editor that opens the shipped file finds the schema beside it, and has nothing to complain about."""
    shipped = (ROOT / "rules.yaml").read_text(encoding="utf-8")
    assert shipped.startswith(f"# yaml-language-server: $schema={SCHEMA.relative_to(ROOT)}\n")
    assert fits(shipped)


@pytest.mark.parametrize("rules", [GOOD, EVERYTHING])
def test_both_take_what_is_right(rules: str):
    """The reader and the schema take a short file and one with every key."""
    assert (reads(rules), fits(rules)) == (True, True)


def test_every_key_is_tried():
    """The file with every key really has every key of the model."""
    names = {name for one in (schema(), *schema()["$defs"].values()) for name in one["properties"]}
    assert [name for name in names if f"{name}:" not in EVERYTHING] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mode: protect", "mode: protekt"),
        ("mode: protect\n", ""),
        ("mode: protect", "mode: protect\nvaultz: []"),
        ("mode: protect", "mode: protect\ntag: a/b"),
        ("mode: protect", "mode: protect\nroles: {grant: me}"),
        ("mode: protect", "mode: protect\nroles: server"),
        ("mode: protect", "mode: protect\nbrake: {servers: -1}"),
        ("mode: protect", "mode: protect\nbrake: {share_percent: 101}"),
        ("mode: protect", "mode: protect\ncoverage_target: 0"),
        ("mode: protect", 'mode: protect\nbrake: {servers: "9"}'),
        ("mode: protect", "mode: protect\noverrides: [{mode: observe}]"),
        ("mode: protect", "mode: protect\noverrides: [{mode: observe, groups: []}]"),
        ("mode: protect", "mode: protect\noverrides: [{mode: observe, tags: {}}]"),
        ("mode: protect", "mode: protect\noverrides: [{mode: observe, subscriptions: [mine]}]"),
        ("mode: protect", "mode: protect\ndefaults: [{groups: [rg]}]"),
        ("mode: protect", "mode: protect\ndefaults: {tier: gold}"),
        ("mode: protect", "mode: protect\nstamp: {a/b: c}"),
        (f"id: {VAULT}, ", ""),
        (f"id: {VAULT}", f"id: {VAULT}, tag: {{a: b}}"),
        (f"id: {VAULT}", "id: bv-one"),
        ("tiers: [gold]", "tiers: gold"),
        ("tiers: [gold]", "tiers: [gold, gold]"),
        ("tiers: [gold]", "most: 0"),
        ("gold", "g/old"),
        ("    keep: {default: 35 days, yearly: 10 years}\n", ""),
        ("default: 35 days, ", ""),
        ("35 days", "35"),
        ("35 days", "1000 hours"),
        ("10 years", "[]"),
        ("10 years", "10 years, weekly:"),
        ("[sunday]", "[]"),
        ("[sunday]", "[sonday]"),
        ("[sunday]", "[sunday, sunday]"),
        ('"01:30"', '"1:30"'),
        ("Europe/Berlin", "Europe/Berlni"),
        ("Europe/Berlin", "W. Europe Standard Time"),
        ("at: ", "spread: 2 days, at: "),
        ("10 years", "10 years, custom: [{name: abc, keep: 9 weeks, priority: 50}]"),
        ("10 years", "10 years, custom: [{name: abc, keep: 9 weeks, priority: 99, first_of: week}]"),
        ("10 years", "10 years, custom: [{name: a, keep: 9 weeks, priority: 50, first_of: week}]"),
        ("10 years", "10 years, custom: [{name: abc, keep: 9 weeks, priority: 50, dates: [29]}]"),
    ],
)
def test_both_refuse_what_is_wrong(old: str, new: str):
    """What a single value or key may be, the reader and the schema refuse alike."""
    assert old in GOOD
    assert (reads(GOOD.replace(old, new)), fits(GOOD.replace(old, new))) == (False, False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[gold]", "[glod]"),  # names that must exist
        ("35 days", "6 days"),  # bounds of lengths
        ("mode: protect", "mode: protect\ntag: backup-owner"),  # what goes with what
        (f"id: {VAULT}", f"id: {'/a' * 8}"),  # an id in detail
    ],
)
def test_what_only_the_reader_knows(old: str, new: str):
    """A schema sees one value at a time; the rest is for `flexguard rules check`."""
    assert (reads(GOOD.replace(old, new)), fits(GOOD.replace(old, new))) == (False, True)


@pytest.mark.parametrize(
    ("old", "new"),
    [("protect", "Protect"), ("35 days", "35  Days"), ("sunday", "Sunday"), ("mode", "tag: 7\nmode")],
)
def test_where_the_editor_is_stricter(old: str, new: str):
    """The reader takes any casing, blanks and missing quotes; the editor asks for the usual spelling."""
    assert (reads(GOOD.replace(old, new)), fits(GOOD.replace(old, new))) == (True, False)
