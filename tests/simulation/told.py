"""What people are told: the incidents of the ledger and the events on the topic, held against the jobs of the world."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from shared.cloud.ledger_table import INCIDENTS
from shared.core.alert import Severity
from shared.core.finding import fingerprint
from shared.core.incidents import Incident, alert_of
from shared.core.job_findings import job_key
from simulator.world import Resource
from tests.simulation import truth
from tests.simulation.invariants import ANSWERED, ENDINGS, LIVENESS, SAFETY, register
from tests.simulation.play import Play
from tests.simulation.stage import TOPIC
from tests.simulation.watched import Attempt, Call

JUST_NOW = timedelta(minutes=8)  # what came after that sweep is for the next one
WATCHED = timedelta(minutes=16)
CLOSED = timedelta(minutes=30) + WATCHED  # so long after its last cause an incident may still be open
BLIND = {"provider_gone", "vault_deleted"}  # then nobody can see the jobs
FAILED = ("backup_failed", "backup_failed_as_expected")
# Verdicts that somebody must hear of as soon as the sweep says them.
LOUD = ("blocked_protection_error", "blocked_protection_stopped", "blocked_soft_deleted", "blocked_scope_locked",
        "blocked_cannot_assign_roles", "blocked_resource_guard", "blocked_unknown_state")  # fmt: skip
OWNER = "backup-owner"


@register("I11", SAFETY)
def nothing_is_told_twice(play: Play, call: Call) -> str:
    """What is written down as told is not told again."""
    again = [event["id"] for event in _sent(call) if event["id"] in play.told]
    return f"alert {again[0]} was told before" if again else ""


@register("I11", ENDINGS)
def _telling_is_noted(play: Play, attempt: Attempt) -> str:
    """An alert counts as told, for I11, when its run ended, nothing went wrong in it, and the topic took it.

    What was noted in a ledger that was lost in the middle of the run is not noted.
    """
    calls = attempt.calls
    went_well = all(call.status and (call.status < 400 or call.status == 404) for call in calls)
    if went_well and calls and play.lost_at < calls[0].at and not attempt.wrote("alert_not_sent", "poison_not_kept"):
        for call in calls:
            play.told |= {event["id"] for event in _sent(call)}
    return ""


@register("I18", ANSWERED)
def _incidents_are_written(play: Play, call: Call, _: Any) -> str:
    """Which incidents were in the ledger, for I18: one that is opened anew takes the place of the one before."""
    if call.method in ("POST", "PUT") and f'"PartitionKey": "{INCIDENTS}"' in call.text:
        play.incidents |= {alert_of(incident).incident_id for incident in play.stage.incidents()}
    return ""


@register("I18", SAFETY)
def what_is_told_is_written_down_first(play: Play, call: Call) -> str:
    """People are told of nothing that is not an incident in the ledger: who dies after telling knows it later."""
    told = [event["data"]["incident"] for event in _sent(call)]
    if not told or play.lost_at >= call.attempt.calls[0].at:
        return ""
    play.incidents |= {alert_of(incident).incident_id for incident in play.stage.incidents()}
    return "" if set(told) <= play.incidents else f"incident {told[0]} is not in the ledger"


@register("I17", SAFETY)
def the_right_people_are_told(play: Play, call: Call) -> str:
    """Who is told of a server is who its owner tag has named, or everybody."""
    for event in _sent(call):
        owner = str(event["data"].get("owner", "")).casefold()
        for server in event["data"].get("servers", ()):
            history = play.stage.tags_were.get(server["id"].lower(), ())
            if owner and history and owner not in {tags.get(OWNER, "").strip().casefold() for _, tags in history}:
                return f"{owner} is told of {server['id']}"
    return ""


@register("I11", LIVENESS)
def every_failure_is_in_one_incident(play: Play) -> str:
    """Every failed backup job is in exactly one incident, and no job is in one that did not fail."""
    if play.stage.done & BLIND:
        return ""
    incidents = [incident for incident in play.stage.incidents() if incident.kind in FAILED]
    marks = {_mark(job): job for job in play.azure.world.seen(truth.JOBS) if truth.is_failed_backup(job)}
    for mark, job in marks.items():
        homes = [incident.key for incident in incidents if mark in incident.occurrences]
        is_due = truth.ended_before(job, play.azure.now - JUST_NOW)
        if len(homes) > 1 or (is_due and not homes):
            return f"failed job {job.id} is in {homes or 'no incident'}"
    wrong = [incident.key for incident in incidents if not marks.keys() >= incident.occurrences.keys()]
    return f"{wrong[0]} has a job that did not fail" if wrong else ""


@register("I11", LIVENESS)
def every_incident_is_told(play: Play) -> str:
    """Every incident was told, and one that is over was told as recovered; no channel is told that it does not work."""
    told = {(event["data"]["incident"], event["data"]["phase"]) for event in play.azure.topic.received}
    for incident in play.stage.incidents():
        alert = alert_of(incident)
        if incident.kind == "channel_failing" or incident.severity is Severity.EXPECTED:
            continue
        if (alert.incident_id, alert.phase.value) not in told:
            return f"nobody was told that {incident.key} is {alert.phase.value}: {incident.words}"
    return ""


@register("I18", LIVENESS)
def open_as_long_as_it_lasts(play: Play) -> str:
    """A server whose backup failed, and was not made good since, is in an open incident; any other is in none."""
    if play.stage.done & BLIND:
        return ""
    found = {mark for incident in _open(play) if incident.kind == "backup_failed" for mark in incident.subjects}
    now, before = play.azure.now, play.azure.now - JUST_NOW  # of what ended in between nobody knows whether it was seen
    if well := found - {fingerprint(source) for source, _ in _uncured(play, failed_by=now, cured_by=before)}:
        return f"{_name(play, well)} is well, and its incident is open"
    known = {
        mark for one in play.stage.incidents() if one.kind == "backup_failed_as_expected" for mark in one.occurrences
    }
    bad = {fingerprint(source): job for source, job in _uncured(play, failed_by=before, cured_by=now)}
    lost = {mark for mark, job in bad.items() if _mark(job) not in known} - found
    return f"the last backup of {_name(play, lost)} failed, and no incident is open" if lost else ""


@register("I18", LIVENESS)
def none_without_cause(play: Play) -> str:
    """No incident is open for which nothing speaks any more, and every server that somebody must help is in one."""
    now, still_open = play.azure.now, _open(play)
    is_blind = bool(play.stage.done & BLIND)  # then a server that is not seen may be there all the same
    for incident in still_open:
        is_found = is_blind or incident.source in ("day", "jobs") or now - incident.seen_at < WATCHED
        if (incident.subjects and not is_found) or (not incident.subjects and now - incident.seen_at > CLOSED):
            return f"{incident.key} is open, and was last found at {incident.seen_at:%H:%M}"
        if incident.kind == "message_poisoned" and not play.counts["poison"]:
            return "a message is called poisoned, and none was"
    for server in [each.id for each in play.azure.world.seen(truth.SERVERS)]:
        verdict = play.stage.said(server).verdict
        about = [incident for incident in still_open if fingerprint(server) in incident.subjects]
        swept = [one for one in about if one.source == "snapshot" and one.opened_at < now - JUST_NOW]
        if not is_blind and (wrong := [incident.kind for incident in swept if not _speaks(verdict, incident)]):
            return f"{server} is {verdict}, and in an incident called {wrong[0]}"
        if verdict in LOUD and not about:
            return f"{server} is {verdict}, and in no open incident"
    return ""


# -- looking ---------------------------------------------------------------------------------------------------------


def _sent(call: Call) -> list[dict[str, Any]]:
    """The alerts that a call publishes."""
    return list(json.loads(call.text)) if call.host in TOPIC else []


def _open(play: Play) -> list[Incident]:
    return [incident for incident in play.stage.incidents() if incident.closed_at is None]


def _mark(job: Resource) -> str:
    vault_id, _, name = job.id.partition("/backupJobs/")
    return job_key(vault_id, name)


def _name(play: Play, marks: Iterable[str]) -> str:
    """The server that the first of some fingerprints stands for."""
    mark = min(marks)
    return next((server for server in play.stage.ids if fingerprint(server) == mark), mark)


def _speaks(verdict: str, incident: Incident) -> bool:
    """Whether a server with this verdict may be in such an incident."""
    if incident.kind == "refused":
        return verdict == incident.cause
    meant = {"tag_removed": "not_opted_in", "exemption_ends": "exempt"}.get(incident.kind, incident.kind)
    return meant == verdict.removeprefix("blocked_") and verdict != "protected"


def _uncured(play: Play, *, failed_by: datetime, cured_by: datetime) -> Iterator[tuple[str, Resource]]:
    """The last failed backup of each server that no good one outlasted, by its id; what ended later does not count."""
    last: dict[tuple[str, bool], Resource] = {}
    for job in play.azure.world.seen(truth.JOBS):
        properties = job.body["properties"]
        has_failed = properties["status"] == "Failed"
        key = (properties["dataSourceId"].lower(), has_failed)
        is_over = properties["status"] in ("Failed", "Completed", "CompletedWithWarnings")
        if (
            is_over
            and properties["operationCategory"] == "Backup"
            and truth.ended_before(job, failed_by if has_failed else cured_by)
        ):
            last[key] = max(last.get(key, job), job, key=_ended)
    for (source, has_failed), job in last.items():
        good = last.get((source, False))
        if has_failed and (good is None or _ended(good) <= _ended(job)):
            yield source, job


def _ended(job: Resource) -> datetime:
    return datetime.fromisoformat(job.body["properties"]["endTime"])
