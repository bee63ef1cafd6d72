"""How time passes in a served local Azure: at a speed, in jumps, and not at all while somebody is busy."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from served import BODY, GROUP, SERVER, SUBSCRIPTION, Served, served

START = datetime.fromisoformat("2026-11-23T08:00:00+00:00")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("face"), "--jump") as azure:
        yield azure


@pytest.fixture
def azure(running: Served) -> Served:
    """A fresh world at its start, whose time stands still because the test holds it."""
    running.control("POST", "/busy", {"holder": "test", "busy": True})
    running.control("POST", "/clock", {"jump": True, "until": None})
    running.control("PUT", "/state", {"version": 1})
    running.arm("PUT", SUBSCRIPTION, {})
    running.arm("PUT", GROUP, {"location": "westeurope"})
    return running


def now(azure: Served) -> datetime:
    return datetime.fromisoformat(azure.control("GET", "/clock")["now"])


def state(azure: Served) -> str:
    return str(azure.arm("GET", SERVER).json()["properties"]["state"])


def test_nothing_jumps_while_somebody_is_busy(azure: Served):
    """A holder that is busy holds the clock, and the clock says who it is."""
    azure.arm("PUT", SERVER, BODY)
    told = azure.control("GET", "/clock", at=(START + timedelta(hours=1)).isoformat(), wait_s=0.1)
    assert (told["now"], told["busy"]) == (START.isoformat(), ["test"])
    assert told["next_due"] > told["now"]


def test_time_jumps_to_what_is_due_and_no_further_than_told(azure: Served):
    """Once nobody is busy, the server is ready within a moment of real time, and the clock stands at its limit."""
    azure.arm("PUT", SERVER, BODY)
    limit = START + timedelta(hours=2)
    azure.control("POST", "/clock", {"until": limit.isoformat()})
    azure.control("POST", "/busy", {"holder": "test", "busy": False})
    told = azure.control("GET", "/clock", at=limit.isoformat(), wait_s=10)
    assert (told["now"], state(azure)) == (limit.isoformat(), "Ready")


def test_a_limit_is_kept_though_more_is_due(azure: Served):
    """With a limit of ten seconds the server is not ready, though somebody waits for a later moment."""
    azure.arm("PUT", SERVER, BODY)
    limit = START + timedelta(seconds=10)
    azure.control("POST", "/clock", {"until": limit.isoformat()})
    azure.control("POST", "/busy", {"holder": "test", "busy": False})
    told = azure.control("GET", "/clock", at=(START + timedelta(hours=1)).isoformat(), wait_s=0.3)
    assert told["now"] == limit.isoformat()
    assert state(azure) != "Ready"


def test_a_holder_is_woken_for_every_turn_and_never_overtaken(azure: Served):
    """A holder that tells the turn it has seen keeps the clock from the next jump until it has looked again."""
    azure.arm("PUT", SERVER, BODY)
    wake = [START + timedelta(seconds=n) for n in (5, 10)]
    seen = azure.control("POST", "/busy", {"holder": "test", "busy": False, "turn": 0, "wake_at": wake[0].isoformat()})
    azure.control(
        "POST", "/busy", {"holder": "test", "busy": False, "turn": seen["turn"], "wake_at": wake[0].isoformat()}
    )
    told = azure.control("GET", "/clock", after_turn=seen["turn"], wait_s=10)
    assert told["now"] == wake[0].isoformat()
    held = azure.control("GET", "/clock", after_turn=told["turn"], wait_s=0.1)
    assert (held["now"], held["busy"]) == (wake[0].isoformat(), ["test"])
    azure.control(
        "POST", "/busy", {"holder": "test", "busy": False, "turn": told["turn"], "wake_at": wake[1].isoformat()}
    )
    assert azure.control("GET", "/clock", after_turn=told["turn"], wait_s=10)["now"] == wake[1].isoformat()


def test_a_new_message_is_something_to_see(azure: Served):
    """Who waits for the next turn is woken by a message that was put on a queue."""
    before = azure.control("GET", "/clock")["turn"]
    headers = {"authorization": "Bearer simulated.operator", "x-ms-version": "2021-12-02"}
    queue = f"{azure.ready['queue']}/wake"
    azure.http.put(queue, headers=headers, timeout=10)
    text = "<QueueMessage><MessageText>x</MessageText></QueueMessage>"
    azure.http.post(f"{queue}/messages?visibilitytimeout=60", data=text, headers=headers, timeout=10)
    told = azure.control("GET", "/clock", after_turn=before, wait_s=10)
    assert told["turn"] > before
    assert told["next_due"] == (START + timedelta(seconds=60)).isoformat()


def test_speed_is_virtual_seconds_per_real_second(azure: Served):
    """At speed 3600 an hour passes in a real second, also when nobody asks."""
    azure.control("POST", "/clock", {"speed": 3600})
    began = time.monotonic()
    told = azure.control("GET", "/clock", at=(START + timedelta(minutes=10)).isoformat(), wait_s=10)
    passed_s = (datetime.fromisoformat(told["now"]) - START).total_seconds()
    assert 600 <= passed_s <= (time.monotonic() - began + 0.5) * 3600


def test_speed_nought_stops_the_clock_until_it_is_advanced(azure: Served):
    """With speed 0 only `advance_s` lets time pass, and everything due happens on the way."""
    azure.control("POST", "/clock", {"speed": 0})
    azure.arm("PUT", SERVER, BODY)
    assert now(azure) == START
    azure.control("POST", "/clock", {"advance_s": 3600})
    assert (now(azure), state(azure)) == (START + timedelta(hours=1), "Ready")


@pytest.mark.parametrize("body", [{}, {"pace": 3}, {"until": "tomorrow"}, {"until": "2026-11-23T08:00:00"}, [1]])
def test_a_wrong_clock_is_refused(azure: Served, body: Any):
    """What the clock does not understand is 400 and changes nothing."""
    answer = azure.http.post(f"{azure.ready['control']}/clock", json=body, timeout=10)
    assert (answer.status_code, now(azure)) == (400, START)


# -- events ------------------------------------------------------------------------------------------------------


class Webhook(BaseHTTPRequestHandler):
    """Agrees to be a webhook, and keeps what it gets."""

    got: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        events = json.loads(self.rfile.read(int(self.headers["content-length"])))
        code = events[0]["data"].get("validationCode")
        body = json.dumps({"validationResponse": code}).encode() if code else b""
        self.got += [] if code else events
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def webhook() -> Iterator[str]:
    Webhook.got.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/webhook"
    server.shutdown()
    thread.join()
    server.server_close()


def test_events_reach_a_webhook_before_time_goes_on(azure: Served, webhook: str):
    """After the handshake a write is delivered at the virtual moment at which it happened."""
    path = f"{SUBSCRIPTION}/providers/Microsoft.EventGrid/eventSubscriptions/hook"
    destination = {"endpointType": "WebHook", "properties": {"endpointUrl": webhook}}
    assert azure.arm("PUT", path, {"properties": {"destination": destination}}).status_code == 201
    azure.control("POST", "/clock", {"until": (START + timedelta(minutes=10)).isoformat()})
    azure.control("POST", "/busy", {"holder": "test", "busy": False})
    azure.control("GET", "/clock", at=(START + timedelta(minutes=10)).isoformat(), wait_s=10)
    assert azure.arm("GET", path).json()["properties"]["provisioningState"] == "Succeeded"
    azure.arm("PATCH", GROUP, {"tags": {"a": "b"}})
    azure.control("POST", "/clock", {"until": (START + timedelta(minutes=20)).isoformat()})
    azure.control("GET", "/clock", at=(START + timedelta(minutes=20)).isoformat(), wait_s=10)
    told = [(event["data"]["operationName"], event["eventTime"][:16]) for event in Webhook.got]
    assert told == [("Microsoft.Resources/subscriptions/resourceGroups/write", "2026-11-23T08:10")]
