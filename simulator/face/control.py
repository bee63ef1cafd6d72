"""The local Azure's own operations, below /_simulator: its state, clock, faults and log. Azure has none of this.

It answers from what is there and decides nothing. Waiting (long polls) is the server's part.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import yaml

from simulator import world_file
from simulator.azure import LocalAzure
from simulator.face.clock_modes import Clock
from simulator.face.holders import Holders
from simulator.fault_names import FAULTS
from simulator.wire import Json, Request, Response, json_response

PREFIX = "/_simulator"


@dataclass
class Control:
    """What can be asked of a running local Azure. ready: the line that it printed when it was ready."""

    azure: LocalAzure
    clock: Clock
    holders: Holders
    ready: Json = field(default_factory=dict)

    def handle(self, request: Request) -> Response:
        """Answer one request: 404 names what there is, 400 says what is wrong with the body."""
        operation = self.OPERATIONS.get((request.method, request.path.removeprefix(PREFIX)))
        if operation is None:
            known = sorted(f"{method} {PREFIX}{path}" for method, path in self.OPERATIONS)
            return json_response(404, {"error": f"there is no {request.method} {request.path}", "known": known})
        try:
            return operation(self, request)
        except (ValueError, KeyError, TypeError, yaml.YAMLError) as wrong:
            return json_response(400, {"error": f"{type(wrong).__name__}: {wrong}"})

    # -- faults ------------------------------------------------------------------------------------------------

    def _add_fault(self, request: Request) -> Response:
        body = _body(request)
        ours = ("name", "target", "times", "rate", "seed")
        detail = {name: value for name, value in body.items() if name not in ours}
        often = {"times": int(body.get("times", 0)), "seed": int(body.get("seed", 0))}
        kind, target = str(body["name"]), str(body.get("target") or "")
        self.azure.world.faults.add(kind, target, **often, rate=float(body.get("rate", 1)), **detail)
        return self._faults(request)

    def _faults(self, _: Request) -> Response:
        waiting = [vars(fault) for fault in self.azure.world.faults.waiting]
        return json_response(200, {"waiting": waiting, "known": {name: kind.says for name, kind in FAULTS.items()}})

    def _clear_faults(self, request: Request) -> Response:
        self.azure.world.faults.waiting.clear()
        return self._faults(request)

    # -- state -------------------------------------------------------------------------------------------------

    def _get_state(self, request: Request) -> Response:
        state = world_file.dump(self.azure)
        if request.query.get("format") == "yaml":
            return Response(200, {"content-type": "application/yaml"}, world_file.to_yaml(state).encode())
        return json_response(200, state)

    def _put_state(self, request: Request) -> Response:
        world_file.load(self.azure, world_file.parse(request.body.decode()))
        self.clock.anchor()
        self.holders.next_turn()
        return self.get_clock(request)

    def _log(self, request: Request) -> Response:
        since = int(request.query.get("since", 0))
        calls = [_shown(vars(call), "body") for call in self.azure.log[since:]]
        return json_response(200, {"next": len(self.azure.log), "calls": calls})

    def _published(self, request: Request) -> Response:
        since = int(request.query.get("since", 0))
        log = self.azure.topic.log
        return json_response(200, {"next": len(log), "published": [_shown(vars(each)) for each in log[since:]]})

    def _turns(self, request: Request) -> Response:
        """When which resource came to which state, in order."""
        self.azure.world.settle()
        turns = self.azure.world.journal.turns[int(request.query.get("since", 0)) :]
        return json_response(200, {"turns": [[at.isoformat(), name, state] for at, name, state in turns]})

    def _resources(self, request: Request) -> Response:
        """The bodies of all resources of a type, also of those that no list of ARM shows together."""
        found = self.azure.world.of_type(request.query["type"])
        return json_response(200, {"resources": [resource.body for resource in found]})

    # -- time --------------------------------------------------------------------------------------------------

    def get_clock(self, _: Request) -> Response:
        """What time it is, how time passes, and who keeps it from jumping."""
        clock, due = self.clock, self.clock.next_due()
        clock.catch_up()
        shown = {
            "now": self.azure.now.isoformat(),
            "turn": self.holders.turn,
            "mode": "jump" if clock.speed is None else "speed",
            "speed": clock.speed,
            "until": clock.until.isoformat() if clock.until else None,
            "next_due": due.isoformat() if due else None,
            "busy": self.holders.busy(),
            "in_flight": self.holders.in_flight,
        }
        return json_response(200, shown)

    def _set_clock(self, request: Request) -> Response:
        body = _body(request)
        unknown = set(body) - {"advance_s", "until", "speed", "jump"}
        if unknown or not body:
            msg = f"a clock takes advance_s, until, speed or jump, not {sorted(unknown)}"
            raise ValueError(msg)
        if "advance_s" in body:
            self.clock.advance(float(body["advance_s"]))
        if "until" in body:
            self.clock.until = _moment(body["until"])
        if body.get("jump"):
            self.clock.set_speed(None)
        elif "speed" in body:
            self.clock.set_speed(float(body["speed"]))
        return self.get_clock(request)

    def _set_busy(self, request: Request) -> Response:
        body = _body(request)
        turn = body.get("turn")
        wake_at = _moment(body.get("wake_at"))
        self.holders.report(str(body["holder"]), bool(body["busy"]), None if turn is None else int(turn), wake_at)
        return self.get_clock(request)

    def _forget_holder(self, request: Request) -> Response:
        self.holders.named.pop(request.query["holder"], None)
        return self.get_clock(request)

    def _ready(self, _: Request) -> Response:
        return json_response(200, self.ready)

    OPERATIONS: ClassVar[dict[tuple[str, str], Callable[["Control", Request], Response]]] = {
        ("POST", "/fault"): _add_fault,
        ("GET", "/fault"): _faults,
        ("DELETE", "/fault"): _clear_faults,
        ("GET", "/state"): _get_state,
        ("PUT", "/state"): _put_state,
        ("GET", "/log"): _log,
        ("GET", "/published"): _published,
        ("GET", "/turns"): _turns,
        ("GET", "/resources"): _resources,
        ("GET", "/clock"): get_clock,
        ("POST", "/clock"): _set_clock,
        ("POST", "/busy"): _set_busy,
        ("DELETE", "/busy"): _forget_holder,
        ("GET", "/ready"): _ready,
    }


def _body(request: Request) -> Json:
    body = json.loads(request.body or b"{}")
    if not isinstance(body, dict):
        msg = "the body is no JSON object"
        raise TypeError(msg)
    return body


def _moment(text: Any) -> datetime | None:
    """A moment with its time zone, None for none."""
    if not text:
        return None
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        msg = f"{text} has no time zone"
        raise ValueError(msg)
    return moment


def _shown(values: Json, *without: str) -> Json:
    shown = {name: value for name, value in values.items() if name not in without}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in shown.items()}
