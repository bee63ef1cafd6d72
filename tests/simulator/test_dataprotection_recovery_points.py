"""Recovery points: tags, expiry, and what becomes of them when protection ends."""

from datetime import UTC, datetime, timedelta

import pytest
from dataprotection_world import (
    DAY_S,
    INSTANCE,
    NAME,
    POINTS,
    VAULT,
    ask,
    estate,
    instance_body,
    listed_points,
    policy_body,
    protect,
    retention_rule,
    start_backup,
    tagging,
)

FIRST_SUNDAY = datetime(2026, 11, 29, 6, 30, tzinfo=UTC)


@pytest.fixture
def azure():
    made = estate()
    protect(made)
    return made


def test_a_point_has_every_recorded_member(azure):
    """32 hexadecimal digits, nulls written out, kept for three months from its creation, readable by its id."""
    start_backup(azure)
    azure.advance(941)
    (point,) = ask(azure, "GET", POINTS).json()["value"]
    assert len(point["name"]) == 32
    assert int(point["name"], 16)
    created = point["properties"]["recoveryPointTime"]
    (store,) = point["properties"]["recoveryPointDataStoresDetails"]
    assert point == {
        "properties": {
            "objectType": "AzureBackupDiscreteRecoveryPoint",
            "recoveryPointId": point["name"],
            "recoveryPointTime": created,
            "recoveryPointType": "Full",
            "friendlyName": point["name"],
            "recoveryPointDataStoresDetails": [
                {
                    "id": store["id"],
                    "type": "VaultStore",
                    "creationTime": created,
                    "expiryTime": created.replace("2026-11", "2027-02"),
                    "metaData": None,
                    "visible": True,
                    "state": "COMMITTED",
                    "rehydrationExpiryTime": None,
                    "rehydrationStatus": None,
                }
            ],
            "retentionTagName": "default",
            "retentionTagVersion": point["properties"]["retentionTagVersion"],
            "policyName": "weekly",
            "policyVersion": None,
            "expiryTime": created.replace("2026-11", "2027-02"),
            "recoveryPointState": "Completed",
        },
        "id": f"{POINTS}/{point['name']}",
        "name": point["name"],
        "type": "Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints",
    }
    assert ask(azure, "GET", point["id"]).json() == point


def test_tags_and_expiry_follow_the_policy(azure):
    """Yearly before monthly before default: the first point is yearly, the first one of the next month monthly."""
    tags = (tagging(), tagging("Monthly", 15, "FirstOfMonth"), tagging("Yearly", 10, "FirstOfYear"))
    rules = (
        retention_rule(duration="P2W"),
        retention_rule("Monthly", "P12M", default=False),
        retention_rule("Yearly", "P10Y", default=False),
    )
    tiered = f"{VAULT}/backupPolicies/tiered"
    assert ask(azure, "PUT", tiered, policy_body(tags=tags, rules=rules)).status == 200
    assert ask(azure, "PUT", INSTANCE, instance_body(policy=tiered)).status == 201
    azure.advance_to(datetime(2026, 12, 14, tzinfo=UTC))
    found = [(point["retentionTagName"], point["expiryTime"][:10]) for point in listed_points(azure)]
    assert found == [("Yearly", "2036-11-29"), ("Monthly", "2027-12-06"), ("Default", "2026-12-27")]
    azure.advance_to(datetime(2027, 1, 4, tzinfo=UTC))
    found = [(point["retentionTagName"], point["recoveryPointTime"][:10]) for point in listed_points(azure)]
    assert found == [
        ("Yearly", "2026-11-29"),
        ("Monthly", "2026-12-06"),
        ("Default", "2026-12-27"),
        ("Yearly", "2027-01-03"),
    ]


@pytest.mark.parametrize(("stopped", "kept"), [("stopProtection", 2), ("suspendBackups", 1)])
def test_stopping_keeps_points_and_suspending_keeps_the_latest(azure, stopped, kept):
    """Three months on, "retain forever" has all points, "retain as per policy" only the last one."""
    azure.advance_to(FIRST_SUNDAY + timedelta(days=8))
    ask(azure, "POST", f"{INSTANCE}/{stopped}")
    azure.advance(100 * DAY_S)
    assert len(listed_points(azure)) == kept


def test_points_can_be_listed_by_time(azure):
    """$filter with startDate and endDate keeps what lies between; an empty filter keeps all."""
    azure.advance_to(FIRST_SUNDAY + timedelta(days=8))

    def count(start_date: str, end_date: str) -> int:
        query = f"&$filter=startDate%20eq%20%27{start_date}%27%20and%20endDate%20eq%20%27{end_date}%27"
        return len(ask(azure, "GET", POINTS, query=query).json()["value"])

    assert count("2026-11-28T00:00:00.0000000Z", "2026-12-01T00:00:00.0000000Z") == 1
    assert count("2033-06-16T01:00:00.0000000Z", "2023-06-16T01:00:00.0000000Z") == 0
    assert len(ask(azure, "GET", POINTS, query="&$filter=").json()["value"]) == 2


def test_a_deleted_instance_takes_its_points_along(azure):
    """While soft-deleted the points cannot be read; after undelete they are there again; the purge removes them."""
    start_backup(azure)
    azure.advance(941)
    ask(azure, "DELETE", INSTANCE)
    azure.advance(125)
    assert ask(azure, "GET", POINTS).status == 404
    ask(azure, "POST", f"{VAULT}/deletedBackupInstances/{NAME}/undelete")
    assert len(listed_points(azure)) == 1
    ask(azure, "DELETE", INSTANCE)
    azure.advance(15 * DAY_S)
    assert not list(azure.world.of_type("Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints"))
