"""The ARM actions that the app's identity needs, beside what needs them. The deployment's custom role is made of these.

Nothing here deletes, stops or suspends. Source: resource provider permission lists of Data Protection, Authorization
and PostgreSQL; the reads of operations are asked for at subscription level, so the role is assigned there.
"""

READS_SERVER = "Microsoft.DBforPostgreSQL/flexibleServers/read"

APP_ACTIONS: dict[str, str] = {
    READS_SERVER: "observe.server",
    "Microsoft.DataProtection/backupInstances/read": "observe.instances: by server, in any vault (assumed name)",
    "Microsoft.DataProtection/backupVaults/read": "observe.vault",
    "Microsoft.DataProtection/backupVaults/backupPolicies/read": "observe.policies",
    "Microsoft.DataProtection/backupVaults/backupPolicies/write": "apply EnsurePolicy",
    "Microsoft.DataProtection/backupVaults/validateForBackup/action": "apply Validate",
    "Microsoft.DataProtection/backupVaults/backupInstances/read": "observe.instances",
    "Microsoft.DataProtection/backupVaults/backupInstances/write": "apply Protect",
    "Microsoft.DataProtection/backupVaults/backupInstances/backup/action": "apply StartBackup",
    "Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints/read": "observe.has_recovery_point",
    "Microsoft.DataProtection/backupVaults/backupJobs/read": "observe.jobs",
    "Microsoft.DataProtection/backupVaults/operationStatus/read": "observe.operation",
    "Microsoft.Authorization/roleAssignments/read": "observe.roles",
}

GRANTER_ACTIONS: dict[str, str] = {
    "Microsoft.Authorization/roleAssignments/read": "observe.roles",
    "Microsoft.Authorization/roleAssignments/write": "apply GrantRole; assigned under a condition, or not at all",
}
