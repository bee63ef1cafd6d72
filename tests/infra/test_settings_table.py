"""Settings: the README, the deployment and the product have the same ones, with the same defaults; and the start."""

import re
import subprocess
import sys

import pytest

from shared import rules_file
from shared.settings import CHANNELS, REQUIRED, VARIABLES, Settings
from tests.infra.bicep_file import members, read, text, unwrapped
from tests.tidy.tree import ROOT

HEAD = "| setting | unit | default | why |"
NOTHING = "\N{EN DASH}"
GIVEN = {
    "FLEXGUARD_SUBSCRIPTIONS": "11111111-0000-4000-8000-000000000001",
    "AzureWebJobsStorage__queueServiceUri": "https://a.queue.core.windows.net",
    "AzureWebJobsStorage__tableServiceUri": "https://a.table.core.windows.net",
}


def documented() -> dict[str, tuple[str, str, str]]:
    """Unit, default and why of each setting of the README's table."""
    table = (ROOT / "README.md").read_text(encoding="utf-8").split(HEAD)[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {row[0].strip("`"): (row[1], row[2], row[3]) for row in rows}


def default_of(name: str) -> str:
    """A setting's default as the table says it."""
    if name in REQUIRED:
        return "required"
    default = Settings(frozenset(), "", "").__getattribute__(name)
    return f"`{default}`" if default else NOTHING


def test_the_readme_has_every_setting():
    """One row each, in the product's own words for its default, with a unit and a reason."""
    rows = documented()
    defaults = {variable: default_of(name) for name, variable in VARIABLES.items()} | {f"{CHANNELS}…": NOTHING}
    assert list(rows) == list(defaults)
    assert {row: rows[row][1] for row in rows} == defaults
    assert all(unit and why for unit, _, why in rows.values())


def test_the_deployment_sets_every_setting():
    """infra/ gives the app each of its settings, and none that it does not know; alert channels come beside them."""
    app = unwrapped(read(ROOT / "infra" / "main.bicep").symbols["app"].value)
    params = members(members(app)["params"][1])
    assert set(members(params["settings"][1])) == set(VARIABLES.values())
    assert "channels" in params


def test_no_other_page_has_a_table_of_its_own():
    """There is one table of settings."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    assert [page.name for page in pages if HEAD in page.read_text(encoding="utf-8")] == ["README.md"]


def start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Load the app in a fresh process, as the host does."""
    command = [sys.executable, "-c", "import function_app"]
    return subprocess.run(  # noqa: S603 - our own Python
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_wrong_settings_stop_the_start():
    """Settings are wrong or missing and the rules file is not there: the app does not load, and says all of it."""
    wrong = {name: value for name, value in GIVEN.items() if "queue" not in name}
    bent = {"FLEXGUARD_ARM_ENDPOINT": "management.azure.com", "FLEXGUARD_VAULT_IDENTITIES": "bv-one"}
    started = start(wrong | bent | {"FLEXGUARD_DELIVERY": "queue", "FLEXGUARD_RULES": "mine.yaml"})
    assert started.returncode != 0
    said = started.stderr.partition("CannotStart: ")[2].splitlines()
    assert said == [
        "Flexguard cannot start:",
        "AzureWebJobsStorage__queueServiceUri is missing",
        "FLEXGUARD_ARM_ENDPOINT is 'management.azure.com'; valid is an https:// address",
        "FLEXGUARD_DELIVERY is 'queue'; valid: function, storage_queue",
        "FLEXGUARD_VAULT_IDENTITIES has 'bv-one'; valid are principal ids of vaults, comma-separated",
        "mine.yaml:1:1: cannot be read: No such file or directory",
    ]


def test_an_app_in_azure_without_settings_says_so():
    """In Azure nothing is let be: an app that was given none of its settings names those that it needs."""
    said = start({"WEBSITE_SITE_NAME": "func-flexguard"}).stderr.partition("CannotStart: ")[2].splitlines()
    assert said[1:] == [f"{VARIABLES[name]} is missing" for name in REQUIRED]


@pytest.mark.parametrize("environment", [GIVEN, {}], ids=["right", "none"])
def test_other_starts_are_let_be(environment: dict[str, str]):
    """With right settings the app loads; with none it does too, since whoever indexes or packs it has none."""
    assert start(environment).returncode == 0


def test_a_first_deployment_only_looks():
    """The shipped rules file observes, for every server: whoever deploys it writes nothing."""
    rules = rules_file.load(ROOT / "rules.yaml")
    assert (rules.mode, rules.overrides) == ("observe", ())


def test_a_first_deployment_finds_its_vault():
    """The shipped rules file looks for the tag that the deployment gives to the vaults that it makes."""
    (rule,) = rules_file.load(ROOT / "rules.yaml").vaults
    main, parameters = read(ROOT / "infra" / "main.bicep"), (ROOT / "infra" / "main.bicepparam").read_text("utf-8")
    assert text(main.symbols["tags"].value).endswith("flexguard: environmentName }")
    assert f"param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', '{rule.tag['flexguard']}')" in parameters


def test_pages_speak_of_settings_that_are_there():
    """No page names a setting of ours that does not exist."""
    pages = [ROOT / "README.md", ROOT / "docs" / "deploy.md", *(ROOT / "infra").rglob("*.*")]
    named = {name for page in pages for name in re.findall(r"\bFLEXGUARD_[A-Z_]+\b", page.read_text(encoding="utf-8"))}
    outputs = set(read(ROOT / "infra" / "main.bicep").outputs)
    others = {"FLEXGUARD_ALERT_EMAILS", "FLEXGUARD_EVENT_GRID_WRITES_AS", "FLEXGUARD_BICEP_TYPES", CHANNELS}
    assert named - set(VARIABLES.values()) - outputs - others == set()
