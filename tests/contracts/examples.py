"""The official examples: each one a request and the answers that its authors expect."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlencode

from simulator.arm.access import OPERATOR
from simulator.wire import Request
from tests.contracts.documents import Json, Operation, follow, operations

DESCRIBED = {"2026-06-01": "2024-04-01"}  # no OpenAPI of the newer one was at hand


@dataclass(frozen=True, eq=False)
class Example:
    """One example. parameters: values by name, the body's among them; answers: by status; version: whose example."""

    name: str
    version: str
    operation: Operation
    parameters: Json
    answers: Json

    @property
    def key(self) -> str:
        return f"{self.name}@{self.version}"

    def request(self, parameters: Json) -> Request:
        """The request that asks for this, with other values for some parameters."""
        path, query, body = self.operation.path, {"api-version": self.version}, None
        for told in map(self._told, self.operation.told["parameters"]):
            name, value = told["name"], parameters.get(told["name"])
            if told["in"] == "path":
                path = path.replace(f"{{{name}}}", quote(str(value), safe="/"))
            elif told["in"] == "body":
                body = value
            elif told["in"] == "query" and value is not None:
                query[name] = value
        host = parameters.get("topicHostname", "management.azure.com")
        kind = (self.operation.told.get("consumes") or ["application/json"])[0]
        headers = {"authorization": f"Bearer simulated.{OPERATOR}", "content-type": kind, "aeg-sas-key": "key"}
        data = b"" if body is None else json.dumps(body).encode()
        return Request(self.operation.method, f"https://{host}{path}?{urlencode(query)}", headers, data)

    def _told(self, parameter: Json) -> Json:
        return follow(self.operation.file, parameter["$ref"])[2] if "$ref" in parameter else parameter


@cache
def examples(folder: Path) -> tuple[Example, ...]:
    """Every example of an operation that some document describes."""
    known = {(each.id, each.version): each for each in operations(folder)}
    found = []
    for told in json.loads((folder / "examples" / "index.json").read_text(encoding="utf-8")):
        file = folder / told["file"]
        version = file.relative_to(folder / "examples").parts[1]
        content: Json = json.loads(file.read_text(encoding="utf-8"))
        operation = known[told["operation"], DESCRIBED.get(version, version)]
        found.append(Example(file.stem, version, operation, content["parameters"], content["responses"]))
    return tuple(found)
