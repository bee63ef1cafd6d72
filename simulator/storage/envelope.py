"""The headers that every answer of every storage service carries."""

from datetime import datetime

from simulator.wire import Request, Response, http_date


def stamped(response: Response, request: Request, now: datetime, *, service: int, number: int) -> Response:
    """Put the usual headers on an answer. service: 1 blob, 2 table, 3 queue; number: of the answer, from 1."""
    response.headers["x-ms-request-id"] = f"00000000-{service:04}-0000-0000-{number:012x}"
    response.headers["x-ms-version"] = request.headers.get("x-ms-version", "2021-02-12")
    response.headers["date"] = http_date(now)
    if "x-ms-client-request-id" in request.headers:
        response.headers["x-ms-client-request-id"] = request.headers["x-ms-client-request-id"]
    return response
