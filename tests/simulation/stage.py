"""The world of a run: what a deployment made, what people do to it, and which faults struck what."""

import functools
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from azure.data.tables import TableServiceClient

from cli.deployment import api_version, deploy, server_body
from cli.stage import server_id as id_of_server
from cli.stage import vault_id
from shared import rules_file
from shared.back_up import ask
from shared.cloud import large_row, snapshot
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.cloud.ledger_table import INCIDENTS, TABLE
from shared.core.incidents import Incident
from shared.core.resource_id import parse
from shared.ledger import ServerRow, decoded
from shared.settings import Settings
from simulator import sudden
from simulator.arm import authorization
from simulator.azure import Crash, LocalAzure
from simulator.fault_names import FAULTS
from simulator.faults import Fault, Faults
from simulator.transport import InProcessTransport
from simulator.wire import Request
from simulator.world import Resource, World
from tests.simulation import truth
from tests.simulation.scenario import REGIONS, SCOPE, SUBSCRIPTION, Deed, Scenario

APP = "2f6d1f1c-8a0e-4a4e-9a64-6f1c5b1f0a01"
HOST = "host"
ACCOUNT = "https://flexguard.{}.core.windows.net"
TOPIC = "https://flexguard-alerts.westeurope-1.eventgrid.azure.net/api/events"
ON_VAULT = ("vault_guarded", "vault_immutable", "vault_state", "vault_without_identity", "vault_new_identity",
            "vault_deleted")  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What is said of a server."""

    verdict: str
    reason: str
    fix: str


class Counted(Faults):
    """Faults that are counted: which kind has struck which kind of call. on_strike: told of each."""

    def __init__(self, on_strike: Callable[[Fault, str], None]) -> None:
        super().__init__()
        self.struck: Counter[tuple[str, str]] = Counter()
        self.on_strike = on_strike

    def take_all(self, kinds: tuple[str, ...] | str, subject: str, *, spared: bool = False) -> Iterator[Fault]:
        for fault in super().take_all(kinds, subject, spared=spared):
            self.struck[fault.kind, kind_of(fault.kind, subject)] += 1
            self.on_strike(fault, subject)
            yield fault

    def holding(self, kind: str, subject: str) -> Fault | None:
        fault = super().holding(kind, subject)
        if fault:
            self.struck[kind, kind_of(kind, subject)] += 1
            self.on_strike(fault, subject)
        return fault


def kind_of(fault: str, subject: str) -> str:
    """What kind of call, event, timer or row a fault happened to."""
    place = FAULTS[fault].place
    return place if place in ("event", "row", "identity", "graph") else call_kind(subject)


def call_kind(subject: str) -> str:
    """A kind of call, from its operation and path."""
    words = subject.split(" ")
    if words[0] == "queue":
        return f"queue {words[1]} {words[2].split('/')[1]}"
    return " ".join(words[:2]) if words[0] in ("table", "blob", "grid") else words[0]


class Stage:
    """Everything around the app. tell: writes a line of the story."""

    def __init__(self, scenario: Scenario, tell: Callable[[str, str], None]) -> None:
        self.scenario, self.tell = scenario, tell
        self.azure = LocalAzure(World(seed=scenario.seed, now=scenario.start - timedelta(hours=2)))
        self.azure.world.faults = self.faults = Counted(self._struck)
        self.on_damage: Callable[[], None] = lambda: None
        self.done: set[str] = set()
        self.failures: list[Any] = []
        self._principals: set[str] = set()
        self.tags_were: dict[str, list[tuple[Any, dict[str, str]]]] = {}
        self.wishes: Counter[str] = Counter()
        self.ids = [id_of_server(server.name, server.group) for server in scenario.servers]
        self.settings = Settings(
            subscriptions=frozenset({SUBSCRIPTION}),
            queue_endpoint=ACCOUNT.format("queue"),
            table_endpoint=ACCOUNT.format("table"),
            alert_topic=TOPIC,
            blob_endpoint=ACCOUNT.format("blob"),
        )

    # -- what was there before ---------------------------------------------------------------------------------

    def deploy(self) -> None:
        """Make what is there before the app starts."""
        deploy(self.arm, REGIONS, APP)
        for group in ("rg-shop", "rg-orders"):
            self.arm("PUT", f"{SCOPE}/resourceGroups/{group}", {"location": REGIONS[0]})
        tables = TableServiceClient(
            self.settings.table_endpoint, credential=self._operator, transport=InProcessTransport(self.azure),
            retry_total=0,
        )  # fmt: skip
        tables.create_table(TABLE)
        self.azure.blobs.make("flexguard")
        for index, server in enumerate(self.scenario.servers):
            if server.at_s < 0:
                self.create(index)
        self.azure.advance_to(self.scenario.start)
        self.azure.world.outbox.clear()

    def create(self, index: int) -> None:
        """Somebody asks ARM for a server."""
        server = self.scenario.servers[index]
        self.tell("person", f"asks for server {server.name} in {server.region} with tags {server.tags}")
        try:
            self.arm("PUT", self.ids[index], server_body(server.region, server.tags, server.properties))
        except AssertionError as refused:  # a lock, that somebody else has put there
            self.tell("person", f"is refused: {refused}")

    @functools.cached_property
    def rules(self) -> Any:
        vaults = ", ".join(f'{{id: "{vault_id(region)}"}}' for region in REGIONS)
        choice = dict(self.scenario.rules)
        default = choice.pop("default")
        text = truth.RULES.format(vaults=vaults, **choice)
        return rules_file.parse(text + (f"defaults: [{{tier: {default}, groups: [rg-*]}}]\n" if default else ""))

    @property
    def _operator(self) -> Any:
        return self.azure.credential(authorization.OPERATOR)

    def arm(self, method: str, path: str, body: Any = None) -> Any:
        """One ARM request of the person who runs the estate. Raises AssertionError for a refusal."""
        headers = {"authorization": f"Bearer simulated.{authorization.OPERATOR}", "content-type": "application/json"}
        url = f"https://management.azure.com{path}?api-version={api_version(path)}"
        data = json.dumps(body).encode() if body is not None else b""
        response = self.azure.handle(Request(method, url, headers, data))
        if response.status >= 400:
            msg = f"{method} {path}: {response.status} {response.body.decode()}"
            raise AssertionError(msg)
        return response.json() if response.body else None

    # -- what people do ----------------------------------------------------------------------------------------

    def do(self, deed: Deed) -> None:
        """A person does something, now or in the middle of what the app does."""
        world, server_id = self.azure.world, self.ids[deed.server]
        vault = vault_id(self.scenario.servers[deed.server].region)
        on, detail = server_id, dict(deed.detail)
        if deed.kind == "backup_now":
            self._wish(server_id)
            return
        if deed.kind in ("foreign_instance", "soft_deleted_instance"):
            policies = [policy for policy in world.seen(truth.POLICIES) if policy.id.startswith(f"{vault}/")]
            if truth.instances_of(world, server_id) or not policies:
                return
            detail |= {"vault": vault}
        if deed.kind in ON_VAULT:
            on = vault
        if deed.kind == "policy_deleted":
            on = next((policy.id for policy in world.seen(truth.POLICIES)), "")
        if deed.kind == "provider_gone":
            on = SCOPE
        if deed.kind in ("instance_state", "instance_deleted"):
            on = next((instance.id for instance in truth.instances_of(world, server_id)), "")
        self.tell("person", str(deed))
        if deed.in_call:
            world.faults.add(deed.kind, "microsoft.", times=1, rate=0.3, seed=int(deed.at_s), on=on, **detail)
        else:
            self.done.add(deed.kind)
            self.faults.struck[deed.kind, "people"] += 1
            sudden.happen(world, deed.kind, on=on, **detail)

    def _wish(self, server_id: str) -> None:
        """A person asks for a backup, as `flexguard backup now` does."""
        self.tell("person", f"asks for a backup of {server_id}")
        self.wishes[server_id.lower()] += 1
        parsed = parse(server_id)
        assert parsed
        self._reader.tick(self.azure.now)
        try:
            ask(self._reader, parsed, "ops")
        except (CloudError, Crash) as error:
            self.tell("person", f"is refused, or gives up: {error}")

    def _struck(self, fault: Fault, subject: str) -> None:
        place = FAULTS[fault.kind].place
        if place == "world":
            self.done.add(fault.kind)
            self.tell("person", f"{fault.kind} at {fault.detail.get('on')} happens now")
        elif place not in ("row", "event", "timer") and fault.kind != "store_rolled_back":
            self.tell("fault", f"{fault.kind} at {subject}")
        rolled_back = fault.detail.get("until") if fault.kind == "store_rolled_back" else None
        if fault.kind == "store_lost" or (rolled_back and self.azure.now.isoformat() >= rolled_back):
            self.tell("fault", "the ledger is not what it was")
            self.on_damage()

    def look_around(self) -> None:
        """Write down what tags a server has from now on, and what identity a vault."""
        self.principals()
        for server in self.azure.world.seen(truth.SERVERS):
            were = self.tags_were.setdefault(server.id.lower(), [])
            tags = server.body.get("tags") or {}
            if not were or were[-1][1] != tags:
                were.append((self.azure.now, dict(tags)))

    # -- what came of it ---------------------------------------------------------------------------------------

    @functools.cached_property
    def _reader(self) -> Cloud:
        return Cloud(self.settings, self._operator, InProcessTransport(self.azure))

    def row(self, server_id: str) -> ServerRow:
        """What the ledger knows of a server, read past every fault; an empty row when it knows nothing."""
        mine = (row for row in self._rows("server-") if row["ServerId"].lower() == server_id.lower())
        texts = (large_row.text_of(row) for row in mine)
        return next((decoded(text, ServerRow) for text in texts), ServerRow(server_id=server_id))

    def said(self, server_id: str) -> Said:
        """What people are told of a server: the latest snapshot's word, or the ledger's before there is one."""
        row = self.row(server_id)
        latest = self.azure.blobs.containers[snapshot.CONTAINER].blobs.get(snapshot.LATEST)
        for entry in json.loads(gzip.decompress(latest.data))["servers"] if latest else ():
            if entry["id"].lower() == server_id.lower():
                return Said(entry["verdict"], entry["reason"], entry["fix"])
        return Said(row.verdict, row.reason, row.fix)

    def incidents(self) -> list[Incident]:
        """The incidents of the ledger, read past every fault."""
        texts = (large_row.text_of(row) for row in self._rows(INCIDENTS))
        return [msgspec.json.decode(text, type=Incident) for text in texts]

    def _rows(self, partition: str) -> Iterator[dict[str, Any]]:
        """The columns of the ledger's rows, in the partitions whose key begins so."""
        for entity in self.azure.tables.entities(TABLE):
            if entity.partition_key.startswith(partition):
                yield {name: value for name, (_, value) in entity.properties.items()}

    def principals(self) -> set[str]:
        """Every identity that a vault has, or had."""
        found = {(vault.body.get("identity") or {}).get("principalId") for vault in self.azure.world.seen(truth.VAULTS)}
        self._principals |= {str(each) for each in found if each}
        return self._principals

    def struck_kinds(self) -> set[str]:
        """The kinds of faults that have struck."""
        return {fault for fault, _ in self.faults.struck}

    def calls_made(self) -> Counter[str]:
        """How many calls of each kind the app and its host have made."""
        ours = (call for call in self.azure.log if call.caller in (APP, HOST))
        return Counter(call_kind(f"{call.operation} {call.path}") for call in ours)

    def facts(self, server: Resource) -> truth.Facts:
        """What a finding about a server is held against."""
        world = self.azure.world
        found = truth.instances_of(world, server.id)
        location = server.body["location"].replace(" ", "").lower()
        gone = (str(each.body).lower() for each in world.seen(truth.DELETED))
        return truth.Facts(
            server=server,
            state=truth.state_of(found[0]) if found else "",
            is_busy=bool(found and found[0].hidden["busy"]),
            vault=world.get(vault_id(location)),
            deeds=self.done,
            rules=self.scenario.rules,
            has_deleted=any(server.id.lower() in body for body in gone),
            has_hung="operation_hangs" in self.struck_kinds(),
        )
