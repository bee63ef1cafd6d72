"""The real app, from its first hour, beside the estate of an inventory, on the local Azure and in virtual time."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cli.inventory import Inventory
from cli.inventory_world import Building, begins
from cli.rehearsal import APP, Rehearsal
from shared import approval, plan
from shared.cloud import snapshot
from shared.cloud.clients import Cloud
from shared.core.estate import Scope
from shared.core.judgement import Judged
from shared.core.rules import Rules
from shared.core.verdict import Kind, Verdict
from shared.plan import EstatePlan
from simulator.arm import authorization
from simulator.transport import InProcessTransport

STEP = timedelta(minutes=15)
BRAKES = ("Flexguard.Brake", "Flexguard.OverBudget")  # opened; its end is told as …Recovered


@dataclass(kw_only=True)
class RehearsedEstate(Rehearsal):
    """A rehearsal with an estate. approves: whether somebody approves what the brake holds, at the next look."""

    inventory: Inventory
    read_rules: Rules
    approves: bool = False
    left_out: list[str] = field(default_factory=list)
    approvals: int = 0
    _alerts: int = 0

    def __post_init__(self) -> None:
        self.begins = begins(self.inventory)
        super().__post_init__()

    def _build(self) -> None:
        building = Building(self.azure, self.arm, self.inventory)
        building.build(APP, grants_roles=self.read_rules.roles.grant != "predeployed")
        self.left_out += building.left_out
        managed = frozenset(map(str.lower, self.inventory.subscriptions))
        self.settings = replace(self.settings, subscriptions=managed, vault_identities=frozenset(building.admitted))

    def _rules(self) -> Rules:
        return self.read_rules

    def view(self) -> EstatePlan:
        """The estate as an operator sees it now, under the rules."""
        scope = Scope(self.settings.subscriptions)
        return plan.view(self._operator, scope, [self.read_rules], self._archive).plan(self.read_rules)

    @property
    def _operator(self) -> Cloud:
        credential = self.azure.credential(authorization.OPERATOR)
        return Cloud(self.settings, credential, InProcessTransport(self.azure))

    def said(self) -> tuple[Judged, ...]:
        """Every server as an operator sees it now; of what the brake holds back only the sweep's snapshot knows."""
        entries = json.loads(snapshot.latest(self._operator) or b'{"servers": []}')["servers"]
        held = {one["id"].lower(): one["reason"] for one in entries if one["verdict"] == Kind.OVER_BUDGET}
        return tuple(
            replace(one, verdict=Verdict.of(Kind.OVER_BUDGET, held[one.id.key]))
            if one.id.key in held and one.verdict.kind is Kind.CONFIGURING
            else one
            for one in self.view().judged
        )

    def play(self, until: datetime, progress: Callable[[int], None]) -> None:
        """Let everything happen until a moment. progress: hears of every STEP."""
        while self.azure.now < until:
            self.run_until(min(self.azure.now + STEP, until))
            if self.approves:
                self._approve()
            progress(1)

    def _approve(self) -> None:
        """Approve the whole plan when the brake has stopped something since the last look."""
        new, self._alerts = self.alerts[self._alerts :], len(self.alerts)
        if any(alert["type"] in BRAKES for alert in new):
            approval.approve(self._archive, self.view().entries, "rehearsal", self.azure.now)
            self.approvals += 1
