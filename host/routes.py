"""Which HTTP function answers a path: route templates as Azure Functions has them. Pure.

**Source**: Microsoft, "Azure Functions HTTP trigger" (route, methods, constraints); azure-functions-host issue 10098:
a known route with another method is 404, not 405.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from host.worker.parent import IndexedFunction

PARAMETER = re.compile(r"\{(\*?)(\w+)(?::(\w+))?(\?)?\}")
CONSTRAINTS = {"int": r"[+-]?\d+", "long": r"[+-]?\d+", "alpha": "[A-Za-z]+", "guid": r"[0-9A-Fa-f-]{36}", "": "[^/]+"}


@dataclass(frozen=True)
class Route:
    """Where one function answers. methods: empty for all. auth: anonymous, function or admin."""

    function: str
    template: str
    methods: frozenset[str]
    auth: str
    pattern: re.Pattern[str]

    @property
    def shape(self) -> str:
        """The same for two templates that stand for the same paths."""
        return PARAMETER.sub("{}", self.template.lower())

    def conflicts(self, other: "Route") -> bool:
        return self.shape == other.shape and bool(not self.methods or not other.methods or self.methods & other.methods)


def read_route(function: IndexedFunction, prefix: str) -> Route:
    """The route of an HTTP trigger. Raises ValueError for a template that is none."""
    trigger = function.trigger
    template = f"{prefix}/{(trigger.get('route') or function.name).strip('/')}".strip("/")
    methods = frozenset(str(method).upper() for method in trigger.get("methods") or ())
    auth = str(trigger.get("authLevel") or "function").lower()
    return Route(function.name, template, methods, auth, re.compile(_pattern(template), re.IGNORECASE))


def match(routes: Iterable[Route], method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """The route of a request and the values in its path; literal parts go before parameters."""
    for route in sorted(routes, key=lambda route: (route.template.count("{*"), route.template.count("{"))):
        found = route.pattern.fullmatch(path.strip("/"))
        if found and (not route.methods or method.upper() in route.methods):
            return route, {name: value for name, value in found.groupdict().items() if value}
    return None


def _pattern(template: str) -> str:
    parts = ["".join(_part(part, template)) for part in template.split("/")]
    whole = parts[0]
    for part in parts[1:]:
        whole += part if part.startswith("(?:/") else f"/{part}"
    return whole


def _part(segment: str, template: str) -> Iterable[str]:
    """One segment as a pattern; an optional or catch-all parameter takes its slash with it."""
    whole = PARAMETER.fullmatch(segment)
    if whole and (whole[1] or whole[4]):
        value = ".*" if whole[1] else _values(whole[3], template)
        yield f"(?:/(?P<{whole[2]}>{value}))?"
        return
    at = 0
    for found in PARAMETER.finditer(segment):
        yield re.escape(segment[at : found.start()])
        yield f"(?P<{found[2]}>{_values(found[3], template)})"
        at = found.end()
    rest = segment[at:]
    if "{" in rest or "}" in rest:
        msg = f"route {template!r} is no route template; parameters are {{name}}, {{name?}}, {{name:int}} or {{*name}}"
        raise ValueError(msg)
    yield re.escape(rest)


def _values(constraint: str | None, template: str) -> str:
    if (constraint or "") not in CONSTRAINTS:
        msg = f"route {template!r}: this host knows the constraints {', '.join(filter(None, CONSTRAINTS))}"
        raise ValueError(msg)
    return CONSTRAINTS[constraint or ""]
