"""Azure Backup (Microsoft.DataProtection) as Azure plays it for PostgreSQL flexible servers.

Vaults, policies, validation, instances, jobs and recovery points: one file each, joined here.
"""

from simulator.arm.dataprotection import (
    backups,
    checks,
    deleted,
    guards,
    instances,
    jobs,
    operations,
    policies,
    protection,
    recovery_points,
    restores,
    validation,
    vaults,
)

ROUTES = (
    *vaults.ROUTES,
    *policies.ROUTES,
    *validation.ROUTES,
    *instances.ROUTES,
    *protection.ROUTES,
    *deleted.ROUTES,
    *guards.ROUTES,
    *checks.ROUTES,
    *backups.ROUTES,
    *jobs.ROUTES,
    *recovery_points.ROUTES,
    *restores.ROUTES,
    *operations.ROUTES,
)
