"""Filters: what the mode for a server takes out of a plan, and what is said then."""

from dataclasses import replace

import pytest

from shared.core.filters import only_permitted
from shared.core.observed import LastBackup
from shared.core.plan import make_plan
from shared.core.rules import Override
from shared.core.verdict import Kind
from tests.core.samples import GOLD_ASKED, NOW, RULES, SUBSCRIPTION, instance, observed, server

OBSERVE = replace(RULES, mode="observe")
ID, TAGS = server().id, {"ring": "Canary-1"}


def test_protect_permits_everything():
    """In mode protect a plan stays as it is."""
    plan = make_plan(GOLD_ASKED, observed(), RULES)
    assert only_permitted(plan, RULES, ID, TAGS) is plan


def test_observe_writes_nothing_and_says_what_it_would_do():
    """In mode observe a plan that would write has no action left, and names the first one with its reason."""
    plan = only_permitted(make_plan(GOLD_ASKED, observed(policies=()), RULES), OBSERVE, ID, TAGS)
    assert (plan.actions, plan.wait, plan.verdict.kind) == ((), None, Kind.OBSERVE_ONLY)
    assert "observe; next would be EnsurePolicy: tier gold has no policy" in plan.verdict.reason
    assert "mode: protect" in plan.verdict.fix


def test_observe_keeps_a_plan_that_writes_nothing():
    """Waiting for a server to be ready is no write, so observing goes on and its verdict stands."""
    plan = make_plan(GOLD_ASKED, observed(server=server(state="Updating")), OBSERVE)
    assert only_permitted(plan, OBSERVE, ID, TAGS) == plan
    assert plan.wait


def test_observe_remembers_no_intention():
    """A first backup that is not started is not remembered as intended either."""
    plan = make_plan(GOLD_ASKED, observed(instances=(instance(),), has_recovery_point=False, jobs=()), OBSERVE)
    assert plan.backup == LastBackup("intended", NOW)
    assert only_permitted(plan, OBSERVE, ID, TAGS).backup is None


@pytest.mark.parametrize(
    ("overrides", "writes"),
    [
        ((Override("protect", tags={"RING": "canary*"}),), True),
        ((Override("protect", tags={"ring": "canary"}),), False),
        ((Override("protect", (SUBSCRIPTION,), ("rg-*",), {"ring": "canary-?"}),), True),
        ((Override("protect", (SUBSCRIPTION,), ("rg-other",)),), False),
        ((Override("observe", groups=("rg-data",)), Override("protect", (SUBSCRIPTION,))), False),
        ((Override("protect", (SUBSCRIPTION,)), Override("observe", groups=("rg-data",))), True),
    ],
)
def test_the_first_override_that_fits_decides(overrides: tuple[Override, ...], writes: bool):
    """Rings are rolled out by overrides: the first that fits a server gives its mode, whatever the file's mode."""
    plan = make_plan(GOLD_ASKED, observed(), RULES)
    for mode in ("observe", "protect"):
        rules = replace(RULES, mode=mode, overrides=(*overrides, Override("observe", tags={"ring": "*"})))
        assert bool(only_permitted(plan, rules, ID, TAGS).actions) == writes


def test_an_override_is_named():
    """When an override keeps a server from being protected, it is named beside the mode."""
    rules = replace(RULES, overrides=(Override("observe", groups=("rg-data",)),))
    assert (
        "observe (overrides[0]); next"
        in only_permitted(make_plan(GOLD_ASKED, observed(), RULES), rules, ID, {}).verdict.reason
    )
