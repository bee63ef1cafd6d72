"""What the product says of retention, held against the local Azure's own statement, which knows nothing of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.meaning import WEEKS, Meaning
from shared.core.policy import read_policy, render, tier_meaning, tier_meanings
from shared.core.retention import Run, judge, slots
from shared.core.rules import Custom, Span, Tier
from simulator.arm.dataprotection import policy_rules, retention, schedule
from tests.core.samples import GOLD, rich_tiers
from tests.simulator import dataprotection_world as estate

SERVERS = "Microsoft.DBforPostgreSQL/flexibleServers"
START, TEN_YEARS = datetime(2027, 1, 1, tzinfo=UTC), timedelta(days=3653)


@settings(max_examples=15)
@given(rich_tiers(), st.integers(0, 7), st.integers(0, 2**32))
def test_ten_years_of_any_tier(tier: Tier, variant: int, seed: int):
    """Slots, tags and expiries are those of the local Azure for ten years, whatever fails on the way."""
    variant, chance = variant % len(tier_meanings(tier)), Random(seed)
    properties = policy_rules.written(render(tier, SERVERS, variant)["properties"])
    rule, previous, theirs, runs = policy_rules.backup_rule(properties), None, [], []
    at = schedule.next_slot(rule, START - timedelta(seconds=1))
    while at < START + TEN_YEARS:
        runs.append(Run(at, succeeded=chance.random() < 0.9))
        if runs[-1].succeeded:
            there = policy_rules.local(properties, at)
            tag = retention.tag_of(rule["trigger"]["taggingCriteria"], there, previous)
            theirs.append((at, tag, retention.expiry(at, policy_rules.keep_for(properties, tag))))
            previous = there
        at = schedule.next_slot(rule, at)
    meaning = tier_meaning(tier, variant)
    assert [run.time for run in runs] == list(slots(meaning, START, START + TEN_YEARS))
    assert [(point.time, point.tag, point.expiry) for point in judge(meaning, runs)] == theirs


QUARTERS = replace(
    GOLD,
    keep=replace(
        GOLD.keep,
        custom=(Custom("Quarters", Span(3, "year"), 5, weeks=(WEEKS[-1].lower(),), months=("march", "september")),),
    ),
)


@pytest.mark.parametrize("tier", [GOLD, QUARTERS], ids=["gold", "a rule of its own"])
def test_ten_years_of_real_backups(tier: Tier):
    """Ten years, with failures and backups on demand: each point that Microsoft's client lists is as foretold."""
    azure = estate.estate()
    client = estate.client(azure)
    client.backup_policies.create_or_update("rg-backup", "bv-one", "tier", render(tier, SERVERS))
    policy = client.backup_policies.get("rg-backup", "bv-one", "tier")
    meaning = read_policy(policy.as_dict()).meaning
    estate.protect(azure, body=estate.instance_body(policy=policy.id))
    chance, seen, asked = Random(5), {}, set()
    for week in range(522):
        if chance.random() < 0.08:
            azure.world.faults.add("fail_backup", estate.SERVER)
        if week % 26 == 3:
            asked.add(azure.now.date())
            estate.start_backup(azure)
        azure.advance(7 * estate.DAY_S)
        for point in client.recovery_points.list("rg-backup", "bv-one", estate.NAME):
            seen[point.name] = point.properties
    runs = [run_of(properties.recovery_point_time, asked, meaning) for properties in seen.values()]
    foretold = {point.time: point for point in judge(meaning, runs)}
    assert len(seen) == len(foretold) > 450
    assert sum(run.on_demand for run in runs) > 10
    for properties in seen.values():
        ours = foretold[properties.recovery_point_time]
        assert (properties.retention_tag_name, properties.expiry_time) == (ours.tag, ours.expiry)


def run_of(time: datetime, asked: set[date], meaning: Meaning) -> Run:
    """The backup behind a point: on demand, on a day on which one was asked for, or for the last slot before it."""
    if time.date() in asked:
        return Run(time, on_demand=True)
    *_, due = slots(meaning, time - timedelta(days=8), time)
    return Run(time, due=due)
