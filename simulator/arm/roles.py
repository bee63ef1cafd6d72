"""Azure's built-in roles, as data: the few that protecting PostgreSQL servers needs.

Actions only; what a role means at a scope is decided in access.py.
**Source**: `dp-pgflex-lifecycle-roles-2024-04-29` and `dp-msi-permissions-aks-2024-04-29`, as roleDefinitions answers.
"""

from simulator.arm.datasource_roles import DATASOURCE_ROLES
from simulator.arm.role import Role, below

_CONTRIBUTOR_DATA_PROTECTION = below(
    "Microsoft.DataProtection/",
    """
    locations/getBackupStatus/action
    backupVaults/backupInstances/write
    backupVaults/backupInstances/delete
    backupVaults/backupInstances/read
    backupVaults/deletedBackupInstances/read
    backupVaults/deletedBackupInstances/undelete/action
    backupVaults/backupInstances/backup/action
    backupVaults/backupInstances/validateRestore/action
    backupVaults/backupInstances/restore/action
    subscriptions/resourceGroups/providers/locations/crossRegionRestore/action
    subscriptions/resourceGroups/providers/locations/validateCrossRegionRestore/action
    subscriptions/resourceGroups/providers/locations/fetchCrossRegionRestoreJobs/action
    subscriptions/resourceGroups/providers/locations/fetchCrossRegionRestoreJob/action
    subscriptions/resourceGroups/providers/locations/fetchSecondaryRecoveryPoints/action
    backupVaults/backupPolicies/write
    backupVaults/backupPolicies/delete
    backupVaults/backupPolicies/read
    backupVaults/backupInstances/recoveryPoints/read
    backupVaults/backupInstances/findRestorableTimeRanges/action
    backupVaults/write
    backupVaults/read
    backupVaults/operationResults/read
    backupVaults/operationStatus/read
    locations/checkNameAvailability/action
    locations/checkFeatureSupport/action
    locations/operationStatus/read
    locations/operationResults/read
    backupVaults/validateForBackup/action
    operations/read
    """,
)

_CONTRIBUTOR_RECOVERY_SERVICES = below(
    "Microsoft.RecoveryServices/",
    """
    locations/*
    Vaults/backupFabrics/operationResults/*
    Vaults/backupFabrics/protectionContainers/*
    Vaults/backupFabrics/refreshContainers/action
    Vaults/backupJobs/*
    Vaults/backupJobsExport/action
    Vaults/backupOperationResults/*
    Vaults/backupPolicies/*
    Vaults/backupProtectableItems/*
    Vaults/backupProtectedItems/*
    Vaults/backupProtectionContainers/*
    Vaults/backupSecurityPIN/*
    Vaults/backupUsageSummaries/read
    Vaults/certificates/*
    Vaults/extendedInformation/*
    Vaults/monitoringAlerts/read
    Vaults/monitoringConfigurations/*
    Vaults/read
    Vaults/registeredIdentities/*
    Vaults/usages/*
    Vaults/backupstorageconfig/*
    Vaults/backupconfig/*
    Vaults/backupValidateOperation/action
    Vaults/write
    Vaults/backupOperations/read
    Vaults/backupEngines/read
    Vaults/backupFabrics/backupProtectionIntent/*
    Vaults/backupFabrics/protectableContainers/read
    vaults/operationStatus/read
    vaults/operationResults/read
    locations/backupStatus/action
    locations/backupPreValidateProtection/action
    locations/backupValidateFeatures/action
    Vaults/monitoringAlerts/write
    operations/read
    locations/operationStatus/read
    Vaults/backupProtectionIntents/read
    """,
)

_CONTRIBUTOR_OTHER = below(
    "Microsoft.",
    """
    Authorization/*/read
    Network/virtualNetworks/read
    Resources/deployments/*
    Resources/subscriptions/resourceGroups/read
    Storage/storageAccounts/read
    Support/*
    """,
)

# Assumed: its public change history, without the Recovery Services part; no recording returns this role.
_READER_DATA_PROTECTION = below(
    "Microsoft.DataProtection/",
    """
    backupVaults/backupInstances/read
    backupVaults/backupInstances/operationResults/read
    backupVaults/deletedBackupInstances/read
    backupVaults/backupPolicies/read
    backupVaults/backupInstances/recoveryPoints/read
    backupVaults/read
    backupVaults/operationResults/read
    backupVaults/operationStatus/read
    backupVaults/backupInstances/findRestorableTimeRanges/action
    backupVaults/validateForBackup/action
    locations/getBackupStatus/action
    locations/operationStatus/read
    locations/operationResults/read
    locations/checkFeatureSupport/action
    operations/read
    """,
)

_ROLES = (
    Role(
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        # Assumed: its actions, which no recording shows.
        "Owner",
        "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
        ("*",),
    ),
    Role(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC, "
        "manage assignments in Azure Blueprints, or share image galleries.",
        ("*",),
        not_actions=(
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
            "Microsoft.Purview/consents/write",
            "Microsoft.Purview/consents/delete",
        ),
    ),
    Role(
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "Reader",
        "View all resources, but does not allow you to make any changes.",
        ("*/read",),
    ),
    Role(
        "c088a766-074b-43ba-90d4-1fb21feae531",
        "PostgreSQL Flexible Server Long Term Retention Backup Role",
        "Role to allow backup vault to access PostgreSQL Flexible Server Resource APIs for Long Term Retention Backup.",
        (
            "Microsoft.DBforPostgreSQL/flexibleServers/ltrBackupOperations/read",
            "Microsoft.DBforPostgreSQL/flexibleServers/ltrPreBackup/action",
            "Microsoft.DBforPostgreSQL/flexibleServers/startLtrBackup/action",
            "Microsoft.DBforPostgreSQL/locations/azureAsyncOperation/read",
            "Microsoft.DBforPostgreSQL/locations/operationResults/read",
            "Microsoft.Resources/subscriptions/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ),
    ),
    Role(
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "Storage Blob Data Contributor",
        "Allows for read, write and delete access to Azure Storage blob containers and data",
        (
            "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
            "Microsoft.Storage/storageAccounts/blobServices/containers/read",
            "Microsoft.Storage/storageAccounts/blobServices/containers/write",
            "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
        ),
        data_actions=(
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/move/action",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
        ),
    ),
    Role(
        "5e467623-bb1f-42f4-a55d-6e525e11384b",
        "Backup Contributor",
        "Lets you manage backups, but can't delete vaults and give access to others",
        _CONTRIBUTOR_OTHER + _CONTRIBUTOR_RECOVERY_SERVICES + _CONTRIBUTOR_DATA_PROTECTION,
    ),
    Role(
        "a795c7a0-d4a2-40c1-ae25-d81f01202912",
        "Backup Reader",
        "Can view backup services, but can't make changes",
        (
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            *_READER_DATA_PROTECTION,
        ),
    ),
    Role(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        # Assumed: its actions, which no recording shows.
        "Role Based Access Control Administrator",
        "Manage access to Azure resources by assigning roles using Azure RBAC.",
        (
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ),
    ),
    Role(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        # Assumed: its actions, which no recording shows.
        "User Access Administrator",
        "Lets you manage user access to Azure resources.",
        (
            "*/read",
            "Microsoft.Authorization/*",
            "Microsoft.Support/*",
        ),
    ),
)
BUILT_IN = {role.guid: role for role in (*_ROLES, *DATASOURCE_ROLES)}
(
    OWNER,
    CONTRIBUTOR,
    READER,
    LTR_BACKUP,
    BLOB_CONTRIBUTOR,
    BACKUP_CONTRIBUTOR,
    BACKUP_READER,
    RBAC_ADMIN,
    ACCESS_ADMIN,
) = (role.guid for role in _ROLES)
