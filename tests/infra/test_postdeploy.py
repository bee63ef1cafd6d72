"""postdeploy.sh: which topics it finds, which it has made, and what it hands to the template."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.infra.bicep_file import read
from tests.tidy.tree import ROOT

INFRA = ROOT / "infra"
FIRST, SECOND = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"
OUTPUTS = {
    "AZURE_LOCATION": "westeurope",
    "AZURE_RESOURCE_GROUP": "rg-flexguard-production",
    "FLEXGUARD_FUNCTION_ID": "/subscriptions/x/functions/on_server_event",
    "FLEXGUARD_STORAGE_ID": "/subscriptions/x/storage",
    "FLEXGUARD_SUBSCRIPTIONS": f"{FIRST},{SECOND}",
    "FLEXGUARD_ACTION_GROUPS": "/a/one,/a/two",
}
# Stands in for Microsoft's command line. The second subscription has a topic of its own, and one of Azure Policy.
AZ = f"""#!/bin/sh
printf '%s\\n' "$@" >> "$KEPT"
echo -- >> "$KEPT"
case "$*" in
  *"deployment sub show"*) printf '%s\\n%s\\n' "$NAMES" "$VALUES" | tr ' ' '\\t' ;;
  *system-topic*{SECOND}*) printf '%s\\t%s\\t%s\\n' rg-policy states Microsoft.PolicyInsights.PolicyStates \\
    rg-governance arm-events microsoft.resources.Subscriptions ;;
esac
"""


@pytest.fixture
def run(tmp_path: Path):
    """A way to run the script with some outputs; it answers the process and each call of `az`."""
    az = tmp_path / "az"
    az.write_text(AZ, encoding="utf-8")
    az.chmod(0o755)

    def ask(outputs: dict[str, str], *arguments: str) -> tuple[subprocess.CompletedProcess[str], list[list[str]]]:
        kept = tmp_path / "kept"
        kept.write_text("", encoding="utf-8")
        environment = outputs | {"PATH": f"{tmp_path}:{os.defpath}", "KEPT": str(kept)}
        done = subprocess.run(  # noqa: S603 - the script of this project
            [str(INFRA / "postdeploy.sh"), *arguments], env=environment, capture_output=True, text=True, check=False
        )
        calls = kept.read_text(encoding="utf-8").split("--\n")
        return done, [call.splitlines() for call in calls if call]

    return ask


def parameters(call: list[str]) -> dict[str, str]:
    """The parameters of a deployment."""
    return dict(each.split("=", 1) for each in call[call.index("--parameters") + 1 :])


def test_a_topic_is_made_or_reused(run):
    """The first subscription gets a topic in a group of its own; the second keeps the one that it has."""
    done, calls = run(OUTPUTS)
    assert done.returncode == 0, done.stderr
    assert json.loads(parameters(calls[-1])["topics"]) == [
        {
            "subscription": FIRST,
            "group": "rg-flexguard-production-events",
            "topic": f"flexguard-{FIRST}",
            "exists": False,
        },
        {"subscription": SECOND, "group": "rg-governance", "topic": "arm-events", "exists": True},
    ]


def test_the_template_gets_what_it_takes(run):
    """Every parameter that is handed over is one of events.bicep's, and those that it needs are there."""
    _, calls = run(OUTPUTS)
    given, wanted = parameters(calls[-1]), read(INFRA / "events.bicep").of_kind("parameter")
    assert set(given) <= set(wanted)
    assert {name for name, each in wanted.items() if not each.is_optional} <= set(given)
    assert json.loads(given["actionGroups"]) == ["/a/one", "/a/two"]
    assert (given["delivery"], given["writesAs"]) == ("function", "event_grid")
    assert given["functionId"] == OUTPUTS["FLEXGUARD_FUNCTION_ID"]


def test_choices_are_passed_on(run):
    """Delivery over a queue, and how Event Grid writes, come from the environment; nobody need hear of alerts."""
    more = {"FLEXGUARD_DELIVERY": "storage_queue", "FLEXGUARD_EVENT_GRID_WRITES_AS": "topic_identity"}
    _, calls = run(OUTPUTS | more | {"FLEXGUARD_ACTION_GROUPS": ""})
    given = parameters(calls[-1])
    assert (given["delivery"], given["writesAs"], given["actionGroups"]) == ("storage_queue", "topic_identity", "[]")


def test_the_outputs_of_a_deployment_are_read(run):
    """Without azd the deployment is named; Azure bends the names of its outputs, and the rest is the same."""
    bent = {name[:4].lower() + name[4:]: value for name, value in OUTPUTS.items()}
    done, calls = run({"NAMES": " ".join(bent), "VALUES": " ".join(bent.values())}, "flexguard")
    assert done.returncode == 0, done.stderr
    assert calls[0][:5] == ["deployment", "sub", "show", "--name", "flexguard"]
    assert calls[1:] == run(OUTPUTS)[1]


@pytest.mark.parametrize("name", [name for name in OUTPUTS if name != "FLEXGUARD_ACTION_GROUPS"])
def test_what_is_missing_is_named(run, name: str):
    """Without one of the outputs nothing is asked of Azure, and the exit code is 2."""
    done, calls = run({key: value for key, value in OUTPUTS.items() if key != name})
    assert (done.returncode, calls) == (2, [])
    assert f"{name} is not set" in done.stderr


def test_the_outputs_are_there():
    """main.bicep puts out everything that the script reads."""
    assert {*OUTPUTS, "FLEXGUARD_DELIVERY"} <= set(read(INFRA / "main.bicep").outputs)


def test_azd_runs_it():
    """azure.yaml names the script, the template, and the service that the app's tag says."""
    text = (ROOT / "azure.yaml").read_text(encoding="utf-8")
    assert "run: infra/postdeploy.sh" in text
    assert "module: main" in text
    assert "  app:" in text
    assert "'azd-service-name': 'app'" in (INFRA / "modules" / "app.bicep").read_text(encoding="utf-8")
