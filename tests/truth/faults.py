"""What went wrong while Azure was recorded is made to go wrong here: throttling, gateway time-outs, failed operations.

Only what no request causes is planted; what a request causes (a missing role, a busy server) must happen by itself.
"""

from simulator.azure import LocalAzure
from tests.truth.estate import FLEXIBLE
from tests.truth.recording import Exchange, Json, error_code

STATUSES = {429: "throttle", 503: "unavailable", 504: "gateway_timeout"}
CAUSED = {"UserErrorMissingRequiredPermissions"}  # by roles that a vault's identity lacks on a flexible server


def is_played(exchange: Exchange) -> bool:
    """Whether the recorded answer is a fault of a call."""
    return exchange.status in STATUSES


def plant(azure: LocalAzure, exchanges: list[Exchange], place: int) -> None:
    """Let this exchange, or what it starts, go wrong as recorded."""
    exchange = exchanges[place]
    if is_played(exchange):
        error = exchange.body["error"]
        azure.world.faults.add(STATUSES[exchange.status], code=error["code"], message=error["message"])
    elif exchange.path.endswith("/validateForBackup"):
        is_flexible = FLEXIBLE.lower() in str(exchange.request_body).lower()
        if (error := _end_of(exchange, exchanges[place:])) and not (is_flexible and error["code"] in CAUSED):
            azure.world.faults.add("fail_validation", **_told(error))
    elif (exchange.path.endswith("/sync") and (error := _end_of(exchange, exchanges[place:]))) or (
        exchange.method == "PUT" and (error := _protection_error(exchange, exchanges[place:]))
    ):
        azure.world.faults.add("fail_protection", **_told(error))
    elif exchange.path.endswith("/backup") and (error := _failure_of_job(exchange, exchanges[place:])):
        azure.world.faults.add("fail_backup", code=error["code"], message=error["message"])


def _told(error: Json) -> Json:
    """Code, message, inner code and target (`field`, for the fault has a target of its own) of an error."""
    info = (error.get("additionalInfo") or [{"info": error}])[0]["info"]
    inner = (info.get("innerError") or {}).get("code", "")
    return {"code": error["code"], "message": error["message"], "inner": inner, "field": info.get("target")}


def _protection_error(start: Exchange, later: list[Exchange]) -> Json | None:
    """The error that a new instance shows before anything else is done to it."""
    if "/backupinstances/" not in start.path.lower():
        return None
    for each in later[1:]:
        if each.method != "GET" and each.path.lower().startswith(start.path.lower()):
            return None
        shown = each.body if each.path.lower() == start.path.lower() and isinstance(each.body, dict) else {}
        if error := (shown.get("properties") or {}).get("protectionErrorDetails"):
            return error
    return None


def _end_of(start: Exchange, later: list[Exchange]) -> Json | None:
    """The error of the operation that an exchange starts."""
    place = start.headers.get("azure-asyncoperation", "").partition("&")[0]
    for each in later[1:]:
        if each.headers.get("azure-asyncoperation", "").startswith(place):
            return None  # a recorder that masks ids gives the next operation the same name
        if place in each.url and error_code(each.body):
            return each.body["error"]
    return None


def _failure_of_job(start: Exchange, later: list[Exchange]) -> dict[str, str] | None:
    """The error of the job that an exchange starts."""
    place = start.headers.get("azure-asyncoperation", "").partition("?")[0]
    told = [each.body for each in later if place in each.url and each.body and each.body.get("properties")]
    job = str(told[0]["properties"].get("jobId", "")).lower() if told else "-"
    ends = [each.body["properties"] for each in later if each.path.lower() == job and each.body]
    return next((end["errorDetails"][0] for end in ends if end["status"] == "Failed"), None)
