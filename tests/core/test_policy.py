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

from shared.core.policy import Meaning, policy_name, read_policy, render, tier_meaning
from shared.core.rules import Tier, TimeZone
from tests.core.samples import BRONZE, GOLD, json_values, tiers

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
    assert policy.meaning == Meaning((("P1W", 6, "06:30"),), "UTC", (("", "P3M"),))
    assert (policy.name, policy.backup_rule, policy.default_tag) == ("OssFlexiblePolicy1", "BackupWeekly", "Default")


@given(tiers)
def test_a_tier_survives_the_round_trip(tier: Tier):
    """Whatever a tier says, its policy read back means the tier."""
    assert read_policy(render(tier, SERVERS)).meaning == tier_meaning(tier)


@given(tiers, st.randoms(use_true_random=False))
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
            one |= {"daysOfTheWeek": None, "monthsOfYear": None, "scheduleTimes": None}
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
AT_STARTS = (*AT_RULES, 0, "trigger", "schedule", "repeatingTimeIntervals")
AT_TAGS = (*AT_RULES, 0, "trigger", "taggingCriteria")
TAGS = RULES[0]["trigger"]["taggingCriteria"]
YEARLY, LIFECYCLE = TAGS[0]["criteria"][0], RULES[1]["lifecycles"][0]
ARCHIVE = [{"dataStore": {"dataStoreType": "ArchiveStore"}}]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param(AT_STARTS, [], id="no interval"),
        pytest.param(AT_STARTS, ["R/2024-01-07T01:30:00+01:00/PT4H"], id="every four hours"),
        pytest.param(AT_STARTS, ["R/2024-02-31T01:30:00+01:00/P1W"], id="no such day"),
        pytest.param(AT_RULES, RULES[:-1], id="a tag without its retention rule"),
        pytest.param(AT_RULES, [RULES[0], *RULES], id="two schedules"),
        pytest.param((*AT_RULES, 1, "lifecycles"), [LIFECYCLE] * 2, id="two lifecycles"),
        pytest.param((*AT_RULES, 1, "lifecycles", 0, "targetDataStoreCopySettings"), ARCHIVE, id="goes to an archive"),
        pytest.param((*AT_TAGS, 0, "criteria"), [YEARLY] * 2, id="two criteria"),
        pytest.param((*AT_TAGS, 0, "criteria", 0, "absoluteCriteria"), ["FirstOfYear", "FirstOfMonth"], id="two words"),
        pytest.param((*AT_TAGS, 0, "criteria", 0, "daysOfTheWeek"), ["Monday"], id="one more condition"),
        pytest.param(AT_TAGS, [], id="no tags"),
        pytest.param(AT_TAGS, TAGS[:-1], id="no default"),
    ],
)
def test_what_no_tier_can_mean_has_no_meaning(place: tuple[Any, ...], value: Any):
    """A policy that says more, or less, than a tier can say is understood as nothing rather than as nearly that."""
    assert read_policy(bent(place, value)).meaning is None


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
