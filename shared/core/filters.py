"""Takes actions out of a plan and says why. Whether something is only looked at is data here, never a parameter."""

from collections.abc import Mapping
from dataclasses import replace

from shared.core.actions import Wait
from shared.core.matching import mode_for
from shared.core.plan import Plan
from shared.core.resource_id import ResourceId
from shared.core.rules import Rules
from shared.core.verdict import Kind, Verdict


def only_permitted(plan: Plan, rules: Rules, server_id: ResourceId, tags: Mapping[str, str]) -> Plan:
    """The plan without what the mode for this server does not permit: in `observe` nothing is written."""
    writes = [action for action in plan.actions if not isinstance(action, Wait)]
    mode, why = mode_for(rules, server_id, tags)
    if mode == "protect" or not writes:
        return plan
    said = "the rules say observe" + ("" if why == "mode" else f" ({why})")
    first = type(writes[0]).__name__
    verdict = Verdict.of(Kind.OBSERVE_ONLY, f"{said}; next would be {first}: {writes[0].reason}")
    return replace(plan, verdict=verdict, actions=(), backup=None)
