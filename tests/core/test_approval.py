"""Approvals: a plan has one hash, and an approval allows what it lists and nothing else."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.actions import (
    ChangePolicy,
    EnsurePolicy,
    GrantRole,
    Protect,
    ResumeProtection,
    StartBackup,
    Sync,
    Undelete,
    Validate,
    Write,
)
from shared.core.approval import Entry, entries, permitted, plan_hash, target
from tests.core.samples import INSTANCE, PRINCIPAL, SERVER, VAULT, policy_of

POLICY = policy_of().id
WRITES = {
    EnsurePolicy: (EnsurePolicy("r", POLICY, {}), POLICY),
    GrantRole: (
        GrantRole("r", SERVER, "role", PRINCIPAL, "name"),
        f"{SERVER}/providers/Microsoft.Authorization/roleAssignments/name",
    ),
    Validate: (Validate("r", VAULT, POLICY), POLICY),
    Protect: (Protect("r", VAULT, POLICY, "name"), POLICY),
    ChangePolicy: (ChangePolicy("r", INSTANCE, POLICY), POLICY),
    Sync: (Sync("r", INSTANCE), INSTANCE),
    ResumeProtection: (ResumeProtection("r", INSTANCE), INSTANCE),
    Undelete: (Undelete("r", INSTANCE), INSTANCE),
    StartBackup: (StartBackup("r", INSTANCE, "rule", "tag"), INSTANCE),
}
words = st.text("abc/", max_size=4)
plans = st.lists(st.builds(Entry, words, st.sampled_from(("Protect", "GrantRole")), words), max_size=8)


@pytest.mark.parametrize("kind", get_args(Write))
def test_every_write_has_a_target(kind: type):
    """Each kind of write, also one that comes later, is about one resource of Azure."""
    write, about = WRITES[kind]
    assert target(write) == about


def test_a_check_is_no_entry():
    """A Validate changes nothing, so nobody has to allow it; the reason of a write does not matter either."""
    assert entries(SERVER, [Validate("r", VAULT, POLICY)]) == ()
    assert entries(SERVER, [Sync("a", INSTANCE)]) == entries(SERVER.upper(), [Sync("b", INSTANCE.lower())])


@given(plans, st.randoms())
def test_order_and_repetition_do_not_matter(plan: list[Entry], random):
    """The same writes have the same hash."""
    mixed = [*plan, *plan[:2]]
    random.shuffle(mixed)
    assert plan_hash(mixed) == plan_hash(plan)


@given(plans, plans)
def test_other_writes_have_another_hash(plan: list[Entry], other: list[Entry]):
    """Two plans have the same hash when their writes are the same, and not otherwise."""
    assert (plan_hash(plan) == plan_hash(other)) == (set(plan) == set(other))


def test_the_hash_stays():
    """A hash that was printed yesterday is the hash of the same plan after an upgrade."""
    assert plan_hash([Entry("s", "Protect", "p"), Entry("s", "GrantRole", "r")]) == "1422a8a7e22c4a52"


@given(plans, plans)
def test_only_what_is_listed_is_allowed(plan: list[Entry], approved: list[Entry]):
    """Allowed is what is in both; new writes wait, vanished ones are skipped; nothing is lost and nothing is added."""
    found = permitted(plan, approved)
    assert set(found.allowed) == set(plan) & set(approved)
    assert set(found.waiting) == set(plan) - set(approved)
    assert set(found.vanished) == set(approved) - set(plan)
    assert len({*found.allowed, *found.waiting}) == len(found.allowed) + len(found.waiting) == len(set(plan))
