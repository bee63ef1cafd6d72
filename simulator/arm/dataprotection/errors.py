"""What does Azure Backup say when it refuses or fails? Problems as data, and the shapes they are told in.

A problem is one row here; where it happens decides the shape: a refusal at once, a failed operation, or a failed job.
This file knows no rules: it never decides whether something is wrong.
"""

from dataclasses import dataclass
from http import HTTPStatus

from simulator.wire import ArmError, Json
from simulator.world import World

SUPPORT = "Please contact Microsoft Support if this is not expected."
PG_HELP = (
    "Refer https://aka.ms/DBforPostgreSQLFlexTroubleshoot for more details on innerError and take suggested steps to "
    "fix the issue. If the issue persists, contact Microsoft support."
)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, in the service's words.

    inner: code of innerError; text: its DetailedNonLocalisedMessage; cause: code and message of the innermost detail
    of a job's error; target: None for a problem that is told without that member.
    """

    code: str
    message: str
    advice: str
    inner: str = ""
    text: str = ""
    cause: tuple[str, str] | None = None
    target: str | None = ""


def refusal(world: World, problem: Problem) -> ArmError:
    """The refusal of a call at once, 400. **Source**: dp-vault-update-errors-2025-11-06."""
    info = _told(problem, details=None, properties={"ActivityId": world.new_guid("activity")})
    error = {"additionalInfo": [{"type": "UserFacingError", "info": info}], "code": problem.code}
    body = {"error": error | {"message": problem.message, "target": None, "details": None}}
    return ArmError(HTTPStatus.BAD_REQUEST, problem.code, problem.message, body=body)


def operation_error(details: Json) -> Json:
    """`error` of a failed operation, around the details of `protection_details`.

    **Source**: dp-validate-failed-then-ok-disk-blob-2022-07-01.
    """
    wrapped = [{"type": "UserFacingError", "info": details}]
    return {"additionalInfo": wrapped, "code": details["code"], "message": details["message"]}


def protection_details(world: World, problem: Problem) -> Json:
    """A problem as failed operations and `protectionErrorDetails` tell it: members without a value are left out.

    **Source**: dp-validate-failed-then-ok-disk-blob-2022-07-01, aso-dp-protectionerror-sync-recover (there `target` is
    missing; it is empty for UserErrorMissingRequiredPermissions).
    """
    inner = {"innerError": {"code": problem.inner, "additionalInfo": _detailed(problem)}} if problem.inner else {}
    return {
        "message": problem.message,
        "recommendedAction": [problem.advice],
        "code": problem.code,
        **({} if problem.target is None else {"target": problem.target}),
        **inner,
        "isRetryable": False,
        "isUserError": False,
        "properties": {"ActivityId": world.new_guid("activity")},
    }


def job_details(problem: Problem) -> list[Json]:
    """`errorDetails` of a failed job: the same error twice around its cause.

    **Source**: dp-pgflex-job-failed-2025-03-12.
    """
    innermost = None
    if problem.cause:
        code, message = problem.cause
        help_text = "Refer https://aka.ms/AzureBackupTroubleshootFailures for more details."
        innermost = [_told(Problem(code, message, help_text))]
    return [_told(problem, details=[_told(problem, details=innermost)])]


def not_found() -> ArmError:
    """A missing vault, policy, instance, deleted instance, job or recovery point.

    **Source**: aso-dp-backupvault-20231101, aso-dp-backuppolicy-20231101, dp-softdelete-2025-11-06.
    """
    code = "UserErrorGenericResourceNotFound"
    message = (
        "Azure resource does not exist. Please make sure required resources exist. "
        "If the issue persists, contact Microsoft support."
    )
    body = {"error": {"code": code, "message": message, "target": None, "details": None}}
    headers = {"x-ms-error-code": code, "content-type": "application/json"}
    return ArmError(HTTPStatus.NOT_FOUND, code, message, headers=headers, body=body)


def _told(problem: Problem, details: list[Json] | None = None, properties: Json | None = None) -> Json:
    inner = {"code": problem.inner, "additionalInfo": _detailed(problem), "embeddedInnerError": None}
    return {
        "message": problem.message,
        "recommendedAction": [problem.advice],
        "details": details,
        "code": problem.code,
        "target": "",
        "innerError": inner if problem.inner else None,
        "isRetryable": False,
        "isUserError": False,
        "properties": properties,
    }


def _detailed(problem: Problem) -> Json:
    return {"DetailedNonLocalisedMessage": problem.text}
