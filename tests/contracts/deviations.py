"""Where the local Azure differs from Microsoft's contracts on purpose, and what of them it does not play.

Each has its reason; one that no longer occurs fails its test. What a document says and what Azure sends are two things:
where recordings show something else, they are followed.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Deviation:
    """lines: the differences, as the test words them; at: the operations or examples that show every one of them."""

    reason: str
    at: tuple[str, ...]
    lines: tuple[str, ...]


_RECORDED_JOB = "recorded, and in no OpenAPI: every job in dp-pgflex-job-failed-2025-03-12 and dp-jobs-list-2025-11-06"
_RECORDED_START = "recorded: operation and startTime in every accepted write of aso-pg-flexibleserver-20221201"
_NOT_PLAYED = "facets of Resource Graph are refused with 501 OperationNotSimulated; the product asks for none"
_WRITES = tuple(
    f"Servers_{verb}@{version}"
    for verb in ("Create", "Update", "Delete")
    for version in ("2022-12-01", "2023-12-01-preview")
)

OF_OPERATIONS = (
    Deviation(
        _RECORDED_JOB,
        ("Jobs_Get@2024-04-01",),
        tuple(
            f"body.properties.{name} is not in the schema" for name in ("sourceDataStoreType", "isCrossRegionRestore")
        ),
    ),
    Deviation(
        _RECORDED_JOB,
        ("Jobs_List@2024-04-01",),
        tuple(
            f"body.value[].properties.{name} is not in the schema"
            for name in ("sourceDataStoreType", "isCrossRegionRestore")
        ),
    ),
    Deviation(_RECORDED_START, _WRITES, ("status 202 has a body that the document does not name",)),
    Deviation(
        "recorded: data is a list of objects (arg-sdk-basic-query); the document says object for both of its formats",
        ("Resources@2021-03-01", "Resources@2022-10-01"),
        ("body.data violates the schema",),
    ),
    Deviation(
        "recorded: a syntax error tells line and column as numbers (arg-sdk-malformed-query); the document says object",
        ("Resources@2021-03-01", "Resources@2022-10-01"),
        ("body.error violates the schema",),
    ),
)

OF_EXAMPLES = (
    Deviation(
        _RECORDED_JOB,
        ("ListJobs@2024-04-01",),
        tuple(f"body.value[].properties.{name} is unknown" for name in ("sourceDataStoreType", "isCrossRegionRestore")),
    ),
    Deviation(
        _NOT_PLAYED,
        ("ResourcesFacetQuery@2021-03-01", "ResourcesFacetQuery@2022-10-01"),
        ("status 501, not one of 200",),
    ),
)

OF_MODELS = {
    "sourceDataStoreType": _RECORDED_JOB,
    "isCrossRegionRestore": _RECORDED_JOB,
    "regionOfChoiceSettings": "recorded at 2026-06-01: ps-dp-vault-and-instances-get-2026-08-30",
}
"""Members that the clients' models do not know, and that Azure sends all the same."""

_NOT_NEEDED = "neither the product nor its operators use it"
_GUARD = "a guard protects or it does not; its requests and its own changes have no part in the product"
_LAST = ("DisableSoftDelete", "DeleteResourceGuardProxy", "BackupSecurityPIN", "DeleteProtectedItem")
_REQUESTS = (*_LAST, "UpdateProtectionPolicy", "UpdateProtectedItem")
NOT_SIMULATED = {
    **dict.fromkeys(
        (
            "ResourceGuards_Patch",
            "ResourceGuards_GetResourcesInSubscription",
            *(f"ResourceGuards_Get{kind}RequestsObjects" for kind in _REQUESTS),
            *(f"ResourceGuards_GetDefault{kind}RequestsObject" for kind in _REQUESTS),
        ),
        _GUARD,
    ),
    **dict.fromkeys(
        (
            "FetchSecondaryRecoveryPoints_List",
            "BackupInstances_TriggerCrossRegionRestore",
            "BackupInstances_ValidateCrossRegionRestore",
            "FetchCrossRegionRestoreJob_Get",
            "FetchCrossRegionRestoreJobs_List",
        ),
        "the local Azure has no second region; flexible servers are not restored across regions",
    ),
    **dict.fromkeys(
        ("RestorableTimeRanges_Find", "BackupInstances_TriggerRehydrate"),
        "flexible servers have neither points in time to restore to nor, as played here, an archive tier",
    ),
    **dict.fromkeys(("ExportJobs_Trigger", "ExportJobsOperationResult_Get"), _NOT_NEEDED),
    **dict.fromkeys(("DataProtectionOperations_List", "Operations_List"), _NOT_NEEDED),
    **dict.fromkeys(("Permissions_ListForResourceGroup", "Permissions_ListForResource"), _NOT_NEEDED),
    "RoleDefinitions_Delete": _NOT_NEEDED,
    "OperationStatusResourceGroupContext_Get": "never recorded: a vault's deletion names locations/REGION as well",
    **dict.fromkeys(
        (
            "FlexibleServer_TriggerLtrPreBackup",
            "FlexibleServer_StartLtrBackup",
            "ltrBackupOperations_Get",
            "ltrBackupOperations_ListByServer",
        ),
        "what Azure Backup asks of a server happens inside the local Azure, without a call",
    ),
    "PublishCustomEventEvents": "the product's topic takes Event Grid and CloudEvents schema, none of its own",
}
"""Operations of the documents that are answered with 501 OperationNotSimulated, and why."""


def expected(deviations: Iterable[Deviation], key: str) -> set[str]:
    """The lines that this operation or example is known to show."""
    return {line for each in deviations if key in each.at for line in each.lines}
