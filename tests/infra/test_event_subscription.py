"""The event subscription: what the product looks at gets through, little else does, and no event is lost quietly."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.rehearsal import Rehearsal
from functions import wiring
from shared.core.events import Seen, read_event
from shared.datasources.postgresql_flexible import DATASOURCE
from simulator.event_filters import matches, require_rules
from tests.core.samples import GROUP, INSTANCE, SERVER, SUBSCRIPTION, VAULT
from tests.infra.bicep_file import evaluated, members, read, unwrapped
from tests.infra.test_queries import RULES
from tests.tidy.tree import ROOT

FILE = read(ROOT / "infra" / "modules" / "event_subscription.bicep")
BODY = unwrapped(FILE.symbols["subscribed"].value)
PROPERTIES = evaluated(FILE, members(BODY)["properties"][1])
FILTER = PROPERTIES["filter"]
TYPES = frozenset({DATASOURCE.resource_type.lower()})
PG, DP, TAGS = (
    "Microsoft.DBforPostgreSQL/flexibleServers",
    "Microsoft.DataProtection/backupVaults",
    "Microsoft.Resources",
)


def event(operation: str, subject: str, outcome: str = "Success") -> dict[str, Any]:
    """An ARM event as it is published: its type follows from its operation."""
    what = {"write": "Write", "delete": "Delete", "action": "Action"}[operation.rsplit("/", 1)[1].lower()]
    return {
        "subject": subject,
        "eventType": f"Microsoft.Resources.Resource{what}{outcome}",
        "data": {"operationName": operation, "status": "Succeeded", "resourceUri": subject},
    }


@pytest.mark.parametrize(
    ("operation", "subject"),
    [
        (f"{PG}/write", SERVER),
        (f"{PG.upper()}/WRITE", SERVER.upper()),
        (f"{PG}/delete", SERVER),
        (f"{PG}/start/action", SERVER),
        (f"{TAGS}/tags/write", f"{SERVER}/providers/Microsoft.Resources/tags/default"),
        (f"{TAGS}/tags/delete", f"{SERVER}/providers/Microsoft.Resources/tags/default"),
        (f"{DP}/backupInstances/write", INSTANCE),
        (f"{DP}/backupInstances/delete", INSTANCE),
        (f"{DP}/backupInstances/stopProtection/action", INSTANCE),
        (f"{DP}/backupInstances/suspendBackups/action", INSTANCE),
        (f"{DP}/backupInstances/resumeProtection/action", INSTANCE),
    ],
)
def test_what_is_let_through(operation: str, subject: str):
    """Servers, their tags and their backup instances: and the product understands each of them."""
    told = event(operation, subject)
    assert matches(FILTER, told)
    assert isinstance(read_event(told, TYPES, frozenset({SUBSCRIPTION})), Seen)


@pytest.mark.parametrize(
    "told",
    [
        event(f"{PG}/firewallRules/write", f"{SERVER}/firewallRules/all"),
        event(f"{PG}/configurations/write", f"{SERVER}/configurations/work_mem"),
        event(f"{PG}/databases/delete", f"{SERVER}/databases/app"),
        event(f"{PG}/backups/write", f"{SERVER}/backups/one"),
        event(f"{DP}/write", VAULT),
        event(f"{DP}/backupPolicies/write", f"{VAULT}/backupPolicies/gold"),
        event(f"{DP}/validateForBackup/action", VAULT),
        event(f"{DP}/backupInstances/backup/action", INSTANCE),
        event("Microsoft.Authorization/roleAssignments/write", f"{SERVER}/providers/x/y/z"),
        event("Microsoft.Compute/virtualMachines/write", f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"),
        event("Microsoft.Resources/deployments/write", f"{GROUP}/providers/Microsoft.Resources/deployments/one"),
        event(f"{PG}/write", SERVER, "Failure"),
        event(f"{PG}/write", SERVER, "Cancel"),
    ],
    ids=lambda told: f"{told['data']['operationName']} {told['eventType']}",
)
def test_what_is_kept_back(told: dict[str, Any]):
    """Children of servers, other resources, what the product itself does beside instances, and what failed."""
    assert not matches(FILTER, told)


def test_a_story_is_heard_whole():
    """A server's story: every event that the product would look at passes, and most of the others do not."""
    world = Rehearsal(RULES)
    told: list[dict[str, Any]] = []
    world.courier = lambda each: (told.append(each), (each,))[1]
    server = world.create_server("pg-one", {"backup-tier": "gold"})
    world.run(seconds=3600)
    body = {"operation": "Merge", "properties": {"tags": {"team": "shop"}}}
    world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", body)
    world.arm("DELETE", server)
    world.run(seconds=900)
    wiring.use(None)
    managed = frozenset({server.split("/")[2].lower()})
    wanted = [each for each in told if isinstance(read_event(each, TYPES, managed), Seen)]
    started = [each for each in wanted if each["data"]["operationName"].endswith("/backup/action")]
    assert len(wanted) >= 5
    assert [each["data"]["operationName"] for each in wanted if each not in started and not matches(FILTER, each)] == []
    assert [each for each in told if matches(FILTER, each) and each not in wanted] == []


def test_samples_of_azure_are_kept_back(wire: Path):
    """Microsoft's own samples are about other services; whatever their schema, none of them passes."""
    samples = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((wire / "events").rglob("*.json"))]
    events = [each for sample in samples for each in (sample if isinstance(sample, list) else [sample])]
    shown = [each for each in events if isinstance(each, dict) and isinstance(each.get("data"), dict)]
    assert len(shown) > 10
    assert [each for each in shown if matches(FILTER, each)] == []


def test_the_filter_may_be_written():
    """Event Grid takes the filter: its operators are known, and it has no more values than are allowed."""
    require_rules(FILTER)


def test_events_are_tried_for_a_day_and_then_kept():
    """Thirty tries in a day, CloudEvents, a place for what nobody took, and alerts for it and for what was dropped."""
    assert PROPERTIES["retryPolicy"] == {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}
    assert PROPERTIES["eventDeliverySchema"] == "CloudEventSchemaV1_0"
    letters = evaluated(FILE, FILE.symbols["letters"].value)
    assert letters["properties"]["blobContainerName"] == "deadletters"
    words = (ROOT / "infra" / "modules" / "event_subscription.bicep").read_text(encoding="utf-8")
    assert "['DeadLetteredCount', 'DroppedEventCount']" in words
