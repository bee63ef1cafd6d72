"""What to make of a refusal of Azure: wait, or say at once what a person must repair. One table of codes.

A refusal comes in two ways that mean the same: as the answer to a call, or as the end of a long operation.
"""

import re
from collections.abc import Callable

from shared.core import waits
from shared.core.actions import Action, Wait
from shared.core.failures import TAKEN, Cause, classify
from shared.core.observed import Observed, Running
from shared.core.rules import Rules
from shared.core.verdict import Kind, Verdict

# From a call they are about this app; from an operation about the vault's identity, as any other PERMISSION.
_OWN_RIGHTS = frozenset({"authorizationfailed", "linkedauthorizationfailed"})
_ASSIGNS = "microsoft.authorization/roleassignments/write"
_NO_RIGHT = re.compile(r"perform action '(?P<action>[^']+)' over scope '(?P<scope>[^']+)'")
_NAMESPACE = re.compile(r"namespace '(?P<name>[^']+)'")
_ASSIGNMENTS = (re.compile(r"policy assignment '([^']+)'"), re.compile(r'"policyAssignment": ?\{"name": ?"([^"]+)"'))
_VAULT = re.compile(r"/backupVaults/(?P<name>[^/\s.'\"]+)", re.IGNORECASE)


def explained(code: str, message: str, subscription: str = "") -> Verdict | None:
    """What a person must repair, for a code that names it; None for any other, which waiting or looking may solve.

    subscription: of what was asked for. Source: the error tables of ARM and of the Data Protection provider; wording
    of AuthorizationFailed as recorded. Assumed: a refusal for want of a Resource Guard's approval has its name in the
    code or in the message, as no recording shows one.
    """
    tell = _TOLD.get(code.lower())
    if tell is None and "resourceguard" in f"{code}{message}".replace(" ", "").lower():
        tell = _guarded
    return tell(code, message, subscription) if tell else None


def answer(ended: Running, observed: Observed, rules: Rules, otherwise: Kind) -> tuple[Verdict, tuple[Action, ...]]:
    """What to say and do after an operation that was refused: wait where waiting helps, else say what to repair.

    otherwise: what to call it when only a person helps and the code does not say who.
    """
    code, message = ended.error
    cause, memory = classify(code), observed.memory
    waited = observed.now - (memory.refused_since or observed.now)
    told = None if code.lower() in _OWN_RIGHTS else explained(code, message, observed.server_id.subscription)
    if told:
        return told, ()
    if cause in (Cause.CONFIGURATION, Cause.GONE) or waited >= waits.REFUSED_LONGEST:
        return Verdict.of(otherwise, f"Azure Backup refuses: {code}: {message}"), ()
    after_s = waits.REFUSED_AGAIN_S[min(memory.refusals, len(waits.REFUSED_AGAIN_S) - 1)]
    if cause is not Cause.PERMISSION:
        reason = f"Azure Backup could not do it now ({code}); it is asked again"
        return Verdict.of(Kind.CONFIGURING, reason), (Wait(reason, after_s),)
    if waited >= waits.DENIED_LONGEST:
        kind = Kind.ROLES_MISSING if rules.roles.grant == "predeployed" else Kind.ROLES_INEFFECTIVE
        minutes = int(waited.total_seconds() // 60)
        return Verdict.of(kind, f"the vault's identity has been refused for {minutes} minutes ({code})"), ()
    reason = f"the vault's identity may not reach the server yet ({code})"
    return Verdict.of(Kind.WAITING_FOR_ROLES, reason), (Wait(reason, after_s),)


def _taken(_: str, message: str, __: str) -> Verdict:
    found = _VAULT.search(message)
    where = f"in vault {found['name']}" if found else "in a vault that this app may not read"
    return Verdict.of(Kind.PROTECTED_ELSEWHERE, f"Azure Backup says that it is protected {where}: {message}")


def _no_right(_: str, message: str, __: str) -> Verdict:
    """Source: a recorded 403 names client, object id, action and scope; a condition that denies is named in words."""
    found = _NO_RIGHT.search(message)
    action, scope = (found["action"], found["scope"]) if found else ("", "")
    if action.lower() == _ASSIGNS:
        why = "the condition of the app's role denies it" if "condition" in message.lower() else "the app may not"
        return Verdict.of(Kind.CANNOT_ASSIGN_ROLES, f"{why}: {action} at {scope}")
    if not found:
        return Verdict.of(Kind.APP_RIGHTS, f"the app's identity may not do it: {message}")
    return Verdict.of(
        Kind.APP_RIGHTS,
        f"the app's identity lacks {action} at {scope}",
        f"platform team: give the app's identity {action} at {scope} or above; deploying again does it",
    )


def _unregistered(_: str, message: str, subscription: str) -> Verdict:
    found = _NAMESPACE.search(message)
    name = found["name"] if found else "Microsoft.DataProtection"
    where = f" --subscription {subscription}" if subscription else ""
    fix = f"platform team: az provider register --namespace {name}{where}"
    return Verdict.of(Kind.PROVIDER, f"subscription {subscription or 'of the vault'} has not registered {name}", fix)


def _denied(_: str, message: str, __: str) -> Verdict:
    """Source: the documented error has the assignments in additionalInfo, and as JSON in its message."""
    found = dict.fromkeys(name for pattern in _ASSIGNMENTS for name in pattern.findall(message))
    return Verdict.of(Kind.AZURE_POLICY, f"Azure Policy denies it: {', '.join(found) or message}")


def _saying(kind: Kind, opening: str) -> Callable[[str, str, str], Verdict]:
    return lambda _, message, __: Verdict.of(kind, f"{opening}: {message}")


_guarded = _saying(Kind.RESOURCE_GUARD, "a Resource Guard wants an approval first")
_TOLD: dict[str, Callable[[str, str, str], Verdict]] = {
    **dict.fromkeys(_OWN_RIGHTS, _no_right),
    "scopelocked": _saying(Kind.SCOPE_LOCKED, "a lock forbids it"),
    "requestdisallowedbypolicy": _denied,
    "missingsubscriptionregistration": _unregistered,
    "usererrormissingsubscriptionregistration": _unregistered,
    "usererrorsystemidentitynotenabledwithvault": _saying(Kind.VAULT_IDENTITY, "Azure Backup refuses"),
    "usererroruseridentitynotfoundornotassociatedwithvault": _saying(Kind.VAULT_IDENTITY, "Azure Backup refuses"),
    **dict.fromkeys(TAKEN, _taken),
}
