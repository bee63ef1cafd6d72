"""The import contracts of pyproject.toml: they hold, and each of them would notice."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.tidy.tree import CODE, ROOT

# One deliberate violation of each contract: which file says what, and what is reported.
VIOLATIONS = {
    "one direction": ("shared/watch.py", "from shared import converge", "shared.watch -> shared.converge"),
    "the core is pure": ("shared/core/names.py", "import time", "shared.core.names -> time"),
    "product, simulator and host do not know each other": (
        "functions/watch.py", "from simulator import world", "functions.watch -> simulator.world",
    ),
    "the simulator knows nobody": ("simulator/wire.py", "from host import ncrontab", "simulator.wire -> host.ncrontab"),
    "the host knows nobody": ("host/ncrontab.py", "from shared import ledger", "host.ncrontab -> shared.ledger"),
    "only cloud imports the Azure SDK": ("shared/claim.py", "import azure.core", "shared.claim -> azure (l."),
    "datasources and channels are independent files": (
        "shared/alerts/log_line.py", "from shared.alerts import event_grid_topic",
        "shared.alerts.log_line -> shared.alerts.event_grid_topic",
    ),
}  # fmt: skip


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a tree."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    return subprocess.run(  # noqa: S603 - the linter beside our own interpreter
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_contracts_hold():
    """Every import goes the way that the design says."""
    linted = lint(ROOT)
    assert linted.returncode == 0, linted.stdout


def test_every_contract_has_its_violation():
    """For each contract there is a way to break it below, so that none is only decoration."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {contract["name"] for contract in project["tool"]["importlinter"]["contracts"]} == set(VIOLATIONS)


@pytest.mark.parametrize("name", VIOLATIONS)
def test_every_contract_can_fail(name: str, tmp_path: Path):
    """A single import the wrong way breaks its contract, and is reported with its line."""
    for folder in CODE:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file, line, report = VIOLATIONS[name]
    broken = tmp_path / file
    broken.write_text(broken.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    linted = lint(tmp_path)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    assert f"{name} BROKEN" in linted.stdout
    assert report in linted.stdout
