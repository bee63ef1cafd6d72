"""Sorts error codes by what helps, and says each in words with a next step. One table: the service's flags are no help.

isRetryable and isUserError were false in every recorded failure, also in plain permission errors.
**Source**: the service's troubleshooting guides, its REST errors, Terraform's and Bicep's issues, and recordings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """What an error code is about."""

    TRANSIENT = "transient"  # the service had a bad moment: wait
    PERMISSION = "permission"  # a role is missing, or not effective yet
    CONFIGURATION = "configuration"  # a person must change something
    CONFLICT = "conflict"  # something else is going on: look again
    QUOTA = "quota"  # too much was asked: wait longer
    GONE = "gone"  # it does not exist any more


@dataclass(frozen=True, slots=True)
class Failure:
    """An error code in words. fix: the next step. link: where more is said. is_known: the table has the code.

    is_general: it only wraps another code, which then says more.
    """

    code: str
    cause: Cause
    words: str
    fix: str
    link: str = ""
    is_general: bool = False
    is_known: bool = True


_T, _P, _C, _X, _Q, _G = Cause
# Codes with which the service says that the server has a backup instance already.
TAKEN = frozenset({"usererrordppdatasourcealreadyhasbackupinstance", "usererrordppdatasourcealreadyprotected"})

_PG = "https://aka.ms/DBforPostgreSQLFlexTroubleshoot"
_DOCS = "https://learn.microsoft.com/azure/backup/"
_ROLES = f"{_DOCS}backup-azure-database-postgresql-flex-overview"
_MATRIX = f"{_DOCS}backup-azure-database-postgresql-flex-support-matrix"
_SOFT, _IMMUTABLE = f"{_DOCS}secure-by-default", "https://aka.ms/AB-ImmutableVaults-States"
_SINGLE = "the old single server refuses, which is another product"
_NO_SINGLE = "see why a job of a single server stands in this vault"
_LACKS = "the vault's identity lacks a role"
_ASSIGN = "assign the two roles to the vault's identity (`flexguard roles request`)"
_AGAIN, _LOOK = "nothing; it is tried again", "see whether the server still exists"
_SUPPORT = "run a backup by hand; if it fails again, open a support request with the job id"
_MOVED = "the vault is being moved"
_AFTER_MOVE = "wait until the move has ended; look at the vault in the portal"

# code, cause, what it means, what to do, where more is said
_ROWS: tuple[tuple[str, Cause, str, str, str], ...] = (
    # -- jobs and operations of PostgreSQL flexible servers
    ("PostgreSQLFlexOperationFailedUserError", _C, "the database service refused the backup", "look at the job", _PG),
    ("ServerNotReadyForLongTermBackup", _T, "the server was not ready", "start the server; a backup follows", _PG),
    ("ResourceGroupNotFound", _G, "the server's resource group is gone", _LOOK, _PG),
    ("ResourceNotFound", _G, "the server is gone", _LOOK, _PG),
    ("AuthorizationFailed", _P, _LACKS, _ASSIGN, _ROLES),
    ("LinkedAuthorizationFailed", _P, "a right on a linked resource is missing", _ASSIGN, _ROLES),
    ("PostgreSQLFlexServerError", _T, "the database service failed to make the backup", _SUPPORT, _PG),
    ("InternalServerError", _T, "the database service failed", _SUPPORT, _PG),
    ("NoInnerErrorFrom1PException", _T, "the service failed and gave no reason", _SUPPORT, _PG),
    ("UserErrorMaxConcurrentOperationLimitReached", _X, "another operation was running", _AGAIN, _PG),
    ("UserErrorMSIMissingPermissions", _P, _LACKS, _ASSIGN, _ROLES),
    ("UserErrorMissingRequiredPermissions", _P, _LACKS, _ASSIGN, "https://aka.ms/UserErrorMissingRequiredPermissions"),
    ("BMSUserErrorDPPAdhocBackupNotAllowedForBackupType", _C, "the policy has no such backup rule",
     "look at the policy in the portal; report this as a bug", _DOCS),
    ("BackupAgentPluginHostValidateProtectionError", _C, "Azure Backup does not take this server",
     "compare the server with the support matrix", _MATRIX),
    ("UserErrorContainerNotAccessible", _C, "the restore's container cannot be reached",
     "let Azure Backup reach the storage account", _PG),
    ("UserErrorStorageAccountContainerNotFound", _C, "the restore's container is not there", "make the container",
     "https://aka.ms/UserErrorStorageAccountContainerNotFound"),
    ("UserErrorStorageAccountKeyAccessDisallowed", _C, "the storage account allows no keys",
     "allow keys for the restore, or use roles", _PG),
    # -- vaults, policies, instances
    ("UserErrorDppDatasourceAlreadyHasBackupInstance", _X, "it is protected already", "look for it in other vaults",
     _DOCS),
    ("UserErrorDppDatasourceAlreadyProtected", _X, "it is protected already", "look for it in other vaults", _DOCS),
    ("BMSUserErrorConflictingProtectionOperation", _X, "another operation on it is running", _AGAIN, _DOCS),
    ("UserErrorDppPolicyObjectInUse", _X, "the policy is in use", "leave the policy as it is", _DOCS),
    ("UserErrorBMSUpdatePolicyNotSupported", _C, "a policy cannot be changed", "make a new policy", _DOCS),
    ("BMSUserErrorInvalidInput", _C, "the request was not valid", "report this as a bug", _DOCS),
    ("DppPluginInvalidInputParameters", _C, "the request was not valid", "report this as a bug", _DOCS),
    ("UserErrorGenericResourceNotFound", _G, "the backup instance or point is gone", "look into the vault", _DOCS),
    ("CloudInternalError", _T, "Azure Backup had an internal error", "wait some minutes; then ask support", _DOCS),
    ("CloudDosTimeboudLimitReached", _Q, "too much was asked of Azure Backup", "wait some hours", _DOCS),  # spelt so
    ("UserErrorMissingSubscriptionRegistration", _C, "a resource provider is not registered",
     "az provider register --namespace Microsoft.DataProtection", _DOCS),
    ("UserErrorSystemIdentityNotEnabledWithVault", _C, "the vault has no identity", "give the vault an identity",
     _ROLES),
    ("UserErrorUserIdentityNotFoundOrNotAssociatedWithVault", _C, "the vault lacks its user-assigned identity",
     "attach the identity to the vault", _ROLES),
    ("UserErrorDisableSoftDeleteNotAllowed", _C, "soft delete cannot be switched off again", "leave it on", _SOFT),
    ("BMSUserErrorDisablingSoftDeleteStateNotAllowed", _C, "soft delete cannot be switched off again", "leave it on",
     _SOFT),
    ("BMSUserErrorSoftDeleteStateNotSetToAlwaysON", _C, "soft delete must be always on", "set it to AlwaysOn", _SOFT),
    ("UserErrorUnsupportedVaultImmutabilityStateChange", _C, "the vault is locked immutable", "leave it so",
     _IMMUTABLE),
    ("UserErrorOperationDeniedOnImmutableItem", _C, "the vault is immutable", "wait until the points expire",
     _IMMUTABLE),
    ("UserErrorCrossRegionRestoreStateChangeNotAllowed", _C, "cross-region restore cannot be switched off",
     "leave it on", _DOCS),
    ("UserErrorInvalidRestorableTimeRange", _C, "the time range cannot be restored", "choose a recovery point", _DOCS),
    ("UserErrorBackupVaultResourceMoveInProgress", _X, _MOVED, _AFTER_MOVE, _DOCS),
    ("UserErrorBackupVaultResourceMoveNotAllowedUntilResourceProvisioned", _X, _MOVED, _AFTER_MOVE, _DOCS),
    ("BackupVaultMoveResourcesPartiallySucceeded", _C, "the vault was moved in part", _AFTER_MOVE, _DOCS),
    ("BackupVaultMoveResourcesCriticalFailure", _C, "the move of the vault failed", _AFTER_MOVE, _DOCS),
    ("BackupVaultResourceMoveIsNotEnabled", _C, "the vault cannot be moved", _AFTER_MOVE, _DOCS),
    ("UserErrorCrossTenantMSIMoveNotSupported", _C, "the vault cannot go to another tenant", _AFTER_MOVE, _DOCS),
    # -- ARM and transport
    ("ExpiredAuthenticationToken", _T, "the app's token had expired", _AGAIN, ""),
    ("InvalidAuthenticationToken", _T, "the app's token was refused", _AGAIN, ""),
    ("RequestDisallowedByPolicy", _C, "Azure Policy denies it", "exempt it, or give the tags that it wants", ""),
    ("SubscriptionNotFound", _G, "the subscription is gone", "see whether the subscription still exists", ""),
    ("ScopeLocked", _C, "a lock forbids it", "remove the lock while protection is set up", ""),
    ("RoleAssignmentExists", _X, "the role is assigned already", _AGAIN, ""),
    ("RoleAssignmentUpdateNotPermitted", _C, "another role assignment has our name", "remove that assignment", ""),
    ("PrincipalNotFound", _T, "the vault's identity is not known everywhere yet", _AGAIN, ""),
    ("MissingSubscriptionRegistration", _C, "a resource provider is not registered", "register the provider", ""),
    ("TooManyRequests", _Q, "too much was asked of Azure", _AGAIN, ""),
    ("SubscriptionRequestsThrottled", _Q, "too much was asked of Azure", _AGAIN, ""),
    ("RateLimiting", _Q, "too much was asked of Resource Graph", _AGAIN, ""),
    # -- ours
    ("OperationNeverEnded", _T, "an operation ran for hours", _AGAIN, ""),
    ("OperationNotFound", _T, "the service has forgotten the operation", _AGAIN, ""),
    ("StateUnchanged", _T, "an operation ended well and changed nothing", _AGAIN, ""),
    # -- single servers, which nobody should see here
    *((code, _P, _SINGLE, _NO_SINGLE, "") for code in (
        "UserErrorBackupUserAuthFailed", "UserErrorMissingNetworkSecurityPermissions", "UserErrorDBUserAuthFailed",
        "UserErrorMissingDBPermissions", "UserErrorMissingPermissionsOnSecretStore",
    )),
    *((code, _C, _SINGLE, _NO_SINGLE, "") for code in (
        "UserErrorInvalidSecret", "UserErrorSecretValueInUnsupportedFormat", "UserErrorInvalidSecretStore",
        "UserErrorDBNotFound", "UserErrorDatabaseNameAlreadyInUse", "UserErrorServerConnectionClosed",
    )),
)  # fmt: skip
_GENERAL = frozenset({"postgresqlflexoperationfailedusererror", "internalservererror", "noinnererrorfrom1pexception"})
FAILURES = {row[0].lower(): Failure(*row, is_general=row[0].lower() in _GENERAL) for row in _ROWS}

# For codes that nobody has listed: what their names say, the first match wins.
_WORDS = (
    (("permission", "authorization"), Cause.PERMISSION),
    (("notfound",), Cause.GONE),
    (("inprogress", "conflict", "inuse", "alreadyexists"), Cause.CONFLICT),
    (("limit", "throttl", "toomany"), Cause.QUOTA),
    (("usererror", "backupagentplugin", "invalid"), Cause.CONFIGURATION),
)


def is_decision(code: str) -> bool:
    """Whether a refused call stays refused until something changes, so that repeating it as it is is no use.

    A code that nobody knows is none: it counts as a bad moment.
    """
    return classify(code) in (Cause.CONFIGURATION, Cause.PERMISSION) or code.lower() in TAKEN


def classify(code: str) -> Cause:
    """Say what would help against an error code. An unknown one counts as transient: looking again does no harm."""
    name = code.lower()
    if known := FAILURES.get(name):
        return known.cause
    return next((cause for words, cause in _WORDS if any(word in name for word in words)), Cause.TRANSIENT)


def explain(codes: Sequence[str]) -> Failure:
    """The failure that says most, of all codes of one error, outermost first.

    The innermost known code decides, unless it only wraps another one; where all known codes only wrap, an unknown
    one says more, and is told as unknown with its name.
    """
    known = [FAILURES[code.lower()] for code in reversed(codes) if code.lower() in FAILURES]
    specific = next((one for one in known if not one.is_general), None)
    unknown = next((code for code in reversed(codes) if code.lower() not in FAILURES), None)
    if specific:
        return specific
    return _unknown(unknown) if unknown or not known else known[0]


def _unknown(code: str | None) -> Failure:
    words = f"the service names a cause that this version does not know ({code})" if code else "no cause is given"
    return Failure(code or "", classify(code or ""), words, "open the job in the portal", _PG, is_known=False)
