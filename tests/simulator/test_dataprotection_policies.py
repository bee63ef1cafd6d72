"""Backup policies: what the service writes, what it refuses, and when one can go."""

import pytest
from azure.mgmt.dataprotection.models import BaseBackupPolicyResource
from dataprotection_world import (
    POLICY,
    VAULT,
    ask,
    client,
    code,
    estate,
    policy_body,
    protect,
    retention_rule,
    tagging,
)

OTHER = f"{VAULT}/backupPolicies/other"


@pytest.fixture
def azure():
    return estate()


def test_a_policy_comes_back_in_the_services_own_order(azure):
    """PUT answers 200 with the recorded order of members, without properties.name, with the id of a tag filled in."""
    store = {"objectType": "DataStoreInfoBase", "dataStoreType": "VaultStore"}
    tag = {"taggingPriority": 99, "isDefault": True, "tagInfo": {"tagName": "Default"}, "criteria": None}
    schedule = {"timeZone": "UTC", "repeatingTimeIntervals": ["R/2023-03-26T13:00:00+00:00/P1W"]}
    backup = {
        "name": "BackupWeekly",
        "objectType": "AzureBackupRule",
        "backupParameters": {"objectType": "AzureBackupParams", "backupType": "Full"},
        "dataStore": store,
        "trigger": {"objectType": "ScheduleBasedTriggerContext", "schedule": schedule, "taggingCriteria": [tag]},
    }
    keep = {"duration": "P7D", "objectType": "AbsoluteDeleteOption"}
    lifecycle = {"sourceDataStore": store, "deleteAfter": keep, "targetDataStoreCopySettings": None}
    default = {"name": "Default", "objectType": "AzureRetentionRule", "isDefault": True, "lifecycles": [lifecycle]}
    sent = {"name": "PGFlexPolicy1", "objectType": "BackupPolicy", "policyRules": [backup, default]}
    sent["datasourceTypes"] = ["Microsoft.DBforPostgreSQL/flexibleServers"]
    answer = ask(azure, "PUT", OTHER, {"properties": sent})
    expected = (
        '{"properties": {"policyRules": [{"backupParameters": {"backupType": "Full", '
        '"objectType": "AzureBackupParams"}, "trigger": {"schedule": {"repeatingTimeIntervals": '
        '["R/2023-03-26T13:00:00+00:00/P1W"], "timeZone": "UTC"}, "taggingCriteria": [{"tagInfo": '
        '{"tagName": "Default", "id": "Default_"}, "taggingPriority": 99, "isDefault": true}], '
        '"objectType": "ScheduleBasedTriggerContext"}, "dataStore": {"dataStoreType": "VaultStore", '
        '"objectType": "DataStoreInfoBase"}, "name": "BackupWeekly", "objectType": "AzureBackupRule"}, '
        '{"lifecycles": [{"deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": "P7D"}, '
        '"sourceDataStore": {"dataStoreType": "VaultStore", "objectType": "DataStoreInfoBase"}}], '
        '"isDefault": true, "name": "Default", "objectType": "AzureRetentionRule"}], '
        '"datasourceTypes": ["Microsoft.DBforPostgreSQL/flexibleServers"], '
        f'"objectType": "BackupPolicy"}}, "id": "{OTHER}", "name": "other", '
        '"type": "Microsoft.DataProtection/backupVaults/backupPolicies"}'
    )
    assert (answer.status, answer.body.decode()) == (200, expected)
    assert ask(azure, "GET", OTHER).body == answer.body


def test_a_policy_is_never_changed_unless_the_world_says_so(azure):
    """The same content is 200; other content is refused in the known words, or accepted when that switch is set."""
    assert ask(azure, "PUT", POLICY, policy_body()).status == 200
    longer = policy_body(rules=(retention_rule(duration="P1Y"),))
    refused = ask(azure, "PUT", POLICY, longer)
    assert (refused.status, code(refused)) == (400, "UserErrorBMSUpdatePolicyNotSupported")
    assert refused.json()["error"]["message"] == "Update of existing policy is not supported."
    azure.world.behaviour.policy_update = "accepted"
    assert ask(azure, "PUT", POLICY, longer).status == 200
    assert ask(azure, "GET", POLICY).json()["properties"] == longer["properties"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(policy_body(rules=(retention_rule("Other"),)), id="no default rule"),
        pytest.param(policy_body(tags=()), id="no tag"),
        pytest.param(policy_body(tags=(tagging(), tagging("Default", 99, "FirstOfWeek"))), id="priorities not unique"),
        pytest.param(policy_body(tags=(tagging(), tagging("Monthly", 15, "FirstOfMonth"))), id="tag without a rule"),
        pytest.param(policy_body(intervals=("R/2021-08-15T06:30:00+00:00",)), id="no period"),
        pytest.param(policy_body(intervals=("R/20210815T063000Z/P1W",)), id="compact start"),
        pytest.param(policy_body(intervals=("R/2021-08-15T06:30:00Z/P0W",)), id="period of nothing"),
        pytest.param(policy_body(intervals=()), id="no interval"),
        pytest.param(policy_body(zone="Middle Earth Standard Time"), id="unknown time zone"),
        pytest.param(policy_body(rules=(retention_rule(duration="3 months"),)), id="broken retention"),
        pytest.param({"properties": {"policyRules": [retention_rule()]}}, id="no backup rule"),
        pytest.param({"properties": {"policyRules": "weekly"}}, id="no rules at all"),
        pytest.param({}, id="empty"),
    ],
)
def test_broken_policies_are_invalid_input(azure, body):
    """Whatever is wrong with a policy, it is 400 BMSUserErrorInvalidInput, and nothing is stored."""
    refused = ask(azure, "PUT", OTHER, body)
    assert (refused.status, code(refused)) == (400, "BMSUserErrorInvalidInput")
    assert refused.json()["error"]["message"] == "Input provided for the call is invalid"
    assert ask(azure, "GET", OTHER).status == 404


def test_a_policy_in_use_stays(azure):
    """DELETE is 400 while an instance uses the policy, 200 when none does, 204 when it is gone."""
    protect(azure)
    refused = ask(azure, "DELETE", POLICY)
    assert (refused.status, code(refused)) == (400, "UserErrorDppPolicyObjectInUse")
    ask(azure, "PUT", OTHER, policy_body())
    assert [ask(azure, "DELETE", OTHER).status for _ in range(2)] == [200, 204]


def test_the_sdk_puts_and_lists_policies(azure):
    """Microsoft's client writes a policy and reads its rules as models."""
    with client(azure) as backup:
        backup.backup_policies.create_or_update("rg-backup", "bv-one", "other", BaseBackupPolicyResource(policy_body()))
        listed = list(backup.backup_policies.list("rg-backup", "bv-one"))
    assert [policy.name for policy in listed] == ["weekly", "other"]
    rule = listed[1].properties.policy_rules[0]
    assert rule.trigger.schedule.repeating_time_intervals == ["R/2021-08-15T06:30:00+00:00/P1W"]
    assert listed[1].properties.policy_rules[1].lifecycles[0].delete_after.duration == "P3M"
