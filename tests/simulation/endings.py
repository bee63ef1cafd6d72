"""Honesty: what must hold when a function has returned as if all were well: nothing vanished, nothing took too long."""

from datetime import timedelta

from shared.cloud.clients import TIMEOUT_S
from tests.simulation import truth
from tests.simulation.invariants import ENDINGS, register
from tests.simulation.play import Play
from tests.simulation.safety import SECRETS
from tests.simulation.watched import Attempt

CHANGING = {"instance_state", "vault_deleted", "server_moved", "server_deleted", "server_recreated"}
LONGEST_S = {"event": TIMEOUT_S, "message": 4 * TIMEOUT_S}  # an answer that never comes is waited for so long
LONGEST_SLEEP_S = {
    "sweep_estate": 1800.0,
    "back_up_due": 1800.0,
}  # Source: the longest run of a function on Flex Consumption, by default
HOUR, MOST_LOOKS = timedelta(hours=1), 57  # 46 is what an operation takes that hangs from now on
MOST_CALLS = {"event": 3, "message": 40}
KEPT = {"event": ("event_received", "event_dropped"), "message": ("looked", "message_skipped")}


@register("I9", ENDINGS)
def it_ends_in_time(_: Play, attempt: Attempt) -> str:
    """A function sleeps only between the pages of a sweep or scan, makes few calls, and waits for few lost answers."""
    if attempt.slept_s > LONGEST_SLEEP_S.get(attempt.what, 0.0):
        return f"it slept for {attempt.slept_s:.0f} s"
    if attempt.waited_s > LONGEST_S.get(attempt.what, attempt.waited_s):
        return f"it waited for {attempt.waited_s:.0f} s"
    count = len(attempt.calls)
    return f"it made {count} calls" if count > MOST_CALLS.get(attempt.what, count) else ""


@register("I9", ENDINGS)
def what_lasts_is_left_alone(play: Play, attempt: Attempt) -> str:
    """What has been the same for hours is looked at ever less often."""
    for fact in attempt.facts:
        if fact["fact"] == "looked":
            verdict, times = play.looks.get(fact["server"], ("", []))
            times = [*times, play.azure.now] if verdict == fact["verdict"] else [play.azure.now]
            play.looks[fact["server"]] = (fact["verdict"], times)
            often = sum(at > play.azure.now - HOUR for at in times)
            if times[0] < play.azure.now - 2 * HOUR and often > MOST_LOOKS:
                return f"{fact['server']} is {verdict}, and was looked at {often} times within an hour"
    return ""


@register("I15", ENDINGS)
def nothing_vanishes(_: Play, attempt: Attempt) -> str:
    """Every event ends received or dropped, every message looked at or skipped, in writing; what goes on, goes on."""
    wanted = KEPT.get(attempt.what)
    if wanted and not attempt.wrote(*wanted):
        return "it returned and did not say what became of it"
    goes_on = attempt.wrote("event_received") or any(fact.get("next_look_s") is not None for fact in attempt.facts)
    sent = any(
        call.method == "POST" and "/converge/messages" in call.path and call.status == 201 for call in attempt.calls
    )
    return "it said that it goes on, and sent no message" if goes_on and not sent else ""


@register("I8", ENDINGS)
def nothing_secret_is_written_down(_: Play, attempt: Attempt) -> str:
    """No line of the log has a secret in it: no tag but ours, no signed address, no token."""
    found = next((match for fact in attempt.facts if (match := SECRETS.search(str(fact)))), None)
    return f"the log has {found[0]!r}" if found else ""


@register("I7", ENDINGS)
def _rests_begin(play: Play, attempt: Attempt) -> str:
    """A rest counts, for I7, when its look has ended: one that failed is repeated by the queue."""
    if attempt.row and attempt.what == "message" and attempt.wrote("looked"):
        play.rests.pop(attempt.row, None)
        if attempt.rests_until and attempt.calls[0].at > play.lost_at:
            play.rests[attempt.row] = attempt.rests_until
            for _, other in play.paused:  # it has read the row already, and is not held to what it could not know
                other.is_free_of_rest |= other.row == attempt.row
    return ""


@register("I3", ENDINGS)
def protected_is_protected(play: Play, attempt: Attempt) -> str:
    """Nobody calls a server protected that is not, unless it changed just then."""
    called = (fact["server"] for fact in attempt.facts if fact["fact"] == "looked" and fact["verdict"] == "protected")
    wrong = [server for server in called if not truth.is_protected(play.azure.world, server)]
    return f"{wrong[0]} is called protected" if wrong and not play.stage.done & CHANGING else ""
