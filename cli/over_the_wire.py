"""The stage of three processes: a local Azure over HTTPS, a Functions host with Microsoft's worker, and whoever tells.

The app runs as Azure would run it: managed identity, TLS, Event Grid over HTTP. It cannot tell the difference, and has
no switch for it. What is started here is stopped here, whatever happens.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

from cli.azurite import Azurite
from cli.deployment import PROPAGATION_S, api_version, deploy, let_in_reader
from cli.stage import SCOPE, SUBSCRIPTION, Json
from shared.cloud.clients import STORAGE_VERSION, Cloud
from shared.cloud.ledger_table import TABLE, TableLedger
from shared.cloud.snapshot import CONTAINER
from shared.converge import QUEUE
from shared.ledger import ServerRow
from shared.settings import VARIABLES, Settings

HOME = Path(__file__).resolve().parent.parent
FOLDER = Path(".flexguard/demo")
OPERATOR = "operator"  # the person who runs the estate: the local Azure lets them do everything
FACT = re.compile(r"(\{\"fact\": .*\})(?: \(Id=[0-9a-f-]+\))?$")
WAIT_S = 120  # a machine that is busy answers late; one that has died closes the connection
MOST_STEPS = 20
STOP_S = 10
STARTUP_S = 60
OPERATIONS = [
    "Microsoft.DBforPostgreSQL/flexibleServers/write",
    "Microsoft.DBforPostgreSQL/flexibleServers/delete",
    "Microsoft.DBforPostgreSQL/flexibleServers/start/action",
    "Microsoft.Resources/tags/write",
    "Microsoft.DataProtection/backupVaults/backupInstances/write",
    "Microsoft.DataProtection/backupVaults/backupInstances/delete",
]  # what the deployment's event subscription lets through


class DidNotStart(Exception):
    """A process of the stage ended, or said nothing, before it was ready; the message is what it said."""


class Operator:
    """A credential of the person who runs the estate: tokens from the local Azure's own token endpoint."""

    def __init__(self, session: requests.Session, address: str) -> None:
        self._session, self._address = session, address

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        form = {"grant_type": "client_credentials", "client_id": OPERATOR, "client_secret": "any", "scope": scopes[0]}
        url = f"{self._address}/organizations/oauth2/v2.0/token"
        answer = self._session.post(url, data=form, timeout=WAIT_S).json()
        return AccessToken(answer["access_token"], int(time.time()) + answer["expires_in"])


class OverTheWire:
    """Implements `cli.stage.Stage` over three processes. Close it, or they go on.

    storage: starts another storage account than the local Azure's own, given its ready line.
    """

    def __init__(
        self, rules: str, regions: tuple[str, ...], seed: int, storage: Callable[[Json], Azurite] | None = None
    ) -> None:
        self._opened = contextlib.ExitStack()
        self._processes: list[subprocess.Popen[str]] = []
        self._listeners: list[threading.Thread] = []
        self._heard: list[tuple[datetime, Json]] = []
        self.failures: list[str] = []
        self._noise: set[str] = set()
        FOLDER.mkdir(parents=True, exist_ok=True)
        try:
            self._start_azure(seed, storage)
            self._deploy(rules, regions)
            self._start_host()
            self._subscribe()
        except BaseException:
            self.close()
            raise

    # -- the processes -----------------------------------------------------------------------------------------

    def _start_azure(self, seed: int, storage: Callable[[Json], Azurite] | None) -> None:
        self.azure = self._spawn("azure", ["-m", "simulator", "serve", "--speed", "0", "--seed", str(seed)], {})
        self._session = self._opened.enter_context(requests.Session())
        self._session.verify = self.azure["ca"]
        self._session.trust_env = False  # a REQUESTS_CA_BUNDLE of the machine would win over the line above
        self._session.headers["authorization"] = f"Bearer simulated.{OPERATOR}"
        if storage:
            account = storage(self.azure)
            self._opened.callback(account.close)
            self.azure["environment"] |= account.environment
        settings = {name: self.azure["environment"].get(variable, "") for name, variable in VARIABLES.items()}
        settings |= {"subscriptions": frozenset({SUBSCRIPTION})}
        known = Settings(**{name: value for name, value in settings.items() if value})
        transport = self._opened.enter_context(
            RequestsTransport(connection_verify=self.azure["environment"]["REQUESTS_CA_BUNDLE"])
        )
        operator = Operator(self._session, self.azure["arm"])
        cloud = Cloud(known, operator, transport)
        self._archive = TableLedger(cloud)
        container = f"{known.blob_endpoint}/{CONTAINER}?restype=container"
        cloud.blobs.send_request(HttpRequest("PUT", container, headers={"x-ms-version": STORAGE_VERSION}))
        TableServiceClient(known.table_endpoint, credential=operator, transport=transport).create_table(TABLE)
        QueueClient(known.queue_endpoint, QUEUE, credential=operator, transport=transport).create_queue()

    def _deploy(self, rules: str, regions: tuple[str, ...]) -> None:
        (FOLDER / "rules.yaml").write_text(rules, encoding="utf-8")
        deploy(self.arm, regions, self.azure["principal"])
        self._control("POST", "/clock", {"advance_s": PROPAGATION_S})

    @property
    def _environment(self) -> dict[str, str]:
        """What the app finds in its environment."""
        return {
            **self.azure["environment"],
            VARIABLES["subscriptions"]: SUBSCRIPTION,
            VARIABLES["rules_path"]: str((FOLDER / "rules.yaml").resolve()),
        }

    def let_in_operator(self, region: str) -> dict[str, str]:
        """The environment in which the command line works here, as an identity with Reader alone.

        Ten minutes of Azure's time pass, until its role works.
        """
        client = let_in_reader(self.arm, region)
        self.run_until(self.now + timedelta(seconds=PROPAGATION_S))
        return {**self._environment, VARIABLES["client_id"]: client}

    def _start_host(self) -> None:
        arguments = ["-m", "host", "--port", "0", "--app", str(HOME), "--control", self.azure["control"]]
        self.host = self._spawn("host", arguments, self._environment, listen=True)

    def _spawn(self, name: str, arguments: list[str], settings: Mapping[str, str], *, listen: bool = False) -> Json:
        """Start a process in a group of its own and wait for the line with which it says that it is ready."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **settings}  # noqa: TID251 - a new process inherits it
        log = self._opened.enter_context((FOLDER / f"{name}.log").open("w", encoding="utf-8"))
        process = subprocess.Popen(  # noqa: S603 - our own modules, with arguments of our own
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if listen else log,
            env=environment,
            text=True,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
        self._processes.append(process)
        self._opened.callback(self._stop, process)
        if listen and process.stderr:
            self._listeners.append(threading.Thread(target=self._listen, args=(process.stderr, log), daemon=True))
            self._listeners[-1].start()
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            process.wait(STARTUP_S)
            raise DidNotStart(f"{name} did not start:\n{(FOLDER / f'{name}.log').read_text(encoding='utf-8')}")
        return dict(json.loads(line))

    def _listen(self, lines: IO[str], log: IO[str]) -> None:
        """Keep what the host says, and hear the app's facts in it."""
        for line in lines:
            log.write(line)
            log.flush()
            if match := FACT.search(line.rstrip()):
                fact = json.loads(match[1])
                at = datetime.fromisoformat(fact["at"]) if "at" in fact else self.now
                self._heard.append((at, fact))
            elif "(Failed," in line:
                self.failures.append(line.split("] ", 1)[-1].strip())

    @property
    def pids(self) -> list[int]:
        """The processes, in the order in which they were started."""
        return [process.pid for process in self._processes]

    def close(self) -> None:
        """Stop everything in the opposite order of its start; nothing is left running."""
        self._opened.close()

    def _stop(self, process: subprocess.Popen[str]) -> None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
        for listener in self._listeners:
            listener.join(STOP_S)  # what the host said last may still have to ask Azure's clock
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()

    # -- Event Grid --------------------------------------------------------------------------------------------

    def _subscribe(self) -> None:
        """Subscribe the app to the events of the subscription, as a deployment does once the app is there."""
        topic = f"{SCOPE}/resourceGroups/rg-backup/providers/Microsoft.EventGrid/systemTopics/subscription-events"
        properties = {"source": SCOPE, "topicType": "Microsoft.Resources.Subscriptions"}
        self.arm("PUT", topic, {"location": "global", "properties": properties})
        self.subscription = f"{topic}/eventSubscriptions/flexguard"
        body = {
            "properties": {
                "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": self.host["webhook"]}},
                "filter": {
                    "advancedFilters": [
                        {"operatorType": "StringIn", "key": "data.operationName", "values": OPERATIONS},
                    ]
                },
                "eventDeliverySchema": "EventGridSchema",
            }
        }
        self.arm("PUT", self.subscription, body)
        self._control("POST", "/clock", {"until": self.now.isoformat(), "jump": True})
        for _ in range(MOST_STEPS):
            self._advance(5)
            state = self.arm("GET", self.subscription)["properties"]["provisioningState"]
            if state == "Succeeded":
                return
        raise DidNotStart(f"the event subscription is {state}; see {FOLDER}/azure.log")

    # -- the stage ---------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self._control("GET", "/clock")["now"])

    @property
    def alerts(self) -> list[Json]:
        return [each["event"] for each in self._control("GET", "/published")["published"]]

    def arm(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.azure['arm']}{path}{'&' if '?' in path else '?'}api-version={api_version(path)}"
        response = self._session.request(method, url, json=body, timeout=WAIT_S)
        if not response.ok:
            raise AssertionError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json() if response.content else None

    def _control(self, method: str, path: str, body: Json | None = None) -> Json:
        response = self._session.request(method, f"{self.azure['control']}{path}", json=body, timeout=WAIT_S)
        if not response.ok:
            raise AssertionError(f"{method} {path}: {response.status_code} {response.text}")
        return dict(response.json())

    def fault(self, kind: str, target: str) -> None:
        self._control("POST", "/fault", {"name": kind, "target": target})

    def make_noisy(self, name: str) -> None:
        self._control("POST", "/fault", {"name": "reorder_events", "target": f"/{name}", "times": 1})
        self._control("POST", "/fault", {"name": "duplicate_event", "target": f"/{name}", "times": 1000})

    def _advance(self, seconds: float) -> None:
        clock = self._control("POST", "/clock", {"advance_s": seconds})
        self.run_until(datetime.fromisoformat(clock["now"]))

    def run_until(self, moment: datetime) -> None:
        """Let time jump until then, and wait until nobody has anything to do any more."""
        clock = self._control("POST", "/clock", {"until": moment.isoformat()})
        while datetime.fromisoformat(clock["now"]) < moment or clock["busy"] or clock["in_flight"]:
            clock = self._control("GET", f"/clock?after_turn={clock['turn']}&wait_s=0.02")

    def let_time_pass(self, speed: float) -> None:
        """From now on time passes by itself, so many virtual seconds in a real one."""
        self._control("POST", "/clock", {"until": None, "speed": speed})

    def next_due(self) -> datetime | None:
        due = self._control("GET", "/clock")["next_due"]
        return datetime.fromisoformat(due) if due else None

    def turns(self, since: int) -> list[tuple[datetime, str, str]]:
        turns = self._control("GET", f"/turns?since={since}")["turns"]
        return [(datetime.fromisoformat(at), resource, state) for at, resource, state in turns]

    def facts(self, since: int) -> list[tuple[datetime, Json]]:
        return self._heard[since:]

    def calls(self) -> list[tuple[str, str, str, str]]:
        app = self.azure["principal"]
        log = self._control("GET", "/log")["calls"]
        arm = (call for call in log if call["caller"] == app and call["operation"].startswith("Microsoft."))
        return [(call["operation"], call["method"], call["path"], call["correlation"]) for call in arm]

    def resources(self, resource_type: str) -> list[Json]:
        return list(self._control("GET", f"/resources?type={urllib.parse.quote(resource_type)}")["resources"])

    def row(self, server_id: str) -> ServerRow:
        return self._archive.server(server_id).row or ServerRow(server_id=server_id)
