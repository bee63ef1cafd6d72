"""Azure's built-in roles that a vault's identity needs for disks and storage accounts, as data.

Nothing here protects such datasources; the roles exist so that they can be looked up and assigned.
**Source**: `dp-msi-permissions-disk-2024-04-29`, `dp-validate-failed-then-ok-disk-blob-2022-07-01`, as roleDefinitions
answers.
"""

from simulator.arm.role import Role

DATASOURCE_ROLES = (
    Role(
        "3e5e47e6-65f7-47ef-90b5-e5dd4d455f24",
        "Disk Backup Reader",
        "Provides permission to backup vault to perform disk backup.",
        (
            "Microsoft.Authorization/*/read",
            "Microsoft.Compute/disks/read",
            "Microsoft.Compute/disks/beginGetAccess/action",
        ),
        created="2020-12-15T07:39:03.8394514Z",
        updated="2021-11-11T20:14:56.0178737Z",
    ),
    Role(
        "7efff54f-a5b4-42b5-a1c5-5411624893ce",
        "Disk Snapshot Contributor",
        "Provides permission to backup vault to manage disk snapshots.",
        (
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Compute/snapshots/delete",
            "Microsoft.Compute/snapshots/write",
            "Microsoft.Compute/snapshots/read",
            "Microsoft.Compute/snapshots/beginGetAccess/action",
            "Microsoft.Compute/snapshots/endGetAccess/action",
            "Microsoft.Compute/disks/beginGetAccess/action",
            "Microsoft.Storage/storageAccounts/listkeys/action",
            "Microsoft.Storage/storageAccounts/write",
            "Microsoft.Storage/storageAccounts/read",
            "Microsoft.Storage/storageAccounts/delete",
        ),
        created="2020-12-15T12:18:51.4471411Z",
        updated="2021-11-11T20:14:56.9158814Z",
    ),
    Role(
        "b50d9833-a0cb-478e-945f-707fcc997c13",
        "Disk Restore Operator",
        "Provides permission to backup vault to perform disk restore.",
        (
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Compute/disks/write",
            "Microsoft.Compute/disks/read",
        ),
        created="2020-12-15T12:18:31.8481619Z",
        updated="2021-11-11T20:14:56.7408912Z",
    ),
    Role(
        "e5e2a7ff-d759-4cd2-bb51-3152d37e2eb1",
        "Storage Account Backup Contributor",
        "Lets you perform backup and restore operations using Azure Backup on the storage account.",
        (
            "Microsoft.Authorization/*/read",
            "Microsoft.Authorization/locks/read",
            "Microsoft.Authorization/locks/write",
            "Microsoft.Authorization/locks/delete",
            "Microsoft.Features/features/read",
            "Microsoft.Features/providers/features/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Storage/operations/read",
            "Microsoft.Storage/storageAccounts/objectReplicationPolicies/delete",
            "Microsoft.Storage/storageAccounts/objectReplicationPolicies/read",
            "Microsoft.Storage/storageAccounts/objectReplicationPolicies/write",
            "Microsoft.Storage/storageAccounts/objectReplicationPolicies/restorePointMarkers/write",
            "Microsoft.Storage/storageAccounts/blobServices/containers/read",
            "Microsoft.Storage/storageAccounts/blobServices/containers/write",
            "Microsoft.Storage/storageAccounts/blobServices/read",
            "Microsoft.Storage/storageAccounts/blobServices/write",
            "Microsoft.Storage/storageAccounts/read",
            "Microsoft.Storage/storageAccounts/restoreBlobRanges/action",
        ),
        created="2020-11-02T23:32:50.4203469Z",
        updated="2022-04-20T01:44:53.5887074Z",
    ),
)
