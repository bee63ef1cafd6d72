"""What a plan is: what is true of a server now, what to do next, and what to remember. It decides nothing."""

from dataclasses import dataclass

from shared.core.actions import Action, Wait
from shared.core.observed import Answer, Contest, LastBackup
from shared.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next for one server, in order, and what is true of it now.

    A plan that ends in Wait is unfinished: look again after that time. No actions: nothing is missing, or nothing
    can be done, as the verdict says. backup, contest: what to remember of them, None when nothing new is known.
    policy_digest: what the instance's policy was found to mean, "" if it was not. refusals: how often in a row the
    service has refused what is being tried; 0 when nothing is refused any more. answer: to the wish for a backup.
    """

    verdict: Verdict
    actions: tuple[Action, ...] = ()
    vault_id: str = ""
    policy_id: str = ""
    instance_id: str = ""
    backup: LastBackup | None = None
    policy_digest: str = ""
    refusals: int = 0
    contest: Contest | None = None
    answer: Answer | None = None

    @property
    def wait(self) -> Wait | None:
        last = self.actions[-1] if self.actions else None
        return last if isinstance(last, Wait) else None
