"""Safety: what must hold at every call, asked before it leaves (`play, call`) or with its answer (`…, answer`)."""

import json
import re
from collections import Counter
from datetime import timedelta
from typing import Any

from shared.cloud import large_row
from shared.ledger import ServerRow, decoded
from tests.simulation import truth
from tests.simulation.invariants import ANSWERED, SAFETY, register
from tests.simulation.play import Play
from tests.simulation.stage import ACCOUNT, TOPIC
from tests.simulation.watched import Call

A_WHILE = timedelta(minutes=10)  # a decision is as old as its pass, and a pass may lose answers for minutes
LEASE = timedelta(seconds=120)  # so long a server is left to the instance that has taken it (shared/claim.py)
LEASELESS = {"clock_skew", "two_workers", "replay_message", "poison_message"}
LONGEST_REST = timedelta(hours=6)  # a longer Retry-After is asked about after this (shared/cloud/errors.py)
NEVER = ("/stopprotection", "/stopbackup", "/suspendbackups", "/purge", "/unlockdelete")
RESUMES = ("/resumeprotection", "/resumebackups", "/undelete")
ROLES = {"acdd72a7-3385-48ef-bd42-f606fba81ae7", "c088a766-074b-43ba-90d4-1fb21feae531"}
HOSTS = {"management.azure.com", TOPIC.split("/")[2]} | {
    ACCOUNT.format(service).removeprefix("https://") for service in ("queue", "table", "blob")
}
SECRETS = re.compile(r"hunter2-\d+-canary|[?&](?:t|s|c|h)=[\w%-]{40,}|Bearer simulated", re.IGNORECASE)


@register("I1", SAFETY)
def only_wanted_servers(play: Play, call: Call) -> str:
    """A write is about a server that was asked for, and that Azure Backup takes; in mode observe there is none."""
    if call.is_write and play.scenario.rules["mode"] == "observe":
        return "the rules say observe"
    server_id = _server_of(play, call)
    server = play.azure.world.get(server_id) if server_id else None
    if server and not truth.is_eligible(server):
        return f"{server_id} cannot be protected at all"
    return "" if not server_id or _was_ever_wanted(play, server_id) else f"nobody ever asked for {server_id}"


@register("I4", SAFETY)
def tag_removal_writes_nothing(play: Play, call: Call) -> str:
    """A server that lost its tag, or is exempt, is not written about any more."""
    server_id = _server_of(play, call)
    return "" if not server_id or _is_wanted(play, server_id) else f"{server_id} is not asked for any more"


@register("I2", ANSWERED)
def one_instance(play: Play, call: Call, _: Any) -> str:
    """No server has two live backup instances, and what is made for it has one name, always."""
    if not call.is_write:
        return ""
    sources = Counter(truth.source_of(each) for each in play.azure.world.seen(truth.INSTANCES))
    twice = [source for source, count in sources.items() if count > 1]
    if twice:
        return f"{twice[0]} has two instances"
    if call.method == "PUT" and "/backupinstances/" in call.path.lower() and not _existed(call):
        server_id, name = _server_of(play, call).lower(), call.path.rpartition("/")[2].lower()
        first = play.names.setdefault(server_id, name)
        return f"{server_id} gets a second name: {name}, and before {first}" if first != name else ""
    return ""


@register("I3", SAFETY)
def nothing_is_weakened(play: Play, call: Call) -> str:
    """Nothing is deleted or stopped, no vault is written, no policy changed, no tier lowered without leave."""
    if not call.is_write:
        return ""
    path = call.path.lower()
    if call.method == "DELETE" or path.endswith(NEVER):
        return "that is never done"
    if "/backupvaults/" in path and path.count("/") == 8:
        return "a vault is not ours to write"
    if "/backuppolicies/" in path and (there := play.azure.world.get(call.path)):
        same = truth.rules_of((call.body or {}).get("properties")) == truth.rules_of(there.body["properties"])
        return "" if same else "an existing policy is changed"
    if path.endswith(RESUMES) and play.scenario.rules["resume"] != "allow":
        return "what a person stopped is resumed"
    return _lowered(play, call) or _taken_over(play, call)


@register("I5", ANSWERED)
def one_backup_a_window(play: Play, call: Call, _: Any) -> str:
    """No server gets two on-demand backups within the window of its tier, counted at the service, nor two at once."""
    if not call.path.lower().endswith("/backup"):
        return ""
    jobs = [each.body["properties"] for each in play.azure.world.seen(truth.JOBS)]
    mine = [job for job in jobs if job["isUserTriggered"] and job["operationCategory"] == "Backup"]
    running = Counter(job["dataSourceId"].lower() for job in mine if job["status"] == "InProgress")
    good = Counter(job["dataSourceId"].lower() for job in mine if job["status"] == "Completed")
    for source in running:
        if running[source] > 1 or running[source] + good[source] > 1 + play.stage.wishes[source]:
            return f"{source} was backed up twice"
    return ""


@register("I5", SAFETY)
def no_backup_is_asked_for_blindly(play: Play, call: Call) -> str:
    """Who asks for a backup of an instance again has read the jobs since, or was refused."""
    if not call.path.lower().endswith("/backup"):
        return ""
    before = play.asked.get(call.path.lower())
    play.asked[call.path.lower()] = call
    was_refused = before is not None and (400 <= before.status < 500 or not before.has_left)
    looked_at = play.jobs_read.get(call.attempt.row)
    if before and not was_refused and (looked_at is None or looked_at < before.at):
        return "a backup was asked for before, and nobody has looked what became of it"
    return ""


@register("I5", ANSWERED)
def _jobs_are_read(play: Play, call: Call, answer: Any) -> str:
    """When jobs were last read in a look at a server, for I5, or Azure said that it could not start one."""
    path = call.path.lower()
    has_failed = "/operationstatus/" in path and b'"Failed"' in answer.body()
    if ("/backupjobs" in path or has_failed) and call.status < 300 and call.attempt.row:
        play.jobs_read[call.attempt.row] = call.at
    return ""


@register("I6", SAFETY)
def read_before_write(play: Play, call: Call) -> str:
    """A write about a server comes after a read of that server itself, in the same run of the function."""
    server_id = _server_of(play, call)
    read = {each.path.lower() for each in call.attempt.calls if each.method == "GET" and each.status}
    return f"{server_id} was not read" if server_id and server_id.lower() not in read else ""


@register("I16", SAFETY)
def one_hand_at_a_time(play: Play, call: Call) -> str:
    """Two messages about the same server are not worked on at once, while the lease of the first one lasts.

    Nobody's lease counts when the ledger is lost, or when clocks differ; who takes a message that another instance has
    already takes over from it, as from one that died.
    """
    if not call.is_write or not call.attempt.row or LEASELESS & play.stage.struck_kinds():
        return ""
    for other, attempt in play.paused:
        asked = [each.at for each in attempt.calls if each.is_arm]
        is_held = asked and asked[0] > play.lost_at and asked[0] + LEASE > play.azure.now and not attempt.has_settled
        if attempt.row == call.attempt.row and is_held and attempt.what == "message":
            return f"{other.name} is at work on it since {asked[0]:%H:%M:%S}"
    return ""


@register("I16", ANSWERED)
def one_message_a_generation(play: Play, call: Call, _: Any) -> str:
    """A generation of a server's row belongs to one message: nobody writes over what another one has claimed."""
    if not (call.is_row and call.method in ("POST", "PUT") and call.status < 300):
        return ""
    row = decoded(large_row.text_of(json.loads(call.text)), ServerRow)
    call.attempt.has_settled = row.settled
    holder = play.holders.setdefault((row.server_id.lower(), row.generation), row.claimed_by)
    return f"generation {row.generation} is that of another message" if holder != row.claimed_by else ""


@register("I7", SAFETY)
def retry_after_is_obeyed(play: Play, call: Call) -> str:
    """ARM is not asked about a server again before the Retry-After of its last look has elapsed."""
    rests_until = play.rests.get(call.attempt.row) if call.is_arm and not call.attempt.is_free_of_rest else None
    if rests_until and play.azure.now < rests_until - timedelta(seconds=1):
        return f"asked again at {play.azure.now:%H:%M:%S}, and not before {rests_until:%H:%M:%S} was wanted"
    return ""


@register("I7", ANSWERED)
def _rest_is_noted(play: Play, call: Call, answer: Any) -> str:
    """What an answer has asked for, which I7 holds the next look to."""
    if call.is_arm and call.status >= 400 and call.attempt.row:
        rest = truth.retry_after(answer.headers, play.azure.now)
        until = play.azure.now + min(rest, LONGEST_REST)
        call.attempt.rests_until = max(call.attempt.rests_until or until, until)
    return ""


@register("I8", SAFETY)
def our_hosts_only(_: Play, call: Call) -> str:
    """No request leaves for a host that is not ours, and none carries a secret: no tag but ours, no token."""
    if call.host not in HOSTS:
        return f"{call.host} is a stranger"
    found = (
        SECRETS.search(call.text) if not call.host.startswith("flexguard.table") else re.search("hunter2", call.text)
    )
    return f"the body carries {found[0]!r}" if found else ""


@register("roles", SAFETY)
def two_roles_for_vaults(play: Play, call: Call) -> str:
    """The only roles that are assigned are the two that a vault needs, to a vault's identity."""
    if call.method != "PUT" or "/roleassignments/" not in call.path.lower():
        return ""
    properties = (call.body or {}).get("properties", {})
    role = properties.get("roleDefinitionId", "").rpartition("/")[2]
    if role not in ROLES:
        return f"role {role} is not one of the two"
    known = play.stage.principals()
    return "" if properties.get("principalId") in known else f"{properties.get('principalId')} is no vault's identity"


# -- looking ---------------------------------------------------------------------------------------------------------


def _is_wanted(play: Play, server_id: str) -> bool:
    """Whether any tags of the last minutes asked for it: what was read may be overtaken before it is written."""
    history = play.stage.tags_were.get(server_id.lower(), [])
    recent = [tags for at, tags in history if at > play.azure.now - A_WHILE]
    older = [tags for at, tags in history if at <= play.azure.now - A_WHILE][-1:]
    return not history or any(_tier(play, tags) for tags in (*older, *recent))


def _was_ever_wanted(play: Play, server_id: str) -> bool:
    history = play.stage.tags_were.get(server_id.lower(), [])
    return not history or any(_tier(play, tags) for _, tags in history)


def _tier(play: Play, tags: dict[str, str]) -> str:
    return truth.wish_of(tags, play.scenario.rules["default"], play.azure.now.date().isoformat()).tier


def _existed(call: Call) -> bool:
    """Whether the instance was there when this call left: then it was read before."""
    return any(each.path.lower() == call.path.lower() and each.method == "GET" for each in call.attempt.calls)


def _server_of(play: Play, call: Call) -> str:
    """The server that a write is about, "" when it is no write, or about none (a policy, a group's role)."""
    if not call.is_write:
        return ""
    path, properties = call.path, (call.body or {}).get("properties", {})
    if source := (properties.get("dataSourceInfo") or {}).get("resourceID"):
        return str(source)
    if "/flexibleservers/" in path.lower():
        return path.lower().partition("/providers/microsoft.authorization")[0]
    instance = play.azure.world.get("/".join(path.split("/")[:11])) if "/backupinstances/" in path.lower() else None
    return truth.source_of(instance) if instance else ""


def _lowered(play: Play, call: Call) -> str:
    """A policy that keeps points shorter than the one that the instance follows, without leave."""
    policy_id = (((call.body or {}).get("properties") or {}).get("policyInfo") or {}).get("policyId", "")
    instance = play.azure.world.get(call.path)
    if not policy_id or not instance or play.scenario.rules["downgrade"] == "allow":
        return ""
    old, new = truth.tier_of(play.azure.world, instance), truth.tier_that_is(play.azure.world.get(policy_id))
    if not old and policy_id.lower() != instance.body["properties"]["policyInfo"]["policyId"].lower():
        return "from a policy that nobody can read, without leave"
    ranks = truth.RANK
    return f"from {old} to {new} without leave" if old and new and ranks.index(new) < ranks.index(old) else ""


def _taken_over(play: Play, call: Call) -> str:
    """An instance that somebody else made is written although the rules only report such."""
    instance = (
        play.azure.world.get("/".join(call.path.split("/")[:11])) if "/backupinstances/" in call.path.lower() else None
    )
    if not instance or play.scenario.rules["adopt"] == "take" or call.path.lower().endswith("/backup"):
        return ""
    return f"{instance.id} is somebody else's" if instance.id.lower().endswith(truth.BY_HAND) else ""
