"""Asks for the backups on demand that are due, once an hour, and for those that people ask for.

It decides from bulk rows and starts nothing: it puts a wish on the queue, and the server's next look decides with what
Azure says then. Every server that is passed over has a reason (`core/due.py`).
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared import heartbeat, journal, starts
from shared.claim import as_sent
from shared.cloud import calls, queue, snapshot
from shared.cloud.calls import Calls
from shared.cloud.clients import Cloud
from shared.cloud.estate import read_estate
from shared.converge import QUEUE
from shared.core import due
from shared.core.due import Backups, Due
from shared.core.estate import Estate, Scope
from shared.core.intent import read_intent
from shared.core.matching import mode_for
from shared.core.names import stable_guid
from shared.core.observed import Wish
from shared.core.resource_id import ResourceId
from shared.core.rules import Rules
from shared.core.verdict import Kind
from shared.datasources.postgresql_flexible import DATASOURCE
from shared.ledger import Ledger
from shared.wishes import Wished

APART_S = 10.0  # backups of one scan begin so far apart, on average
SPREAD_S = 1800.0  # and all of them within half an hour, so that the next scan sees them
LASTS = timedelta(minutes=45)
MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server with a backup instance, and whether a backup of it is due."""

    id: ResourceId
    vault_id: str
    latest_point: datetime | None
    due: Due

    @property
    def risk(self) -> tuple[bool, float, str]:
        """Smaller is to be helped first: who has no recovery point, then who has the oldest."""
        point = self.latest_point
        return (point is not None, point.timestamp() if point else 0.0, self.id.key)

    @property
    def place(self) -> float:
        """From 0 to 1, the same for a server every time: who is due at once does not start at once."""
        return UUID(stable_guid("backup", self.id.text)).int / 2**128


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan found: servers with a backup instance, how many are due, asked for now, and held by the limits."""

    due: int
    asked: int
    held: int
    servers: int


def back_up_due(cloud: Cloud, ledger: Ledger, rules: Rules, apart_s: float = APART_S) -> Scan:
    """Ask for every backup that is due, within the limits of each vault. Raises CloudError; the next scan asks again.

    Waits only between pages of Resource Graph, whose quota is 15 questions in five seconds.
    """
    counted, scope = calls.begin(), Scope(cloud.settings.subscriptions)
    estate = read_estate(cloud, scope, DATASOURCE, pause=cloud.transport.sleep, with_failures=True)
    running = Counter(key.rsplit("/", 2)[0] for key, jobs in estate.jobs.items() if any(map(due.is_running, jobs)))
    wanted: defaultdict[str, list[Candidate]] = defaultdict(list)
    servers = 0
    for one in candidates(estate, rules, cloud.settings.vault_identities, _waiting(cloud, estate)):
        servers += 1
        if one.due.why:
            wanted[one.vault_id.lower()].append(one)
    asked = 0
    for vault_id, found in sorted(wanted.items()):
        room = starts.promise(ledger, vault_id, len(found), running[vault_id], rules.on_demand, estate.now, LASTS)
        asked += _ask(cloud, sorted(found, key=lambda one: one.risk)[:room], estate.now, apart_s)
    total = sum(map(len, wanted.values()))
    scan = Scan(total, asked, total - asked, servers)
    _report(estate, wanted, scan, counted)
    heartbeat.beat(heartbeat.BACK_UP, cloud, ledger)
    return scan


def candidates(
    estate: Estate, rules: Rules, identities: frozenset[str], waiting: Mapping[str, datetime]
) -> Iterator[Candidate]:
    """Every server with a backup instance. waiting: since when one waits for its first point, by lower-case id."""
    ours = {vault.id.lower() for vault in estate.usable_vaults(rules, identities) if vault.admitted}
    for key, instances in estate.instances.items():
        server = estate.servers.get(key)
        if server is None:
            continue
        instance = instances[0]
        point, jobs = estate.points.get(instance.id.lower()), estate.jobs.get(instance.id.lower(), ())
        if instance.vault_id.lower() not in ours:
            found = Due("", "its vault is none that the rules may use")
        elif mode_for(rules, server.id, server.tags)[0] != "protect":
            found = Due("", "the rules say observe")
        else:
            intent = read_intent(server.tags, rules, estate.now, server.id)
            known = Backups(instance, point, jobs, waiting.get(key))
            found = due.judge(server, estate.datasource, intent, known, estate.now, rules.on_demand)
        yield Candidate(server.id, instance.vault_id, point, found)


def ask(cloud: Cloud, server_id: ResourceId, by: str) -> Wish:
    """Put a person's wish on the queue; the app answers it in the server's row. Raises CloudError."""
    wish = Wish(due.PERSON, cloud.now, by)
    _send(cloud, server_id, wish, 0.0)
    return wish


def _ask(cloud: Cloud, found: list[Candidate], now: datetime, apart_s: float) -> int:
    spread_s = min(len(found) * apart_s, SPREAD_S)
    for one in found:
        _send(cloud, one.id, Wish(one.due.why, now, point=one.latest_point), one.place * spread_s)
        journal.record("backup_wished", at=now.isoformat(), server=one.id.text, why=one.due.why, reason=one.due.reason)
    return len(found)


def _send(cloud: Cloud, server_id: ResourceId, wish: Wish, after_s: float) -> None:
    queue.send(cloud, QUEUE, as_sent(Wished(server_id=server_id.text, wish=wish)), after_s)


def _waiting(cloud: Cloud, estate: Estate) -> dict[str, datetime]:
    """Since when servers wait for their first recovery point, as the last sweep tells; asked for where one may."""
    pointless = any(found[0].id.lower() not in estate.points for found in estate.instances.values())
    if not pointless or not cloud.settings.blob_endpoint:
        return {}
    before = snapshot.verdicts_before(cloud).items()
    return {key: since for key, (verdict, since) in before if verdict == Kind.FIRST_BACKUP_PENDING and since}


def _report(estate: Estate, wanted: Mapping[str, list[Candidate]], scan: Scan, counted: Calls) -> None:
    for what in estate.incomplete[:MOST_NAMED]:
        journal.record("scan_incomplete", level=logging.WARNING, reason=what)
    reasons = Counter(one.due.why for found in wanted.values() for one in found)
    journal.record(
        "backups_due", at=estate.now.isoformat(), servers=scan.servers, due=scan.due, asked=scan.asked, held=scan.held,
        reasons=reasons, incomplete=len(estate.incomplete), calls=counted.by_operation, throttled=counted.throttled,
    )  # fmt: skip
