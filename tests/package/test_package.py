"""The package: what is in it, that nothing else is needed, and that it runs as Azure would run it."""

import asyncio
import base64
import fcntl
import importlib.metadata
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.queue import QueueClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cli.package import HOME, CannotPackage, app_files, bill_of_materials, dependencies, write
from host import payloads
from host.worker.parent import Outcome, Worker
from tests.simulator.served import SERVER, SUBSCRIPTION, Served, served

FUNCTIONS = {
    "on_server_event", "converge_server", "keep_poison", "sweep_estate", "back_up_due", "watch_jobs", "check_watch",
    "status", "keep_evidence",
}  # fmt: skip
PLATFORM = ("azure-functions-runtime", "azurefunctions-extensions-base")  # what Azure brings: its worker
LEFT_BEHIND = [
    ".venv/bin/python", ".flexguard/demo/summary.json", ".mypy_cache/x.json", ".git/HEAD", ".github/workflows/ci.yml",
    "__pycache__/function_app.cpython-313.pyc", "shared/core/__pycache__/plan.cpython-313.pyc", "local.settings.json",
    "dist/flexguard-0.1.0.zip",
]  # fmt: skip
EVERY_IMPORT = """
import ast, pathlib
for path in sorted(pathlib.Path().rglob("*.py")):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(compile(ast.unparse(node), f"{path}:{node.lineno}", "exec"))
            print(ast.unparse(node))
"""


TELL_PREFIX = "import pathlib, sys; pathlib.Path(__file__).with_name('prefix').write_text(sys.prefix)"


class Operator:
    """The person who runs the estate."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken("simulated.operator", 2**31)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, made of the working tree."""
    path = tmp_path_factory.mktemp("package") / "flexguard.zip"
    write(path, app_files(HOME))
    return path


@pytest.fixture(scope="session")
def app(package: Path) -> Path:
    """The package as it lies unpacked in Azure."""
    folder = package.parent / "wwwroot"
    zipfile.ZipFile(package).extractall(folder)
    return folder


@pytest.fixture(scope="session")
def clean(app: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A Python that has what requirements.txt names and nothing else; one for all processes of a test run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "clean"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (said := folder / "pip.txt").exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)  # noqa: S603 - our own Python
            said.write_text(install(folder / "bin/python", app / "requirements.txt"), encoding="utf-8")
    if "connection broken by" in (text := said.read_text(encoding="utf-8")):
        pytest.skip("the package index cannot be reached, and the clean environment comes from there")
    assert text == "", text
    return folder / "bin/python"


def install(python: Path, requirements: Path) -> str:
    """Install as Azure's remote build does; answer what pip said if it failed."""
    command = [python, "-m", "pip", "install", "--no-compile", "--retries", "1", "--require-hashes", "-r", requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - pip of that Python
    return done.stdout + done.stderr if done.returncode else ""


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A local Azure whose clock stands still, in a process of its own."""
    with served(tmp_path_factory.mktemp("azure"), "--speed", "0") as running:
        yield running


# -- what is in it ---------------------------------------------------------------------------------------------


def test_only_the_app_is_inside(package: Path):
    """The app, its rules, host.json, requirements, the licence: whatever is new at the top is left out or named."""
    names = zipfile.ZipFile(package).namelist()
    tops = {name.partition("/")[0] for name in names}
    app = {"function_app.py", "functions", "shared"}
    assert tops == {*app, "host.json", "requirements.txt", "rules.yaml", "prices.yaml", "LICENSE"}
    assert [name for name in names if "/" in name and not name.endswith((".py", ".kql", ".jinja", ".css", ".js"))] == []


def test_the_core_tools_would_send_the_same(package: Path):
    """`func … publish` reads .funcignore in its own way and comes to the same files, also where tools were at work.

    Source: azure-functions-core-tools `GitIgnoreParser.cs`, `FileSystemHelpers.GetLocalFiles`.
    """
    lines = (HOME / ".funcignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.removeprefix("/") for line in lines if line and not line.startswith(("#", "!"))]
    left_out = re.compile("|".join(map(prefix, patterns)))
    tracked = subprocess.check_output(["git", "ls-files"], cwd=HOME, text=True).splitlines()  # noqa: S607
    files = [*tracked, *LEFT_BEHIND]
    assert sorted(name for name in files if not left_out.match(name)) == zipfile.ZipFile(package).namelist()


def prefix(pattern: str) -> str:
    """What the Core Tools make of a line: it is compared with the start of a path, and a star ends at a slash."""
    stars = {"**": ".+", "*": "[^/]+"}
    return "".join(stars.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*)", pattern))


def test_the_same_files_are_the_same_bytes(package: Path, tmp_path: Path):
    """Neither the order nor the hour nor the rights of the files are in the zip."""
    files = app_files(HOME)
    write(tmp_path / "again.zip", dict(reversed(files.items())))
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()


def test_the_bill_has_every_pin():
    """The bill of materials names what Azure installs, each package with its version, and nothing else."""
    text = (HOME / "requirements.txt").read_text(encoding="utf-8")
    bill = json.loads(bill_of_materials(text, "1.2.3"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["version"] == "1.2.3"
    pins = {pin.name: pin for pin in map(Requirement, re.findall(r"^[A-Za-z][^\\\n]*", text, re.MULTILINE))}
    listed = {one["name"]: one for one in bill["components"]}
    assert {name: f"=={one['version']}" for name, one in listed.items()} == {
        n: str(p.specifier) for n, p in pins.items()
    }
    assert {name for name, one in listed.items() if one["scope"] == "optional"} == {
        n for n, p in pins.items() if p.marker
    }
    assert listed["azure-core"]["purl"] == f"pkg:pypi/azure-core@{listed['azure-core']['version']}"


def repository(folder: Path) -> Path:
    """A project of two files that git tracks, one that it does not, and one that is not for Azure."""
    for name in ("function_app.py", "shared/new.py", "tests/test_x.py", "secret.pem"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    (folder / ".funcignore").write_text("tests/\n.funcignore\n")
    for command in (["init", "-q"], ["add", "function_app.py", "tests", "shared", ".funcignore"]):
        subprocess.run(["git", *command], cwd=folder, check=True)  # noqa: S603, S607 - in a folder of the test
    return folder


def test_only_what_git_tracks_is_packed(tmp_path: Path):
    """A file that nobody added to the repository, a key for instance, does not get into Azure."""
    files = app_files(repository(tmp_path))
    assert files == {"function_app.py": b"function_app.py", "shared/new.py": b"shared/new.py"}


def test_a_missing_file_is_no_package(tmp_path: Path):
    """What git tracks and is not there is named; outside of a repository the reason is git's."""
    (repository(tmp_path) / "shared/new.py").unlink()
    with pytest.raises(CannotPackage, match=r"shared/new\.py, and it is not there"):
        app_files(tmp_path)
    (tmp_path / ".git").rename(tmp_path / "git")
    with pytest.raises(CannotPackage, match="not a git repository"):
        app_files(tmp_path)


def test_dependencies_have_nothing_of_this_machine(app: Path, clean: Path, tmp_path: Path):
    """Packed dependencies lie where Azure looks, without the scripts that name a Python, also in their records."""
    assert clean  # there is a package index
    (pin,) = re.findall(
        r"^idna==.*(?:\n    --hash.*)+", (app / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    (tmp_path / "requirements.txt").write_text(pin)
    files = dependencies(tmp_path / "requirements.txt")
    assert ".python_packages/lib/site-packages/idna/__init__.py" in files
    assert [name for name in files if "/bin/" in name or name.endswith(".pyc")] == []
    assert [name for name, content in files.items() if sys.prefix.encode() in content or b"../bin/" in content] == []


# -- nothing else is needed ------------------------------------------------------------------------------------


def run(python: Path | str, code: str, folder: Path) -> str:
    """What a program prints that runs in a folder, without any environment."""
    done = subprocess.run(  # noqa: S603 - our own code
        [python, "-c", code], cwd=folder, env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_of_ours_is_inside(app: Path):
    """Every import statement of the package works in its folder, also those within functions."""
    done = run(sys.executable, EVERY_IMPORT, app)
    assert "from shared.watch import watch_jobs as watch" in done
    assert not re.search(r"\b(simulator|host|cli|tests)\b", done)


def test_every_dependency_is_in_the_requirements(app: Path, clean: Path):
    """So it does where only requirements.txt is installed."""
    assert "import msgspec" in run(clean, EVERY_IMPORT, app)


def test_only_the_requirements_are_installed(app: Path, clean: Path):
    """The clean environment has each pin in its version, and besides pip nothing."""
    text = (app / "requirements.txt").read_text(encoding="utf-8")
    pins = [Requirement(line.rstrip(" \\")) for line in re.findall(r"^[a-z].*", text, re.MULTILINE)]
    wanted = {
        canonicalize_name(pin.name): str(pin.specifier) for pin in pins if not pin.marker or pin.marker.evaluate()
    }
    found = run(
        clean, "from importlib.metadata import *; [print(one.name, one.version) for one in distributions()]", app
    )
    installed = {canonicalize_name(name): f"=={version}" for name, version in map(str.split, found.splitlines())}
    assert {name: pin for name, pin in installed.items() if name != "pip"} == wanted


# -- it runs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def platform(clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What Azure brings: Python with the app's dependencies, and on its path the worker alone."""
    folder = tmp_path / "platform"
    folder.mkdir()
    for name in PLATFORM:
        parts = importlib.metadata.distribution(name).files or []
        for top in {part.parts[0] for part in parts}:
            (folder / top).symlink_to(Path(str(parts[0].locate())).parents[len(parts[0].parts) - 1] / top)
    (folder / "sitecustomize.py").write_text(TELL_PREFIX)
    monkeypatch.setattr(sys, "executable", str(clean))  # the host starts the worker with its own Python
    return folder


def event() -> dict[str, Any]:
    """What Event Grid says when a server was written."""
    return {
        "id": "e-1", "topic": SUBSCRIPTION, "subject": SERVER, "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-11-23T12:00:00Z", "dataVersion": "2", "metadataVersion": "1", "data": {},
    }  # fmt: skip


def test_an_event_runs_through_the_package(app: Path, clean: Path, platform: Path, azure: Served):
    """Microsoft's worker finds the four functions; an event reaches the queue: managed identity, TLS, clean Python."""
    transport = RequestsTransport(connection_verify=azure.ready["ca"])
    queue = QueueClient(azure.ready["queue"], "converge", credential=Operator(), transport=transport)
    queue.create_queue()
    settings = {
        **azure.ready["environment"],
        "FLEXGUARD_SUBSCRIPTIONS": SUBSCRIPTION.rpartition("/")[2],
        "PYTHONPATH": str(platform),
    }
    lines: list[str] = []

    async def story() -> tuple[set[str], Outcome]:
        worker = Worker(app, settings, lambda *line: lines.append(line[0]))
        try:
            ids = {function.name: function.id for function in await worker.start()}
            return set(ids), await worker.invoke("i-1", ids["on_server_event"], {"event": payloads.event(event())}, {})
        finally:
            await worker.stop()

    names, outcome = asyncio.run(story())
    assert names == FUNCTIONS
    assert (platform / "prefix").read_text() == str(clean.parent.parent)  # nothing of the developer's was on its path
    assert outcome.ok, outcome.error
    (message,) = queue.peek_messages(max_messages=2)
    assert json.loads(base64.b64decode(message.content))["server_id"].lower() == SERVER.lower()
    assert any('"event_received"' in line for line in lines)
