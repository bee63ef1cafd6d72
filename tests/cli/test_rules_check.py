"""`flexguard rules check`: everything that is wrong at once, what each rule does with an estate, and exit codes."""

import json

import pytest
from azure.core.exceptions import ClientAuthenticationError

from cli import connection
from cli.connection import Connection
from cli.rehearsal import Rehearsal
from shared.cloud.clients import Cloud
from shared.settings import Settings
from simulator.transport import InProcessTransport
from tests.tidy.tree import ROOT

VAULT = "{vault:westeurope}"
RULES = """\
mode: observe
vaults: [{id: "%s"}]
tiers:
  gold:
    backup: {days: [sunday], at: "01:30", time_zone: Europe/Berlin}
    keep: {default: 35 days, yearly: 10 years}
"""
ID = "/subscriptions/5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10/resourceGroups/rg/providers"
RIGHT = RULES % f"{ID}/Microsoft.DataProtection/backupVaults/bv"
WRONG = RIGHT.replace("observe", "obsreve").replace("Berlin", "Berln").replace("35 days", "3 days")


def server(name, tags):
    """A row of Resource Graph."""
    return {"id": f"{ID}/Microsoft.DBforPostgreSQL/flexibleServers/{name}", "tags": tags}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, with no settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLEXGUARD_RULES", raising=False)
    return tmp_path


def test_the_shipped_rules_are_right(flexguard):
    """rules.yaml of the project has no error and no warning, and its tiers are shown."""
    ran = flexguard("rules", "check", str(ROOT / "rules.yaml"))
    assert (ran.code, ran.err) == (0, "")
    assert all(word in ran.out for word in ("no warnings", "gold", "sun 01:30 Europe/Berlin", "yearly 10 years"))


def test_every_error_comes_with_its_place(flexguard, folder):
    """A file with three errors gives three lines with line and column, no tiers, and exit code 2."""
    (folder / "rules.yaml").write_text(WRONG)
    ran = flexguard("rules", "check")
    assert ran.code == 2
    places = [line.split(": ")[0] for line in ran.out.splitlines()]
    assert places == ["rules.yaml:1:7", "rules.yaml:5:54", "rules.yaml:6:21", "rules.yaml"]
    assert "did you mean observe?" in ran.out
    assert "Tiers" not in ran.out


def test_programs_get_the_same_errors(flexguard, folder):
    """With --json the errors are data, with line, column, message and source."""
    (folder / "other.yaml").write_text(WRONG)
    ran = flexguard("rules", "check", "other.yaml", "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["file"], told["against"]) == (2, "other.yaml", None)
    assert [(one["line"], one["column"]) for one in told["errors"]] == [(1, 7), (5, 54), (6, 21)]
    assert "support matrix" in told["errors"][2]["source"]


def test_a_warning_is_a_finding(flexguard, folder):
    """What is valid and probably not meant has exit code 1, its place and its source."""
    (folder / "rules.yaml").write_text(RIGHT.replace("[sunday]", "[sunday, monday]"))
    ran = flexguard("rules", "check")
    assert (ran.code, "warning:" in ran.out, "Tiers" in ran.out) == (1, True, True)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read(flexguard, folder, content):
    """No file, or no text: one line with the reason and what to do, exit code 2."""
    if content:
        (folder / "rules.yaml").write_bytes(content)
    ran = flexguard("rules", "check")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("rules.yaml cannot be read: ")


def test_the_environment_names_the_file(flexguard, folder, monkeypatch):
    """FLEXGUARD_RULES is the file when none is named, as for the app."""
    (folder / "mine.yaml").write_text(RIGHT)
    monkeypatch.setenv("FLEXGUARD_RULES", "mine.yaml")
    assert flexguard("rules", "check").out.startswith("mine.yaml: no warnings")


def test_rules_against_a_file_of_servers(flexguard, folder):
    """Counts for every rule, typing errors with the nearest word and the servers, and exit code 1."""
    (folder / "rules.yaml").write_text(RIGHT)
    rows = [server("pg-one", {"backup-tier": "gold"}), *(server(f"pg-{n}", {"backup-tier": "gld"}) for n in range(9))]
    (folder / "servers.json").write_text(json.dumps(rows))
    ran = flexguard("rules", "check", "--against", "servers.json")
    assert ran.code == 1
    assert "tag backup-tier = 'gld'; did you mean gold?" in ran.out
    assert "and 4 more (--json names them)" in ran.out
    told = json.loads(flexguard("rules", "check", "--against", "servers.json", "--json").out)
    assert told["tiers"]["gold"]["keep"]["yearly"] == "10 years"
    gold = next(use for use in told["against"]["uses"] if use["rule"] == "tiers.gold")
    assert gold == {
        "rule": "tiers.gold", "says": "tag backup-tier = gold",
        "matching": 1, "protected": 0, "not_protected": 0, "unknown": 1,
    }  # fmt: skip
    (slip,) = told["against"]["slips"]
    assert (slip["nearest"], len(slip["servers"])) == ("gold", 9)


def test_an_estate_that_fits_is_ok(flexguard, folder):
    """No warning, no slip and no idle rule: exit code 0."""
    (folder / "rules.yaml").write_text(RIGHT)
    (folder / "servers.json").write_text(json.dumps([server("pg-one", {"backup-tier": "gold"})]))
    assert flexguard("rules", "check", "--against", "servers.json").code == 0


# -- against Azure -----------------------------------------------------------------------------------------------


@pytest.fixture
def rehearsal(folder):
    """An app that has protected one server of two, and a command line that is connected to its Azure."""
    made = Rehearsal((RULES % VAULT).replace("observe", "protect"))
    made.create_server("pg-gold", {"backup-tier": "gold"})
    made.create_server("pg-typo", {"backup-tier": "glod"})
    made.run(seconds=3600)
    (folder / "rules.yaml").write_text(RULES % made.vault_id())
    cloud = Cloud(made.settings, made.azure.credential("operator"), InProcessTransport(made.azure))
    connection.use(Connection(cloud, None, made.settings))
    return made


def test_rules_against_azure(flexguard, rehearsal):
    """`--against live` reads the servers and who is protected from Azure, and writes nothing."""
    before = len(rehearsal.azure.log)
    ran = flexguard("rules", "check", "--against", "live", "--json")
    told = json.loads(ran.out)["against"]
    assert (ran.code, ran.err, told["servers"]) == (1, "", 2)
    assert [(use["matching"], use["protected"]) for use in told["uses"] if use["rule"] == "tiers.gold"] == [(1, 1)]
    assert [(slip["nearest"], len(slip["servers"])) for slip in told["slips"]] == [("gold", 1)]
    asked = rehearsal.azure.log[before:]
    assert {call.operation.rsplit("/", 1)[-1].lower() for call in asked} <= {"read", "action", "resources"}


def test_a_scope_is_needed(flexguard, folder):
    """Without managed subscriptions the message names the variable."""
    (folder / "rules.yaml").write_text(RIGHT)
    connection.use(Connection(None, None, Settings(frozenset(), "", "")))
    ran = flexguard("rules", "check", "--against", "live")
    assert (ran.code, "FLEXGUARD_SUBSCRIPTIONS" in ran.err) == (2, True)


class Nobody:
    """A credential of somebody who is not signed in."""

    def get_token(self, *_scopes, **_options):
        """What azure-identity does then."""
        message = "Please run 'az login' to set up an account\nAttempted credentials: …"
        raise ClientAuthenticationError(message)


def test_who_is_not_signed_in_is_told_so(flexguard, rehearsal):
    """Without a sign-in: exit code 3 and one sentence that says az login."""
    cloud = Cloud(rehearsal.settings, Nobody(), InProcessTransport(rehearsal.azure))
    connection.use(Connection(cloud, None, rehearsal.settings))
    ran = flexguard("rules", "check", "--against", "live")
    assert (ran.code, "nobody is signed in to Azure: run az login" in ran.err) == (3, True)
    assert "Attempted" not in ran.err
