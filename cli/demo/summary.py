"""Measures the demo from Azure's side, and holds it against what was promised."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.demo.estate import RULES
from cli.demo.play import Play, Seen
from cli.stage import INSTANCES, Json
from shared import rules_file
from shared.core.policy import means, read_policy

JOBS = "microsoft.dataprotection/backupvaults/backupjobs"
POLICIES = "microsoft.dataprotection/backupvaults/backuppolicies"
SERVICE_S = 112  # Source: recordings: validation 41 s, and at most 69 s more until ProtectionConfigured, and the PUT
OWN_S = 15
MOST_WRITES, MOST_WRITES_WITH_ROLES = 2, 4


@dataclass(frozen=True)
class World:
    """What is true in Azure at the end."""

    instances: list[Json]
    policies: dict[str, Json]
    jobs: list[Json]
    points: dict[str, int]


def look(play: Play) -> World:
    """Read the world once."""
    instances = play.stage.resources(INSTANCES)
    return World(
        instances,
        {body["id"].lower(): body for body in play.stage.resources(POLICIES)},
        play.stage.resources(JOBS),
        {body["id"]: len(play.stage.arm("GET", f"{body['id']}/recoveryPoints")["value"]) for body in instances},
    )


def summarise(play: Play) -> Json:
    """The whole outcome as JSON: servers, alerts, events, calls, and every promise that was broken."""
    received = sum(play.events.values())
    return {
        "servers": [_server(play, seen) for seen in play.servers.values()],
        "alerts": play.stage.alerts,
        "events": {
            "received": received,
            "duplicate": received - len(play.events),
            "dropped": dict(sorted(play.dropped.items())),
        },
        "arm_calls": dict(sorted(Counter(operation for operation, *_ in play.stage.calls()).items())),
        "virtual_minutes": round((play.now - play.started_at).total_seconds() / 60, 1),
        "violations": sorted(violations(play)),
    }


def _server(play: Play, seen: Seen) -> Json:
    row = play.stage.row(seen.id)
    reads, writes = arm_calls(play, seen)
    return {
        "id": seen.id,
        "tags": seen.tags,
        "verdict": row.verdict,
        "reason": row.reason,
        "fix": row.fix,
        "policy": row.policy_id if row.instance_id else "",
        "instance": row.instance_id,
        "virtual_seconds": virtual_seconds(seen),
        "arm_calls": {"reads": reads, "writes": writes},
    }


def virtual_seconds(seen: Seen) -> float | None:
    """Virtual seconds from Ready (and tagged) to ProtectionConfigured, None for a server that is not protected."""
    if not seen.ready_at or not seen.protected_at:
        return None
    return round((seen.protected_at - seen.ready_at).total_seconds(), 1)


def arm_calls(play: Play, seen: Seen) -> tuple[int, int]:
    """Reads and writes of ARM from the first look at the Ready server until it was protected; (0, 0) if it is not."""
    methods = [method for _, method in _towards_protection(play, seen)]
    reads = methods.count("GET")
    return reads, len(methods) - reads


def _towards_protection(play: Play, seen: Seen) -> list[tuple[str, str]]:
    if not seen.ready_at or not seen.protected_at:
        return []
    towards = {look for look, ended_at in seen.looks.items() if seen.ready_at <= ended_at < seen.protected_at}
    return [(operation, method) for operation, method, _, correlation in play.stage.calls() if correlation in towards]


def violations(play: Play) -> Iterator[str]:
    """Every promise that the run broke, as a sentence; none is what everybody wants."""
    world = look(play)
    for seen in play.servers.values():
        yield from _broken_for(play, seen, world)
    yield from play.stage.failures
    for operation, method, *_ in play.stage.calls():
        if method == "DELETE" or operation.lower().endswith(("/delete", "stopprotection/action")):
            yield f"the app called {operation}"
    servers = {seen.id.lower() for seen in play.servers.values()}
    for alert in play.stage.alerts:
        if str(alert["subject"]).lower() not in servers:
            yield f"an alert about none of the servers: {alert['data']['summary']}"


def _broken_for(play: Play, seen: Seen, world: World) -> Iterator[str]:
    yield from _told_amiss(play, seen)
    plot, verdict = seen.plot, play.stage.row(seen.id).verdict
    if verdict != plot.expected:
        yield f"{plot.name} is {verdict or 'without a verdict'}, and should be {plot.expected}"
    instances = [body for body in world.instances if _source(body) == seen.id.lower()]
    if len(instances) != bool(plot.tier):
        yield f"{plot.name} has {len(instances)} backup instances"
    elif instances:
        yield from _wrong_with(seen, instances[0], world)
        yield from _too_much(play, seen)
        if plot.fails_first_backup:
            yield from _not_healed(play, seen, world)


def _wrong_with(seen: Seen, instance: Json, world: World) -> Iterator[str]:
    plot, properties = seen.plot, instance["properties"]
    if properties["currentProtectionState"] != "ProtectionConfigured":
        yield f"{plot.name} is {properties['currentProtectionState']}"
    tier = rules_file.parse(RULES).tiers[plot.tier]
    policy = world.policies.get(properties["policyInfo"]["policyId"].lower())
    if not policy or not means(read_policy(policy).meaning, tier):
        yield f"the policy of {plot.name} does not mean {plot.tier}"
    if bool(world.points[instance["id"]]) != plot.has_recovery_point:
        yield f"{plot.name} has {world.points[instance['id']]} recovery points"
    jobs = [job for job in world.jobs if job["properties"]["backupInstanceId"].lower() == instance["id"].lower()]
    promised = (tier.first_backup == "at_once") + plot.fails_first_backup
    if len(jobs) != promised:
        yield f"{plot.name} had {len(jobs)} backups, and {promised} were promised"


def _told_amiss(play: Play, seen: Seen) -> Iterator[str]:
    told = tuple(str(alert["type"]).removeprefix("Flexguard.") for alert in _alerts(play, seen))
    if told != seen.plot.told:
        yield f"alerts about {seen.plot.name}: {told or 'none'}, and promised were {seen.plot.told or 'none'}"


def _alerts(play: Play, seen: Seen) -> list[Json]:
    return [alert for alert in play.stage.alerts if str(alert["subject"]).lower() == seen.id.lower()]


def _not_healed(play: Play, seen: Seen, world: World) -> Iterator[str]:
    """The failure, the alert, the retry and the good news come in this order, and the retry was asked for once."""
    about = [job["properties"] for job in world.jobs if job["properties"]["dataSourceId"].lower() == seen.id.lower()]
    jobs = sorted(about, key=lambda job: job["startTime"])
    if [(job["status"], job["isUserTriggered"]) for job in jobs] != [("Failed", True), ("Completed", True)]:
        yield f"the backups of {seen.plot.name} went {[job['status'] for job in jobs]}"
        return
    told = [str(alert["time"]) for alert in _alerts(play, seen)]
    order = [jobs[0]["endTime"], told[0], jobs[1]["startTime"], told[-1]] if told else []
    moments = [datetime.fromisoformat(str(each)) for each in order]
    if not moments or moments != sorted(moments) or moments[-1] < datetime.fromisoformat(jobs[1]["endTime"]):
        yield f"failure, alert, retry and recovery of {seen.plot.name} came at {order}"


def _too_much(play: Play, seen: Seen) -> Iterator[str]:
    """Hold a server against the budget.

    The first server of a tier in a vault brings its policy along, and a role that Azure has not made effective yet
    costs another validation.
    """
    seconds, plot = virtual_seconds(seen), seen.plot
    grants_roles = plot.group == "rg-legacy"
    most_writes = MOST_WRITES_WITH_ROLES if grants_roles else MOST_WRITES
    operations = [operation for operation, method in _towards_protection(play, seen) if method != "GET"]
    validations = sum(operation.lower().endswith("validateforbackup/action") for operation in operations)
    writes = len(operations) - (validations - 1 if grants_roles else 0)
    if writes > most_writes + 1:
        yield f"{plot.name} took {writes} writes, and {most_writes} were promised"
    if not grants_roles and seconds and seconds > SERVICE_S + OWN_S:
        yield f"{plot.name} took {seconds} s, and {SERVICE_S + OWN_S} were promised"


def _source(instance: dict[str, Any]) -> str:
    return str(instance["properties"]["dataSourceInfo"]["resourceID"]).lower()
