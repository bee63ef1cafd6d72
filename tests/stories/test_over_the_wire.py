"""The same promise with a real joint at every place: HTTPS, identity, Event Grid, queues, Microsoft's own worker."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from cli.demo.estate import REGIONS, RULES
from cli.deployment import prepare_group, server_body
from cli.over_the_wire import OverTheWire
from cli.stage import INSTANCES, server_id

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Three processes, in a folder of their own; stopped whatever happens."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    made = OverTheWire(RULES, REGIONS, 3)
    yield made
    made.close()


def test_a_tagged_server_ends_protected_over_the_wire(stage):
    """A tag on a server of the HTTPS Azure ends in protection, done by the app in Microsoft's worker."""
    prepare_group(stage.arm, "rg-shop", "westeurope")
    stage.run_until(stage.now + timedelta(minutes=10))
    server = server_id("pg-orders", "rg-shop")
    stage.arm("PUT", server, server_body("westeurope", {"backup-tier": "gold"}))
    stage.run_until(stage.now + timedelta(minutes=40))
    (instance,) = stage.resources(INSTANCES)
    assert instance["properties"]["currentProtectionState"] == "ProtectionConfigured"
    assert stage.row(server).verdict == "protected"
    assert stage.failures == []


def test_the_command_line_works_over_the_wire(stage):
    """`flexguard`, a process of its own that signs in as somebody who may read, sees the same Azure over HTTPS."""
    prepare_group(stage.arm, "rg-shop", "westeurope")
    server = server_id("pg-orders", "rg-shop")
    stage.arm("PUT", server, server_body("westeurope", {"backup-tier": "glod"}))
    environment = stage.let_in_operator("westeurope")
    told = _flexguard(environment, "rules", "check", "--against", "live", "--json")["against"]
    assert told["servers"] == 1
    assert [(slip["nearest"], slip["servers"]) for slip in told["slips"]] == [("gold", [server])]
    (line,) = _flexguard(environment, "status", "--json")
    assert (line["id"], line["verdict"]) == (server, "blocked_unknown_tier")


def test_a_status_is_watched_over_the_wire(stage):
    """`flexguard status --watch` draws the estate on a terminal; Ctrl-C ends it with what it saw, and no traceback."""
    prepare_group(stage.arm, "rg-shop", "westeurope")
    stage.arm("PUT", server_id("pg-orders", "rg-shop"), server_body("westeurope", {"backup-tier": "glod"}))
    mine = {"PYTHONPATH": str(ROOT), "TERM": "xterm", **stage.let_in_operator("westeurope")}
    environment = {**os.environ, **mine}  # noqa: TID251 - the program inherits it
    terminal, inside = pty.openpty()
    command = [sys.executable, "-m", "cli", "status", "--watch"]
    watching = subprocess.Popen(command, env=environment, stdout=inside, stderr=inside)  # noqa: S603 - our own module
    os.close(inside)
    shown, is_stopped = b"", False
    with contextlib.suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as stream:
        while part := stream.read(4096):
            shown += part
            if b"did you mean gold?" in shown and not is_stopped:
                watching.send_signal(signal.SIGINT)
                is_stopped = True
    assert watching.wait(timeout=30) == 1
    assert b"again every 60 s; Ctrl-C ends it" in shown
    assert b"Traceback" not in shown
    assert shown.rstrip().endswith(b"\x1b[?25h")  # the cursor is back


def _flexguard(environment, *arguments):
    """What the command line prints as JSON; its exit code says that there are findings."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}  # noqa: TID251 - the program inherits it
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "cli", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_an_interrupted_demo_leaves_nothing_running(tmp_path, number):
    """Ctrl-C in the middle of the story ends every process that the demo has started."""
    command = [sys.executable, "-m", "cli.demo"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # noqa: TID251 - the demo inherits it
    demo = subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines = iter(demo.stdout.readline, "")
    assert any("is created" in line for line in lines)
    if not Path(f"/proc/{demo.pid}/task/{demo.pid}/children").exists():
        demo.send_signal(number)
        demo.communicate()
        pytest.skip("this system does not tell which processes belong to which (/proc)")
    children = _below(demo.pid)
    assert len(children) >= 3
    demo.send_signal(number)
    demo.communicate()  # as long as it takes: how fast the machine is, is no promise
    assert demo.returncode == 130
    assert [pid for pid in children if Path(f"/proc/{pid}/cmdline").exists() and _is_python(pid)] == []


def _below(pid):
    """The processes below one, at any depth."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    except OSError:  # it has ended meanwhile
        return []
    return children + [below for child in children for below in _below(child)]


def _is_python(pid):
    """Whether a process still runs something of ours; a number may have been given to another since."""
    try:
        return b"python" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
