"""What went wrong while Azure was recorded is made to go wrong here: throttling, gateway time-outs, failed operations.

Only what no request causes is planted; what a request causes (a missing role, a busy server) must happen by itself.
"""

from tests.truth.recording import Exchange, error_code

from simulator.azure import LocalAzure

STATUSES = {429: "throttle", 503: "unavailable", 504: "gateway_timeout"}
CAUSED = {"UserErrorMissingRequiredPermissions"}  # by roles that the world lacks


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
        if (error := _end_of(exchange, exchanges[place:])) and error["code"] not in CAUSED:
            azure.world.faults.add("fail_validation", code=error["code"], message=error["message"])
    elif exchange.path.endswith("/backup") and (error := _failure_of_job(exchange, exchanges[place:])):
        azure.world.faults.add("fail_backup", code=error["code"], message=error["message"])


def _end_of(start: Exchange, later: list[Exchange]) -> dict[str, str] | None:
    """The error of the operation that an exchange starts."""
    place = start.headers.get("azure-asyncoperation", "").partition("?")[0]
    ends = (each.body["error"] for each in later if place in each.url and error_code(each.body))
    return next(ends, None)


def _failure_of_job(start: Exchange, later: list[Exchange]) -> dict[str, str] | None:
    """The error of the job that an exchange starts."""
    place = start.headers.get("azure-asyncoperation", "").partition("?")[0]
    told = [each.body for each in later if place in each.url and each.body and each.body.get("properties")]
    job = str(told[0]["properties"].get("jobId", "")).lower() if told else "-"
    ends = [each.body["properties"] for each in later if each.path.lower() == job and each.body]
    return next((end["errorDetails"][0] for end in ends if end["status"] == "Failed"), None)
