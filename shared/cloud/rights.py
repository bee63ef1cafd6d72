"""The ARM actions that the app's identity needs, beside what needs them. The deployment's custom role is made of these.

Nothing here deletes, stops or suspends. Source: resource provider permission lists of Data Protection, Authorization
and PostgreSQL; the reads of operations are asked for at subscription level, so the role is assigned there.
"""

from collections.abc import Iterable

READS_SERVER = "Microsoft.DBforPostgreSQL/flexibleServers/read"
READS_SUBSCRIPTION = "Microsoft.Resources/subscriptions/read"
ASSIGNS_ROLES = "Microsoft.Authorization/roleAssignments/write"

APP_ACTIONS: dict[str, str] = {
    READS_SERVER: "observe.server",
    READS_SUBSCRIPTION: "estate: Resource Graph shows what may be read, so nobody takes an unseen one for empty",
    "Microsoft.DataProtection/backupInstances/read": "observe.instances: by server, in any vault (assumed name)",
    "Microsoft.DataProtection/backupVaults/read": "vaults.of_rules: the list of a subscription",
    "Microsoft.DataProtection/backupVaults/backupPolicies/read": "observe.policies",
    "Microsoft.DataProtection/backupVaults/backupPolicies/write": "apply EnsurePolicy",
    "Microsoft.DataProtection/backupVaults/validateForBackup/action": "apply Validate",
    "Microsoft.DataProtection/backupVaults/backupInstances/read": "observe.instances, should Azure ask for this name",
    "Microsoft.DataProtection/backupVaults/backupInstances/write": "apply Protect, apply ChangePolicy",
    "Microsoft.DataProtection/backupVaults/backupInstances/sync/action": "apply Sync",
    "Microsoft.DataProtection/backupVaults/backupInstances/resumeProtection/action": "apply ResumeProtection",
    "Microsoft.DataProtection/backupVaults/deletedBackupInstances/read": "observe.deleted",
    "Microsoft.DataProtection/backupVaults/deletedBackupInstances/undelete/action": "apply Undelete",
    "Microsoft.DataProtection/backupVaults/backupInstances/backup/action": "apply StartBackup",
    "Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints/read": "observe.has_recovery_point",
    "Microsoft.DataProtection/backupVaults/backupJobs/read": "observe.job, observe.jobs: a first backup, and watch",
    "Microsoft.DataProtection/backupVaults/operationStatus/read": "observe.operation",
    "Microsoft.Authorization/roleAssignments/read": "observe.roles",
}

GRANTER_ACTIONS: dict[str, str] = {
    ASSIGNS_ROLES: "apply GrantRole; a role of its own, assigned under `granting_condition`, or not at all",
}


def granting_condition(roles: Iterable[str], principals: Iterable[str]) -> str:
    """The condition under which the app may assign roles: these roles, to these service principals, and nothing else.

    **Source**: "Examples to delegate Azure role assignment management with conditions". Its version is 2.0.
    """
    subject = "@Request[Microsoft.Authorization/roleAssignments"
    return (
        f"((!(ActionMatches{{'{ASSIGNS_ROLES}'}}))"
        f" OR ({subject}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{', '.join(sorted(roles))}}}"
        f" AND {subject}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'ServicePrincipal'}}"
        f" AND {subject}:PrincipalId] ForAnyOfAnyValues:GuidEquals {{{', '.join(sorted(principals))}}}))"
    )
