"""Brake and budget: a slip of the hand over many servers becomes one message and an approval, and loses nobody."""

import pytest
from conftest import INSTANCES, RULES

from cli.deployment import prepare_group
from functions import wiring
from shared import approval, plan
from shared.core.estate import Scope
from shared.prices_file import parse as parse_prices
from shared.sweep import sweep

CROWD, ALLOWED = 12, 3
BRAKED = f"brake: {{servers: {ALLOWED}, share_percent: 10}}\n{RULES}"
BRONZE = {"backup-tier": "bronze"}
TAGGED = {"operation": "Merge", "properties": {"tags": BRONZE}}
PRICES = """\
date: 2026-11-22
currency: EUR
source: made up
dump_gb: {assumed_gb: 10}
regions:
  westeurope: {instance_month: 6.0, gb_month: {LocallyRedundant: 0.1}}
"""


def ready(estate, count=CROWD, tags=None, rules=BRAKED):
    world = estate(rules)
    prepare_group(world.arm, "rg-data", "westeurope")
    courier, world.courier = world.courier, lambda _event: ()
    servers = [world.create_server(f"pg-{number:02}", tags) for number in range(count)]
    world.run(seconds=1100)
    world.courier = courier
    return world, servers


def swept(prices=None):
    context = wiring.current()
    return sweep(context.cloud, context.ledger, context.rules, prices)


def approve(plan_hash):
    """What `flexguard approve HASH` does: plan again, compare, write down."""
    context = wiring.current()
    scope = Scope(context.cloud.settings.subscriptions)
    made = plan.view(context.cloud, scope, [context.rules], context.ledger).plan(context.rules)
    assert made.hash == plan_hash
    approval.approve(context.ledger, made.entries, "somebody", context.cloud.now)


def kinds(world):
    return [alert["type"] for alert in world.alerts]


def verdicts(world, servers):
    return sorted(world.row(server).verdict for server in servers)


def test_a_bulk_edit_of_tags_becomes_one_message(estate):
    """Twelve servers are tagged at once where three are allowed: three go on, nine wait and say so, one message."""
    world, servers = ready(estate)
    for server in servers:
        world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", TAGGED)
    world.run(seconds=300)
    assert len(world.of_type(INSTANCES)) == ALLOWED
    blocked = [world.row(server) for server in servers if world.row(server).verdict == "blocked_over_budget"]
    assert len(blocked) == CROWD - ALLOWED
    assert "3 servers" in blocked[0].reason
    assert "brake" in blocked[0].fix
    assert kinds(world) == ["Flexguard.OverBudget"]


def test_a_share_of_what_the_sweep_has_seen_counts_too(estate):
    """The sweep has seen forty servers, of which ten percent are allowed: four."""
    world, servers = ready(estate, 40)
    swept()
    for server in servers[:CROWD]:
        world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", TAGGED)
    world.run(seconds=300)
    assert len(world.of_type(INSTANCES)) == 4


def test_a_day_later_the_budget_is_new(estate):
    """A server that was over budget is taken up by its next event, when a new day of the window has begun."""
    world, servers = ready(estate, 4)
    for server in servers:
        world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", TAGGED)
    world.run(seconds=300)
    late = next(server for server in servers if world.row(server).verdict == "blocked_over_budget")
    world.azure.advance(86_400)
    world.tag(late, team="shop")
    world.run(seconds=300)
    assert world.row(late).verdict == "first_backup_pending"


def test_the_sweep_stops_tells_the_hash_and_goes_on_when_it_is_approved(estate):
    """Too many at once: nothing is enqueued, one incident with the plan's hash; approved, everybody is protected."""
    world, servers = ready(estate, tags=BRONZE)
    made = [swept(), swept()][-1]
    assert (made.enqueued, made.waiting) == (0, CROWD)
    assert made.counts == {"blocked_over_budget": CROWD}
    assert kinds(world) == ["Flexguard.Brake"]
    assert made.plan_hash in made.servers[0].reason
    assert made.plan_hash in str(world.alerts[0])
    approve(made.plan_hash)
    world.run(seconds=2 * 3600)
    assert verdicts(world, servers) == ["first_backup_pending"] * CROWD
    assert len(world.of_type(INSTANCES)) == CROWD


def test_what_vanished_is_skipped_and_what_is_new_waits(estate):
    """After the approval one server is untagged and four others are tagged: eleven go on, the four wait."""
    world, servers = ready(estate, CROWD + 4)
    world.courier = lambda _event: ()
    for server in servers[:CROWD]:
        world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", TAGGED)
    world.run(seconds=300)
    approve(swept().plan_hash)
    gone = {"operation": "Delete", "properties": {"tags": BRONZE}}
    world.arm("PATCH", f"{servers[0]}/providers/Microsoft.Resources/tags/default", gone)
    for server in servers[CROWD:]:
        world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", TAGGED)
    world.run(seconds=300)
    made = swept()
    assert (made.enqueued, made.waiting) == (CROWD - 1, 4)
    assert made.counts["blocked_over_budget"] == 4
    world.run(seconds=300)
    assert len(world.of_type(INSTANCES)) == CROWD - 1


def test_what_changes_nothing_is_never_kept_back(estate):
    """While the brake holds others back, the first backup of a protected server is started all the same."""
    world, (first, *_) = ready(estate)
    world.tag(first, backup_tier="bronze")
    world.run(seconds=300)
    world.rules = BRAKED.replace("first_backup: schedule", "first_backup: at_once")
    world.start()
    world.courier = lambda _event: ()
    for number in range(1, CROWD):
        path = f"{world.server_id(f'pg-{number:02}')}/providers/Microsoft.Resources/tags/default"
        world.arm("PATCH", path, TAGGED)
    world.run(seconds=300)
    made = swept()
    assert (made.enqueued, made.waiting) == (1, CROWD - 1)


def test_what_was_over_budget_goes_on_with_the_sweep_that_may(estate):
    """Five servers are tagged where three are allowed: the two that waited are no more than the sweep may change."""
    world, servers = ready(estate, 5)
    for server in servers:
        world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default", TAGGED)
    world.run(seconds=300)
    made = swept()
    assert made.enqueued == 2
    assert "blocked_over_budget" not in made.counts
    world.run(seconds=300)
    assert verdicts(world, servers) == ["first_backup_pending"] * 5


@pytest.mark.parametrize(("monthly", "enqueued"), [(100, 0), (1000, CROWD)])
def test_the_brake_knows_money(estate, monthly, enqueued):
    """Twelve servers cost 6 and four points of 10 GB for 0.1 each: 120 a month, estimated."""
    world, _ = ready(estate, tags=BRONZE, rules=f"brake: {{servers: 50, monthly_price: {monthly}}}\n{RULES}")
    made = swept(parse_prices(PRICES))
    assert made.enqueued == enqueued
    assert len(world.alerts) == (enqueued == 0)
    if not enqueued:
        assert "a month" in world.alerts[0]["data"]["reason"]
