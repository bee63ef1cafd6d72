"""Every fault of the table can be asked for by name, happens, and is over; rates and seeds decide alike every time."""

import re
from pathlib import Path

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from dataprotection_world import (
    GROUP,
    INSTANCE,
    SERVER,
    VAULT,
    VAULTS,
    ask,
    client,
    code,
    estate,
    instance_body,
    protect,
    state,
)

from simulator import fault_names, sudden, timer_faults, world_file
from simulator.azure import Crash, LocalAzure
from simulator.call_faults import SPOILERS, AnswerLost
from simulator.event_faults import FORMS, on_its_way
from simulator.fault_names import FAULTS, of_place
from simulator.faults import CALL_FAULTS, Faults
from simulator.world import World

ROWS = {f"F{number}" for number in range(1, 21)}
PG_API = "2024-08-01"
EVENT = {
    "eventType": "Microsoft.Resources.ResourceWriteSuccess",
    "subject": SERVER,
    "id": "1",
    "topic": "/t",
    "eventTime": "2026-11-23T08:00:00Z",
    "data": {"resourceUri": SERVER, "operationName": "Microsoft.DBforPostgreSQL/flexibleServers/write"},
}


@pytest.fixture(scope="module")
def made() -> dict:
    """One estate for all tests of this file, written down."""
    return world_file.dump(estate())


@pytest.fixture
def azure(made: dict) -> LocalAzure:
    found = LocalAzure()
    world_file.load(found, made)
    return found


def test_every_row_of_the_fault_model_has_names_and_a_sentence() -> None:
    """F1 to F20 all appear; every sentence is one; no name is said twice in other words."""
    assert {kind.row for kind in FAULTS.values()} == ROWS
    assert all(kind.says.endswith(".") and 10 < len(kind.says) < 110 for kind in FAULTS.values())
    assert len({kind.says for kind in FAULTS.values()}) == len(FAULTS)


def test_every_name_is_asked_for_somewhere() -> None:
    """A name that no code but the table knows would be a promise that nobody keeps."""
    root = Path(fault_names.__file__).parent
    played = set(CALL_FAULTS) | set(SPOILERS) | set(sudden.CHANGES)
    played |= set(of_place("timer", "death", "event", "operation"))  # each asked for as a place, and each tested below
    text = "\n".join(path.read_text() for path in root.rglob("*.py") if path.name != "fault_names.py")
    missing = [name for name in set(FAULTS) - played if not re.search(rf'"{name}"', text)]
    assert missing == []
    assert set(sudden.CHANGES) == set(of_place("world"))
    assert set(SPOILERS) == set(of_place("altered", "started"))


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    """A typo costs nothing."""
    with pytest.raises(ValueError, match="no fault is called 'throtle'; did you mean 'throttle'"):
        Faults().add("throtle")
    with pytest.raises(ValueError, match="between 0 and 1"):
        Faults().add("throttle", rate=1.5)


def test_a_rate_is_kept_and_a_seed_repeats_it() -> None:
    """About a tenth of the operations meet a fault with the rate 0.1: the same for one seed, others for another."""

    def met(seed: int) -> list[int]:
        faults = Faults()
        faults.add("throttle", rate=0.1, seed=seed)
        return [number for number in range(2000) if faults.take("throttle", "x")]

    assert 140 < len(met(1)) < 260
    assert met(1) == met(1) != met(2)


def test_a_rate_spares_who_builds_the_world(azure: LocalAzure) -> None:
    """A fault by chance happens to the app's calls, not to the operator's, unless its target names them."""
    azure.world.faults.add("unavailable", rate=0.999, seed=1)
    assert [ask(azure, "GET", GROUP, api="2021-04-01").status for _ in range(20)] == [200] * 20
    assert {ask(azure, "GET", GROUP, caller="app", api="2021-04-01").status for _ in range(20)} == {503}


# -- refused, applied, lost --------------------------------------------------------------------------------------

STATUSES = {
    "throttle": 429,
    "throttle_date": 429,
    "throttle_zero": 429,
    "throttle_huge": 429,
    "throttle_absent": 429,
    "identity_throttle": 429,
    "graph_throttle": 429,
    "server_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "gateway_timeout": 504,
    "dos_guard": 400,
    "policy_in_use": 400,
    "sink_down": 503,
    "token_expired": 401,
}
LOST = ("refuse_connection", "reset", "read_timeout")
NEW_VAULT = f"{VAULTS}/bv-new"


def test_the_tables_here_are_complete() -> None:
    """A new fault of a call must be tested here."""
    assert {*STATUSES, *LOST} == set(of_place("refused", "lost"))


@pytest.mark.parametrize("kind", STATUSES)
def test_a_refused_call_does_nothing(azure: LocalAzure, kind: str) -> None:
    """The next call gets the status of the fault and was not carried out; the one after it was."""
    azure.world.faults.add(kind, "bv-new", hours=1)
    body = {"location": "westeurope"}
    assert ask(azure, "PUT", NEW_VAULT, body).status == STATUSES[kind]
    assert azure.world.get(NEW_VAULT) is None
    azure.advance(3601)
    assert ask(azure, "PUT", NEW_VAULT, body).status == 201
    assert azure.world.faults.waiting == []


RETRY_AFTER = {
    "throttle": "7",
    "throttle_date": "Mon, 23 Nov 2026 08:17:07 GMT",
    "throttle_zero": "0",
    "throttle_huge": "86400",
    "throttle_absent": None,
    "identity_throttle": None,
    "graph_throttle": "7",
}


@pytest.mark.parametrize("kind", RETRY_AFTER)
def test_retry_after_has_every_form(azure: LocalAzure, kind: str) -> None:
    """Seconds, a date, zero, a day, or none at all; an identity's throttling says it in nested JSON."""
    azure.world.faults.add(kind, VAULT, retry_after_s=7)
    answer = ask(azure, "GET", VAULT)
    assert (answer.status, answer.headers.get("retry-after")) == (429, RETRY_AFTER[kind])
    if kind == "identity_throttle":
        assert code(answer) == "FailedIdentityOperation"
        assert "Retry after 7 seconds" in answer.json()["error"]["message"]
    if kind == "graph_throttle":
        assert answer.headers["x-ms-user-quota-remaining"] == "0"
        assert answer.headers["x-ms-user-quota-resets-after"] == "00:00:07"


@pytest.mark.parametrize("kind", of_place("applied"))
def test_an_applied_call_is_carried_out_whatever_is_heard(azure: LocalAzure, kind: str) -> None:
    """The vault is there although the caller was told otherwise, or nothing."""
    azure.world.faults.add(kind, "bv-new")
    try:
        assert ask(azure, "PUT", NEW_VAULT, {"location": "westeurope"}).status >= 500
    except AnswerLost:
        assert kind in ("reset_applied", "read_timeout_applied", "sink_slow")
    assert azure.world.get(NEW_VAULT) is not None


@pytest.mark.parametrize(
    ("kind", "error", "wait_s"),
    [
        ("refuse_connection", ServiceRequestError, 0),
        ("reset", ServiceResponseError, 0),
        ("read_timeout", ServiceResponseTimeoutError, 300),
    ],
)
def test_a_lost_call_is_the_clients_own_error(azure: LocalAzure, kind: str, error: type, wait_s: float) -> None:
    """The real client raises what it raises for a refused, a broken and a silent connection, and waits as long."""
    azure.world.faults.add(kind, VAULT)
    before = azure.now
    with pytest.raises(error):
        client(azure, retry_total=0).backup_vaults.get("rg-backup", "bv-one")
    assert (azure.now - before).total_seconds() == wait_s


@pytest.mark.parametrize(("kind", "is_there"), [("crash_before", False), ("crash_after", True)])
def test_a_crash_goes_through_the_client(azure: LocalAzure, kind: str, is_there: bool) -> None:
    """Nothing in the caller can catch it: neither `except Exception` nor the client's own retries."""
    azure.world.faults.add(kind, "bv-new")
    with pytest.raises(Crash):
        ask(azure, "PUT", NEW_VAULT, {"location": "westeurope"}, caller="operator")
    assert (azure.world.get(NEW_VAULT) is not None) == is_there


def test_the_identity_endpoint_can_be_down(azure: LocalAzure) -> None:
    """No token, once."""
    azure.world.faults.add("identity_down")
    credential = azure.credential("app")
    with pytest.raises(ClientAuthenticationError):
        credential.get_token()
    assert credential.get_token().token


# -- long operations ---------------------------------------------------------------------------------------------

ALTERED = {
    "operation_unknown_status": (200, b'"status": "Pondering"'),
    "operation_not_json": (200, b"<html>"),
    "operation_empty": (200, b""),
    "operation_not_found": (404, b"UserErrorGenericResourceNotFound"),
    "operation_no_content": (204, b""),
}


@pytest.mark.parametrize("kind", ALTERED)
def test_the_status_of_an_operation_is_spoilt(azure: LocalAzure, kind: str) -> None:
    """One look at the status is what the fault says; the next is right."""
    url = ask(azure, "POST", f"{VAULT}/validateForBackup", validation()).headers["azure-asyncoperation"]
    azure.world.faults.add(kind)
    status, part = ALTERED[kind]
    answer = ask(azure, "GET", url)
    assert answer.status == status
    assert part in answer.body
    assert ask(azure, "GET", url).json()["status"] == "Inprogress"


def test_a_long_operation_without_or_with_a_foreign_address(azure: LocalAzure) -> None:
    """The answer of the start has no address, or one where no token should go; both are applied."""
    azure.world.faults.add("operation_no_address")
    answer = ask(azure, "POST", f"{VAULT}/validateForBackup", validation())
    assert (answer.status, {"location", "azure-asyncoperation"} & set(answer.headers)) == (202, set())
    azure.world.faults.add("operation_foreign_host")
    answer = ask(azure, "POST", f"{VAULT}/validateForBackup", validation())
    assert answer.headers["azure-asyncoperation"].startswith("https://evil.example/subscriptions/")


def test_an_operation_fails_or_hangs(azure: LocalAzure) -> None:
    """The first ends Failed with the code of the fault; the second never ends."""
    azure.world.faults.add("fail_operation", "validate", code="CloudInternalError")
    azure.world.faults.add("operation_hangs", "validate")
    urls = [
        ask(azure, "POST", f"{VAULT}/validateForBackup", validation()).headers["azure-asyncoperation"] for _ in "12"
    ]
    azure.advance(86_400)
    failed, hung = (ask(azure, "GET", url).json() for url in urls)
    assert (failed["status"], failed["error"]["code"]) == ("Failed", "CloudInternalError")
    assert hung["status"] == "Inprogress"


def validation() -> dict:
    return {"backupInstance": instance_body()["properties"]}


# -- the rest, each with its own way to happen -------------------------------------------------------------------


def test_clocks_may_differ(azure: LocalAzure) -> None:
    """The Date of an answer is off by as much as the fault says, either way."""
    azure.world.faults.add("clock_skew", VAULT, skew_s=-300)
    skewed, right = ask(azure, "GET", VAULT), ask(azure, "GET", VAULT)
    assert (right.headers["date"], skewed.headers["date"]) == (
        "Mon, 23 Nov 2026 08:17:00 GMT",
        "Mon, 23 Nov 2026 08:12:00 GMT",
    )


@pytest.mark.parametrize(
    ("kind", "firings"),
    [
        ("timer_missed", ()),
        ("timer_early", ((0.0, False), (5.0, False))),
        ("timer_late", ((600.0, True),)),
        ("timer_overlap", ((0.0, False), (0.0, False))),
    ],
)
def test_timers_fire_wrongly_once(kind: str, firings: tuple) -> None:
    """The next firing of that timer is as the fault says, others are in time."""
    world = World()
    world.faults.add(kind, "sweep")
    assert timer_faults.firings(world, "watch_jobs") == ((0.0, False),)
    assert timer_faults.firings(world, "sweep_estate") == firings
    assert timer_faults.firings(world, "sweep_estate") == ((0.0, False),)


@pytest.mark.parametrize(
    ("kind", "copies", "least_s", "most_s"),
    [
        ("lose_event", 0, 0, 0),
        ("duplicate_event", 2, 0, 0),
        ("reorder_events", 1, 20, 120),
        ("delay_event", 1, 1, 86_400),
        ("malform_event", 1, 0, 0),
    ],
)
def test_events_on_their_way(kind: str, copies: int, least_s: float, most_s: float) -> None:
    """So many copies arrive, so late."""
    world = World()
    world.faults.add(kind)
    arriving = list(on_its_way(world, EVENT))
    assert len(arriving) == copies
    assert all(least_s <= late_s <= most_s for late_s, _ in arriving)
    assert all((event == EVENT) == (kind != "malform_event") for _, event in arriving)


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_form_leaves_the_event_itself_alone(form: str) -> None:
    """What arrives is another event; what was sent is as it was."""
    world, before = World(), repr(EVENT)
    world.faults.add("malform_event", form=form)
    ((_, arriving),) = on_its_way(world, EVENT)
    assert arriving != EVENT
    assert repr(EVENT) == before


def test_a_fault_is_written_down_and_goes_on(azure: LocalAzure) -> None:
    """A world that was read back meets the faults that the one that was written would have met."""
    azure.world.faults.add("throttle", rate=0.3, seed=4)
    first = [ask(azure, "GET", VAULT, caller="x").status for _ in range(20)]
    copy = LocalAzure()
    world_file.load(copy, world_file.dump(azure))
    both = [[ask(each, "GET", VAULT, caller="x").status for _ in range(40)] for each in (azure, copy)]
    assert both[0] == both[1]
    assert 429 in first + both[0]


def test_protection_is_slow_or_odd(azure: LocalAzure) -> None:
    """An instance is configured much later, or ends in a state that no enumeration has."""
    azure.world.faults.add("slow_protection", SERVER, after_s=600)
    azure.world.faults.add("odd_state", SERVER, state="PonderingProtection")
    assert ask(azure, "PUT", INSTANCE, instance_body()).status == 201
    azure.advance(600)
    assert state(azure) == "ConfiguringProtection"
    azure.advance(100)
    assert state(azure) == "PonderingProtection"


def test_roles_are_slow_refused_or_there_already(azure: LocalAzure) -> None:
    """Each refusal has the code that Azure's has; a slow role works after the time that the fault says."""
    path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"
    properties = {
        "roleDefinitionId": "/x/acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "principalId": "someone",
        "principalType": "ServicePrincipal",
    }

    def assign(name: str) -> tuple[int, str]:
        answer = ask(azure, "PUT", f"{path}/{name}", {"properties": properties}, api="2022-04-01")
        return answer.status, answer.json().get("error", {}).get("code", "")

    for kind in ("role_exists", "principal_not_found", "role_denied", "slow_role"):
        azure.world.faults.add(kind, "someone")
    assert [assign(name) for name in "abcd"] == [
        (409, "RoleAssignmentExists"),
        (400, "PrincipalNotFound"),
        (403, "AuthorizationFailed"),
        (201, ""),
    ]
    seen = []
    for _ in range(2):
        azure.advance(1790 if not seen else 20)
        seen.append(ask(azure, "GET", GROUP, caller="someone", api="2021-04-01").status)
    assert seen == [403, 200]


def test_the_protected_estate_survives_the_table(azure: LocalAzure) -> None:
    """Faults without anything to happen to are no harm: the way to protection is as ever."""
    for kind in of_place("storage", "graph", "role", "jobs", "timer", "identity"):
        azure.world.faults.add(kind)
    protect(azure)
