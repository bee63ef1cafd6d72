"""Says which of the vaults that the rules allow protects a server that has no backup instance yet, or why none does.

Discovery lists, deployment admits: a vault that is found by its tag alone could have been made by anybody, so it is
used only when the deployment names its identity.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from shared.core import names
from shared.core.intent import Protect
from shared.core.observed import Observed, Server, Vault
from shared.core.rules import Rules, VaultRule
from shared.core.verdict import Kind, Verdict

_IN_TROUBLE = frozenset({"provisioning", "failed"})
_USUAL_MOST = VaultRule().most


def rules_of(vault_id: str, tags: Mapping[str, str], rules: Rules) -> tuple[VaultRule, ...]:
    """The rules that say something about a vault: those that name its id, or else those that its tags fit."""
    by_id = tuple(rule for rule in rules.vaults if rule.id and rule.id.lower() == vault_id.lower())
    carried = {(_fold(name), _fold(value)) for name, value in tags.items()}
    return by_id or tuple(
        rule for rule in rules.vaults if rule.tag and {(_fold(n), _fold(v)) for n, v in rule.tag.items()} <= carried
    )


def is_found_by_tag(vault_id: str, rules: Rules) -> bool:
    """Whether only the vault's own tags can tell if the rules speak of it."""
    return not rules_of(vault_id, {}, rules) and any(rule.tag for rule in rules.vaults)


def judged(vault: Vault, rules: Rules, identities: Collection[str], instances: int = 0) -> Vault:
    """The vault with what the rules and the deployment make of it.

    identities: principal ids, in lower case, that the deployment admits. instances: how many it protects.
    """
    fitting = rules_of(vault.id, vault.tags, rules)
    admitted = any(rule.id for rule in fitting) or vault.principal_id.lower() in identities
    most = min((rule.most for rule in fitting), default=_USUAL_MOST)
    return replace(vault, admitted=admitted, is_full=instances >= most)


def is_count_needed(vaults: Iterable[Vault], rules: Rules) -> bool:
    """Whether it matters how many instances the vaults have: somebody set a limit, or there is a choice.

    Without either the usual limit decides nothing: no source confirms it, so a lone vault is tried and Azure answers.
    """
    places = [vault.location for vault in vaults if rules_of(vault.id, vault.tags, rules)]
    return len(set(places)) < len(places) or any(rule.most != _USUAL_MOST for rule in rules.vaults)


def choose_vault(server: Server, intent: Protect, observed: Observed, rules: Rules) -> Vault | None:
    """The vault for a server: in its region, serving its tier, admitted, not full.

    One whose rule names the tier comes before one for all tiers, and one that works before one in trouble. Among
    equals a hash of both ids decides: it spreads the servers, stays the same, and moves few when a vault is added.
    """
    usable = [v for v in _candidates(server, intent, observed, rules) if v.admitted and not v.is_full]
    return min(usable, key=lambda vault: _place(vault, server, intent, rules), default=None)


def without_vault(server: Server, intent: Protect, observed: Observed, rules: Rules) -> Verdict:
    """Why `choose_vault` has none: all are full, none is admitted, or there is none."""
    wanted = f"in {server.location} for tier {intent.tier_name}"
    candidates = _candidates(server, intent, observed, rules)
    if full := [vault.name for vault in candidates if vault.admitted]:
        return Verdict.of(Kind.VAULT_FULL, f"every vault {wanted} is full: {', '.join(full)}")
    if strangers := [vault for vault in candidates if vault.principal_id]:
        found = ", ".join(vault.name for vault in strangers)
        lacking = ", ".join(vault.principal_id for vault in strangers)
        return Verdict.of(
            Kind.VAULT_NOT_ADMITTED,
            f"{found} carries the tag of a vault {wanted}, and the deployment does not admit its identity",
            f"platform team: if it is yours, add {lacking} to FLEXGUARD_VAULT_IDENTITIES and deploy again",
        )
    if candidates:
        return without_identity(candidates[0])
    known = {vault.id.lower() for vault in observed.vaults or ()}
    missing = [rule.id for rule in rules.vaults_for(intent.tier_name) if rule.id and rule.id.lower() not in known]
    gone = f"; {', '.join(id_.rsplit('/', 1)[-1] for id_ in missing)} does not exist" if missing else ""
    return Verdict.of(
        Kind.NO_VAULT, f"no vault of the rules file is in {server.location} and serves tier {intent.tier_name}{gone}"
    )


def without_identity(vault: Vault) -> Verdict:
    """The vault cannot reach any server."""
    return Verdict.of(Kind.VAULT_IDENTITY, f"vault {vault.name} has no identity{trouble(vault)}")


def trouble(vault: Vault) -> str:
    """What to add to a reason when the vault itself is not as it should be; "" when it is."""
    return f" (the vault is {vault.state})" if vault.state.lower() in _IN_TROUBLE else ""


def _candidates(server: Server, intent: Protect, observed: Observed, rules: Rules) -> list[Vault]:
    here = [vault for vault in observed.vaults or () if vault.location == server.location]
    return [vault for vault in here if serves(vault.id, vault.tags, intent.tier_name, rules)]


def serves(vault_id: str, tags: Mapping[str, str], tier_name: str, rules: Rules) -> bool:
    """Whether a rule lets the vault protect servers of a tier."""
    return any(not rule.tiers or tier_name in rule.tiers for rule in rules_of(vault_id, tags, rules))


def _place(vault: Vault, server: Server, intent: Protect, rules: Rules) -> tuple[bool, bool, str]:
    explicit = any(intent.tier_name in rule.tiers for rule in rules_of(vault.id, vault.tags, rules))
    works = bool(vault.principal_id) and not trouble(vault)
    return not explicit, not works, names.stable_guid(server.id.text, vault.id)


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()
