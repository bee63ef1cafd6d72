"""Throttling: what ARM counts, what it tells, and when it refuses."""

import pytest

from simulator.arm import authorization
from simulator.arm.roles import OWNER
from simulator.azure import LocalAzure
from simulator.wire import Request
from simulator.world_file import dump, load

SCOPE = "/subscriptions/5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10"
GROUP = f"{SCOPE}/resourceGroups/rg-data"
VAULT = f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/bv"
APP, OTHER = "app", "other"
LEFT = "x-ms-ratelimit-remaining-subscription"


def ask(azure: LocalAzure, method: str, path: str, caller: str = APP, body: bytes = b"{}"):
    """One ARM request of a principal."""
    url = f"https://management.azure.com{path}?api-version=2024-04-01"
    headers = {"authorization": f"Bearer simulated.{caller}", "content-type": "application/json"}
    return azure.handle(Request(method, url, headers, body if method in ("PUT", "POST") else b""))


@pytest.fixture(autouse=True)
def rights(azure: LocalAzure) -> None:
    """A group with a vault, and two principals that may do everything."""
    ask(azure, "PUT", SCOPE, "operator", b'{"displayName": "production"}')
    ask(azure, "PUT", GROUP, "operator", b'{"location": "westeurope"}')
    body = b'{"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {"storageSettings": [{'
    body += b'"datastoreType": "VaultStore", "type": "LocallyRedundant"}]}}'
    assert ask(azure, "PUT", VAULT, "operator", body).status == 201
    for principal in (APP, OTHER):
        authorization.grant(azure.world, principal, OWNER, SCOPE)


def spend_all(azure: LocalAzure, method: str, path: str, most: int = 2000):
    """Ask until it is refused: the refusal, and how many were answered before."""
    for number in range(most):
        answer = ask(azure, method, path)
        if answer.status == 429:
            return answer, number
    raise AssertionError(f"never refused in {most}")


def test_reads_and_writes_have_buckets_of_their_own(azure):
    """250 reads and 200 writes at once, as documented; the one does not cost the other."""
    assert spend_all(azure, "GET", GROUP)[1] == 250
    assert spend_all(azure, "PUT", GROUP)[1] == 200


@pytest.mark.parametrize(
    ("method", "seconds", "back"), [("GET", 1, 25), ("GET", 3, 75), ("PUT", 1, 10), ("PUT", 99, 200)]
)
def test_a_bucket_fills_up_in_virtual_time(azure, method, seconds, back):
    """25 reads and 10 writes come back in a second, and never more than the bucket holds."""
    spend_all(azure, method, GROUP)
    azure.advance(seconds)
    assert spend_all(azure, method, GROUP)[1] == back


def test_a_refusal_says_when_a_token_is_there(azure):
    """429 SubscriptionRequestsThrottled names principal and seconds; after these the next call is answered."""
    refusal, _ = spend_all(azure, "GET", GROUP)
    error = refusal.json()["error"]
    assert error["code"] == "SubscriptionRequestsThrottled"
    assert f"actor '{APP}' exceeded" in error["message"]
    assert refusal.headers["x-ms-failure-cause"] == "gateway"
    azure.advance(float(refusal.headers["retry-after"]))
    assert ask(azure, "GET", GROUP).status == 200


def test_principals_do_not_cost_each_other_anything(azure):
    """What one principal has used up another still has; the operator is not counted at all."""
    spend_all(azure, "GET", GROUP)
    assert ask(azure, "GET", GROUP, OTHER).headers[f"{LEFT}-reads"] == "249"
    assert {ask(azure, "GET", GROUP, "operator").headers[f"{LEFT}-reads"] for _ in range(300)} == {"249"}


def test_the_operator_is_counted_when_asked_for(azure):
    """With the switch the person who builds the world runs dry like anybody."""
    azure.world.behaviour.throttle_operator = True
    answers = [ask(azure, "GET", GROUP, "operator").status for _ in range(251)]
    assert answers == [200] * 250 + [429]


@pytest.mark.parametrize(
    ("method", "path", "name", "left", "version"),
    [
        ("GET", VAULT, "resource-requests", "1099", "v1"),
        ("GET", f"{VAULT}/backupInstances", "resource-requests", "1099", "v1"),
        ("DELETE", f"{VAULT}/backupInstances/none", "resource-requests", "799", "v1"),
        ("POST", f"{VAULT}/deletedBackupInstances/none/undelete", "resource-requests", "799", "v1"),
        ("GET", f"{VAULT}/backupInstances/none", "resource-requests", "1099", "v1"),
        ("POST", f"{VAULT}/backupInstances/none/backup", "writes", "799", "v2"),
        ("GET", f"{VAULT}/backupInstances/none/operationResults/none", None, None, "v2"),
    ],
)
def test_counters_are_named_as_recorded(azure, method, path, name, left, version):
    """Names and values of November 2025: Data Protection tells its own limit, its actions that of the subscription.

    **Source**: dp-softdelete-2025-11-06, dp-disk-create-backup-delete-2025-11-06, dp-blob-create-delete-2025-11-06.
    """
    azure.world.behaviour.throttle = "recorded"
    headers = ask(azure, method, path).headers
    counters = {key: value for key, value in headers.items() if key.startswith(LEFT)}
    assert counters == ({f"{LEFT}-{name}": left} if name else {})
    assert headers["x-ms-throttling-version"] == version


def test_a_services_own_limit_is_told_as_recorded(azure):
    """With the recorded buckets a vault can be read 1100 times at once; then 429 ResourceRequestsThrottled."""
    azure.world.behaviour.throttle = "recorded"
    refusal, answered = spend_all(azure, "GET", VAULT)
    assert answered == 1100
    assert refusal.json()["error"]["code"] == "ResourceRequestsThrottled"
    assert (
        "action 'Microsoft.DataProtection/backupVaults/read' exceeded the limit of '1100'"
        in (refusal.json()["error"]["message"])
    )


def test_a_refusal_of_the_gateway_tells_no_counter(azure):
    """403 comes without counters, as recorded (`role-403-authorizationfailed`)."""
    answer = ask(azure, "GET", GROUP, "nobody")
    assert answer.status == 403
    assert not [name for name in answer.headers if "ratelimit" in name]


def test_what_is_left_is_written_down_with_the_world(azure):
    """A world that is read back refuses what the one that was written would have refused."""
    spend_all(azure, "GET", GROUP)
    twin = LocalAzure()
    load(twin, dump(azure))
    assert ask(twin, "GET", GROUP).status == 429
    assert ask(twin, "PUT", GROUP).status in (200, 201)


def test_the_guard_against_abuse_blocks_for_hours(azure):
    """400 CloudDosTimeboudLimitReached, however often it is asked, from the first refusal on and for its hours."""
    azure.world.faults.add("dos_guard", "backupvaults/read", hours=2)
    azure.advance(86_400)
    refused = [ask(azure, "GET", VAULT) for _ in range(3)]
    assert {answer.status for answer in refused} == {400}
    error = refused[0].json()["error"]
    assert error["code"] == "CloudDosTimeboudLimitReached"
    assert error["additionalInfo"][0]["info"]["recommendedAction"] == ["Please retry after few hours"]
    azure.advance(2 * 3600 - 1)
    assert ask(azure, "GET", VAULT).status == 400
    azure.advance(1)
    assert ask(azure, "GET", VAULT).status == 200
    assert azure.world.faults.waiting == []
