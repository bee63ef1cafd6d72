"""Liveness: what must hold some hours after the last mishap. One finding may excuse a server, if it is true."""

import itertools

from shared.cloud.errors import CloudError
from simulator.world import Resource
from tests.simulation import truth
from tests.simulation.invariants import LIVENESS, register
from tests.simulation.play import CALM, Play
from tests.simulation.stage import APP

RIGHT = {"protected", "first_backup_pending", "overdue", "wrong_vault"}
EITHER = {"blocked_stopped", "blocked_provider_not_registered"}


@register("I14", LIVENESS)
def a_fixed_point(play: Play) -> str:
    """When all is quiet, a sweep comes that changes nothing in ARM."""
    swept_at = play.azure.now - CALM
    writes = [
        call for call in itertools.takewhile(lambda call: call.at > swept_at, reversed(play.azure.log))
        if call.caller == APP and call.method in ("PUT", "PATCH", "DELETE", "POST")
        and call.operation.startswith("Microsoft.") and "ResourceGraph" not in call.operation
        and call.status < 300
    ]  # fmt: skip
    return f"{len(writes)} writes, the last {writes[0].method} {writes[0].path}" if writes else ""


@register("I10", LIVENESS)
def protected_or_said(play: Play) -> str:
    """Every wanted server is protected by a policy that means its tier, or a finding, which is true, says why not."""
    for server in play.azure.world.seen(truth.SERVERS):
        row, wish = play.stage.said(server.id), _wish(play, server)
        if not wish.tier or not truth.is_eligible(server):
            continue
        right = truth.is_right(play.azure.world, server.id, wish.tier)
        said = f"{server.id} wants {wish.tier}, and is {row.verdict or 'never looked at'}: {row.reason}"
        if (right != (row.verdict in RIGHT) and row.verdict not in EITHER) or not truth.is_so(
            row.verdict, play.stage.facts(server)
        ):
            return f"{said} (it is {'right' if right else 'not protected, or not for another reason'})"
    return ""


@register("I12", LIVENESS)
def a_reason_for_everybody(play: Play) -> str:
    """Every server that is not protected has a reason in words, and a next step where a person must take it."""
    for server in play.azure.world.seen(truth.SERVERS):
        row = play.stage.said(server.id)
        if row.verdict.startswith("blocked") and not (row.reason and row.fix):
            return f"{server.id} is {row.verdict} without reason and fix"
        if _wish(play, server).tier and not truth.is_eligible(server) and not row.verdict.startswith("blocked"):
            return f"{server.id} cannot be protected, and is {row.verdict or 'never looked at'}"
    return ""


@register("I3", LIVENESS)
def nobody_is_called_protected_wrongly(play: Play) -> str:
    """What is called protected has an instance in ProtectionConfigured."""
    for server in play.azure.world.seen(truth.SERVERS):
        if play.stage.said(server.id).verdict == "protected" and not truth.is_protected(play.azure.world, server.id):
            return f"{server.id} is called protected and is not"
    return ""


@register("I13", LIVENESS)
def first_backups_are_made(play: Play) -> str:
    """A server that is protected, runs, and is to be backed up at once was backed up, or Azure was asked for it."""
    for server in play.azure.world.seen(truth.SERVERS):
        tier = _wish(play, server).tier
        if tier not in truth.AT_ONCE or not truth.can_be_backed_up(server) or play.scenario.rules["mode"] != "protect":
            continue
        hopeful = play.stage.said(server.id).verdict in ("protected", "first_backup_pending")
        if (
            hopeful
            and truth.is_right(play.azure.world, server.id, tier)
            and not truth.was_backed_up(play.azure, server.id)
            and not truth.is_occupied(play.azure.world, server.id)
        ):
            return f"{server.id} was never backed up; it is {play.stage.said(server.id).verdict}"
    return ""


@register("I13", LIVENESS)
def every_wish_is_answered(play: Play) -> str:
    """No wish for a backup is left that nobody will look at, unless its message was poisoned and told."""
    poisoned = "".join(play.poisoned).lower()
    for server in play.stage.ids:
        row = play.stage.row(server)
        comes = row.next_look_at is not None and row.next_look_at > play.azure.now
        if row.wish and not comes and server.lower() not in poisoned:
            return f"the wish for a backup of {server} has no answer"
    return ""


@register("I15", LIVENESS)
def nothing_waits_for_ever(play: Play) -> str:
    """No message is left that nobody will take, and every poison message was told."""
    poison = play.azure.queues.queues.get("converge-poison")
    if poison and poison.messages:
        return f"{len(poison.messages)} poison messages wait"
    is_told = any(event["type"].startswith("Flexguard.MessagePoisoned") for event in play.azure.topic.received)
    if play.counts["poison"] and not is_told:
        return f"{play.counts['poison']} messages were poisoned, and nobody was told"
    bugs = [each for each in play.stage.failures if not isinstance(each.error, CloudError) and not _is_host(each.error)]
    return f"{bugs[0].function} raises {type(bugs[0].error).__name__}: {bugs[0].error}" if bugs else ""


def _is_host(error: Exception) -> bool:
    """A failure of the host itself: of its storage account, or a message that was taken too often."""
    return type(error).__module__.startswith("azure.") or "was taken too often" in str(error)


def _wish(play: Play, server: Resource) -> truth.Wish:
    today = play.azure.now.date().isoformat()
    return truth.wish_of(server.body.get("tags") or {}, play.scenario.rules["default"], today)
