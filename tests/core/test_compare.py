"""Two rules files beside each other: which servers are treated differently, and and which of them for the worse."""

from dataclasses import replace

import pytest

from shared.core.compare import Change, compare
from shared.core.judgement import judge
from shared.core.rules import Rules, Span, VaultRule
from tests.core.samples import GOLD, OTHER_VAULT, RULES
from tests.core.test_estate import RIGHT, estate

SHORTER = replace(GOLD, keep=replace(GOLD.keep, default=Span(28, "day")))
LONGER = replace(GOLD, keep=replace(GOLD.keep, weekly=Span(13, "week")))
LATER = replace(GOLD, backup=replace(GOLD.backup, days=("saturday",)))


def with_gold(tier) -> Rules:
    return replace(RULES, tiers={**RULES.tiers, "gold": tier})


def changes(rules: Rules, **rows) -> list[Change]:
    made = estate(**rows)
    return list(compare(judge(made, RULES), judge(made, rules)))


def test_the_same_rules_change_nothing():
    """A file that means the same is no change, whatever is in the estate."""
    assert changes(replace(RULES)) == []
    assert changes(replace(RULES), **RIGHT) == []


@pytest.mark.parametrize(
    ("rules", "retention", "what", "is_worse"),
    [
        (with_gold(SHORTER), "lower", "lower: an on-demand backup would be kept 28 days instead of 35 days", True),
        (
            with_gold(LONGER),
            "longer",
            "longer: the first backup of a week would be kept 13 weeks instead of 12 weeks",
            False,
        ),
        (replace(RULES, mode="observe"), "", "mode protect → observe (mode)", False),
        (replace(RULES, tag="tier"), "", "tier gold → none", False),
    ],
)
def test_what_is_different(rules: Rules, retention: str, what: str, is_worse: bool):
    """Tier, mode and retention are said in words; a point that is kept shorter is for the worse."""
    (change,) = changes(rules)
    assert (change.retention, change.is_worse) == (retention, is_worse)
    assert what in change.what


def test_another_day_is_neither_lower_nor_longer_alone():
    """Moving the day is judged by what is kept, and said in any case."""
    (change,) = changes(with_gold(LATER))
    assert change.what
    assert change.is_other_work


def test_a_server_that_is_lost_is_for_the_worse():
    """A file under which a server can no longer be protected is worse, and says why."""
    (change,) = changes(replace(RULES, vaults=(VaultRule(OTHER_VAULT),)))
    assert change.is_worse
    assert change.what[0].startswith("protected → blocked_no_vault_in_region: ")
