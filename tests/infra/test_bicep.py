"""The templates: nothing in them that Azure would refuse, nothing that Flex Consumption refuses, and no key."""

import re
from pathlib import Path

import pytest

from tests.infra.bicep_check import UNTYPED, check
from tests.infra.bicep_file import members, read, text, unwrapped, within
from tests.tidy.tree import ROOT

INFRA = ROOT / "infra"
FILES = sorted(INFRA.rglob("*.bicep*"))
# Source: "Flex Consumption plan deprecations" of the Functions app settings reference, and templates that follow it.
REFUSED_BY_FLEX = {
    *("ENABLE_ORYX_BUILD", "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_MAX_HTTP_CONCURRENCY", "TZ"),
    *("FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED", "FUNCTIONS_WORKER_PROCESS_COUNT", "FUNCTIONS_WORKER_RUNTIME"),
    *("FUNCTIONS_WORKER_RUNTIME_VERSION", "SCM_DO_BUILD_DURING_DEPLOYMENT", "WEBSITES_CONTAINER_START_TIME_LIMIT"),
    *("WEBSITE_CONTENTAZUREFILECONNECTIONSTRING", "WEBSITE_CONTENTSHARE", "WEBSITE_NODE_DEFAULT_VERSION"),
    *(
        "WEBSITE_RUN_FROM_PACKAGE",
        "WEBSITE_SKIP_CONTENTSHARE_VALIDATION",
        "WEBSITE_TIME_ZONE",
        "WEBSITE_VNET_ROUTE_ALL",
    ),
    *("linuxFxVersion", "powerShellVersion", "netFrameworkVersion"),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_syntax_names_and_modules(path: Path):
    """Every template is Bicep; every name is declared, and every module gets what it takes. Needs no definitions."""
    assert [str(problem) for problem in check(path, None)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_templates_are_right(path: Path, bicep_types: Path):
    """Every resource, module and parameter is one that exists, with what it needs and nothing that it does not take."""
    assert [str(problem) for problem in check(path, bicep_types)] == []


def test_every_module_is_used():
    """No module lies there for nothing."""
    used = {declared.of.split("/")[-1] for path in FILES for declared in read(path).of_kind("module").values()}
    assert used == {path.name for path in (INFRA / "modules").glob("*.bicep")}


def test_what_is_not_checked_is_used():
    """The list of types without definitions names only what the templates use."""
    assert {each.of for path in FILES for each in read(path).of_kind("resource").values()} >= UNTYPED


def code(path: Path) -> str:
    """A template without its comments."""
    return re.sub(r"(?m)//.*$|/\*(?s:.*?)\*/", "", path.read_text(encoding="utf-8"))


def test_nothing_that_flex_consumption_refuses():
    """The app has no setting that its plan sets itself, replaces or does not take."""
    words = {word.lower() for word in re.findall(r"\w+", code(INFRA / "modules" / "app.bicep"))}
    assert {name for name in REFUSED_BY_FLEX if name.lower() in words} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_key_is_read(path: Path):
    """No template reads a key or a secret of anything, or makes a connection string of one."""
    keys = re.compile(r"listKeys|listSecrets|AccountKey|getSecret|InstrumentationKey|list\w*Sas", re.IGNORECASE)
    assert keys.search(code(path)) is None


@pytest.mark.parametrize(
    ("module", "resource", "expected"),
    [
        ("storage", "account", {"allowSharedKeyAccess": "false", "allowBlobPublicAccess": "false"}),
        ("storage", "account", {"supportsHttpsTrafficOnly": "true", "minimumTlsVersion": "'TLS1_2'"}),
        ("monitoring", "insights", {"DisableLocalAuth": "true"}),
        ("alert_topic", "topic", {"disableLocalAuth": "true", "minimumTlsVersionAllowed": "'1.2'"}),
        ("app", "app", {"httpsOnly": "true"}),
    ],
)
def test_keys_are_off(module: str, resource: str, expected: dict[str, str]):
    """What could be entered with a key takes identities alone, over TLS."""
    declared = read(INFRA / "modules" / f"{module}.bicep").symbols[resource]
    properties = members(members(unwrapped(declared.value))["properties"][1])
    assert {name: text(properties[name][1]) for name in expected} == expected


def test_nothing_is_granted_above_what_it_is_for():
    """Roles on data are assigned at the one resource that they are for; no template assigns a broad built-in role."""
    broad = {"8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "b24988ac-6180-42a0-ab88-20f7382dd24c"}  # Owner, Contributor
    broad |= {"18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "f58310d9-a9f6-439a-9e8d-f62e7b41a168"}  # who assign roles
    assert [path.name for path in FILES if any(guid in path.read_text(encoding="utf-8") for guid in broad)] == []
    for name in ("storage", "monitoring", "alert_topic"):
        for declared in read(INFRA / "modules" / f"{name}.bicep").of_kind("resource").values():
            if declared.of.startswith("Microsoft.Authorization/roleAssignments@"):
                assert "scope" in members(unwrapped(declared.value)), f"{name}: {declared.name}"


def test_what_the_app_uses_is_there():
    """The queues, the table and the container that the product names are made by the deployment."""
    from shared.cloud.ledger_table import TABLE  # noqa: PLC0415 - beside what it is compared with
    from shared.cloud.snapshot import CONTAINER  # noqa: PLC0415 - the same
    from shared.converge import QUEUE  # noqa: PLC0415 - the same

    storage = read(INFRA / "modules" / "storage.bicep")
    words = {text(node) for node in within(storage.root) if node.type == "string"}
    assert {f"'{name}'" for name in (QUEUE, f"{QUEUE}-poison", TABLE, CONTAINER)} <= words
