"""Which problems can Azure Backup report for a PostgreSQL flexible server? The catalogue, code by code.

Only words stand here. Where a wording was never recorded, the row says "Assumed".
"""

from simulator.arm.dataprotection.errors import PG_HELP, SUPPORT, Problem

# What a vault refuses, as recorded in dp-vault-update-errors-2025-11-06
SOFT_DELETE_STAYS = Problem(
    "UserErrorDisableSoftDeleteNotAllowed", "Cannot disable soft delete once set to AlwaysOn", SUPPORT
)
IMMUTABILITY_STAYS = Problem(
    "UserErrorUnsupportedVaultImmutabilityStateChange",
    "The immutable vault property for this vault is locked, hence, this setting cannot be disabled.",
    "The vault has its immutable vault property enabled and locked, and it can no longer be reverted to a non-immutable"
    " vault. Refer to the documentation to learn more: https://aka.ms/AB-ImmutableVaults-States ",
)
CROSS_REGION_STAYS = Problem(
    "UserErrorCrossRegionRestoreStateChangeNotAllowed",
    "CrossRegionRestore state cannot be changed from Enabled to Disabled.",
    SUPPORT,
)
# Assumed: the code of Recovery Services vaults; that the call is refused is documented (terraform issue 33194).
SOFT_DELETE_REQUIRED = Problem(
    "BMSUserErrorSoftDeleteStateNotSetToAlwaysON", "Soft delete state of the vault must be AlwaysOn.", SUPPORT
)
# Assumed: code and words of Recovery Services vaults.
VAULT_NOT_EMPTY = Problem(
    "ServiceResourceNotEmptyWithBackendMessage",
    "Vault cannot be deleted as there are existing resources within the vault.",
    "Please ensure there are no backup instances or policies in the vault and retry the operation.",
)
# Assumed: the words; the code is documented.
NO_SYSTEM_IDENTITY = Problem(
    "UserErrorSystemIdentityNotEnabledWithVault",
    "System assigned identity is not enabled with the backup vault.",
    "Enable the system assigned identity of the backup vault and retry the operation.",
)
NO_USER_IDENTITY = Problem(
    "UserErrorUserIdentityNotFoundOrNotAssociatedWithVault",
    "User assigned identity was not found or is not associated with the backup vault.",
    "Associate the user assigned identity with the backup vault and retry the operation.",
)

# A guarded vault. Assumed: code and words. Source: that critical operations need requests to the guard.
GUARDED = Problem(
    "UserErrorResourceGuardOperationRequestMissing",
    "The operation is protected by a Resource Guard: ResourceGuard operation request is either null or empty.",
    "Get the right on the Resource Guard of the vault and name its operation request, or ask its owner.",
)
# Assumed: that there is such a limit, its code and words; no source names either.
VAULT_FULL = Problem(
    "UserErrorVaultProtectedItemLimitReached",
    "The maximum number of backup instances that can be protected in this vault is reached.",
    "Protect the datasource in another vault.",
)

# An internal error, as dp-restorable-ranges-errors-2025-11-06 has it, word by word.
INTERNAL = Problem(
    "CloudInternalError",
    "Microsoft Azure Backup encountered an internal error.",
    "Wait for a few minutes and then try the operation again. If the issue persists, please contact Microsoft support.",
)

# The guard against abuse. Source: dp-crr-dos-limit-2025-03-12, word by word.
TOO_MANY_ATTEMPTS = Problem(
    "CloudDosTimeboudLimitReached",
    "The operation is blocked, as a security precaution, since multiple attempts were made beyond an internal limit.",
    "Please retry after few hours",
)

# Policies. Source: azure-docs issue 78532; terraform issue 20774 (message; its advice is assumed).
POLICY_STAYS = Problem(
    "UserErrorBMSUpdatePolicyNotSupported", "Update of existing policy is not supported.", "Please create a new policy."
)
POLICY_IN_USE = Problem(
    "UserErrorDppPolicyObjectInUse",
    "Cannot delete the backup policy as one or more backup instances have been configured for protection with this "
    "policy.",
    "Please remove the associations of the backup policy with backup instances and retry the operation.",
)

# Instances. Source: azure-rest-api-specs issue 21911; the Azure Files troubleshooting page (message).
INVALID_INPUT = Problem(
    "BMSUserErrorInvalidInput", "Input provided for the call is invalid", "Please check the required inputs"
)
CONFLICT = Problem(
    "BMSUserErrorConflictingProtectionOperation",
    "Another configure protection operation is in progress for this item.",
    "Please wait for the previous operation to complete and retry the operation.",
)
# Assumed: code of Recovery Services vaults ("analogous" by the documentation), words ours.
IMMUTABLE_ITEM = Problem(
    "UserErrorOperationDeniedOnImmutableItem",
    "The operation is denied as the vault is immutable and the backup instance has unexpired recovery points.",
    "Refer to the documentation to learn more: https://aka.ms/AB-ImmutableVaults-States ",
)
# Assumed: the words; the codes are documented.
WRONG_RULE = Problem(
    "BMSUserErrorDPPAdhocBackupNotAllowedForBackupType",
    "Adhoc backup is not allowed for the given backup type.",
    "Please use the name of a backup rule of the policy.",
)
ONE_AT_A_TIME = Problem(
    "UserErrorMaxConcurrentOperationLimitReached",
    "Maximum number of concurrent operations of this type has been reached.",
    "Please wait for the running operation to complete and retry the operation.",
)

# Assumed: the whole row. Only that such jobs fail is documented (support matrix of PostgreSQL flexible servers).
_WEEKLY = "Only one vaulted backup per week is supported."
WEEK_IS_USED = Problem(
    "PostgreSQLFlexOperationFailedUserError",
    "Current operation has failed due to user error.",
    PG_HELP,
    inner="WeeklyBackupLimitReached",
    text=_WEEKLY,
    cause=("WeeklyBackupLimitReached", _WEEKLY),
)

# Assumed: the inner code. Only that such backups fail is documented (support matrix: 1 TB).
_SIZE = "The size of the server exceeds the limit of 1 TB."
TOO_LARGE = Problem(
    "PostgreSQLFlexOperationFailedUserError",
    "Current operation has failed due to user error.",
    PG_HELP,
    inner="ServerSizeLimitExceeded",
    text=_SIZE,
    cause=("ServerSizeLimitExceeded", _SIZE),
)

# Restores as files. Source: dp-jobs-list-2025-11-06, word by word.
CONTAINER_NOT_FOUND = Problem(
    "UserErrorStorageAccountContainerNotFound",
    "The specified container is not found.",
    "This can occur if required container is deleted while operation is in progress. Please retry the operation and "
    "wait for completeion before attempting container delete operation. Refer to documentation at "
    "https://aka.ms/UserErrorStorageAccountContainerNotFound",
    cause=("InternalServerError", "Internal Server Error"),
)
# Assumed: the words; the code is documented.
CONTAINER_CLOSED = Problem(
    "UserErrorContainerNotAccessible",
    "The storage account container could not be accessed.",
    "Allow access to the storage account from Azure Backup and cross-tenant replication, and retry the operation.",
)


def no_right_on_container(principal_id: str, account: str) -> Problem:
    """The vault's identity may not write to the target of a restore. Assumed: the words; the code is documented."""
    return Problem(
        "UserErrorMSIMissingPermissions",
        "The backup vault's identity lacks permissions on the storage account.",
        "Grant the role Storage Blob Data Contributor on the storage account and retry the operation.",
        inner="AuthorizationPermissionMismatch",
        text=f"The client '{principal_id}' is not authorized to write blobs to '{account}'.",
        cause=("AuthorizationPermissionMismatch", "This request is not authorized to perform this operation."),
    )


def already_protected(friendly_name: str, vault_id: str, state: str) -> Problem:
    """The datasource has a backup instance elsewhere. **Source**: dp-softdelete-2025-11-06."""
    return Problem(
        "UserErrorDppDatasourceAlreadyHasBackupInstance",
        f"Datasource is already associated with the backup instance {friendly_name} in the Backup vault {vault_id} "
        f"with the protection status as {state}.",
        f"Delete the backup instance {friendly_name} from the Backup vault {vault_id} to re-protect the datasource in "
        "any other vault",
    )


def not_registered(namespace: str) -> Problem:
    """A subscription lacks a resource provider. **Source**: the troubleshooting page of Azure Disk backup."""
    return Problem(
        "UserErrorMissingSubscriptionRegistration",
        f"The subscription is not registered to use namespace '{namespace}'.",
        "The required resource provider hasn't been registered for your subscription. Register it and retry.",
    )


def missing_permission(principal_id: str, action: str, scope: str) -> Problem:
    """The vault's identity lacks a role. **Source**: dp-validate-failed-then-ok-disk-blob-2022-07-01."""
    code = "UserErrorMissingRequiredPermissions"
    return Problem(
        code,
        "Appropriate permissions to perform the operation is missing.",
        "Grant appropriate permissions to perform this operation as mentioned at "
        "https://aka.ms/UserErrorMissingRequiredPermissions and retry the operation.",
        inner=code,
        text=f"Validate for Protection failed. Exception Message: {_unauthorized(principal_id, action, scope)}",
    )


def job_unauthorized(principal_id: str, action: str, scope: str) -> Problem:
    """The same when a backup runs: another code. **Source**: troubleshooting page of PostgreSQL flexible servers."""
    return flex_user_error("AuthorizationFailed", _unauthorized(principal_id, action, scope))


def flex_user_error(inner: str, text: str) -> Problem:
    """What a person has to mend at the server.

    **Source**: the codes, from the troubleshooting page of PostgreSQL flexible servers. Assumed: the nesting, which is
    that of the recorded PostgreSQLFlexServerError, and the message.
    """
    message = "Current operation has failed due to user error."
    return Problem("PostgreSQLFlexOperationFailedUserError", message, PG_HELP, inner, text, cause=(inner, text))


def unsupported(text: str) -> Problem:
    """The plug-in refuses to protect this server. Assumed: code and words for replicas, clusters and wrong regions."""
    return Problem(
        "BackupAgentPluginHostValidateProtectionError",
        "Validation of the protection failed.",
        "Refer to the support matrix of the datasource and retry the operation.",
        inner="BackupAgentPluginHostValidateProtectionError",
        text=text,
    )


def server_error(request_id: str, date: str) -> Problem:
    """The server's own failure. **Source**: dp-pgflex-job-failed-2025-03-12, word by word."""
    redacted = (
        "x-ms-failure-cause",
        "x-ms-ratelimit-remaining-subscription-writes",
        "x-ms-ratelimit-remaining-subscription-global-writes",
        "x-ms-correlation-request-id",
        "x-ms-routing-request-id",
        "Strict-Transport-Security",
        "X-Cache",
        "X-MSEdge-Ref",
    )
    lines = [
        "Service request failed.",
        "Status: 500 (Internal Server Error)",
        "",
        "Content:",
        '{"Message":"An error has occurred."}',
        "",
        "Headers:",
        "Pragma: no-cache",
        "X-Content-Type-Options: REDACTED",
        f"x-ms-request-id: {request_id}",
        *(f"{name}: REDACTED" for name in redacted),
        "Content-Length: 36",
        "Cache-Control: no-cache",
        "Content-Type: application/json; charset=utf-8",
        f"Date: {date}",
        "Expires: -1",
        "",
    ]
    return Problem(
        "PostgreSQLFlexServerError",
        "Current operation has failed due to server error.",
        PG_HELP,
        inner="NoInnerErrorFrom1PException",
        text="\r\n".join(lines),
        cause=("InternalServerError", "Internal Server Error"),
    )


def _unauthorized(principal_id: str, action: str, scope: str) -> str:
    return (
        f"The client '{principal_id}' with object id '{principal_id}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials."
    )
