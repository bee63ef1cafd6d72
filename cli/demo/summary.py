"""Measures the demo from Azure's side, and holds it against what was promised."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from cli.demo.play import INSTANCES, Play, Seen
from functions import wiring
from shared.core.policy import read_policy, tier_meaning

JOBS = "microsoft.dataprotection/backupvaults/backupjobs"
POINTS = "microsoft.dataprotection/backupvaults/backupinstances/recoverypoints"
POLICIES = "microsoft.dataprotection/backupvaults/backuppolicies"
SERVICE_S = 112  # Source: recordings: validation 41 s, and at most 69 s more until ProtectionConfigured, and the PUT
OWN_S = 15
MOST_CALLS, MOST_WRITES, MOST_WRITES_WITH_ROLES = 8, 2, 4


def summarise(play: Play) -> dict[str, Any]:
    """The whole outcome as JSON: servers, alerts, events, calls, and every promise that was broken."""
    calls = Counter(call.operation for call in play.rehearsal.app_calls())
    received = sum(play.event_ids.values())
    return {
        "servers": [_server(play, seen) for seen in play.servers.values()],
        "alerts": play.rehearsal.alerts,
        "events": {
            "received": received,
            "duplicate": received - len(play.event_ids),
            "dropped": dict(sorted(play.dropped.items())),
        },
        "arm_calls": dict(sorted(calls.items())),
        "virtual_minutes": round((play.now - play.started_at).total_seconds() / 60, 1),
        "violations": sorted(violations(play)),
    }


def _server(play: Play, seen: Seen) -> dict[str, Any]:
    row = play.rehearsal.row(seen.id)
    return {
        "id": seen.id,
        "tags": seen.tags,
        "verdict": row.verdict,
        "reason": row.reason,
        "fix": row.fix,
        "policy": row.policy_id if row.instance_id else "",
        "instance": row.instance_id,
        "virtual_seconds": virtual_seconds(seen),
        "arm_calls": {"reads": seen.reads, "writes": seen.writes},
    }


def virtual_seconds(seen: Seen) -> float | None:
    """Virtual seconds from Ready (and tagged) to ProtectionConfigured, None for a server that is not protected."""
    if not seen.ready_at or not seen.protected_at:
        return None
    return round((seen.protected_at - seen.ready_at).total_seconds(), 1)


def violations(play: Play) -> Iterator[str]:
    """Every promise that the run broke, as a sentence; none is what everybody wants."""
    for seen in play.servers.values():
        yield from _broken_for(play, seen)
    for failure in play.rehearsal.host.failures:
        yield f"{failure.function} raised {failure.error!r}"
    for call in play.rehearsal.app_calls():
        if call.method == "DELETE" or call.operation.lower().endswith(("/delete", "stopprotection/action")):
            yield f"the app called {call.operation}"
    failed = {seen.id.lower() for seen in play.servers.values() if seen.plot.fails_first_backup}
    told = Counter(alert["subject"].lower() for alert in play.rehearsal.alerts)
    if told != Counter(failed):
        yield f"alerts: {dict(told)}, and one for each failed backup was promised: {sorted(failed)}"


def _broken_for(play: Play, seen: Seen) -> Iterator[str]:
    plot, world = seen.plot, play.rehearsal.azure.world
    verdict = play.rehearsal.row(seen.id).verdict
    if verdict != plot.expected:
        yield f"{plot.name} is {verdict or 'without a verdict'}, and should be {plot.expected}"
    instances = [item for item in world.of_type(INSTANCES) if _is_of(item.body, seen.id)]
    if len(instances) != bool(plot.tier):
        yield f"{plot.name} has {len(instances)} backup instances"
    if not plot.tier or len(instances) != 1:
        return
    instance = instances[0]
    properties = instance.body["properties"]
    if properties["currentProtectionState"] != "ProtectionConfigured":
        yield f"{plot.name} is {properties['currentProtectionState']}"
    body = world.get(properties["policyInfo"]["policyId"])
    tier = wiring.current().rules.tiers[plot.tier]
    if not body or read_policy(body.body).meaning != tier_meaning(tier):
        yield f"the policy of {plot.name} does not mean {plot.tier}"
    points = list(world.of_type(POINTS, instance.id))
    if bool(points) != plot.has_recovery_point:
        yield f"{plot.name} has {len(points)} recovery points"
    jobs = [
        job for job in world.of_type(JOBS) if job.body["properties"]["backupInstanceId"].lower() == instance.id.lower()
    ]
    if len(jobs) != (tier.first_backup == "at_once"):
        yield f"{plot.name} had {len(jobs)} backups, and one was due"
    yield from _too_much(seen)


def _too_much(seen: Seen) -> Iterator[str]:
    """The budget, for servers whose roles were there and which were tagged before they were Ready."""
    seconds, plot = virtual_seconds(seen), seen.plot
    grants_roles = plot.group == "rg-legacy"
    most_writes = MOST_WRITES_WITH_ROLES if grants_roles else MOST_WRITES
    if seen.writes > most_writes + 1:  # the first server of a tier in a vault brings its policy
        yield f"{plot.name} took {seen.writes} writes, and {most_writes} were promised"
    if not grants_roles and seconds and seconds > SERVICE_S + OWN_S:
        yield f"{plot.name} took {seconds} s, and {SERVICE_S + OWN_S} were promised"


def _is_of(body: dict[str, Any], server_id: str) -> bool:
    return str(body["properties"]["dataSourceInfo"]["resourceID"]).lower() == server_id.lower()
