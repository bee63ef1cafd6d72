"""When Event Grid sends again, when it gives up, and what becomes of an event then: schedule, codes, dead letters."""

import json
from datetime import timedelta
from itertools import pairwise

import pytest
from event_grid_world import (
    DEAD_LETTERS,
    SERVERS_ONLY,
    SUBSCRIPTION,
    estate,
    pump,
    run,
    says,
    subscribe,
    tell,
    webhook,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import world_file
from simulator.azure import LocalAzure
from simulator.event_mail import JITTER
from simulator.wire import Request

PAUSES_S = [10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200]


@pytest.fixture
def azure():
    return estate()


def pauses(sent):
    times = [at for at, _ in sent]
    return [later - earlier for earlier, later in pairwise(times)]


def letters(azure):
    """The dead letters by the name of their blob."""
    blobs = azure.blobs.containers["deadletter"].blobs
    return {name: json.loads(blob.data) for name, blob in blobs.items()}


def with_dead_letters(azure, **properties):
    url, token = "https://flexguard.blob.core.windows.net/deadletter?restype=container", "Bearer simulated.operator"
    assert azure.handle(Request("PUT", url, {"authorization": token, "x-ms-version": "2021-12-02"})).status == 201
    return subscribe(azure, deadLetterDestination=DEAD_LETTERS, **properties)


# -- again -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
def test_statuses_that_are_success(azure, status):
    """200 to 204 end it."""
    subscribe(azure)
    tell(azure)
    assert len(run(azure, 86_400, says(status))) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_statuses_that_are_final(azure, status):
    """A webhook that refuses like this is not asked again."""
    subscribe(azure)
    tell(azure)
    assert len(run(azure, 86_400, says(status))) == 1


@pytest.mark.parametrize("status", [205, 302, 404, 429, 500, None])
def test_the_schedule(azure, status):
    """Everything else is tried again after the documented pauses, each up to a tenth longer, for 24 hours."""
    subscribe(azure)
    tell(azure)
    sent = run(azure, 200_000, says(status))
    assert [attempt.headers["aeg-delivery-count"] for _, attempt in sent] == [str(n) for n in range(len(sent))]
    found = pauses(sent)
    assert len(found) == len(PAUSES_S)
    assert all(least <= pause <= least * (1 + JITTER) for pause, least in zip(found, PAUSES_S, strict=True))
    assert azure.world.get(SUBSCRIPTION).hidden["mail"] == {}


@pytest.mark.parametrize(("status", "least_s"), [(408, 120), (503, 30)])
def test_pauses_of_some_statuses(azure, status, least_s):
    """A busy endpoint gets at least the documented pause, and the schedule where that is longer."""
    subscribe(azure)
    tell(azure)
    found = pauses(run(azure, 2000, says(status)))
    assert all(pause >= max(least_s, usual) for pause, usual in zip(found, PAUSES_S, strict=False))
    assert found[0] <= least_s * (1 + JITTER)


def test_no_answer_within_30_seconds(azure):
    """Without an answer the next attempt is 10 seconds after the 30 that Event Grid waits."""
    subscribe(azure)
    tell(azure)
    (attempt,) = azure.delivery.take(azure.world)
    found = pauses([(0.0, attempt), *run(azure, 100)])
    assert 40 <= found[0] <= 41


@pytest.mark.parametrize(("after_s", "again"), [(29, 0), (35, 0), (100, 0), (185, 1)])
def test_a_late_answer(azure, after_s, again):
    """A success within three minutes still spares the next attempt, if that was not sent already."""
    subscribe(azure)
    tell(azure)
    (attempt,) = azure.delivery.take(azure.world)
    azure.advance(after_s)
    azure.delivery.answered(azure.world, attempt, 200)
    assert len(run(azure, 600)) == again


def test_an_answer_counts_once(azure):
    """A second answer to the same attempt, good or bad, changes nothing."""
    subscribe(azure)
    tell(azure)
    (attempt,) = pump(azure, says(500))
    azure.delivery.answered(azure.world, attempt, 500)
    assert len(run(azure, 30)) == 1


def test_six_attempts_in_thirty_minutes(azure):
    """As documented: with a life of 30 minutes only six attempts happen, whatever number is allowed."""
    subscribe(azure, retryPolicy={"eventTimeToLiveInMinutes": 30, "maxDeliveryAttempts": 10})
    tell(azure)
    assert len(run(azure, 86_400, says(500))) == 6


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 1440))
@settings(max_examples=20, deadline=None)
def test_limits_of_trying(seed, most, minutes):
    """No seed makes more attempts than allowed or one after the end of life; each seed repeats itself exactly."""
    runs = []
    for _ in range(2):
        azure = estate(seed)
        policy = {"maxDeliveryAttempts": most, "eventTimeToLiveInMinutes": minutes}
        subscribe(azure, retryPolicy=policy)
        tell(azure)
        runs.append([at for at, _ in run(azure, 100_000, says(500))])
    assert runs[0] == runs[1]
    assert len(runs[0]) <= most
    assert runs[0][-1] <= minutes * 60
    assert len(runs[0]) == most or runs[0][-1] + 43_200 * (1 + JITTER) > minutes * 60


def test_a_batch_is_all_or_nothing(azure):
    """When a batch fails every event in it comes again, in the same company."""
    subscribe(azure, destination=webhook(maxEventsPerBatch=10))
    for number in range(4):
        tell(azure, f"pg-{number}")
    pump(azure, says(500))
    tell(azure, "pg-new")
    assert [len(json.loads(attempt.body)) for _, attempt in run(azure, 20)] == [1, 4]


def test_a_world_keeps_its_mail(azure):
    """What waits is plain data: a world that is written down and read back goes on as if nothing had happened."""
    subscribe(azure)
    for number in range(3):
        tell(azure, f"pg-{number}")
    pump(azure, says(500))
    azure.delivery.take(azure.world)
    twin = LocalAzure()
    world_file.load(twin, world_file.parse(world_file.to_yaml(world_file.dump(azure))))
    first, second = ([(at, attempt.body) for at, attempt in run(each, 60)] for each in (twin, azure))
    assert first == second
    assert len(first) == 3


# -- dead letters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
        (400, "UndeliverableDueToHttpBadRequest", "BadRequest"),
        (500, "MaxDeliveryAttemptsExceeded", "Busy"),
        (404, "MaxDeliveryAttemptsExceeded", "NotFound"),
        (None, "MaxDeliveryAttemptsExceeded", "SocketError"),
    ],
)
def test_a_dead_letter(azure, status, reason, outcome):
    """Five minutes after the last attempt the event lies in the container, with why and when."""
    with_dead_letters(azure, retryPolicy={"maxDeliveryAttempts": 1})
    event = tell(azure)
    sent_at = azure.now
    assert len(run(azure, 299.9, says(status))) == 1
    assert letters(azure) == {}
    azure.advance(0.1)
    pump(azure)
    ((name, content),) = letters(azure).items()
    now = azure.now
    assert name.startswith(f"ES-ONE/{now.year}/{now.month}/{now.day}/{now.hour}/")
    stamped = sent_at.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    facts = {
        "deadLetterReason": reason,
        "deliveryAttempts": 1,
        "lastDeliveryOutcome": outcome,
        "publishTime": stamped,
        "lastDeliveryAttemptTime": stamped,
    }
    assert content == [event | facts]
    assert azure.world.get(SUBSCRIPTION).hidden["mail"] == {}


def test_a_dead_letter_of_an_old_event(azure):
    """The end of life is seen at the next attempt only; the letter of a CloudEvent has names in lower case."""
    policy = {"eventTimeToLiveInMinutes": 2}
    with_dead_letters(azure, retryPolicy=policy, eventDeliverySchema="CloudEventSchemaV1_0")
    tell(azure)
    sent = run(azure, 400, says(500))
    last_at, next_at = sent[-1][0], sent[-1][0] + 300
    assert len(sent) == 4
    assert last_at < 120 < next_at
    assert letters(azure) == {}
    run(azure, 100, says(500))
    ((letter,),) = letters(azure).values()
    assert (letter["deadletterreason"], letter["deliveryattempts"]) == ("TimeToLiveExceeded", 4)
    assert letter["specversion"] == "1.0"


def test_dead_letters_share_a_blob(azure):
    """Letters that become due together are written as one list."""
    with_dead_letters(azure, retryPolicy={"maxDeliveryAttempts": 1})
    for number in range(3):
        tell(azure, f"pg-{number}")
    run(azure, 301, says(500))
    assert [len(content) for content in letters(azure).values()] == [3]


def test_a_dead_letter_without_a_container(azure):
    """When the container is not there the letter is dropped, and nothing else happens."""
    subscribe(azure, deadLetterDestination=DEAD_LETTERS, retryPolicy={"maxDeliveryAttempts": 1})
    tell(azure)
    assert len(run(azure, 90_000, says(500))) == 1
    assert azure.world.get(SUBSCRIPTION).hidden["mail"] == {}
    assert azure.blobs.containers == {}


@given(st.integers(0, 1000), st.lists(st.sampled_from([200, 400, 404, 408, 500, 503, None]), max_size=8))
@settings(max_examples=30, deadline=None)
def test_no_event_is_lost_silently(seed, statuses):
    """Whatever the endpoint answers, every event is in the end delivered once or dead-lettered, never both."""
    azure = estate(seed)
    with_dead_letters(azure, retryPolicy={"maxDeliveryAttempts": 4}, filter={"advancedFilters": [SERVERS_ONLY]})
    ids = [tell(azure, f"pg-{number}")["id"] for number in range(3)]
    left, delivered = list(statuses), []

    def endpoint(attempt):
        status = left.pop(0) if left else 200
        if status == 200:
            delivered.extend(event["id"] for event in json.loads(attempt.body))
        return status, {}, b""

    run(azure, timedelta(hours=2).total_seconds(), endpoint)
    dead = [letter["id"] for content in letters(azure).values() for letter in content]
    assert sorted(delivered + dead) == sorted(ids)
