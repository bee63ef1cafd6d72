"""What the simulation has found, for ever: worlds that once broke an invariant, each with one line about the bug.

A seed draws another world when scenario.py changes, so the shrunk world is kept beside it.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from tests.simulation.scenario import FAULTS_S, NO_ROLE, Deed, Mishap, PlannedServer, Scenario, draw

# (edition, servers at most, seed): why it failed.
SEEDS = {
    (1, 5, 565): "an elastic cluster with somebody's instance needs no first backup: the harness was wrong",
    (1, 5, 581): "a provider that is gone is said also of a server that is protected: the harness was wrong",
    (1, 5, 768): "a backup that failed after the last look at the jobs: the harness was wrong",
    (1, 5, 2013): "a job that was told by its id in capitals: the harness was wrong",
    (1, 5, 152): "resuming an instance whose operation hangs",
    (2, 3, 4659): "an operation that had hung for two hours was given up while Azure asked for a rest",
    (2, 3, 5560): "a backup that Azure can never take, as its trigger hangs: the harness was wrong",
    (2, 3, 6072): "the same, in another world",
    (2, 3, 7394): "a look that went on when another had taken over, and was asked to rest: the harness was wrong",
    (2, 3, 9147): "resuming protection hangs for ever, and the server is said to be configuring: the harness was wrong",
    (2, 3, 10076): "a ledger that is lost in the second in which a look begins: the harness was wrong",
    (2, 3, 10477): "a policy that was deleted twice was called a contest",
    (2, 3, 10688): "a look that has given the row back, and waits to send its continuation: the harness was wrong",
    (2, 3, 12637): "a good backup that ended in the last minutes cures a failed one: the harness was wrong",
    (2, 3, 12782): "a clock that was minutes ahead hid the job of a backup, which was started again",
    (2, 3, 13501): "who took over from a pass that had died made the instance again, with what the tags said by then",
    (2, 3, 19812): "a ledger that was rolled back had a backup started without a look at the jobs",
    (2, 3, 20688): "the same as 13501",
    (2, 3, 737): "a rest that Azure asked for made the app forget how often it had failed",
    (2, 3, 26389): "one slow validation after the other was asked about as if it were the first",
    (2, 3, 49917): "where the rules say observe, an old word of a server stood for ever",
    (2, 3, 59728): "a ledger that is lost in the run that tells an alert: the harness was wrong",
}


def _world(
    *mishaps: Mishap,
    deeds: tuple[Deed, ...] = (),
    workers: int = 1,
    meddling: float = 0.0,
    rules: Mapping[str, str] = MappingProxyType({}),
) -> Scenario:
    """One server that wants gold, one app, and this that goes wrong."""
    usual = {"mode": "protect", "adopt": "report", "downgrade": "finding", "resume": "finding", "grant": "server"}
    server = PlannedServer("pg-0", "rg-shop", "westeurope", {"backup-tier": "gold"}, 60.0)
    return replace(
        draw(0), rules=usual | {"default": ""} | rules, servers=(server,), workers=workers, meddling=meddling,
        down_s=0.0, page=1000, mishaps=mishaps, deeds=deeds, faults_s=FAULTS_S[-1],
    )  # fmt: skip


WORLDS = {
    "poison that could not be told was given up on by the host, and lay there for ever": _world(
        Mishap("unavailable", 0.9, 1, target="table"),
    ),
    "poison was thrown away when another instance had opened its incident and died before it told": _world(
        Mishap("unavailable", 0.9, 1, target="flexibleservers/read"), Mishap("store_conflict", 0.03, 2, times=4),
        Mishap("poison_message", 0.3, 3, times=4, target="queue get /converge/messages"), workers=2, meddling=0.1,
    ),
    "an operation's status that was a page of HTML raised instead of being asked for again": _world(
        Mishap("operation_not_json", 0.9, 1, target="operationstatus"),
    ),
    "an operation whose address was on another host was asked about for ever": _world(
        Mishap("operation_foreign_host", 0.9, 1),
    ),
    "two instances that had taken the same message both started the first backup": _world(
        Mishap("two_workers", 0.5, 3, times=30), Mishap("duplicate_event", 0.9, 3), workers=3, meddling=0.5,
    ),
    "an operation that failed left the instance busy for ever: the local Azure was wrong": _world(
        Mishap("fail_operation", 0.9, 1, target="resumeprotection", times=2),
        deeds=(Deed(900.0, "instance_state", 0, detail={"state": "ProtectionStopped"}),), rules={"resume": "allow"},
    ),
    "a sync that failed left the instance updating for ever: the local Azure was wrong": _world(
        Mishap("fail_operation", 0.9, 1, target="sync"), Mishap("fail_protection", 0.9, 1, detail=dict(NO_ROLE)),
    ),
    "a vault that stayed Updating had each of its servers looked at every minute": _world(
        deeds=(Deed(60.0, "vault_state", 0, detail={"state": "Updating"}),),
    ),
    "protection was resumed in vain with every sweep where a lock kept the vault's roles from being given": _world(
        deeds=(
            Deed(780.0, "lock_added", 0), Deed(1080.0, "role_revoked", 0),
            Deed(1380.0, "instance_state", 0, detail={"state": "ProtectionStopped"}),
        ), rules={"resume": "allow"},
    ),
    "a policy that was deleted was believed to be there, as the ledger knew what it had meant": _world(
        deeds=(Deed(5400.0, "policy_deleted", 0),),
    ),
}  # fmt: skip
