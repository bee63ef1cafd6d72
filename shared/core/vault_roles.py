"""What the vault's identity must be given before it can reach a server, and how long that takes to work. Pure."""

from shared.core import names, waits
from shared.core.actions import Action, GrantRole, Wait
from shared.core.observed import Observed, Vault
from shared.core.rules import Rules
from shared.core.verdict import Kind, Verdict


def are_unknown(observed: Observed, rules: Rules) -> bool:
    """Whether the roles must be read first: where the deployment sees to them, nobody asks."""
    return observed.roles is None and rules.roles.grant != "predeployed"


def step(vault: Vault, observed: Observed, rules: Rules) -> tuple[Verdict, tuple[Action, ...]] | None:
    """Give the roles that are missing, and leave them time to work; None when there is nothing to give or to wait for.

    A role that the identity has from above the server is not given again.
    """
    if grants := missing(vault, observed, rules):
        reason = " and ".join(observed.datasource.role_names[grant.role] for grant in grants)
        verdict = Verdict.of(Kind.WAITING_FOR_ROLES, f"the vault's identity gets {reason}")
        return verdict, (*grants, Wait(verdict.reason, waits.GRANTED_S))
    if (left_s := _until_effective_s(observed)) > 0:
        verdict = Verdict.of(Kind.WAITING_FOR_ROLES, "roles were granted and are not effective at once")
        return verdict, (Wait(verdict.reason, left_s),)
    return None


def missing(vault: Vault, observed: Observed, rules: Rules) -> tuple[GrantRole, ...]:
    """The roles that the app is to give. Source: the group's role is for its reads; both work from the group too."""
    if rules.roles.grant == "predeployed" or observed.roles is None:
        return ()
    facts, server = observed.datasource, observed.server_id
    own_scope = server.text if rules.roles.grant == "server" else server.group_id
    wanted = ((facts.group_role, server.group_id), (facts.server_role, own_scope))
    return tuple(
        GrantRole(
            reason=f"the vault's identity needs {facts.role_names[role]}",
            scope=scope,
            role=role,
            principal_id=vault.principal_id,
            assignment_name=names.role_assignment_name(scope, vault.principal_id, role),
        )
        for role, scope in wanted
        if role not in observed.roles
    )


def _until_effective_s(observed: Observed) -> float:
    """How long to leave a fresh role alone; 0 once it was tried, for then only trying again tells."""
    memory = observed.memory
    if not memory.granted_at or memory.refusals:
        return 0.0
    left_s = waits.GRANTED_S - (observed.now - memory.granted_at).total_seconds()
    return left_s if left_s > 1 else 0.0  # Date headers have whole seconds
