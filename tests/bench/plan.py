"""What a plan of 10,000 servers takes: calls, CPU and memory, beside the plain SDK that only lists the same rows."""

import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

from shared.cloud.clients import Cloud
from shared.cloud.estate import read_estate
from shared.cloud.graph import query
from shared.core.estate import Scope
from shared.core.judgement import judge
from shared.core.policy import render
from shared.core.verdict import Kind
from shared.datasources.postgresql_flexible import DATASOURCE
from simulator.arm.authorization import OPERATOR
from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport
from tests.core.samples import GOLD, PRINCIPAL, RULES, SERVER, SUBSCRIPTION, VAULT, policy_of
from tests.shared.clouds import SETTINGS

SERVERS, NEW = 10_000, 1_000
SCOPE = Scope(frozenset({SUBSCRIPTION}))
Row = tuple[str, str, str, str]


class Replay(InProcessTransport):
    """Answers again what the local Azure has answered once, so that only the client's work and memory are measured."""

    def __init__(self, azure: LocalAzure) -> None:
        super().__init__(azure)
        self.answers: dict[tuple[str, str], Any] = {}
        self.calls = 0

    def send(self, request: Any, **options: Any) -> Any:
        self.calls += 1
        asked = json.loads(getattr(request, "content", None) or request.data)
        key = asked["query"], asked["options"].get("$skipToken") or ""
        if key not in self.answers:
            self.azure.advance(5)  # the quota of Resource Graph
            self.answers[key] = super().send(request, **options)
        return self.answers[key]


def estate(servers: int, protected: bool) -> LocalAzure:
    """So many servers that ask for gold, with backups and points or without."""
    azure = LocalAzure()
    policy = policy_of()
    put = azure.world.put
    put(f"/subscriptions/{SUBSCRIPTION}", "Microsoft.Resources/subscriptions", {"displayName": "prod"})
    storage = [{"datastoreType": "VaultStore", "type": "LocallyRedundant"}]
    vault = {"location": "westeurope", "identity": {"type": "SystemAssigned", "principalId": PRINCIPAL}}
    vault["properties"] = {"provisioningState": "Succeeded", "storageSettings": storage}
    put(VAULT, "Microsoft.DataProtection/backupVaults", vault | {"id": VAULT, "name": "bv-one"})
    body = render(GOLD, DATASOURCE.resource_type) | {"id": policy.id, "name": policy.name}
    put(policy.id, "Microsoft.DataProtection/backupVaults/backupPolicies", body)
    for number in range(servers):
        _put_server(azure, f"pg-{number:06}", number, policy.id if protected else "")
    azure.advance(60)
    return azure


def _put_server(azure: LocalAzure, name: str, number: int, policy_id: str) -> None:
    put, server = azure.world.put, SERVER.replace("pg-orders", name)
    properties = {"state": "Ready", "replicationRole": "Primary", "storage": {"storageSizeGB": 128}, "version": "16"}
    body = {"id": server, "name": name, "location": "West Europe", "properties": properties}
    put(server, DATASOURCE.resource_type, body | {"tags": {"backup-tier": "gold", "Team": f"team-{number % 90}"}})
    if not policy_id:
        return
    instance = f"{VAULT}/backupInstances/{name}-{number}"
    source = {"datasourceType": DATASOURCE.resource_type, "resourceID": server, "resourceLocation": "westeurope"}
    properties = {"dataSourceInfo": source, "policyInfo": {"policyId": policy_id}}
    properties |= {"currentProtectionState": "ProtectionConfigured"}
    kind = "Microsoft.DataProtection/backupVaults/backupInstances"
    put(instance, kind, {"id": instance, "name": f"{name}-{number}", "properties": properties})
    point = {"recoveryPointTime": f"{azure.world.now:%Y-%m-%dT%H:%M:%S}.0000000Z"}
    path = f"{instance}/recoveryPoints/{number:032x}"
    put(path, f"{kind}/recoveryPoints", {"id": path, "properties": point})


def bench_plan() -> list[Row]:
    """Rows for the table of numbers: an estate in which all is right, and what a plan for new servers adds."""
    azure = estate(SERVERS, protected=True)
    wire = Replay(azure)
    plan(azure, wire)
    calls = wire.calls
    kinds, cpu_s, peak_mb = measured(lambda: plan(azure, wire))
    assert kinds == {Kind.PROTECTED}
    listing(azure, wire)
    _, plain_cpu_s, plain_mb = measured(lambda: listing(azure, wire))
    new = estate(NEW, protected=False)
    new_wire = Replay(new)
    plan(new, new_wire)
    _, new_cpu_s, _ = measured(lambda: plan(new, new_wire))
    return [
        (f"plan of {SERVERS:,} unchanged servers, calls", str(calls), str(calls), "≤ 25"),
        ("  CPU", f"{cpu_s:.2f} s", f"{plain_cpu_s:.2f} s (listing alone)", "≤ 1 s"),
        ("  memory at its peak", f"{peak_mb:.0f} MB", f"{plain_mb:.0f} MB (listing alone)", "≤ 80 MB"),
        (f"plan of {NEW:,} new servers, CPU", f"{new_cpu_s:.2f} s", "", ""),
    ]


def plan(azure: LocalAzure, wire: Replay) -> set[Kind]:
    """Read the estate and judge every server; what is said of them."""
    cloud = Cloud(SETTINGS, azure.credential(OPERATOR), wire)
    found = read_estate(cloud, SCOPE, DATASOURCE, pause=azure.advance)
    assert found.incomplete == ()
    return {one.verdict.kind for one in judge(found, RULES)}


def listing(azure: LocalAzure, wire: Replay) -> int:
    """The same rows with the service's own client, kept in lists as its documentation shows."""
    client = ResourceGraphClient(azure.credential(OPERATOR), transport=wire)
    narrow = f"| where tostring(split(server, '/')[2]) in~ ('{SUBSCRIPTION}')"
    rows = []
    for name in ("subscriptions", "servers", "instances", "vaults", "policies"):
        text = query(name, server_type=DATASOURCE.key, narrow=narrow if name == "instances" else "")
        token = None
        while True:
            options = QueryRequestOptions(top=1000, skip_token=token)
            page = client.resources(QueryRequest(subscriptions=[SUBSCRIPTION], query=text, options=options))
            rows += page.data
            token = page.skip_token
            if not token:
                break
    return len(rows)


def measured[T](work: Callable[[], T]) -> tuple[T, float, float]:
    """What it answers, its CPU seconds, and in a second run the most megabytes that it had at once."""
    gc.collect()
    began = time.process_time()
    answer = work()
    cpu_s = time.process_time() - began
    del answer
    gc.collect()
    tracemalloc.start()
    answer = work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return answer, cpu_s, peak / 1e6


if __name__ == "__main__":
    for row in bench_plan():
        print(row)  # noqa: T201 - a look at these numbers alone
