"""One look at one server: observe what is true, plan what is missing, apply what can be applied now.

It never waits and never raises for what Azure does: a long operation is noted in the row, an error is Pending. Who may
look is decided before (`claim.py`), when the next look comes is decided after (`converge.py`).
"""

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from shared import claim, journal, pace
from shared.claim import Claimed
from shared.cloud import observe
from shared.cloud.apply import apply
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.cloud.http import correlated
from shared.core import filters, on_demand, protection, refusals, resource_id
from shared.core.actions import GrantRole, Protect, StartBackup, Wait, Write
from shared.core.cost import monthly_change
from shared.core.datasource import Datasource
from shared.core.failures import TAKEN
from shared.core.intent import Intent, read_intent
from shared.core.intent import Protect as Protected
from shared.core.names import stable_guid
from shared.core.observed import Answer, Instance, LastBackup, Observed, Running
from shared.core.plan import Plan, make_plan, needs
from shared.core.price import Prices
from shared.core.resource_id import ResourceId
from shared.core.rules import Rules
from shared.core.vault_choice import choose_vault
from shared.core.verdict import Kind, Verdict
from shared.core.waits import CONFIGURING_AGAIN_S, FRESH, growing_s
from shared.ledger import Ledger
from shared.pace import Turned
from shared.tell import tell_once, tell_refusal

OPERATION_AGAIN_S = 3.0
OPERATION_LONGEST, UNREACHABLE = timedelta(hours=2), timedelta(hours=24)
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 5.0, 900.0
MOST_READS = 7  # `needs` grows as answers come in; it has six words, so it ends
_STILL_RUNNING = {
    "validate": (Kind.CONFIGURING, "the service is still checking its permissions"),
    "change": (Kind.CONFIGURING, "the instance is being pointed to another policy"),
    "sync": (Kind.CONFIGURING, "Azure Backup looks at the instance again"),
    "resume": (Kind.CONFIGURING, "protection is being resumed"),
    "backup": (Kind.FIRST_BACKUP_PENDING, "the first backup is being started"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pass ended. pending_s: look again after so many seconds; None when there is nothing more to do now."""

    verdict: Verdict
    pending_s: float | None = None


class Look:
    """One pass over one server: the row that it claimed, and what it found out meanwhile.

    correlation: the GUID that Azure's activity log shows beside everything that this pass asked for.
    """

    def __init__(
        self,
        server_id: ResourceId,
        datasource: Datasource,
        cloud: Cloud,
        ledger: Ledger,
        rules: Rules,
        claimed: Claimed,
        prices: Prices | None = None,
    ) -> None:
        self.server_id, self.datasource = server_id, datasource
        self.cloud, self.ledger, self.rules, self.prices = cloud, ledger, rules, prices
        self.row, self.version, self.was_left = claimed.row, claimed.version, claimed.was_left
        self.began = cloud.now
        self.applied: list[str] = []
        self.correlation = stable_guid(server_id.text, str(claimed.row.generation), claimed.row.claimed_by)
        self._instance_was_known = True
        self._instances: tuple[Instance, ...] | None = None

    def run(self) -> Outcome:
        """Observe, plan, apply. Every error of Azure becomes Pending, with a wait that Azure named or that grows."""
        try:
            with correlated(self.correlation):
                if held := self._held(pace.before_asking(self.row, self.server_id, self.cloud, self.ledger)):
                    return held  # nothing was asked, so what has failed may fail still
                outcome = self._observe_plan_apply()
        except CloudError as error:
            return self._failed(error)
        if not (self.row.running and self.row.running.kind == "validate"):  # what comes after it may be refused again
            self._know(attempt=0, failing_since=None)
        return outcome

    def settle(self, outcome: Outcome) -> float | None:
        """Write down the verdict and when to look again. Raises CloudError; the message is then delivered again."""
        if self.row.instance_id and not self._instance_was_known:
            self.ledger.keep_instance(self.row.instance_id, self.server_id.text)
        verdict = outcome.verdict
        tell_refusal(verdict, self.server_id, self.cloud, self.ledger)
        if outcome.pending_s is None:
            self._answer(verdict.reason)
        self._know(observed_at=self.began, verdict=verdict.kind.value, reason=verdict.reason, fix=verdict.fix)
        return claim.settle(Claimed(self.row, self.version), outcome.pending_s, self.ledger, self.cloud)

    # -- observe -----------------------------------------------------------------------------------------------

    def _observe_plan_apply(self) -> Outcome:
        if busy := self._ask_about_operation():
            return busy
        observed = self._observe()
        tags = observed.server.tags if observed.server else {}
        intent = read_intent(tags, self.rules, observed.now, self.server_id)
        observed = self._complete(observed, intent)
        plan = filters.only_permitted(make_plan(intent, observed, self.rules), self.rules, self.server_id, tags)
        if held := self._held(self._turn(plan, intent, observed)):
            return held
        self._remember(plan, intent, observed)
        for action in plan.actions:
            if not isinstance(action, Wait):
                self._apply(action, observed)
        return Outcome(plan.verdict, plan.wait.after_s if plan.wait else None)

    def _turn(self, plan: Plan, intent: Intent, observed: Observed) -> Turned:
        subscription = (resource_id.parse(plan.vault_id) or self.server_id).subscription
        prices = self.prices if self.rules.brake.monthly_price else None
        price = monthly_change(intent, observed, plan.vault_id, prices) if prices else 0.0
        return pace.before_writing(self.row, plan, self.rules.brake, price, subscription, self.cloud, self.ledger)

    def _held(self, turned: Turned) -> Outcome | None:
        """What was promised is in the row; an Outcome when the turn has not come, or never will."""
        self.row = turned.row
        if turned.alert:
            tell_once(turned.alert, self.cloud, self.ledger, self.cloud.now)
        return Outcome(turned.verdict, turned.wait_s) if turned.verdict else None

    def _ask_about_operation(self) -> Outcome | None:
        """Look once at what an earlier pass started; an Outcome while it still runs."""
        running = self.row.running
        if running and running.kind == "protect":
            return self._ask_about_instance(running)
        if not running or not running.url:
            return None
        running = self._asked(running)
        if running.status == "running":
            kind, reason = _STILL_RUNNING[running.kind]
            if running.kind == "backup" and self.row.backup.has_point:
                kind, reason = Kind.PROTECTED, "a backup on demand is being started"
            again_s = growing_s(OPERATION_AGAIN_S, self.cloud.now - (self.row.refused_since or running.started_at))
            return Outcome(Verdict.of(kind, reason), again_s)
        if running.kind == "backup":
            self._know(running=None, backup=on_demand.triggered(self.row.backup, running))
        else:
            self._know(running=running)
        return None

    def _ask_about_instance(self, running: Running) -> Outcome | None:
        """The instance says more than the operation of its PUT, which is asked about only if there is no instance."""
        self._instances = observe.instances(self.cloud, self.server_id)
        busy = protection.unfinished(self._instances[0]) if self._instances else None
        if busy:
            return Outcome(busy, growing_s(CONFIGURING_AGAIN_S, self.cloud.now - running.started_at))
        asked = self._asked(running) if running.url and not self._instances else running
        self._know(running=asked if asked.status == "failed" else None)
        return None

    def _asked(self, running: Running) -> Running:
        is_late = self.cloud.now - running.started_at > OPERATION_LONGEST
        try:
            looked = observe.operation(self.cloud, running)
        except CloudError as error:
            is_foreign = error.code == "ForeignHost"  # its address is none of ours, and never will be
            if not is_foreign and (not is_late or error.retry_after_s):  # who is asked to rest gives nothing up yet
                raise
            code = error.code if is_foreign else "OperationNotFound"
            return replace(running, status="failed", error=(code, f"nobody can ask about it: {error}"))
        if looked.status == "running" and is_late:
            return replace(looked, status="failed", error=("OperationNeverEnded", "it has run for two hours"))
        return looked

    def _observe(self) -> Observed:
        if self.row.running and self.row.running.error[0].lower() in TAKEN:
            self.cloud.forget("deleted", self.row.vault_id.lower())  # the list that was kept did not show it
        server = observe.server(self.cloud, self.server_id, self.datasource)
        creating = server is not None and server.state == self.datasource.creating_state
        instances = self._instances
        if instances is None:
            instances = () if creating or self._is_validated() else observe.instances(self.cloud, self.server_id)
        return Observed(self.cloud.now, self.server_id, self.datasource, server, instances, memory=self.row.memory)

    def _is_validated(self) -> bool:
        """Azure has just said that it could be protected: nothing is in the list, but from a pass that died since."""
        running = self.row.running
        if not running or self.was_left or (running.kind, running.status) != ("validate", "succeeded"):
            return False
        return self.cloud.now - running.started_at < FRESH

    def _complete(self, observed: Observed, intent: Intent) -> Observed:
        """Read what the decision needs and nothing else; each answer may raise a new question."""
        for _ in range(MOST_READS):
            needed = needs(intent, observed, self.rules)
            if not needed or not isinstance(intent, Protected) or not observed.server:
                return observed
            chosen = choose_vault(observed.server, intent, observed, self.rules)
            observed = observe.more(self.cloud, observed, needed, self.rules, chosen)
        msg = f"a decision that never knows enough about {self.server_id.text}"
        raise AssertionError(msg)

    # -- apply -------------------------------------------------------------------------------------------------

    def _apply(self, action: Write, observed: Observed) -> None:
        if isinstance(action, StartBackup):  # its answer may be lost, so the intention is in the ledger first
            self._keep()
        try:
            running = apply(self.cloud, action, observed)
        except CloudError as error:
            if isinstance(action, StartBackup) and not error.may_have_happened:
                self._know(backup=LastBackup(has_point=self.row.backup.has_point))
            raise
        self.applied.append(type(action).__name__)
        journal.record(
            "applied",
            at=self.cloud.now.isoformat(),
            server=self.server_id.text,
            correlation=self.correlation,
            action=type(action).__name__,
            reason=action.reason,
        )
        if running and isinstance(action, StartBackup) and running.status == "failed":
            self._know(backup=replace(self.row.backup, step="failed"))
            self._answer(f"Azure refuses it: {': '.join(running.error)}")
        elif running:
            created = isinstance(action, Protect) and running.status != "failed"
            self._know(running=running, created_at=running.started_at if created else self.row.created_at)
        elif isinstance(action, GrantRole):
            self._know(granted_at=self.cloud.now)

    # -- remember ----------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        kept = claim.keep(Claimed(self.row, self.version), self.ledger)
        if not kept:
            raise CloudError("Overtaken", "another pass has taken the server over; this one changes nothing more")
        self.row, self.version = kept.row, kept.version

    def _know(self, **changes: Any) -> None:
        self.row = msgspec.structs.replace(self.row, **changes)

    def _remember(self, plan: Plan, intent: Intent, observed: Observed) -> None:
        """Put what the plan knows into the row. The operation that led here has had its say."""
        waits, lasts = len(plan.actions) == 1 and plan.wait, self.row.verdict == plan.verdict.kind.value
        self._instance_was_known = plan.instance_id == self.row.instance_id
        self._know(
            running=None,
            backup=plan.backup or self.row.backup,
            refusals=plan.refusals,
            refused_since=(self.row.refused_since or observed.now) if plan.refusals else None,
            contest=plan.contest or self.row.contest,
            unready_since=((lasts and self.row.unready_since) or observed.now) if waits else None,
            owner=intent.owner,
            vault_id=plan.vault_id,
            policy_id=plan.policy_id,
            policy_digest=plan.policy_digest,
            instance_id=plan.instance_id,
        )
        if plan.answer:
            self._know(answer=plan.answer, wish=None)

    def _answer(self, reason: str) -> None:
        """Say what became of the wish for a backup, if there is one that nobody has answered."""
        if wish := self.row.wish:
            self._know(answer=Answer(wish.at, reason), wish=None)

    def _failed(self, error: CloudError) -> Outcome:
        """An error that names what a person must repair is said; any other means: look again later, for a day."""
        if told := refusals.explained(error.code, error.message, error.subscription):
            return Outcome(told)
        pace.slow_down(self.server_id.subscription, self.cloud, self.ledger)
        since, attempt = self.row.failing_since or self.began, self.row.attempt + 1
        self._know(attempt=attempt, failing_since=since)
        reason = f"{error.code}: {error.message}"
        journal.record("azure_error", level=logging.WARNING, server=self.server_id.text, reason=reason, attempt=attempt)
        if self.cloud.now - since > UNREACHABLE:
            return Outcome(Verdict.of(Kind.AZURE_UNREACHABLE, f"for a day Azure has answered {reason}"))
        backoff_s = min(FIRST_BACKOFF_S * 2 ** min(attempt - 1, 10), LONGEST_BACKOFF_S)
        verdict = Verdict.of(Kind.CONFIGURING, f"Azure answered {reason}; it is tried again")
        if error.retry_after_s is None:
            return Outcome(verdict, backoff_s)
        return Outcome(verdict, error.retry_after_s + backoff_s * self._place_in_crowd(attempt))

    def _place_in_crowd(self, attempt: int) -> float:
        """From 0 to 1, by server: who is told the same Retry-After does not come back with all the others."""
        return UUID(stable_guid(self.server_id.text, str(attempt))).int / 2**128
