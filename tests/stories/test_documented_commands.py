"""Every command that README and docs/ show: ours are run before a story's Azure, the others name what they need."""

import importlib.util
import re
import shlex
import shutil
from pathlib import Path

import pytest
from conftest import GOLD, RULES
from desk import Desk
from test_backup_now import Meanwhile

from cli import connection
from cli.connection import Connection
from shared.cloud.clients import Cloud
from shared.cloud.ledger_table import TableLedger
from simulator.arm.authorization import OPERATOR

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
ELSEWHERE = {
    "az": "needs Azure, or the demo: tests/az runs it where it is installed",
    "azd": "needs Azure", "infra/postdeploy.sh": "needs Azure: tests/infra reads it", "gh": "needs GitHub",
    "func": "Microsoft's host cannot be had here", "curl": "needs the host that the lines before it start",
    "sha256sum": "needs a release", "eval": "the shell's own", "export": "the shell's own", "set": "the shell's own",
    "echo": "the shell's own", "_FLEXGUARD_COMPLETE=fish_source": "the shell's own: tests/cli completes words",
}  # fmt: skip


def documented():
    """(file, words) of every command in a block of shell; words after && count as a command of their own."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in BLOCK.findall(path.read_text(encoding="utf-8")):
            joined = re.sub(r"\$\(.*?\)\"", '"', block.replace("\\\n", " "), flags=re.DOTALL)
            for line in joined.splitlines():
                for command in shlex.split(line, comments=True) and line.split("#")[0].split(" && "):
                    yield path.name, tuple(shlex.split(command))


COMMANDS = list(dict.fromkeys((name, words) for name, words in documented() if words))
OURS = {" ".join(words): words[1:] for _, words in COMMANDS if words[0].endswith("flexguard")}
SHORT = ("--weeks", "0.1")  # a rehearsal of weeks takes half a minute


def test_every_command_is_known():
    """A command is ours, a target of the Makefile, one of our modules, or one that cannot run here, with a reason."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for name, words in COMMANDS:
        first = words[0].removeprefix(".venv/bin/")
        if first == "make":
            assert words[1] in targets, (name, words)
        elif first == "python" and words[1] == "-m":
            assert importlib.util.find_spec(words[2]), (name, words)
        else:
            is_assignment = "=" in first
            assert first == "flexguard" or first in ELSEWHERE or is_assignment, (name, words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What one command writes, the next may read."""
    return tmp_path_factory.mktemp("desk")


@pytest.mark.parametrize("line", OURS)
def test_every_command_of_ours_runs(line, estate, capfd, folder, monkeypatch):
    """Each ends with 0, or with 1 because of what it found, and says something; none complains of its arguments."""
    world = estate(RULES)
    world.create_server("pg-orders", GOLD)
    world.run(seconds=3600)
    desk = Desk(world, capfd, folder, monkeypatch)
    desk.rules("new.yaml", world.rules)
    (folder / ".flexguard/demo").mkdir(parents=True, exist_ok=True)
    desk.rules(".flexguard/demo/rules.yaml", world.rules)
    transport = Meanwhile(world.azure)
    transport.world = world
    cloud = Cloud(world.settings, world.azure.credential(OPERATOR), transport)
    connection.use(Connection(cloud, TableLedger(cloud), world.settings))
    monkeypatch.chdir(folder)
    words = OURS[line] + SHORT * ("rehearse" in line)
    if "--estate" in words and not (folder / "estate.json").exists():
        assert desk.run("export", "--to", "estate.json").code == 0
    for name in {"october", "november"} & set(words):  # each command comes alone, in any order
        shutil.rmtree(folder / name, ignore_errors=True)
        if "--out" not in words:
            assert desk.run("evidence", "--out", name).code in (0, 1)
    ran = desk.run(*words)
    connection.use(None)
    assert (ran.code in (0, 1), bool(ran.out.strip() or ran.err.strip())) == (True, True), ran.err
