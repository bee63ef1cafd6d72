"""The status page from the command line, and through Microsoft's worker: the same record, and who may see it."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from conftest import GOLD
from desk import Desk

from cli import connection
from cli.demo.estate import REGIONS, RULES
from cli.deployment import prepare_group, server_body
from cli.over_the_wire import OverTheWire
from cli.stage import server_id

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def at(estate, capfd, tmp_path, monkeypatch):
    """A desk before an estate that the sweep has seen."""
    world = estate()
    world.courier = lambda _event: ()
    for name, tags in {"pg-one": GOLD, "pg-slip": {"backup-tier": "glod"}}.items():
        world.create_server(name, tags)
    world.run(seconds=3 * 3600)
    yield Desk(world, capfd, tmp_path, monkeypatch)
    connection.use(None)


def test_the_page_as_a_file(at):
    """It says where the page is, how old the record is, and what it comes to; exit code 1 while somebody is needed."""
    file = at.folder / "status.html"
    ran = at.run("status", "--html", file)
    text = file.read_text(encoding="utf-8")
    assert ran.code == 1
    assert ran.out.startswith(f"Written: {file}, as of ")
    assert ran.out.endswith(" UTC: 1 server needs somebody\n")
    assert "<b>1 of 2</b> servers that could be protected are" in text
    assert "did you mean gold?" in text
    assert [call for call in ran.calls if call[0] != "GET"] == []


def test_the_page_as_a_file_and_as_json(at):
    """With --json the values of the page are printed too."""
    told = at.run("status", "--html", at.folder / "status.html", "--json").json
    assert (told["protected"], told["eligible"], told["is_stale"]) == (1, 2, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--server", "/subscriptions/x"], "leave --server out"),
        (["--all"], "leave --all out"),
        (["--html", "/no/such/folder/status.html"], "cannot be written: No such file"),
    ],
)
def test_what_the_page_cannot_be(at, arguments, said):
    """The page is of the app's record, whole, where a file can be."""
    ran = at.run("status", "--html", at.folder / "status.html", *arguments)
    assert (ran.code, said in ran.err) == (2, True)


def test_without_a_record(at):
    """Before the first sweep there is nothing to write, and the message says when there will be."""
    at.world.azure.blobs.containers["flexguard"].blobs.clear()
    ran = at.run("status", "--html", at.folder / "status.html")
    assert ran.code == 2
    assert "no sweep has left a record that can be read; it runs ten minutes past every hour" in ran.err
    assert not (at.folder / "status.html").exists()


def test_over_the_wire(tmp_path, monkeypatch):
    """GET /api/status of the app in Microsoft's worker, over HTTP: refused without a key, the page with one."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    stage = OverTheWire(RULES, REGIONS, 3)
    try:
        prepare_group(stage.arm, "rg-shop", "westeurope")
        stage.arm("PUT", server_id("pg-orders", "rg-shop"), server_body("westeurope", {"backup-tier": "glod"}))
        stage.run_until(stage.now + timedelta(minutes=75))
        url = f"{stage.host['url']}/api/status"
        assert requests.get(url, timeout=30).status_code == 401
        answer = requests.get(url, headers={"x-functions-key": stage.host["keys"]["functions"]["status"]}, timeout=30)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "pg-orders" in answer.text
        file = tmp_path / "status.html"
        ran = _flexguard(stage.let_in_operator("westeurope"), "status", "--html", str(file), "--json")
        assert [row["name"] for row in ran["rows"]] == ["pg-orders"]
        assert stage.failures == []
    finally:
        stage.close()


def _flexguard(environment, *arguments):
    """What the command line prints as JSON, as a process of its own; its exit code says that there are findings."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}  # noqa: TID251 - the program inherits it
    command = [sys.executable, "-m", "cli", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)
