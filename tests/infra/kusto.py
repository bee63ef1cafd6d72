"""Microsoft's Kusto analyser, from npm, installed on demand: what it says of queries for certain tables."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

from tests.tidy.tree import ROOT

VERSION = "12.4.1"
PACKAGE = "@kusto/language-service-next"
FOLDER = ROOT / ".flexguard" / "kusto"
INSTALL_S, JUDGE_S = 300, 60

# Source: Azure Monitor Logs table reference: the columns of each table that queries here may want.
_LOGS = "TimeGenerated: datetime, OperationId: string, OperationName: string, AppRoleName: string, Properties: dynamic"
# Source: Resource Graph, "supported tables and resource types"; the columns of every table.
_GRAPH = (
    "(id: string, name: string, type: string, tenantId: string, ['kind']: string, location: string, "
    "resourceGroup: string, subscriptionId: string, managedBy: string, sku: dynamic, plan: dynamic, "
    "properties: dynamic, tags: dynamic, "
    "identity: dynamic, zones: dynamic, extendedLocation: dynamic)"
)
SCHEMAS = {
    "logs": {
        "AppExceptions": f"({_LOGS}, ExceptionType: string, OuterMessage: string, InnermostMessage: string)",
        "AppTraces": f"({_LOGS}, Message: string, SeverityLevel: int)",
        "AppRequests": f"({_LOGS}, Name: string, Success: bool, ResultCode: string, DurationMs: real, ItemCount: int)",
    },
    "graph": dict.fromkeys(("resources", "resourcecontainers", "recoveryservicesresources"), _GRAPH),
}


class NoAnalyser(Exception):
    """The analyser cannot be had here; the message says why."""


def installed() -> Path:
    """The analyser's folder, installed now if it was not. Raises NoAnalyser without Node or npm, or when npm fails."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise NoAnalyser("the Kusto analyser needs Node.js with npm, and they are not there")
    FOLDER.mkdir(parents=True, exist_ok=True)
    mark = FOLDER / f"installed-{VERSION}"
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would install into the same folder
        if not mark.exists():
            options = ["--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", "--fetch-retries=1"]
            command = [npm, "install", "--prefix", str(FOLDER), *options, f"{PACKAGE}@{VERSION}"]
            done = subprocess.run(  # noqa: S603 - npm, found on the path
                command, capture_output=True, text=True, timeout=INSTALL_S, check=False
            )
            if done.returncode:
                raise NoAnalyser(f"npm could not install {PACKAGE}@{VERSION}: {done.stderr[-300:]}")
            mark.touch()
    return FOLDER / "node_modules" / PACKAGE


def judged(queries: dict[str, tuple[str, str]]) -> dict[str, list[str]]:
    """What the analyser says of each query, by name. queries: schema and text. Raises NoAnalyser."""
    asked = {
        "folder": str(installed()),
        "schemas": SCHEMAS,
        "queries": {name: {"schema": schema, "text": text} for name, (schema, text) in queries.items()},
    }
    script = str(Path(__file__).with_name("kusto.cjs"))
    done = subprocess.run(  # noqa: S603 - node, found on the path, with a script of our own
        [shutil.which("node") or "node", script],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=JUDGE_S,
        check=False,
    )
    if done.returncode:
        raise NoAnalyser(f"the Kusto analyser failed: {done.stderr[-300:]}")
    return dict(json.loads(done.stdout))
