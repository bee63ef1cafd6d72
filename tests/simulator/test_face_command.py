"""The command line: a clean end, faults from outside, world files at the start."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from served import GROUP, ROOT, SUBSCRIPTION, Served, served


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "simulator", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def wait_for_a_turn(azure: Served) -> None:
    with suppress(requests.exceptions.ConnectionError):
        azure.control("GET", "/clock", after_turn=10**6, wait_s=20)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(tmp_path: Path, number: signal.Signals):
    """Ctrl-C and SIGTERM end it with code 0 within a second, though a client waits; no port and no file is left."""
    with served(tmp_path) as azure:
        arm = urlsplit(azure.ready["arm"])
        waiting = threading.Thread(target=wait_for_a_turn, args=(azure,))
        waiting.start()
        time.sleep(0.2)  # noqa: TID251 - until the request is under way
        began = time.monotonic()
        azure.process.send_signal(number)
        assert azure.process.wait(5) == 0
        assert time.monotonic() - began < 1
        waiting.join(5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", arm.port))
        assert not Path(azure.ready["ca"]).exists()
    assert list(tmp_path.rglob("*.json")) == []


def test_a_fault_is_switched_on_from_another_process(tmp_path: Path):
    """`fault NAME --next N --server ID` reaches the one that runs in this folder, without an address."""
    with served(tmp_path, "--speed", "0") as azure:
        azure.arm("PUT", SUBSCRIPTION, {})
        done = command(tmp_path, "fault", "throttle", "--next", "2", "--server", "rg-data")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["waiting"][0]["times"] == 2
        answers = [azure.arm("PUT", GROUP, {"location": "westeurope"}).status_code for _ in range(3)]
        assert answers == [429, 429, 201]


def test_a_fault_that_nobody_hears_is_an_error(tmp_path: Path):
    """Where none runs, the command says so and where it looked; a name that is none lists the names."""
    alone = command(tmp_path, "fault", "throttle")
    assert (alone.returncode, ".flexguard" in alone.stderr) == (2, True)
    unknown = command(tmp_path, "fault", "earthquake")
    assert (unknown.returncode, "fail_backup" in unknown.stderr) == (2, True)


def test_it_begins_with_a_world_file(tmp_path: Path):
    """What the file makes is there when the ready line comes; a broken file ends it with a reason."""
    steps = [{"put": SUBSCRIPTION, "body": {}}, {"put": GROUP, "body": {"location": "westeurope"}}]
    (tmp_path / "world.yaml").write_text(json.dumps({"version": 1, "now": "2027-01-01T00:00:00Z", "make": steps}))
    with served(tmp_path, "--world", "world.yaml", "--speed", "0") as azure:
        answer = azure.arm("GET", GROUP)
        assert (answer.status_code, answer.headers["date"]) == (200, "Fri, 01 Jan 2027 00:00:00 GMT")
    (tmp_path / "broken.yaml").write_text("version: 1\nserver: []\n")
    done = command(tmp_path, "serve", "--world", "broken.yaml")
    assert (done.returncode, "server" in done.stderr) == (2, True)


def test_control_names_what_there_is(tmp_path: Path):
    """An unknown operation is 404 with the known ones, and the ready line can be asked for again."""
    with served(tmp_path, "--speed", "0") as azure:
        answer = azure.http.get(f"{azure.ready['control']}/nothing", timeout=10)
        assert answer.status_code == 404
        assert "GET /_simulator/clock" in answer.json()["known"]
        assert azure.control("GET", "/ready") == azure.ready


def test_state_can_be_taken_out_and_put_back(tmp_path: Path):
    """What GET /state gives is a world that PUT /state brings back, as JSON and as YAML."""
    with served(tmp_path, "--speed", "0") as azure:
        azure.arm("PUT", SUBSCRIPTION, {})
        azure.arm("PUT", GROUP, {"location": "westeurope"})
        written = azure.control("GET", "/state")
        text = azure.http.get(f"{azure.ready['control']}/state?format=yaml", timeout=10).text
        azure.control("PUT", "/state", {"version": 1})
        assert azure.arm("GET", GROUP).status_code == 404
        put(azure, text)
        assert azure.control("GET", "/state") == written


def put(azure: Served, text: str) -> None:
    answer = azure.http.put(f"{azure.ready['control']}/state", data=text.encode(), timeout=10)
    assert answer.status_code == 200, answer.text
