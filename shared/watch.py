"""Looks at jobs, deleted backups and the sweep's last record, and tells people what is wrong: one message for a cause.

Every source is read on its own: one that cannot be read hides no other, and ends no incident. What is remembered is in
the ledger; whoever loses it hears things twice and misses nothing.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from shared import heartbeat, journal
from shared.cloud import calls, dead_letters, observe, snapshot, vaults
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.cloud.jobs import listed
from shared.core import incidents, resource_id
from shared.core.evidence import Evidence
from shared.core.finding import Finding, fingerprint
from shared.core.findings import (
    CHANNEL_FAILING,
    channel_findings,
    dead_letter_findings,
    deleted_findings,
    silent_findings,
    snapshot_findings,
)
from shared.core.incidents import FORGOTTEN, Incident
from shared.core.job_findings import JobLog, entry_of_row, job_findings
from shared.core.matching import value_of
from shared.core.rules import Rules
from shared.core.snapshot import Entry, Snapshot
from shared.core.vault_choice import is_found_by_tag
from shared.datasources import KNOWN
from shared.deliver import Tags, deliver
from shared.ledger import Changed, Kept, Ledger
from shared.measure import measured

NAME = "watch_jobs"
DATASOURCES = {datasource.key: datasource for datasource in KNOWN}
MOST_ASKED = 200  # rows that are asked for one by one, in one run
MOST_TAGGED = 20  # servers that are asked for the tags that an alert may show, in one run


@dataclass
class Sight:
    """What one run has seen. entries: the sweep's record by lower-case server id."""

    log: JobLog
    watched: frozenset[str] | None = None
    vaults: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    record: Snapshot | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)


def watch_jobs(cloud: Cloud, ledger: Ledger, rules: Rules) -> int:
    """Look at everything once; answer how many messages were taken. Raises CloudError when the ledger is silent."""
    asked = calls.begin()
    last = ledger.watched(NAME)  # which tells the time, too
    known = _known(ledger, cloud)
    sight = _look(cloud, ledger, rules)
    rows = _written(known, sight.findings, _evidence(sight, cloud), ledger, rules)
    failed: dict[str, str] = {}
    tags = _Tags(cloud, rules)
    told = [kept for kept in rows.values() if kept.row and kept.row.kind != CHANNEL_FAILING]
    sent = deliver(told, cloud, ledger, rules.alerts, tags.of, failed)
    sent += _tell_of_channels(rows, failed, cloud, ledger, rules)
    heartbeat.beat(NAME, cloud, ledger, last)
    open_now = sum(1 for kept in rows.values() if kept.row and kept.row.closed_at is None)
    journal.record(
        "watched", vaults=len(sight.vaults), jobs=sight.log.seen, incidents=open_now, sent=sent, failed=len(failed),
        calls=asked.by_operation, throttled=asked.throttled,
    )  # fmt: skip
    return sent


def _known(ledger: Ledger, cloud: Cloud) -> dict[str, Kept[Incident]]:
    """The incidents that the ledger has, by key."""
    return {kept.row.key: kept for kept in ledger.incidents(cloud.now - FORGOTTEN) if kept.row}


def _look(cloud: Cloud, ledger: Ledger, rules: Rules) -> Sight:
    sight = Sight(JobLog(frozenset(DATASOURCES), cloud.now))
    _look_at_record(cloud, sight)
    ids, is_complete = _vaults(cloud, rules)
    for vault_id in ids:
        _look_at_vault(vault_id, cloud, ledger, sight)
    sight.watched = frozenset(map(str.lower, ids)) if is_complete else None
    about_jobs = list(job_findings(sight.log, {**_unswept(sight, ledger), **sight.entries}))
    failing = {one.subject.lower() for one in about_jobs if not one.is_over}
    sight.findings += about_jobs
    if sight.record:
        told = (frozenset(failing), frozenset(sight.suspended))
        sight.findings += snapshot_findings(sight.record, rules, cloud.now, *told)
    _look_at_letters(cloud, sight)
    sight.findings += heartbeat.silent(cloud, ledger, sight.record)
    sight.read.add("timers")
    return sight


def _unswept(sight: Sight, ledger: Ledger) -> dict[str, Entry]:
    """Servers with failed backups that no sweep has seen yet, as the app's own rows know them: whose they are."""
    servers = sorted({job.server_id.lower() for job in sight.log.failed.values()} - sight.entries.keys())
    rows = (ledger.server(server).row for server in servers[:MOST_ASKED])
    return {row.server_id.lower(): entry_of_row(row.server_id, row.owner, row.vault_id) for row in rows if row}


def _look_at_record(cloud: Cloud, sight: Sight) -> None:
    if not cloud.settings.blob_endpoint:
        return
    try:
        sight.record = snapshot.read_latest(cloud)
    except CloudError as error:
        _not_read("the sweep's record", error)
    if sight.record:
        sight.entries = {entry.id.lower(): entry for entry in sight.record.servers}
        sight.read.add("sweep")


def _look_at_vault(vault_id: str, cloud: Cloud, ledger: Ledger, sight: Sight) -> None:
    """A vault whose reading breaks off counts as not read; what came so far is told all the same."""
    try:
        for job in listed(cloud, vault_id):
            sight.log.add(job)
        gone = [one for one in observe.deleted(cloud, vault_id) if _is_ours(one.server_id)]
        sight.suspended |= {one.server_id.lower() for one in gone}
        sight.findings += deleted_findings(gone, sight.entries, cloud.now)
        sight.findings += measured(vault_id, sight.log, sight.entries, cloud, ledger)
        sight.vaults.add(vault_id.lower())
    except CloudError as error:
        _not_read(vault_id, error)


def _is_ours(server_id: str) -> bool:
    parsed = resource_id.parse(server_id)
    return parsed is not None and parsed.type in DATASOURCES


def _look_at_letters(cloud: Cloud, sight: Sight) -> None:
    if not cloud.settings.blob_endpoint:
        return
    try:
        sight.findings += dead_letter_findings(*dead_letters.recent(cloud))
        sight.read.add("dead_letters")
    except CloudError as error:
        _not_read("dead letters", error)


def _vaults(cloud: Cloud, rules: Rules) -> tuple[list[str], bool]:
    """Ids of the vaults to watch: those that the rules name, and admitted ones by their tag; whether these are all."""
    named = [rule.id for rule in rules.vaults if rule.id]
    if not any(rule.tag for rule in rules.vaults):
        return named, True
    try:
        found = [vault for vault in vaults.of_rules(cloud, rules) if is_found_by_tag(vault.id, rules)]
    except CloudError as error:
        _not_read("vaults found by a tag", error)
        return named, False
    for vault in found:
        if not vault.admitted:
            journal.record("vault_not_admitted", level=logging.WARNING, vault=vault.id, identity=vault.principal_id)
    return [*named, *(vault.id for vault in found if vault.admitted)], True


def _evidence(sight: Sight, cloud: Cloud) -> Evidence:
    record = sight.record
    good = {fingerprint(server): int(at.timestamp()) for server, at in sight.log.good.items()}
    return Evidence(
        now=cloud.now,
        watched=sight.watched,
        vaults=frozenset(sight.vaults),
        snapshot_at=record.at if record else None,
        is_complete=record is not None and not record.incomplete,
        servers=frozenset(map(fingerprint, sight.entries)),
        good=good,
        read=frozenset(sight.read),
    )


def _written(
    known: dict[str, Kept[Incident]],
    findings: Iterable[Finding],
    seen: Evidence,
    ledger: Ledger,
    rules: Rules,
) -> dict[str, Kept[Incident]]:
    """The incidents as the ledger has them after these findings; what another run wrote meanwhile is left to it."""
    rows = dict(known)
    before = [kept.row for kept in known.values() if kept.row]
    for incident in incidents.step(before, findings, seen, rules.alerts.repeat.longest):
        version = known[incident.key].version if incident.key in known else ""
        try:
            rows[incident.key] = Kept(incident, ledger.keep_incident(incident, version))
        except Changed:
            rows.pop(incident.key, None)
            journal.record("incident_overtaken", key=incident.key)
    return rows


def _tell_of_channels(
    rows: dict[str, Kept[Incident]], failed: dict[str, str], cloud: Cloud, ledger: Ledger, rules: Rules
) -> int:
    """Channels that do not work are told through the fallback, as far as that works, and in the log."""
    known = {key: kept for key, kept in rows.items() if key.startswith(f"{CHANNEL_FAILING}/")}
    seen = Evidence(cloud.now, read=frozenset({"channels"}))
    told = _written(known, channel_findings(failed, cloud.now), seen, ledger, rules)
    through_fallback = replace(rules.alerts, routes=())
    return deliver(told.values(), cloud, ledger, through_fallback, lambda _: (), dict(failed))


class _Tags:
    """The tags that may be shown, of the servers that an alert is about: asked for when it is sent, of a few a run."""

    def __init__(self, cloud: Cloud, rules: Rules) -> None:
        self.cloud, self.names, self.left = cloud, rules.alerts.show_tags, MOST_TAGGED

    def of(self, incident: Incident) -> Tags:
        server = resource_id.parse(incident.subject)
        if not self.names or not self.left or server is None or server.type not in DATASOURCES:
            return ()
        self.left -= 1
        try:
            found = observe.server(self.cloud, server, DATASOURCES[server.type])
        except CloudError as error:
            _not_read(server.text, error)
            return ()
        tags = found.tags if found else {}
        return tuple((name, value) for name in self.names if (value := value_of(tags, name)[0]))


def check_watch(cloud: Cloud, ledger: Ledger, rules: Rules) -> int:
    """Tell when the watch itself has been silent; answer how many messages were taken. Raises CloudError."""
    last = ledger.watched(NAME).row
    findings = list(silent_findings({NAME: last.at}, cloud.now)) if last else []
    if not findings:
        return 0
    mine = {key: kept for key, kept in _known(ledger, cloud).items() if key == findings[0].key}
    rows = _written(mine, findings, Evidence(cloud.now), ledger, rules)
    return deliver(rows.values(), cloud, ledger, rules.alerts, lambda _: (), {})


def _not_read(what: str, error: CloudError) -> None:
    journal.record("not_watched", level=logging.WARNING, what=what, code=error.code, reason=error.message)
