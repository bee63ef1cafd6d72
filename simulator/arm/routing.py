"""Finds the operation that an ARM request asks for. A provider lists its routes; a route is one operation."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from simulator.arm.request_types import misfit
from simulator.wire import ArmError, Json, Request, Response
from simulator.world import World


@dataclass(frozen=True)
class Call:
    """One resolved ARM request: what is asked, by whom, when. `at[name]` are the names in the route's pattern."""

    request: Request
    at: dict[str, str]
    caller: str
    now: datetime
    action: str

    @property
    def path(self) -> str:
        return self.request.path

    @property
    def api_version(self) -> str:
        return self.request.query.get("api-version", "")

    @cached_property
    def body(self) -> Json:
        """The request's JSON object, {} when there is none. Refuses anything else as ARM does."""
        try:
            value = self.request.json()
        except ValueError:
            value = []
        if value is None:
            return {}
        if not isinstance(value, dict) or (name := misfit(value)):
            message = "The request content was invalid and could not be deserialized"
            about = f": '{name}' has another type than it must have." if isinstance(value, dict) else "."
            # Assumed: the same refusal for members that only a provider knows.
            raise ArmError(400, "InvalidRequestContent", message + about)
        return value


Handler = Callable[[World, Call], Response]


@dataclass(frozen=True)
class Route:
    """One operation.

    pattern: as in Microsoft's documents, names in braces; `{scope}` at the start stands for any number of segments.
    action: the ARM action that the caller needs, e.g. "Microsoft.DataProtection/backupVaults/read".
    """

    method: str
    pattern: str
    action: str
    handler: Handler
    regex: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        text = re.sub(r"\{scope\}", r"(?P<scope>.*?)", self.pattern.replace(".", r"\."))
        text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text)
        object.__setattr__(self, "regex", re.compile(text, re.IGNORECASE))


class Router:
    """All routes, looked up by method and number of segments so that one request tries few patterns."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._fixed: dict[tuple[str, int], list[Route]] = {}
        self._scoped: dict[str, list[Route]] = {}
        for route in routes:
            if "{scope}" in route.pattern:
                self._scoped.setdefault(route.method, []).append(route)
            else:
                self._fixed.setdefault((route.method, route.pattern.count("/")), []).append(route)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of a request and the names in its path, or None when nothing here plays that operation."""
        for route in (*self._fixed.get((method, path.count("/")), ()), *self._scoped.get(method, ())):
            match = route.regex.fullmatch(path)
            if match:
                return route, match.groupdict()
        return None
