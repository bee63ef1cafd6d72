"""Events: of both schemas and both sources, what they are about or why they are dropped."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.events import Dropped, Seen, read_event, read_time
from tests.core.samples import GROUP, INSTANCE, SERVER, SUBSCRIPTION, VAULT, json_values

TYPES = frozenset({"microsoft.dbforpostgresql/flexibleservers"})
OURS = frozenset({SUBSCRIPTION})
ARM, NOTIFICATION = "Microsoft.Resources.ResourceWriteSuccess", "Microsoft.ResourceNotifications.Resources.Deleted"
TAGS = f"{SERVER}/providers/Microsoft.Resources/tags/default"
FOREIGN = SERVER.replace(SUBSCRIPTION, "22222222-0000-4000-8000-000000000002")


def read(event: object) -> Seen | Dropped:
    return read_event(event, TYPES, OURS)


def of_event_grid(kind: str, about: object) -> dict[str, Any]:
    """An event in Event Grid's own schema."""
    data = {"resourceInfo": {"id": about}} if "Notifications" in kind else {"status": "Succeeded"}
    return {"id": "1", "eventType": kind, "subject": about, "eventTime": "2026-11-23T12:00:00.1234567Z", "data": data}


def of_cloud_events(kind: str, about: object) -> dict[str, Any]:
    """The same event as a CloudEvent."""
    event = of_event_grid(kind, about)
    return {
        "specversion": "1.0", "id": "1", "type": kind, "source": GROUP, "subject": about,
        "time": event["eventTime"], "data": event["data"],
    }  # fmt: skip


@pytest.mark.parametrize("schema", [of_event_grid, of_cloud_events])
@pytest.mark.parametrize(
    "kind",
    [
        ARM,
        ARM.upper(),
        "Microsoft.Resources.ResourceDeleteSuccess",
        "Microsoft.Resources.ResourceActionSuccess",
        NOTIFICATION,
        "Microsoft.ResourceNotifications.Resources.CreatedOrUpdated",
    ],
)
@pytest.mark.parametrize(("about", "is_instance"), [(SERVER, False), (SERVER.upper(), False), (INSTANCE, True)])
def test_events_of_ours_are_seen(schema: Any, kind: str, about: str, *, is_instance: bool):
    """Both schemas and both sources of events name the same subject at the same time."""
    seen = read(schema(kind, about))
    assert isinstance(seen, Seen)
    assert (seen.subject.text, seen.is_instance) == (about, is_instance)
    assert seen.at == datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def test_a_written_tag_is_about_its_server():
    """Tags have an id of their own below the server; the event is about the server."""
    seen = read(of_event_grid(ARM, TAGS))
    assert isinstance(seen, Seen)
    assert seen.subject.text == SERVER


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (None, "malformed"),
        ([], "malformed"),
        ("event", "malformed"),
        (7, "malformed"),
        ({}, "malformed"),
        ({"eventType": 7}, "malformed"),
        (of_event_grid(ARM, None), "malformed"),
        (of_event_grid(ARM, [SERVER]), "malformed"),
        (of_event_grid(NOTIFICATION, 7), "malformed"),
        ({"eventType": NOTIFICATION}, "malformed"),
        ({"eventType": NOTIFICATION, "data": [1]}, "malformed"),
        ({"eventType": NOTIFICATION, "data": {"resourceInfo": "x"}}, "malformed"),
        (of_event_grid("Microsoft.Resources.ResourceWriteFailure", SERVER), "other_event"),
        (of_event_grid("Microsoft.Storage.BlobCreated", SERVER), "other_event"),
        (of_event_grid(ARM, f"{SERVER}/../x"), "malformed_id"),
        (of_event_grid(ARM, SERVER.replace("pg-orders", "pg\u202e")), "malformed_id"),
        (of_event_grid(ARM, SERVER + "x" * 1_000_000), "malformed_id"),
        (of_event_grid(ARM, FOREIGN), "foreign_subscription"),
        (of_event_grid(ARM, f"{SERVER}/firewallRules/all"), "child_resource"),
        (of_event_grid(ARM, f"{SERVER}/databases/orders"), "child_resource"),
        (of_event_grid(ARM, f"{SERVER}/providers/Microsoft.Authorization/locks/l"), "child_resource"),
        (of_event_grid(ARM, VAULT), "other_resource"),
        (of_event_grid(ARM, f"{VAULT}/backupPolicies/gold"), "other_resource"),
        (of_event_grid(ARM, f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"), "other_resource"),
        (of_event_grid(ARM, ""), "other_resource"),
    ],
)
def test_everything_else_is_dropped_with_a_reason(event: object, reason: str):
    """What is not about anything of ours is dropped under one of a few words."""
    assert read(event) == Dropped(reason)


almost = st.fixed_dictionaries(
    {},
    optional={
        "eventType": st.sampled_from((ARM, NOTIFICATION)) | json_values,
        "type": st.sampled_from((ARM, NOTIFICATION)) | json_values,
        "subject": st.sampled_from((SERVER, INSTANCE, TAGS)) | json_values,
        "eventTime": st.just("2026-11-23T12:00:00Z") | json_values,
        "data": st.just({"resourceInfo": {"id": SERVER}}) | json_values,
    },
)


@given(almost | json_values)
def test_any_json_is_seen_or_dropped(event: object):
    """No JSON value, near or far from an event, makes the reader raise."""
    answer = read(event)
    assert isinstance(answer, Seen) or answer.reason.replace("_", "").isalpha()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T12:00:00Z", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23T12:00:00.1234567Z", datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-23T14:00:00+02:00", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23T12:00:00", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("yesterday at noon", None),
        ("", None),
        ("2" * 1000, None),
        (None, None),
        (1_700_000_000, None),
    ],
)
def test_times(text: object, moment: datetime | None):
    """A time of Azure is read as UTC; what is none is None, also where the calendar ends."""
    assert read_time(text) == moment


def official_samples() -> list[Any]:
    """The events that Microsoft publishes with its contracts, from the folder that the environment names."""
    folder = os.environ.get("FLEXGUARD_WIRE")  # noqa: TID251 - a test's own switch, no setting of the product
    if not folder:
        pytest.skip("FLEXGUARD_WIRE does not name a folder with official samples")
    files = sorted((Path(folder) / "events").rglob("*.json"))
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.name != "index.json"]
    return [event for body in found for event in (body if isinstance(body, list) else [body])]


def test_official_samples():
    """Every published sample is dropped for being of something else; with our server in its place each is seen."""
    samples = official_samples()
    assert len(samples) > 20
    for event in samples:
        assert isinstance(read(event), Dropped)
    successes = [event for event in samples if "Success" in str(event.get("eventType") or event.get("type"))]
    assert successes
    for event in successes:
        assert isinstance(read({**event, "subject": SERVER}), Seen)
