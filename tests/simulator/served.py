"""A local Azure in a process of its own, for tests of its face, and a session that trusts it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
SUBSCRIPTION = "/subscriptions/5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-data"
SERVER = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-1"
BODY = {"location": "westeurope", "sku": {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"}, "properties": {}}


@dataclass
class Served:
    """A running local Azure: its ready line and its process."""

    ready: dict[str, Any]
    process: subprocess.Popen[str]
    http: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.http.trust_env = False
        self.http.verify = self.ready["ca"]

    def arm(self, method: str, path: str, body: Any = None, **given: Any) -> requests.Response:
        """One ARM request of the operator."""
        headers = {"authorization": "Bearer simulated.operator"} | given.pop("headers", {})
        url = f"{given.pop('at', self.ready['arm'])}{path}"
        url += "" if "api-version=" in path else f"{'&' if '?' in path else '?'}api-version=2025-08-01"
        return self.http.request(method, url, json=body, headers=headers, timeout=10, **given)

    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One request to its control, answered well."""
        answer = self.http.request(method, self.ready["control"] + path, json=body, params=query, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(self, resource: str, **named: str) -> str:
        """A token of the identity endpoint."""
        query = {"api-version": "2019-08-01", "resource": resource} | named
        headers = {"x-identity-header": self.ready["environment"]["IDENTITY_HEADER"]}
        answer = self.http.get(self.ready["identity"], params=query, headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Served]:
    """Serve a local Azure while this lasts; its working folder is `folder`."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "simulator", "serve", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        yield Served(json.loads(process.stdout.readline()), process)
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
