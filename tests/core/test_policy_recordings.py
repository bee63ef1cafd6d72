"""Policies that real clients sent and Azure answered, read out of the recordings, and the shapes of the others."""

import copy
import json
from typing import Any

import pytest

from shared.core.meaning import Criteria, Duration, Meaning, Rule, Slot
from shared.core.policy import means, read_policy, render
from tests.core.samples import GOLD

STORE = {"objectType": "DataStoreInfoBase", "dataStoreType": "VaultStore"}
# What no Meaning can say, and why; every other recorded policy has one.
UNCLEAR = {"it has no schedule", "the retention rule Daily keeps points in more than one store"}


def policies(node: Any) -> list[dict[str, Any]]:
    """Every object with policy rules in a JSON value, also in JSON that stands as text in it."""
    if isinstance(node, str):
        return policies(json.loads(node)) if node.startswith("{") and '"policyRules"' in node else []
    if isinstance(node, dict) and "policyRules" in node:
        return [node]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [found for value in inner for found in policies(value)]


def test_every_recorded_policy_is_understood(wire):
    """What was sent and what was answered have one meaning; what has none is of kinds that PostgreSQL does not have."""
    files = {path.name: json.loads(path.read_text("utf-8")) for path in sorted((wire / "recordings").glob("*.json"))}
    found = [read_policy(body) for recording in files.values() for body in policies(recording)]
    assert len(found) > 25
    assert {policy.unclear for policy in found if policy.meaning is None} == UNCLEAR
    assert all(policy.meaning.default.name == "Default" for policy in found if policy.meaning)


def test_the_answer_means_what_was_sent(wire):
    """The service's own echo of a PUT means the same as its request, though order, nulls and ids differ."""
    recording = json.loads((wire / "recordings" / "dp-policy-create-delete-2025-11-06.json").read_text("utf-8"))
    meanings: dict[tuple[str, ...], set[Meaning | None]] = {}
    for body in policies(recording):
        meanings.setdefault(tuple(body["datasourceTypes"]), set()).add(read_policy(body).meaning)
    assert len(meanings) == 4
    assert all(len(found) == 1 for found in meanings.values())


def test_a_recorded_daily_rule_is_read_member_by_member(wire):
    """A portal-like disk policy: every six hours in UTC, the first of a day kept longer."""
    recording = json.loads((wire / "recordings" / "dp-policy-manual-2025-11-06.json").read_text("utf-8"))
    meaning = read_policy(policies(recording)[0]).meaning
    daily = Rule((Criteria(("FirstOfDay",)),), Duration.parse("P12D"))
    assert meaning == Meaning(
        (Slot(5 * 3600 + 1800, 6 * 3600, local=False),), "UTC", (daily,), Rule((), Duration.parse("P7D"))
    )


# -- the clients that were not recorded ---------------------------------------------------------------------------


def of_another_client(**changes: Any) -> dict[str, Any]:
    """Gold as another client writes it: other names, other order, and what it leaves out or adds."""
    body = copy.deepcopy(render(GOLD, "Microsoft.DBforPostgreSQL/flexibleServers"))
    backup, *kept = body["properties"]["policyRules"]
    backup["name"] = changes["rule"]
    backup["backupParameters"]["backupType"] = changes.get("kind", "Full")
    backup["trigger"]["schedule"]["repeatingTimeIntervals"] = changes.get("starts", ["R/2024-01-07T01:30:00+01:00/P1W"])
    tags = backup["trigger"]["taggingCriteria"]
    for tag in tags:
        tag["tagInfo"] = changes.get("info", dict)(tag["tagInfo"])
    backup["trigger"]["taggingCriteria"] = changes.get("tags", list)(tags)
    body["properties"]["policyRules"] = changes.get("rules", list)([backup, *kept])
    return body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(of_another_client(rule="BackupWeekly"), id="Azure CLI"),
        pytest.param(
            of_another_client(rule="BackupWeekly", kind="full", starts=["R/2024-01-07T00:30:00+00:00/P1W"]),
            id="PowerShell",
        ),
        pytest.param(
            of_another_client(
                rule="BackupIntervals",
                starts=["R/2021-05-23T01:30:00+02:00/P1W"],
                tags=lambda tags: [tags[-1], *tags[:-1]],
                rules=lambda rules: [*rules[1:], rules[0]],
            ),
            id="Terraform",
        ),
        pytest.param(
            of_another_client(
                rule="BackupRule",
                info=lambda info: {"tagName": info["tagName"]},
                rules=lambda rules: [rules[0], *reversed(rules[1:])],
            ),
            id="AVM",
        ),
        pytest.param(
            of_another_client(
                rule="BackupWeekly",
                starts=["R/2026-08-16T01:30:00.0000000+02:00/P1W"],
                info=lambda info: info | {"eTag": None},
            ),
            id="portal",
        ),
    ],
)
def test_gold_by_any_client_is_gold(body: dict[str, Any]):
    """The same policy is recognised whichever client made it, and its own rule is what a backup on demand names."""
    policy = read_policy(body)
    assert means(policy.meaning, GOLD)
    assert policy.backup_rule in {"BackupWeekly", "BackupIntervals", "BackupRule"}
    assert policy.default_tag == "Default"


def test_a_terraform_policy_with_criteria_of_its_own():
    """Terraform's own example: weekly tags, a weekday with a time, weeks of a month; each member becomes ours."""
    tags = {
        "weekly": (20, "P6M", {"absoluteCriteria": ["FirstOfWeek"]}),
        "thursday": (25, "P1W", {"daysOfTheWeek": ["Thursday"], "scheduleTimes": ["2021-05-23T02:30:00Z"]}),
        "monthly": (15, "P1D", {"weeksOfTheMonth": ["First", "Last"], "daysOfTheWeek": ["Tuesday"]}),
        "Default": (99, "P4M", None),
    }
    body = of_another_client(rule="BackupIntervals")
    backup = body["properties"]["policyRules"][0]
    backup["trigger"]["schedule"] = {
        "timeZone": "India Standard Time", "repeatingTimeIntervals": ["R/2021-05-23T02:30:00+00:00/P1W"],
    }  # fmt: skip
    backup["trigger"]["taggingCriteria"] = [
        {"isDefault": one is None, "taggingPriority": priority, "tagInfo": {"tagName": name}, "criteria": one and [one]}
        for name, (priority, _, one) in tags.items()
    ]
    kept = [
        {
            "objectType": "AzureRetentionRule", "name": name, "isDefault": one is None,
            "lifecycles": [{"deleteAfter": {"duration": duration}, "sourceDataStore": STORE}],
        }
        for name, (_, duration, one) in tags.items()
    ]  # fmt: skip
    body["properties"]["policyRules"] = [backup, *kept]
    assert read_policy(body).meaning == Meaning(
        (Slot.weekly(6, 8, 0),),
        "India Standard Time",
        (
            Rule((Criteria(weekdays=(1,), weeks=("First", "Last")),), Duration.parse("P1D")),
            Rule((Criteria(("FirstOfWeek",)),), Duration.parse("P6M")),
            Rule((Criteria(weekdays=(3,), times=("08:00",)),), Duration.parse("P1W")),
        ),
        Rule((), Duration.parse("P4M")),
    )
