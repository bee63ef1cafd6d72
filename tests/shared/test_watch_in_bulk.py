"""The watch over thousands of servers: a region that fails is one message for each owner, and one when it is over."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from shared.cloud.clients import Cloud
from shared.core.alert_rules import Alerts, Channel, Route
from shared.core.incidents import MOST_SHOWN
from shared.watch import watch_jobs
from tests.core.samples import NOW, RULES
from tests.shared.clouds import SETTINGS, Credential
from tests.shared.many_jobs import ManyJobs, job
from tests.shared.memory_ledger import MemoryLedger
from tests.shared.test_deliver import Sinks

SERVERS, OWNERS = 9_000, 3
ALERTS = Alerts(
    channels={"shop": Channel("teams"), "ops": Channel("slack")},
    routes=(Route(("team-0", "team-1"), ("shop", "ops")),),
    fallback=("ops",),
)
SECRETS = {"FLEXGUARD_CHANNEL_SHOP": "https://shop.example/x", "FLEXGUARD_CHANNEL_OPS": "https://ops.example/x"}


class Both(ManyJobs):
    """Azure and the receivers behind one wire."""

    def __init__(self, servers: int, now: datetime) -> None:
        super().__init__(servers, now, OWNERS)
        self.sinks = Sinks()

    def send(self, request, **options):
        return (self.sinks if ".example/" in request.url else super()).send(request, **options)


def test_a_region_outage_is_two_messages_for_each_owner_and_channel():
    """Nine thousand servers fail within an hour and are made good within the next: opened and recovered, once each."""
    wire, ledger = Both(SERVERS, NOW), MemoryLedger()
    settings = replace(SETTINGS, blob_endpoint="https://flexguard.blob.core.windows.net", channels=SECRETS)
    cloud = Cloud(settings, Credential(), wire)
    rules = replace(RULES, alerts=ALERTS)
    half = SERVERS // 2

    def run(minutes: int, failed: range, good: range) -> int:
        wire.now = NOW + timedelta(minutes=minutes)
        cloud.tick(wire.now)
        jobs = [job(number, number, NOW - timedelta(hours=1), failed=True) for number in failed]
        jobs += [job(SERVERS + number, number, NOW + timedelta(hours=1), failed=False) for number in good]
        wire.show(iter(jobs))
        return watch_jobs(cloud, ledger, rules)

    assert run(0, range(half), range(0)) == 5
    assert run(30, range(SERVERS), range(0)) == 0
    assert run(90, range(SERVERS), range(half)) == 0
    assert run(110, range(SERVERS), range(SERVERS)) == 0
    assert run(150, range(SERVERS), range(SERVERS)) == 5
    assert run(170, range(SERVERS), range(SERVERS)) == 0
    heard = Counter(host for host, _ in wire.sinks.got)
    assert heard == {"shop.example": 4, "ops.example": 6}
    rows = [kept.row for kept in ledger.told.values() if kept.row]
    assert sorted((row.owner, row.most, len(row.occurrences)) for row in rows) == [
        (f"team-{number}", SERVERS // OWNERS, SERVERS // OWNERS) for number in range(OWNERS)
    ]
    assert all(row.closed_at and row.told and len(row.shown) <= MOST_SHOWN for row in rows)
