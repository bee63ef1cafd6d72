"""What the stories share: rules, a ready server, and ways to look at the world afterwards."""

import pytest
from azure.storage.queue import QueueClient

from cli.rehearsal import Rehearsal
from functions import wiring
from simulator.transport import InProcessTransport

RULES = """\
mode: protect
vaults: [{id: "{vault:westeurope}"}]
tiers:
  gold:
    backup: {days: [sunday], at: "01:30", time_zone: Europe/Berlin}
    keep: {default: 35 days, weekly: 12 weeks, monthly: 12 months, yearly: 10 years}
  bronze:
    backup: {days: [saturday], at: "22:00"}
    keep: {default: 28 days}
    first_backup: schedule
"""
GOLD = {"backup-tier": "gold"}
INSTANCES = "microsoft.dataprotection/backupvaults/backupinstances"
POLICIES = "microsoft.dataprotection/backupvaults/backuppolicies"
JOBS = "microsoft.dataprotection/backupvaults/backupjobs"
POINTS = "microsoft.dataprotection/backupvaults/backupinstances/recoverypoints"
ASSIGNMENTS = "microsoft.authorization/roleassignments"


HAPPY = {
    "instances": ["ProtectionConfigured"],
    "policies": 1,
    "roles": 2,
    "backups": [(True, "Completed")],
    "points": 1,
    "verdict": "protected",
}


def happy(state):
    """Compare the state of the one server of a story with how every story should end; names do not matter."""
    shapes = [shape for _, shape in state["instances"]]
    assert {**state, "instances": shapes, "policies": len(state["policies"])} == HAPPY
    return True


class Estate(Rehearsal):
    """A rehearsal with the words that stories are told in."""

    def ready_server(self, name="pg-one", tags=None, **where):
        """Make a server and wait until it is Ready; the app has not heard of it."""
        server_id = self.create_server(name, tags, **where)
        courier, self.courier = self.courier, lambda _event: ()
        self.run(seconds=1200)
        self.courier = courier
        return server_id

    def tag(self, server_id, **tags):
        """Tag a server as the portal does."""
        body = {"operation": "Merge", "properties": {"tags": {name.replace("_", "-"): v for name, v in tags.items()}}}
        self.arm("PATCH", f"{server_id}/providers/Microsoft.Resources/tags/default", body)

    def state_of(self, server_id):
        """Everything about one server that must not depend on what went wrong on the way."""
        instances = [i for i in self.of_type(INSTANCES) if _source(i).lower() == server_id.lower()]
        jobs = [
            job for job in self.of_type(JOBS) if job.body["properties"]["dataSourceId"].lower() == server_id.lower()
        ]
        return {
            "instances": [(i.body["name"], i.body["properties"]["currentProtectionState"]) for i in instances],
            "policies": sorted(policy.body["name"] for policy in self.of_type(POLICIES)),
            "roles": len(
                [a for a in self.of_type(ASSIGNMENTS) if self.vault_principal == a.body["properties"]["principalId"]]
            ),
            "backups": [(job.body["properties"]["isUserTriggered"], job.body["properties"]["status"]) for job in jobs],
            "points": len(self.of_type(POINTS)),
            "verdict": self.row(server_id).verdict,
        }

    def queue(self):
        """The queue that the app works on, as anybody with rights on the storage account sees it."""
        endpoint, credential = self.settings.queue_endpoint, self.azure.credential("operator")
        return QueueClient(endpoint, "converge", credential=credential, transport=InProcessTransport(self.azure))

    @property
    def vault_principal(self):
        return self.azure.world.get(self.vault_id()).body["identity"]["principalId"]


def _source(instance):
    return instance.body["properties"]["dataSourceInfo"]["resourceID"]


@pytest.fixture
def estate():
    """Make an estate with the story's own rules, couriers and seeds; the triggers forget it afterwards."""
    made = []

    def make(rules=RULES, **options):
        made.append(Estate(rules, **options))
        return made[-1]

    yield make
    wiring.use(None)
