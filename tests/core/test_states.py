"""docs/states.md, row by row: each cell changes the one world in its own way, and the plan is what the row says."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.core import refusals
from shared.core.actions import Wait
from shared.core.intent import Intent, LeaveAlone, Mistake, NotAsked
from shared.core.names import instance_name
from shared.core.observed import Contest, Instance, LastBackup, Memory, Observed, Running, Server
from shared.core.plan import make_plan
from shared.core.policy import tier_meaning
from shared.core.rules import Keep, Roles, Rules, Span, VaultRule
from shared.core.verdict import Kind, Verdict
from shared.datasources.postgresql_flexible import DATASOURCE
from tests.core.samples import (
    FOREIGN_VAULT,
    GOLD,
    GOLD_ASKED,
    GROUP,
    NOW,
    RULES,
    SERVER,
    VAULT,
    deleted,
    instance,
    job,
    observed,
    policy_of,
    server,
    vault,
)

PAGE = Path(__file__).parent.parent.parent / "docs" / "states.md"
OURS = instance_name(server().id)
PERMISSION, NEVER = ("UserErrorMissingRequiredPermissions", "no role"), ("BMSUserErrorNever", "never")
LOWER, HIGHER = replace(GOLD, keep=Keep(Span(7, "day"))), replace(GOLD, keep=Keep(Span(20, "year")))
EARLIER = NOW - timedelta(minutes=40)


@dataclass
class Situation:
    """What is true. One cell after the other makes it what the row says."""

    seen: Observed = field(default_factory=lambda: observed(has_recovery_point=True, jobs=()))
    intent: Intent = GOLD_ASKED
    rules: Rules = RULES

    def see(self, **changes: Any) -> None:
        self.seen = replace(self.seen, **changes)

    def remember(self, **changes: Any) -> None:
        self.see(memory=replace(self.seen.memory, **changes))

    def rule(self, **changes: Any) -> None:
        self.rules = replace(self.rules, **changes)

    def alter(self, **changes: Any) -> None:
        """Change the one instance, if there is one."""
        self.see(instances=tuple(replace(one, **changes) for one in self.seen.instances))

    @property
    def one(self) -> Instance:
        return self.seen.instances[0]


Cell = Callable[[Situation], None]


def is_server(**changes: Any) -> Cell:
    def cell(now: Situation) -> None:
        assert isinstance(now.seen.server, Server)
        now.see(server=replace(now.seen.server, **changes))

    return cell


def is_vault(**changes: Any) -> Cell:
    return lambda now: now.see(vaults=(vault(**changes),))


def holds(name: str) -> Cell:
    return lambda now: now.see(deleted=(deleted(name),))


def follows(tier: Any, *others: Any) -> Cell:
    """The instance follows a policy that means this tier; there are other policies too."""

    def cell(now: Situation) -> None:
        mine = policy_of(tier, "theirs")
        now.see(policies=(mine, *others))
        now.alter(policy_id=mine.id)

    return cell


def tampered(now: Situation) -> None:
    """Our policy has other content, and the instance, if there is one, follows it."""
    now.see(policies=(policy_of(LOWER, policy_of().name),))


def unreadable(now: Situation) -> None:
    strange = replace(policy_of(LOWER, "theirs"), meaning=None, unclear="two backup rules")
    now.see(policies=(strange, policy_of()))
    now.alter(policy_id=strange.id)


def tried(kind: str, error: tuple[str, str] = PERMISSION, **more: Any) -> Cell:
    return lambda now: now.remember(running=Running(kind, "", NOW, "failed", error), **more)


def contested(times: int) -> Cell:
    return lambda now: now.remember(contest=Contest(tier_meaning(GOLD).digest, times, was_right=True))


def alone(now: Situation) -> None:
    now.rule(vaults=(VaultRule(VAULT, ("bronze",)),))


def elsewhere(now: Situation) -> None:
    place = now.one.policy_id.replace(VAULT, FOREIGN_VAULT)
    now.alter(vault_id=FOREIGN_VAULT, policy_id=place)


def holding(*roles: str) -> Cell:
    return lambda now: now.see(roles=frozenset(roles))


def put(state: str) -> Cell:
    return lambda now: now.see(instances=(instance(state, name=OURS, id=f"{VAULT}/backupInstances/{OURS}"),))


def setting(**changes: Any) -> Cell:
    return lambda now: now.rule(**changes)


def wanting(intent: Intent) -> Cell:
    return lambda now: setattr(now, "intent", intent)


def moved(now: Situation) -> None:
    now.see(server=None, moved_to=SERVER.replace("rg-data", "rg-new"))


BOTH = (DATASOURCE.server_role, DATASOURCE.group_role)
CELLS: dict[str, dict[str, Cell]] = {
    "instance": {"none": lambda _: None},  # any other word is a state
    "server": {
        "Ready": lambda _: None,
        "Updating": is_server(state="Updating"),
        "Stopped": is_server(state="Stopped"),
        "read replica": is_server(replication_role="AsyncReplica"),
        "promoted replica": is_server(replication_role="None"),
        "elastic cluster": is_server(is_cluster=True),
        "over 1 TB": is_server(storage_gb=2048),
        "gone": lambda now: now.see(server=None),
        "moved": moved,
        "made again under its name": lambda now: now.remember(created_at=None),
    },
    "wants": {
        "gold": lambda _: None,
        "nothing": wanting(NotAsked("it has no tag backup-tier")),
        "exemption": wanting(LeaveAlone("exempt by tag")),
        "glod": wanting(Mistake("'glod' is not a tier", "use gold", "gold")),
    },
    "vault": {
        "none in the region": is_vault(location="eastus"),
        "deleted": lambda now: now.see(vaults=()),
        "full": is_vault(is_full=True),
        "not admitted": is_vault(admitted=False),
        "without identity": is_vault(principal_id=""),
        "with a user-assigned identity": is_vault(identity_url=f"{GROUP}/identities/vault"),
        "Provisioning": is_vault(state="Provisioning"),
        "Updating": is_vault(state="Updating"),
        "Failed": is_vault(state="Failed"),
        "guarded": is_vault(guarded=True),
        "holds a deleted one": holds(""),
        "holds a deleted one of others": holds("by-hand"),
        "of another tier": alone,
        "of nobody": elsewhere,
    },
    "error": {
        "permission": lambda now: now.alter(errors=(PERMISSION,)),
        "other": lambda now: now.alter(errors=(("UserErrorServerUnhappy", "unhappy"),)),
        "none": lambda now: now.alter(errors=()),
    },
    "made by": {
        "us": lambda _: None,
        "others": lambda now: now.alter(name="by-hand", id=f"{now.one.vault_id}/backupInstances/by-hand"),
    },
    "policy": {
        "missing": lambda now: now.see(policies=()),
        "of another name": follows(GOLD),
        "lower": follows(LOWER, policy_of()),
        "lower, ours missing": follows(LOWER),
        "higher": follows(HIGHER, policy_of()),
        "unreadable": unreadable,
        "gone": lambda now: now.alter(policy_id=f"{VAULT}/backupPolicies/gone"),
        "tampered": tampered,
    },
    "roles": {
        "none": holding(),
        "Reader from above": holding(DATASOURCE.group_role),
        "both": holding(*BOTH),
        "both from above": holding(*BOTH),
    },
    "recovery point": {
        "none": lambda now: now.see(has_recovery_point=False),
        "there": lambda _: None,
    },
    "rules": {
        "adopt: take": setting(adopt="take"),
        "resume: allow": setting(resume="allow"),
        "downgrade: allow": setting(downgrade="allow"),
        "policies: predeployed": setting(policies="predeployed"),
        "roles: predeployed": setting(roles=Roles("predeployed")),
        "roles: resource_group": setting(roles=Roles("resource_group")),
    },
    "before": {
        "given just now": lambda now: now.remember(granted_at=NOW),
        "validated": lambda now: now.remember(running=Running("validate", "", NOW, "succeeded")),
        "refused once": tried("validate"),
        "refused for 40 minutes": tried("validate", refused_since=EARLIER, refusals=9),
        "refused for good": tried("validate", NEVER),
        "synced once": tried("sync"),
        "synced for 40 minutes": tried("sync", refused_since=EARLIER, refusals=9),
        "set back once by us": contested(0),
        "set back twice by others": contested(1),
        "backup running": lambda now: now.see(jobs=(job(instance_id=now.one.id),)),
    },
}
SAID = {"verdict", "done", "the reason says", "next step"}


def tables() -> Iterator[list[dict[str, str]]]:
    """Every table of the page, each row by the names of its columns."""
    for block in re.findall(r"(?:^\|.*\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        head, _, *rows = ([cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines())
        yield [dict(zip(head, row, strict=True)) for row in rows]


ROWS = [row for table in tables() for row in table]
PLANNED = [row for row in ROWS if "done" in row]
REFUSED = [row for row in ROWS if "Azure says" in row]


def whose(verdict: Verdict) -> str:
    """Who takes the next step."""
    who = verdict.fix.split(":")[0]
    return "nobody" if not verdict.fix or verdict.fix.startswith("nothing") else who.split(" of ")[0]


def situation(row: dict[str, str]) -> Situation:
    now = Situation()
    if (state := row.get("instance", "none")) != "none":
        put(state)(now)
    for column in CELLS:  # in this order, whatever the table's
        for word in filter(None, row.get(column, "").split(", " if column == "rules" else "\0")):
            if column != "instance":
                CELLS[column][word](now)
    return now


@pytest.mark.parametrize("row", PLANNED, ids=lambda row: " / ".join(v for k, v in row.items() if k not in SAID and v))
def test_each_situation_has_the_answer_of_its_row(row: dict[str, str]):
    """Verdict, actions, reason and who is next are what the page says."""
    now = situation(row)
    plan = make_plan(now.intent, now.seen, now.rules)
    done = [type(action).__name__ if not isinstance(action, Wait) else "wait" for action in plan.actions]
    assert f"`{plan.verdict.kind}`" == row["verdict"], plan.verdict.reason
    assert (", ".join(done) or "nothing") == row["done"]
    assert row["the reason says"] in plan.verdict.reason
    assert whose(plan.verdict) == row["next step"]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: f"{row['Azure says']} {row['verdict']}")
def test_each_refusal_has_the_answer_of_its_row(row: dict[str, str]):
    """What Azure refuses is read as the page says."""
    verdict = refusals.explained(row["Azure says"].strip("`"), row["and"], "sub")
    assert verdict
    assert (f"`{verdict.kind}`", whose(verdict)) == (row["verdict"], row["next step"])
    assert row["the reason says"] in verdict.reason


def test_the_page_knows_every_verdict_and_every_cell_is_used():
    """Each kind of verdict stands in a table; each cell that can be said here is said there."""
    assert {row["verdict"].strip("`") for row in ROWS} == set(Kind)
    used = {(column, word) for row in PLANNED for column, cell in row.items() for word in (cell, *cell.split(", "))}
    assert [(column, word) for column, words in CELLS.items() for word in words if (column, word) not in used] == []


def test_the_memory_of_a_first_backup_is_not_needed():
    """A lost ledger changes no answer for an instance that is right."""
    now = situation({"instance": "ProtectionConfigured"})
    for memory in (Memory(), Memory(backup=LastBackup("done", has_point=True))):
        now.see(memory=memory)
        assert make_plan(now.intent, now.seen, now.rules).verdict.kind is Kind.PROTECTED
