"""What runs elsewhere for us: workflows pin what they use and may do little; bandit and zizmor find nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tidy.tree import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
BIN = Path(sys.executable).parent
# What a job may write, and why; everything else is read alone.
MAY_WRITE = {
    ("codeql.yml", "analyze"): {"security-events"},
    ("release.yml", "build"): {"id-token", "attestations"},
    ("release.yml", "publish"): {"contents"},
}
BAD = """\
on: pull_request_target
jobs:
  x:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: echo ${{ github.event.pull_request.title }}
"""


def run(tool: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a tool that stands beside our own interpreter."""
    command = [str(BIN / tool), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tools


def commands(target: str) -> list[list[str]]:
    """The tools and arguments that a target of the Makefile runs."""
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert recipe
    return [line.strip().removeprefix("@$(BIN)/").split() for line in recipe[1].splitlines()]


def jobs() -> list[tuple[str, str, dict]]:
    """Every job, with the name of its file and its own."""
    read = ((path.name, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in WORKFLOWS)
    return [(file, name, job) for file, workflow in read for name, job in workflow["jobs"].items()]


def test_what_is_asked_for_is_there():
    """Tests, truth, simulation, bandit, CodeQL, dependency review, and a release with bill and provenance."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    wanted = ("make test", "make truth", "make simulate", "make security", "codeql-action/analyze", ".cdx.json",
              "dependency-review-action", "attest-build-provenance")  # fmt: skip
    assert [what for what in wanted if what not in text] == []


def test_every_action_is_pinned():
    """A full commit hash and its version for each; one action has one hash everywhere."""
    lines = [line for path in WORKFLOWS for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    pins = [re.search(r"uses: ([\w-]+/[\w-]+)\S*@([0-9a-f]{40}) # v\d+\.\d+\.\d+$", line) for line in lines]
    assert len(pins) > 10
    assert [line for line, pin in zip(lines, pins, strict=True) if not pin] == []
    assert len({pin[1] for pin in pins if pin}) == len({(pin[1], pin[2]) for pin in pins if pin})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_rights(path: Path):
    """Nobody has a right by default, and no workflow works for a stranger with ours."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    triggers = set(workflow[True])  # YAML reads `on` so
    assert triggers <= {"push", "pull_request", "schedule", "workflow_dispatch"}


@pytest.mark.parametrize(("file", "name", "job"), jobs(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_job_may_do_what_it_must(file: str, name: str, job: dict):
    """Each job names its rights; it writes only what stands above; it ends by itself and keeps no credentials."""
    writes = {right for right, level in job["permissions"].items() if level == "write"}
    assert writes == MAY_WRITE.get((file, name), set())
    assert job["timeout-minutes"] <= 120
    checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert not any("${{" in step.get("run", "") for step in job["steps"])  # nothing is pasted into a shell


@pytest.mark.parametrize("command", commands("security"), ids=" ".join)
def test_the_tools_find_nothing(command: list[str]):
    """Bandit over the code, zizmor over the workflows: `make security` passes."""
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tools_would_notice(tmp_path: Path):
    """A workflow that is open to strangers, and code that unpickles, fail with the same arguments."""
    (tmp_path / "bad.yml").write_text(BAD)
    (tmp_path / "bad.py").write_text("import pickle\n\n\ndef read(text):\n    return pickle.loads(text)\n")
    bandit, _, zizmor = commands("security")
    assert run(zizmor[0], *zizmor[1:-1], tmp_path / "bad.yml").returncode != 0
    assert "B301" in run(bandit[0], *bandit[1:3], tmp_path / "bad.py").stdout
