"""Do the members of a request have their types? Asked once, before any operation, so that no handler has to.

A member that this table does not name may be anything; names are compared without case, as Data Protection reads them.
"""

from typing import Any

OBJECT, TEXT, NUMBER = dict, str, int | float
_TYPES: tuple[tuple[Any, str], ...] = (
    (OBJECT, "properties identity sku tags options destination retryPolicy deadLetterDestination"),
    (OBJECT, "backupInstance backupRuleOptions triggerOption restoreRequestObject"),
    (OBJECT, "dataSourceInfo dataSourceSetInfo policyInfo policyParameters identityDetails restoreTargetInfo"),
    (OBJECT, "datasourceAuthCredentials targetDetails trigger schedule backupParameters dataStore tagInfo"),
    (OBJECT, "sourceDataStore deleteAfter monitoringSettings azureMonitorAlertSettings securitySettings"),
    (OBJECT, "softDeleteSettings immutabilitySettings encryptionSettings keyVaultProperties kekIdentity"),
    (OBJECT, "featureSettings crossSubscriptionRestoreSettings crossRegionRestoreSettings"),
    (OBJECT, "storage network highAvailability authConfig dataEncryption maintenanceWindow"),
    (OBJECT, "userAssignedIdentities"),
    ([OBJECT], "lifecycles taggingCriteria criteria storageSettings permissions facets"),
    ([TEXT], "repeatingTimeIntervals absoluteCriteria datasourceTypes assignableScopes actions notActions dataActions"),
    ([TEXT], "subscriptions managementGroups resourceGuardOperationRequests includedEventTypes"),
    (TEXT, "location query roleDefinitionId principalId principalType condition conditionVersion description"),
    (TEXT, "roleName resourceID resourceUri resourceName resourceType resourceLocation datasourceType friendlyName"),
    (TEXT, "policyId policyVersion objectType ruleName retentionTagOverride syncType state datastoreType type"),
    (TEXT, "alertsForAllJobFailures keyUri identityType identityId infrastructureEncryption createMode"),
    (TEXT, "sourceServerResourceId sourceResourceId recoveryPointId operation"),
    (NUMBER, "retentionDurationInDays taggingPriority"),
)
TYPES = {name.lower(): kind for kind, names in _TYPES for name in names.split()}


def misfit(value: Any) -> str:
    """The first member that has another type than it must have, "" when all is well. Null is no type."""
    if isinstance(value, list):
        return next((found for each in value if (found := misfit(each))), "")
    if not isinstance(value, dict):
        return ""
    for name, item in value.items():
        if item is not None and not _is(item, TYPES.get(name.lower(), object)):
            return str(name)
        found = _of_tags(item) if name.lower() == "tags" else misfit(item)
        if found:
            return found
    return ""


def _is(item: Any, kind: Any) -> bool:
    if isinstance(kind, list):
        return isinstance(item, list) and all(isinstance(each, kind[0]) for each in item)
    return isinstance(item, kind) and not (kind is NUMBER and isinstance(item, bool))


def _of_tags(tags: Any) -> str:
    """Tags have names of their own, and texts as values. Assumed: null is refused too."""
    return next((str(name) for name, value in (tags or {}).items() if not isinstance(value, str)), "")
