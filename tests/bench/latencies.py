"""Writes docs/latencies.md: `python -m tests.bench.latencies`. Recorded service times beside those of the simulator.

The recorded column is what was measured on the real services; the simulated one is played anew each time: whole lives
of a server and its protection, one per seed, asked of ARM and timed by the virtual clock.
"""

import json
import re
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.deployment import api_version, deploy, prepare_group, server_body
from cli.stage import SCOPE, server_id, vault_id
from shared.core.policy import render
from shared.rules_file import parse
from simulator.arm import authorization
from simulator.azure import LocalAzure
from simulator.wire import Request
from simulator.world import World

PAGE = Path(__file__).parents[2] / "docs" / "latencies.md"
SEEDS = 100
REGION = "westeurope"
SERVER, VAULT = server_id("pg-one", "rg-data"), vault_id(REGION)
INSTANCE, POLICY = f"{VAULT}/backupInstances/pg-one", f"{VAULT}/backupPolicies/weekly"
SERVER_TYPE = "Microsoft.DBforPostgreSQL/flexibleServers"
RULES = f"""\
mode: protect
vaults: [{{id: {VAULT}}}]
tiers: {{weekly: {{backup: {{days: [sunday], at: "01:30"}}, keep: {{default: 35 days}}}}}}
"""
Json = dict[str, Any]


@dataclass(frozen=True)
class Recorded:
    """What was measured: how many, and the least, the median and the most, in seconds; and where to see it."""

    what: str
    n: int
    least: float
    median: float
    most: float
    source: str
    polled_s: float = 0.0  # seen by a poll so often: the end may lie so much earlier


_ALL = "all recordings of the service, 2021 to 2025"
_LIFE = "`dp-pgflex-lifecycle-*`, `dp-pgflex-job-failed-2025-03-12`"
_STOPS = "all datasources; `dp-stop-suspend-resume-2025-03-12`"
_SERVER = "`pg-server-mgmt`, `pg-server-public-access`"
RECORDED = (
    Recorded("create or change a vault", 191, 0.0, 0.3, 61.2, _ALL),
    Recorded("validate for backup", 10, 39.9, 40.4, 40.9, _LIFE),
    Recorded("create an instance: the operation", 5, 0.3, 0.9, 1.9, _LIFE),
    Recorded("create an instance: until ProtectionConfigured", 5, 36, 52, 69, f"seen between two looks; {_LIFE}"),
    Recorded("start a backup: the operation", 5, 0.0, 0.6, 1.4, _LIFE),
    Recorded("backup job that completes", 4, 586.9, 721.8, 940.9, f"{_LIFE} and one more"),
    Recorded("backup job that fails", 1, 94.4, 94.4, 94.4, "`dp-pgflex-job-failed-2025-03-12`"),
    Recorded("stop protection", 24, 12.2, 42.1, 48.8, _STOPS),
    Recorded("suspend backups", 25, 10.9, 41.3, 46.1, _STOPS),
    Recorded("resume protection", 58, 11.6, 42.2, 156.2, _STOPS),
    Recorded("delete an instance", 50, 13.5, 69.9, 124.0, f"all datasources; {_ALL}"),
    Recorded("create a server", 6, 184, 223, 341, f"{_SERVER}; without zone redundancy"),
    Recorded("change a server", 5, 60, 61, 61, "`pg-server-mgmt`; tags and settings", 60),
    Recorded("stop a server", 1, 304, 334, 364, "`pg-server-mgmt`: between the last two polls"),
    Recorded("start a server", 1, 423, 453, 483, "`pg-server-mgmt`: between the last two polls"),
    Recorded("restart a server", 1, 61, 91, 121, "`pg-server-mgmt`: the same; 3795 once, not played"),
    Recorded("delete a server", 8, 15, 47, 124, f"{_SERVER}, `aso-pg-flexibleserver-20221201`"),
)


@dataclass
class Life:
    """The life of one server and its protection in one world, and how long each step of it took."""

    seed: int
    took_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.azure = LocalAzure(World(seed=self.seed))
        began = self.azure.now
        self.arm("PUT", SCOPE, {"displayName": "production"})
        deploy(self.arm, (REGION,), "app")
        prepare_group(self.arm, "rg-data", REGION)
        self._wait("create or change a vault", VAULT, lambda body: _provisioning(body) == "Succeeded", began)
        self.azure.advance(600)
        self.arm("PUT", POLICY, render(parse(RULES).tiers["weekly"], SERVER_TYPE))

    def play(self) -> dict[str, float]:
        """Go through everything once; seconds by what it was."""
        self._server("create a server", "PUT", SERVER, server_body(REGION, {}))
        source = {"objectType": "Datasource", "datasourceType": SERVER_TYPE, "resourceType": SERVER_TYPE}
        source |= {"resourceID": SERVER, "resourceUri": SERVER, "resourceName": "pg-one", "resourceLocation": REGION}
        body = {"objectType": "BackupInstance", "friendlyName": "pg-one", "dataSourceInfo": source}
        body["policyInfo"] = {"policyId": POLICY}
        self._operation("validate for backup", "POST", f"{VAULT}/validateForBackup", {"backupInstance": body})
        began = self.azure.now
        self._operation("create an instance: the operation", "PUT", INSTANCE, {"properties": body})
        what = "create an instance: until ProtectionConfigured"
        self._wait(what, INSTANCE, lambda found: _state(found) == "ProtectionConfigured", began)
        self._backup("backup job that completes")
        self.azure.world.faults.add("fail_backup", "pg-one")
        self._backup("backup job that fails")
        for what, verb in (
            ("stop protection", "stopProtection"),
            ("resume protection", "resumeProtection"),
            ("suspend backups", "suspendBackups"),
        ):
            self._operation(what, "POST", f"{INSTANCE}/{verb}")
            self.azure.advance(600)
        self._operation("delete an instance", "DELETE", INSTANCE)
        for what, method, path, wanted in (
            ("change a server", "PATCH", SERVER, {"tags": {"team": "shop"}}),
            ("restart a server", "POST", f"{SERVER}/restart", {}),
            ("stop a server", "POST", f"{SERVER}/stop", {}),
            ("start a server", "POST", f"{SERVER}/start", {}),
            ("delete a server", "DELETE", SERVER, None),
        ):
            self._server(what, method, path, wanted)
        return self.took_s

    def arm(self, method: str, path: str, body: Json | None = None) -> Any:
        """One ARM request of the operator, and what its body says. Raises AssertionError for a refusal."""
        return self._ask(method, path, body)[0]

    def _ask(self, method: str, path: str, body: Json | None = None) -> tuple[Any, str]:
        url = (
            path if path.startswith("https:") else f"https://management.azure.com{path}?api-version={api_version(path)}"
        )
        headers = {"authorization": f"Bearer simulated.{authorization.OPERATOR}"}
        answer = self.azure.handle(
            Request(method, url, headers, json.dumps(body).encode() if body is not None else b"")
        )
        if answer.status >= 400:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.body.decode()}")
        return answer.json(), answer.headers.get("azure-asyncoperation", "")

    def _wait(self, what: str, url: str, is_done: Any, began: Any = None) -> Any:
        """Go from one thing that happens to the next until it is done."""
        began = began or self.azure.now
        while not is_done(body := self.arm("GET", url)):
            due = self.azure.next_due()
            assert due is not None, f"{what} never ends"
            self.azure.advance_to(due)
        self.took_s[what] = (self.azure.now - began).total_seconds()
        return body

    def _operation(self, what: str, method: str, path: str, body: Json | None = None) -> Any:
        _, url = self._ask(method, path, body)
        ended = self._wait(what, url, lambda found: found["status"] not in ("Inprogress", "InProgress"))
        assert ended["status"] == "Succeeded", f"{what}: {ended}"
        return ended

    _server = _operation

    def _backup(self, what: str) -> None:
        trigger = {"backupRuleOptions": {"ruleName": self._rule(), "triggerOption": {}}}
        ended = self._operation("start a backup: the operation", "POST", f"{INSTANCE}/backup", trigger)
        job = f"{ended['properties']['jobId']}"
        found = self._wait(what, job, lambda body: body["properties"]["status"] != "InProgress")["properties"]
        minutes, seconds = re.findall(r"PT(?:(\d+)M)?([\d.]+)S", found["duration"])[0]
        self.took_s[what] = int(minutes or 0) * 60 + float(seconds)

    def _rule(self) -> str:
        rules = self.arm("GET", POLICY)["properties"]["policyRules"]
        return next(str(rule["name"]) for rule in rules if rule["objectType"] == "AzureBackupRule")


def _provisioning(body: Json) -> str:
    return str(body["properties"]["provisioningState"])


def _state(body: Json) -> str:
    return str(body["properties"]["currentProtectionState"])


def simulated() -> dict[str, list[float]]:
    """The seconds of every step, one for each seed."""
    lives = [Life(seed).play() for seed in range(SEEDS)]
    return {row.what: [life[row.what] for life in lives] for row in RECORDED}


def page(taken: dict[str, list[float]]) -> str:
    """The whole page."""
    lines = [_row(row, taken[row.what]) for row in RECORDED]
    return HEAD.format(seeds=SEEDS) + "\n".join(lines) + "\n" + TAIL


def _row(row: Recorded, taken_s: list[float]) -> str:
    recorded = f"{row.n} | {_s(row.least)} | {_s(row.median)} | {_s(row.most)}"
    played = f"{_s(min(taken_s))} | {_s(statistics.median(taken_s))} | {_s(max(taken_s))}"
    return f"| {row.what} | {recorded} | {played} | {row.source} |"


def _s(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 100 else f"{seconds:.0f}"


HEAD = """\
# Service times: recorded and simulated

How long the real services took, and how long the local Azure takes, in seconds. `python -m tests.bench.latencies` plays
{seeds} worlds and writes this page; a test fails when it is out of step. No time is tuned to what a client would like.

| what | n | least | median | most | simulated least | median | most | recorded in |
|---|---|---|---|---|---|---|---|---|
"""
TAIL = """
The recorded columns are the service's own times (end minus start of the operation or job), except for servers, whose
operations tell no end: there a poll a minute saw it. The same seed gives the same times. Half of the simulated times
lie below the recorded median and half above, the nearer to it the more (`simulator/chance.py`).
"""


if __name__ == "__main__":
    PAGE.write_text(page(simulated()), encoding="utf-8")
