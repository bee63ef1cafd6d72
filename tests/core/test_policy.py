"""Policies: what a tier renders to, and that any policy reads back as what it means."""

import copy
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tzlocal.windows_tz import tz_win

from shared.core.meaning import Duration, Meaning, Rule, Slot
from shared.core.policy import (
    means,
    policy_name,
    read_policy,
    render,
    tier_meaning,
    tier_meanings,
)
from shared.core.rules import DAYS, Backup, Keep, Span, Tier, TimeOfDay, TimeZone
from tests.core.samples import BRONZE, GOLD, json_values, rich_tiers, tiers

SERVERS = "Microsoft.DBforPostgreSQL/flexibleServers"
STORE = {"objectType": "DataStoreInfoBase", "dataStoreType": "VaultStore"}


def tag(name: str, priority: int, criterion: str) -> dict[str, Any]:
    criteria = [{"objectType": "ScheduleBasedBackupCriteria", "absoluteCriteria": [criterion]}]
    return {
        "isDefault": False, "taggingPriority": priority, "tagInfo": {"id": f"{name}_", "tagName": name},
        "criteria": criteria,
    }  # fmt: skip


def retention(name: str, duration: str, *, default: bool = False) -> dict[str, Any]:
    keep = {"objectType": "AbsoluteDeleteOption", "duration": duration}
    lifecycle = {"deleteAfter": keep, "sourceDataStore": STORE, "targetDataStoreCopySettings": []}
    return {"objectType": "AzureRetentionRule", "name": name, "isDefault": default, "lifecycles": [lifecycle]}


# Source: the templates and tagging criteria of Microsoft's command line, member by member.
GOLDEN = {
    "properties": {
        "objectType": "BackupPolicy",
        "datasourceTypes": ["Microsoft.DBforPostgreSQL/flexibleServers"],
        "policyRules": [
            {
                "objectType": "AzureBackupRule",
                "name": "BackupWeekly",
                "backupParameters": {"objectType": "AzureBackupParams", "backupType": "Full"},
                "dataStore": {"objectType": "DataStoreInfoBase", "dataStoreType": "VaultStore"},
                "trigger": {
                    "objectType": "ScheduleBasedTriggerContext",
                    "schedule": {
                        "timeZone": "W. Europe Standard Time",
                        "repeatingTimeIntervals": ["R/2024-01-07T01:30:00+01:00/P1W"],
                    },
                    "taggingCriteria": [
                        tag("Yearly", 10, "FirstOfYear"),
                        tag("Monthly", 15, "FirstOfMonth"),
                        tag("Weekly", 20, "FirstOfWeek"),
                        {
                            "isDefault": True,
                            "taggingPriority": 99,
                            "tagInfo": {"id": "Default_", "tagName": "Default"},
                        },
                    ],
                },
            },
            retention("Yearly", "P10Y"),
            retention("Monthly", "P12M"),
            retention("Weekly", "P12W"),
            retention("Default", "P35D", default=True),
        ],
    }
}

# Source: OssFlexiblePolicy1, the default template of Microsoft's command line for flexible servers.
OF_THE_COMMAND_LINE = {
    "id": "/x/backupPolicies/OssFlexiblePolicy1",
    "name": "OssFlexiblePolicy1",
    "properties": {
        "objectType": "BackupPolicy",
        "datasourceTypes": ["Microsoft.DBforPostgreSQL/flexibleServers"],
        "policyRules": [
            {
                "objectType": "AzureBackupRule",
                "name": "BackupWeekly",
                "backupParameters": {"objectType": "AzureBackupParams", "backupType": "Full"},
                "dataStore": STORE,
                "trigger": {
                    "objectType": "ScheduleBasedTriggerContext",
                    "schedule": {"timeZone": "UTC", "repeatingTimeIntervals": ["R/2021-08-15T06:30:00+00:00/P1W"]},
                    "taggingCriteria": [
                        {
                            "isDefault": True,
                            "taggingPriority": 99,
                            "tagInfo": {"id": "Default_", "tagName": "Default"},
                        }
                    ],
                },
            },
            retention("Default", "P3M", default=True),
        ],
    },
}


def test_gold_renders_to_the_golden_body():
    """The policy of gold is, member by member, what Microsoft's own client would send."""
    assert render(GOLD, SERVERS) == GOLDEN


def test_the_default_of_the_command_line_reads_back():
    """A policy that somebody made with the defaults of Microsoft's command line is understood."""
    policy = read_policy(OF_THE_COMMAND_LINE)
    assert policy.meaning == Meaning((Slot.weekly(6, 6, 30),), "UTC", (), Rule((), Duration.parse("P3M")))
    assert (policy.name, policy.backup_rule, policy.default_tag) == ("OssFlexiblePolicy1", "BackupWeekly", "Default")


@given(rich_tiers(), st.data())
def test_a_tier_survives_the_round_trip(tier: Tier, data: Any):
    """Whatever a tier says, the policy of each variant read back means that variant, and so the tier."""
    variant = data.draw(st.integers(0, len(tier_meanings(tier)) - 1))
    read = read_policy(render(tier, SERVERS, variant))
    assert read.meaning == tier_meaning(tier, variant)
    assert means(read.meaning, tier)
    assert [rule.name for rule in read.meaning.rules] == [rule.name for rule in tier_meaning(tier).rules]


@given(rich_tiers(), st.randoms(use_true_random=False))
def test_names_order_and_spelling_do_not_matter(tier: Tier, chance: Any):
    """Rules and tags in another order, other names and casing, Z for UTC and nulls mean the same."""
    body = render(tier, SERVERS)
    rules = body["properties"]["policyRules"]
    criteria = rules[0]["trigger"]["taggingCriteria"]
    rules[0]["name"] = "Backup-of-ours"
    chance.shuffle(criteria)
    chance.shuffle(rules[0]["trigger"]["schedule"]["repeatingTimeIntervals"])
    for criterion in criteria:
        criterion["tagInfo"] = {"id": None, "tagName": criterion["tagInfo"]["tagName"].upper(), "eTag": None}
        criterion.setdefault("criteria", None)
        for one in criterion["criteria"] or ():
            for values in one.values():
                if isinstance(values, list):
                    chance.shuffle(values)
            one.update(dict.fromkeys({"daysOfTheWeek", "monthsOfYear", "scheduleTimes"} - one.keys()))
    for rule in rules[1:]:
        rule["lifecycles"][0]["targetDataStoreCopySettings"] = None
    chance.shuffle(rules)
    assert read_policy(body).meaning == tier_meaning(tier)


def test_another_tag_of_the_same_kind_means_the_same():
    """What a rule is called says nothing; its criterion does."""
    renamed = json.loads(json.dumps(GOLDEN).replace('"Yearly', '"TenYears'))
    assert read_policy(renamed).meaning == tier_meaning(GOLD)


def bent(place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Gold's policy with something else at one place."""
    body: Any = copy.deepcopy(GOLDEN)
    node = body
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = value
    return body


RULES: Any = GOLDEN["properties"]["policyRules"]
AT_RULES = ("properties", "policyRules")
AT_SCHEDULE = (*AT_RULES, 0, "trigger", "schedule")
AT_STARTS = (*AT_SCHEDULE, "repeatingTimeIntervals")
AT_LIFE = (*AT_RULES, 1, "lifecycles", 0, "deleteAfter")
AT_TAGS = (*AT_RULES, 0, "trigger", "taggingCriteria")
TAGS = RULES[0]["trigger"]["taggingCriteria"]
YEARLY, LIFECYCLE = TAGS[0]["criteria"][0], RULES[1]["lifecycles"][0]
ARCHIVE = [{"dataStore": {"dataStoreType": "ArchiveStore"}}]


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        pytest.param(AT_STARTS, [], "repeating time interval", id="no interval"),
        pytest.param(AT_STARTS, ["every Sunday"], "'every Sunday' is not understood", id="no interval at all"),
        pytest.param(AT_STARTS, ["R/2024-02-31T01:30:00+01:00/P1W"], "2024-02-31", id="no such day"),
        pytest.param((*AT_SCHEDULE, "timeZone"), "Mountain Time", "'Mountain Time'", id="no such zone"),
        pytest.param(AT_RULES, RULES[:-1], "Default has no retention rule", id="a tag without its retention rule"),
        pytest.param(AT_RULES, [RULES[0], *RULES], "2 schedules", id="two schedules"),
        pytest.param(AT_RULES, RULES[1:], "no schedule", id="no schedule"),
        pytest.param((*AT_RULES, 1, "lifecycles"), [LIFECYCLE] * 2, "more than one store", id="two lifecycles"),
        pytest.param(
            (*AT_RULES, 1, "lifecycles", 0, "targetDataStoreCopySettings"), ARCHIVE, "more than one store", id="archive"
        ),
        pytest.param((*AT_LIFE, "duration"), "P1Y6M", "'P1Y6M' is no retention", id="two units"),
        pytest.param((*AT_TAGS, 0, "criteria", 0, "absoluteCriteria"), ["FirstOfAge"], "'firstofage'", id="no word"),
        pytest.param((*AT_TAGS, 0, "criteria", 0, "daysOfMonth"), [{"date": 40}], "40 is no day", id="no date"),
        pytest.param(AT_TAGS, [], "0 default tags", id="no tags"),
        pytest.param(AT_TAGS, TAGS[:-1], "0 default tags", id="no default"),
    ],
)
def test_what_cannot_be_understood_has_no_meaning(place: tuple[Any, ...], value: Any, why: str):
    """A policy that nothing here can stand for is understood as nothing rather than as nearly that, and says why."""
    policy = read_policy(bent(place, value))
    assert policy.meaning is None
    assert why in policy.unclear


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param(AT_STARTS, ["R/2024-01-07T01:30:00+01:00/PT4H"], id="every four hours"),
        pytest.param(AT_STARTS, ["R/2024-01-07T01:30:00+01:00/P2W"], id="every other week"),
        pytest.param((*AT_TAGS, 0, "criteria"), [YEARLY, {"daysOfTheWeek": ["Monday"]}], id="two criteria"),
        pytest.param((*AT_TAGS, 0, "criteria", 0, "absoluteCriteria"), ["FirstOfYear", "FirstOfMonth"], id="two words"),
        pytest.param((*AT_TAGS, 0, "criteria", 0, "daysOfTheWeek"), ["Monday"], id="one more condition"),
        pytest.param((*AT_TAGS, 0, "taggingPriority"), 16, id="another order"),
        pytest.param((*AT_LIFE, "duration"), "P9Y", id="another duration"),
        pytest.param((*AT_SCHEDULE, "timeZone"), "UTC", id="another zone"),
    ],
)
def test_another_meaning_is_not_the_tier(place: tuple[Any, ...], value: Any):
    """A policy that does something else than gold is understood, and is not gold."""
    meaning = read_policy(bent(place, value)).meaning
    assert meaning is not None
    assert not means(meaning, GOLD)
    assert meaning.digest != tier_meaning(GOLD).digest


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param(AT_STARTS, ["R/2024-01-07T00:30:00Z/P1W"], id="the same moment in UTC"),
        pytest.param(AT_STARTS, ["R/2024-01-07T00:30:00.0000000+00:00/P1W"], id="with fractions"),
        pytest.param(AT_STARTS, ["R/2024-01-07T01:30:00/P1W"], id="without an offset"),
        pytest.param(AT_STARTS, ["R/2031-07-06T01:30:00+02:00/P1W"], id="another Sunday, in summer"),
        pytest.param(AT_STARTS, ["R/2024-01-07T01:30:00+01:00/P7D"], id="seven days"),
        pytest.param(
            AT_STARTS, ["R/2024-01-07T01:30:00+01:00/P2W", "R/2024-01-14T01:30:00+01:00/P2W"], id="weeks in turns"
        ),
        pytest.param(
            AT_STARTS, ["R/2024-01-07T01:30:00+01:00/P1W", "R/2024-01-14T01:30:00+01:00/P1W"], id="said twice"
        ),
        pytest.param((*AT_SCHEDULE, "timeZone"), "Europe/Vienna", id="an IANA zone"),
        pytest.param((*AT_SCHEDULE, "timeZone"), "w. europe standard time", id="a zone in lower case"),
        pytest.param((*AT_LIFE, "duration"), "P120M", id="ten years in months"),
        pytest.param((*AT_RULES, 1, "name"), "YEARLY", id="a rule in capitals"),
        pytest.param((*AT_TAGS, 0, "taggingPriority"), 1, id="another number, the same order"),
        pytest.param((*AT_TAGS, 3, "taggingPriority"), 1, id="a default that comes first is still for the rest"),
        pytest.param((*AT_TAGS, 3, "criteria"), [{"absoluteCriteria": ["AllBackup"]}], id="a default for all"),
        pytest.param((*AT_TAGS, 0, "criteria", 0, "absoluteCriteria"), ["firstofyear"], id="a word in lower case"),
        pytest.param(
            (*AT_TAGS, 0, "criteria", 0), YEARLY | {"daysOfWeek": ["Monday"]}, id="a member that the service ignores"
        ),
    ],
)
def test_other_ways_to_write_gold(place: tuple[Any, ...], value: Any):
    """A policy that does what gold does is gold, however it is written."""
    policy = read_policy(bent(place, value))
    assert policy.unclear == ""
    assert means(policy.meaning, GOLD)


def test_every_day_is_seven_days_a_week():
    """A daily interval and seven weekly ones are one schedule."""
    daily = read_policy(bent(AT_STARTS, ["R/2024-01-07T01:30:00+01:00/P1D"])).meaning
    assert daily == tier_meaning(replace(GOLD, backup=replace(GOLD.backup, days=DAYS)))


def test_only_the_properties_are_enough():
    """The properties of a policy, without the resource around them, read the same."""
    assert read_policy(GOLDEN["properties"]).meaning == read_policy(GOLDEN).meaning == tier_meaning(GOLD)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


@given(st.sampled_from([place for place in places(GOLDEN) if place]), json_values)
def test_a_bent_policy_never_raises(place: tuple[Any, ...], value: Any):
    """Any JSON at any place of a policy is read; what comes out is a meaning or none."""
    policy = read_policy(bent(place, value))
    assert policy.meaning is None or isinstance(policy.meaning.digest, str)


@pytest.mark.parametrize("body", [{}, {"properties": None}, {"properties": {"policyRules": None}}, {"properties": []}])
def test_nothing_means_nothing(body: dict[str, Any]):
    """A body without rules has no meaning and no name."""
    policy = read_policy(body)
    assert (policy.meaning, policy.name, policy.backup_rule) == (None, "", "")


@given(st.text(max_size=300), tiers)
def test_names_fit_the_service(name: str, tier: Tier):
    """Whatever a tier is called, its policy has a name that the service takes, ending in the digest."""
    called = policy_name(name, tier)
    assert re.fullmatch(r"[-a-zA-Z0-9]{3,150}", called)
    assert called.endswith(tier_meaning(tier).digest)


def test_the_digest_is_golden():
    """The digest of a meaning never changes: a new one would make every policy anew."""
    assert (policy_name("gold", GOLD), policy_name("Bronze 4 weeks", BRONZE)) == (
        "fg-gold-da80e7a367",
        "fg-bronze-4-weeks-5e4bdb4215",
    )


def test_the_digest_is_of_the_policy_alone():
    """Neither the tier's name nor what the policy does not say has a part in the digest; retention has."""
    digest = tier_meaning(GOLD).digest
    assert policy_name("silver", GOLD).endswith(digest)
    assert tier_meaning(replace(GOLD, first_backup="schedule")).digest == digest
    assert tier_meaning(replace(GOLD, keep=replace(GOLD.keep, weekly=None))).digest != digest


def test_every_admitted_time_zone_renders():
    """Each time zone that the rules file admits exists for the renderer too."""
    for iana, windows in tz_win.items():
        zone = TimeZone(iana or "UTC", windows)
        tier = replace(GOLD, backup=replace(GOLD.backup, time_zone=zone))
        assert read_policy(render(tier, SERVERS)).meaning == tier_meaning(tier), iana


# Digests of meanings that version 1 could say, as version 1 made them.
PINNED = [
    (("friday",), (2, 16), ("America/Grenada", "SA Western Standard Time"), "260D 58W 84M -", "1da2de824a"),
    (("monday", "thursday"), (13, 38), ("Africa/Addis_Ababa", "E. Africa Standard Time"), "363D 58W - -", "926f3eb9ae"),
    (("monday",), (20, 34), ("Africa/Bissau", "Greenwich Standard Time"), "202D - - -", "489f074794"),
    (("saturday",), (23, 55), ("Asia/Qostanay", "West Asia Standard Time"), "68D 43W - 39Y", "e3e91d57e0"),
]


@pytest.mark.parametrize(("days", "at", "zone", "keep", "digest"), PINNED)
def test_an_upgrade_moves_nothing(days: Any, at: Any, zone: Any, keep: str, digest: str):
    """What an earlier release could say has the digest that it gave, so its policies keep their names."""
    units = {"D": "day", "W": "week", "M": "month", "Y": "year"}
    spans = [None if word == "-" else Span(int(word[:-1]), units[word[-1]]) for word in keep.split()]
    assert tier_meaning(Tier(Backup(days, TimeOfDay(*at), TimeZone(*zone)), Keep(*spans))).digest == digest
