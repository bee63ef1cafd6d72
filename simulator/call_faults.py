"""What a faulty call is answered with: refusals as data, connections that break, answers that are spoilt.

It answers for one fault that was taken; when one is taken, and whether the call is carried out, is azure.py's part.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from simulator.arm.dataprotection import errors, problems
from simulator.fault_names import of_place
from simulator.faults import GUARD, Fault
from simulator.wire import ArmError, Json, Request, Response, http_date, json_response
from simulator.world import World

GUARD_HOURS = 4  # Assumed: the refusal says "after few hours"
GATEWAY, SERVICE = {"x-ms-failure-cause": "gateway"}, {"x-ms-failure-cause": "service"}
THROTTLED = "The request is being throttled as the limit has been reached for operation type."
TIMED_OUT = "The gateway did not receive a response from the resource provider within the specified time period."
HUGE_S, GIVES_UP_AFTER_S = 86_400, 300.0  # the latter is azure-core's read timeout
APPLIED = "_applied"
LOST = ("reset", "refuse_connection", "read_timeout", "sink_slow")
ALTERED = of_place("altered")
STARTED = of_place("started")
FOREIGN = "evil.example"


class AnswerLost(Exception):
    """The caller hears nothing; a face turns it into its own kind of network error.

    how: "reset", "refuse_connection" or "read_timeout"; wait_s: how long the caller waited in vain.
    """

    def __init__(self, message: str, how: str = "reset", wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.how, self.wait_s = how, wait_s


def lost(fault: Fault, request: Request) -> AnswerLost | None:
    """The silence of a fault; None when it is one that answers."""
    how = fault.kind.removesuffix(APPLIED)
    if how not in LOST:
        return None
    how = "read_timeout" if how == "sink_slow" else how
    wait_s = float(fault.detail.get("wait_s", GIVES_UP_AFTER_S)) if how == "read_timeout" else 0.0
    return AnswerLost(f"{request.method} {request.path}", how, wait_s)


# -- refusals ----------------------------------------------------------------------------------------------------


def answer(world: World, fault: Fault, request: Request) -> Response:
    """The answer of a fault that refuses a call, or that was carried out all the same.

    **Source**: arm-429-resourcerequeststhrottled, dp-vault-update-429-identity-2024-05-10,
    pg-server-504-gatewaytimeout, dp-restorable-ranges-errors-2025-11-06. Assumed: the words of 500, 502 and 503 of
    services other than Data Protection.
    """
    kind = fault.kind.removesuffix(APPLIED)
    if kind in TELLERS:
        return TELLERS[kind](world, fault, request)
    status, code, message, cause = PLAIN["unavailable" if kind == "sink_down" else kind]
    return json_response(status, _error(fault, code, message), cause)


PLAIN: dict[str, tuple[int, str, str, Mapping[str, str]]] = {
    "bad_gateway": (502, "BadGateway", "The gateway received an invalid response from the resource provider.", GATEWAY),
    "unavailable": (503, "ServiceUnavailable", "The service is unavailable.", {}),
    "gateway_timeout": (504, "GatewayTimeout", TIMED_OUT, SERVICE),
    "throttle_absent": (429, "TooManyRequests", THROTTLED, GATEWAY),
}


def _throttled(retry_after: Callable[[World, Fault], str]) -> Callable[[World, Fault, Request], Response]:
    def tell(world: World, fault: Fault, _: Request) -> Response:
        headers = GATEWAY | {"retry-after": retry_after(world, fault)}
        return json_response(429, _error(fault, "TooManyRequests", THROTTLED), headers)

    return tell


def _seconds(_: World, fault: Fault) -> str:
    return str(fault.detail.get("retry_after_s", 5))


def _date(world: World, fault: Fault) -> str:
    return http_date(world.now + timedelta(seconds=float(fault.detail.get("retry_after_s", 5))))


def _server_error(world: World, fault: Fault, request: Request) -> Response:
    if "/microsoft.dataprotection/" in request.path.lower():
        return replace(errors.refusal(world, problems.INTERNAL).response(), status=500)
    return json_response(500, _error(fault, "InternalServerError", "An unexpected error occurred."), SERVICE)


def _identity_throttle(_: World, fault: Fault, request: Request) -> Response:
    """**Source**: dp-vault-update-429-identity-2024-05-10, word by word."""
    after_s = fault.detail.get("retry_after_s", 20)
    inner = (
        '{"error":{"code":"429","message":"Request is temporarily throttled because resource '
        f'{request.path} has issued too many requests. Retry after {after_s} seconds."}}}}'
    )
    message = (
        f"Identity operation for resource '{request.path}' failed with error 'Failed to perform resource identity "
        f"operation. Status: '429'. Response: '{inner}'.'."
    )
    return json_response(429, _error(fault, "FailedIdentityOperation", message), GATEWAY)


def _graph_throttle(_: World, fault: Fault, __: Request) -> Response:
    left_s = int(fault.detail.get("retry_after_s", 5))
    headers = {
        "x-ms-user-quota-remaining": "0",
        "x-ms-user-quota-resets-after": f"{left_s // 3600:02}:{left_s // 60 % 60:02}:{left_s % 60:02}",
        "x-ms-ratelimit-remaining-tenant-resource-requests": "0",
        "retry-after": str(left_s),
    }
    return json_response(429, _error(fault, "RateLimiting", "Client application has been throttled."), headers)


def _expired(world: World, _: Fault, __: Request) -> Response:
    """The words of callers.py, for a token that ended a minute ago."""
    ended = f"{world.now - timedelta(minutes=1):%m/%d/%Y %I:%M:%S %p}"
    where = f"https://login.windows.net/{world.tenant_id}"
    challenge = (
        f'Bearer authorization_uri="{where}", error="invalid_token", error_description="The access token has expired."'
    )
    message = f"The access token expiry UTC time '{ended}' is earlier than current UTC time."
    headers = GATEWAY | {"www-authenticate": challenge}
    return ArmError(401, "ExpiredAuthenticationToken", message, headers=headers).response()


TELLERS: dict[str, Callable[[World, Fault, Request], Response]] = {
    "throttle": _throttled(_seconds),
    "throttle_date": _throttled(_date),
    "throttle_zero": _throttled(lambda _, __: "0"),
    "throttle_huge": _throttled(lambda _, __: str(HUGE_S)),
    "identity_throttle": _identity_throttle,
    "graph_throttle": _graph_throttle,
    "server_error": _server_error,
    "token_expired": _expired,
    GUARD: lambda world, _, __: errors.refusal(world, problems.TOO_MANY_ATTEMPTS).response(),
    "policy_in_use": lambda world, _, __: errors.refusal(world, problems.POLICY_IN_USE).response(),
}


def _error(fault: Fault, code: str, message: str) -> Json:
    """The error of a refused call; a fault may have its own words."""
    return {"error": {"code": fault.detail.get("code", code), "message": fault.detail.get("message", message)}}


# -- spoilt answers ----------------------------------------------------------------------------------------------


def spoilt(world: World, fault: Fault, response: Response) -> Response:
    """An answer as a fault changes it on its way to the caller."""
    return SPOILERS[fault.kind](world, fault, response)


def _unknown_word(_: World, fault: Fault, response: Response) -> Response:
    body = response.json() or {}
    return json_response(200, body | {"status": fault.detail.get("status", "Pondering")}, response.headers)


def _page(_: World, __: Fault, ___: Response) -> Response:
    return Response(200, {"content-type": "text/html"}, b"<html><body>Service temporarily moved.</body></html>")


def _gone(_: World, __: Fault, ___: Response) -> Response:
    return errors.not_found().response()


def _without_address(_: World, __: Fault, response: Response) -> Response:
    places = ("azure-asyncoperation", "location")
    kept = {name: value for name, value in response.headers.items() if name.lower() not in places}
    return replace(response, headers=kept)


def _abroad(_: World, fault: Fault, response: Response) -> Response:
    host = str(fault.detail.get("host", FOREIGN))
    places = {name for name in response.headers if name.lower() in ("azure-asyncoperation", "location")}
    moved = {name: urlsplit(response.headers[name])._replace(netloc=host).geturl() for name in places}
    return replace(response, headers=response.headers | moved)


def _skewed(world: World, fault: Fault, response: Response) -> Response:
    at = world.now + timedelta(seconds=float(fault.detail.get("skew_s", 300)))
    return replace(response, headers=response.headers | {"date": http_date(at)})


def _error_in_200(_: World, __: Fault, ___: Response) -> Response:
    return json_response(200, {"error": {"code": "InternalError", "message": "The event was not published."}})


SPOILERS: dict[str, Callable[[World, Fault, Response], Response]] = {
    "operation_unknown_status": _unknown_word,
    "operation_not_json": _page,
    "operation_empty": lambda _, __, ___: Response(200, {"content-length": "0"}),
    "operation_not_found": _gone,
    "operation_no_content": lambda _, __, ___: Response(204, {"content-length": "0"}),
    "operation_no_address": _without_address,
    "operation_foreign_host": _abroad,
    "clock_skew": _skewed,
    "sink_error_body": _error_in_200,
}
