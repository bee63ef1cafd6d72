"""A wire with any number of jobs behind it, and a sweep's record, for what must be fast: pages are bytes, made once."""

import gzip
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from shared.core.names import instance_name
from shared.core.resource_id import parse
from shared.core.snapshot import Entry, Snapshot
from tests.core.samples import SERVER, SUBSCRIPTION, VAULT
from tests.shared.answers import Answer
from tests.shared.clouds import Wire

PAGE = 1000
HOST = "https://management.azure.com"
# Source: dp-pgflex-job-failed-2025-03-12, shortened to the codes.
FAILED = {
    "code": "PostgreSQLFlexServerError",
    "message": "Current operation has failed due to server error.",
    "recommendedAction": ["Refer https://aka.ms/DBforPostgreSQLFlexTroubleshoot for more details."],
    "details": [{"code": "PostgreSQLFlexServerError", "details": [{"code": "InternalServerError", "details": None}]}],
    "innerError": {"code": "NoInnerErrorFrom1PException", "embeddedInnerError": None},
}


def server_id(number: int) -> str:
    return SERVER.replace("pg-orders", f"pg-{number:06}")


def job(number: int, server: int, started: datetime, failed: bool, vault: str = VAULT) -> dict[str, Any]:
    """A scheduled backup as the list shows it. **Source**: dp-jobs-list-2025-11-06."""
    name = f"{number:08x}-0000-4000-8000-000000000000"
    source = server_id(server)
    properties = {
        "activityID": name, "subscriptionId": SUBSCRIPTION, "backupInstanceId": f"{vault}/backupInstances/i{server}",
        "policyId": f"{vault}/backupPolicies/gold", "dataSourceId": source, "vaultName": "bv-one",
        "backupInstanceFriendlyName": f"pg-{server:06}", "policyName": "gold", "sourceResourceGroup": "rg-data",
        "dataSourceSetName": None, "dataSourceName": f"pg-{server:06}", "sourceDataStoreName": None,
        "destinationDataStoreName": "VaultStore", "progressEnabled": True, "etag": "W/\"datetime'x'\"",
        "dataSourceLocation": "westeurope", "startTime": stamp(started),
        "endTime": stamp(started + timedelta(minutes=9)),
        "dataSourceType": "Microsoft.DBforPostgreSQL/flexibleServers", "operationCategory": "Backup",
        "operation": "Backup", "status": "Failed" if failed else "Completed", "restoreType": None,
        "isUserTriggered": False, "supportedActions": [], "duration": "00:09:00", "extendedInfo": None,
        "errorDetails": [FAILED] if failed else None,
    }  # fmt: skip
    kind = "Microsoft.DataProtection/backupVaults/backupJobs"
    return {"id": f"{vault}/backupJobs/{name}", "name": name, "type": kind, "properties": properties}


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.1234567Z"


def entries(servers: int, now: datetime, owners: int) -> Iterator[Entry]:
    """What the sweep says of so many servers of so many owners: all is well."""
    for number in range(servers):
        text = server_id(number)
        parsed = parse(text)
        assert parsed
        instance = f"{VAULT}/backupInstances/{instance_name(parsed)}"
        yield Entry(text, f"pg-{number:06}", SUBSCRIPTION, "westeurope", "gold", "protected", "it has a recovery point",
                    "", f"team-{number % owners}", VAULT, "gold", instance, now - timedelta(days=30), now)  # fmt: skip


class ManyJobs(Wire):
    """Answers for one vault's jobs, in pages, for its deleted backups, and for the record; it knows nothing else."""

    def __init__(self, servers: int, now: datetime, owners: int = 3) -> None:
        super().__init__()
        self.pages: list[bytes] = [b'{"value": []}']
        self.now = now
        record = Snapshot(now, "", {"protected": servers}, servers, servers, servers, 0, 0, 0, "", (),
                          tuple(entries(servers, now, owners)))  # fmt: skip
        self.record = gzip.compress(msgspec.json.encode(record), 3, mtime=0)
        self.calls = 0

    def show(self, jobs: Iterator[dict[str, Any]]) -> None:
        """Let the vault have these jobs."""
        listed = list(jobs)
        url = f"{HOST}{VAULT}/backupJobs?api-version=x&$skipToken="
        starts = range(0, max(len(listed), 1), PAGE)
        following = [f"{url}{number}" for number in range(1, len(starts))]
        self.pages = [
            json.dumps({"value": listed[start : start + PAGE], "nextLink": after}).encode()
            for start, after in zip(starts, [*following, None], strict=True)
        ]

    def send(self, request: Any, **_options: Any) -> Any:
        self.calls += 1
        parts = urlsplit(request.url)
        headers = {"Date": f"{self.now:%a, %d %b %Y %H:%M:%S GMT}"}
        if parts.path.endswith("/backupJobs"):
            page = int(parse_qs(parts.query).get("$skipToken", ["0"])[0])
            return Answer(200, self.pages[page], headers)
        if parts.path.endswith("/latest.json.gz"):
            return Answer(200, self.record, headers)
        if parts.path.endswith("/deletedBackupInstances"):
            return Answer(200, {"value": []}, headers)
        return Answer(404, {"error": {"code": "NotFound", "message": parts.path}}, headers)
