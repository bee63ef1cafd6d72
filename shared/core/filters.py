"""Takes actions out of a plan and says why. Whether something is only looked at is data here, never a parameter."""

from dataclasses import replace

from shared.core.actions import Wait
from shared.core.plan import Plan
from shared.core.rules import Rules
from shared.core.verdict import Kind, Verdict


def only_permitted(plan: Plan, rules: Rules) -> Plan:
    """The plan without what the rules' mode does not permit: in `observe` nothing is written."""
    writes = [action for action in plan.actions if not isinstance(action, Wait)]
    if rules.mode == "protect" or not writes:
        return plan
    first = type(writes[0]).__name__
    verdict = Verdict.of(Kind.OBSERVE_ONLY, f"the rules say observe; next would be {first}: {writes[0].reason}")
    return replace(plan, verdict=verdict, actions=(), first_backup=None)
