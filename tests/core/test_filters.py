"""Filters: what the rules' mode takes out of a plan, and what is said then."""

from dataclasses import replace

from shared.core.filters import only_permitted
from shared.core.observed import FirstBackup
from shared.core.plan import make_plan
from shared.core.verdict import Kind
from tests.core.samples import GOLD_ASKED, NOW, RULES, instance, observed, server

OBSERVE = replace(RULES, mode="observe")


def test_protect_permits_everything():
    """In mode protect a plan stays as it is."""
    plan = make_plan(GOLD_ASKED, observed(), RULES)
    assert only_permitted(plan, RULES) is plan


def test_observe_writes_nothing_and_says_what_it_would_do():
    """In mode observe a plan that would write has no action left, and names the first one with its reason."""
    plan = only_permitted(make_plan(GOLD_ASKED, observed(policies=()), RULES), OBSERVE)
    assert (plan.actions, plan.wait, plan.verdict.kind) == ((), None, Kind.OBSERVE_ONLY)
    assert "EnsurePolicy: tier gold has no policy" in plan.verdict.reason
    assert "mode: protect" in plan.verdict.fix


def test_observe_keeps_a_plan_that_writes_nothing():
    """Waiting for a server to be ready is no write, so observing goes on and its verdict stands."""
    plan = make_plan(GOLD_ASKED, observed(server=server(state="Updating")), OBSERVE)
    assert only_permitted(plan, OBSERVE) == plan
    assert plan.wait


def test_observe_remembers_no_intention():
    """A first backup that is not started is not remembered as intended either."""
    plan = make_plan(GOLD_ASKED, observed(instances=(instance(),), has_recovery_point=False, jobs=()), OBSERVE)
    assert plan.first_backup == FirstBackup("intended", NOW)
    assert only_permitted(plan, OBSERVE).first_backup is None
