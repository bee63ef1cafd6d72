"""An estate is exported and rehearsed: the local Azure shows what the real one did, and then what would happen."""

import json
import tomllib

import pytest
from conftest import GOLD, INSTANCES, RULES
from desk import Desk

import function_app
from cli import connection
from cli.inventory import read
from cli.rehearsal import the_app
from cli.rehearsed_estate import RehearsedEstate
from functions import wiring
from host.functions import read_functions
from shared import rules_file
from tests.tidy.tree import CODE, ROOT

SOON = RULES.replace("sunday", "tuesday").replace("saturday", "monday")  # a rehearsal begins on a Monday morning
EXEMPT = {"backup-tier": "none", "backup-exempt-until": "2027-03-31", "backup-exempt-reason": "ticket 4711"}
SERVERS = {
    "pg-one": GOLD | {"db-password": "hunter2", "backup-owner": "team-a"},
    "pg-two": {"backup-tier": "bronze"},
    "pg-exempt": EXEMPT,
    "pg-typo": {"backup-tier": "glod"},
    "pg-not": {"password": "hunter2"},
}


@pytest.fixture
def world(estate):
    """An estate of five servers that the app does not know yet."""
    world = estate(SOON)
    for name, tags in SERVERS.items():
        world.create_server(name, tags)
    courier, world.courier = world.courier, lambda _event: ()
    world.run(seconds=1200)
    world.courier = courier
    return world


@pytest.fixture
def at(world, capfd, tmp_path, monkeypatch):
    """A desk before it, with its rules as rules.yaml and no price file."""
    monkeypatch.chdir(tmp_path)
    yield Desk(world, capfd, tmp_path, monkeypatch)
    connection.use(None)


def exported(at, *options):
    """Export the estate; what stands in the file, and where it is."""
    path = at.folder / "estate.json"
    ran = at.run("export", "--to", path, *options)
    assert ran.code == 0, ran.err
    return json.loads(path.read_text()), path


def rehearsed(at, *options, weeks="0.02"):
    """Rehearse some hours of it, as JSON."""
    ran = at.run("rehearse", "--estate", at.folder / "estate.json", "--weeks", weeks, "--json", *options)
    assert ran.code in (0, 1), ran.err
    return ran.json


# -- export ------------------------------------------------------------------------------------------------------


def test_an_export_has_no_secrets(at):
    """Only tags that the rules look at are in it, and the reason of an exemption is not."""
    written, path = exported(at)
    assert "hunter2" not in path.read_text()
    assert "4711" not in path.read_text()
    tags = {one["id"].rsplit("/", 1)[-1]: one["tags"] for one in written["servers"]}
    assert tags["pg-one"] == GOLD | {"backup-owner": "team-a"}
    assert tags["pg-exempt"] == EXEMPT | {"backup-exempt-reason": "given"}
    assert tags["pg-not"] == {}
    assert written["tags"] == ["backup-tier", "backup-exempt-until", "backup-exempt-reason", "backup-owner"]


def test_an_export_only_reads(at):
    """Every call is a read; standard output has the same document as the file."""
    _, path = exported(at)
    ran = at.run("export")
    assert all(method == "GET" or "resourcegraph" in operation.lower() for method, operation in ran.calls)
    assert json.loads(ran.out) | {"at": ""} == json.loads(path.read_text()) | {"at": ""}


def test_a_tag_is_kept_on_request(at):
    """--tag keeps one more, whatever its casing."""
    written, _ = exported(at, "--tag", "DB-Password")
    assert "hunter2" in json.dumps(written)


def test_what_cannot_be_read_is_named(world, at):
    """Roles that nobody may list are null, the file says so, and the exit code is 1."""
    for _ in range(20):
        world.azure.world.faults.add("server_error", "roleassignments/read")
    ran = at.run("export")
    assert ran.code == 1
    assert json.loads(ran.out)["roles"] is None
    assert json.loads(ran.out)["incomplete"][0].startswith("role assignments: ")
    assert "role assignments" in ran.err


# -- rehearsal ---------------------------------------------------------------------------------------------------


def test_a_rehearsal_ends_as_reality_does(world, at):
    """What is rehearsed for a day and a night is what they bring: the same verdicts, backups and messages."""
    exported(at)
    foretold = rehearsed(at, weeks="0.15")
    wiring.use(None)
    world.start()
    world.run(seconds=0.15 * 7 * 86_400)
    real = at.run("status", "--json").json
    assert foretold["after"] == {kind: sum(one["verdict"] == kind for one in real) for kind in foretold["after"]}
    assert sum(foretold["after"].values()) == len(SERVERS)
    jobs = world.of_type("microsoft.dataprotection/backupvaults/backupjobs")
    assert sum(day["scheduled"] + day["on_demand"] for day in foretold["days"]) == len(jobs) == 3
    assert sum(one["messages"] for one in foretold["incidents"]) == len(world.alerts)


def test_waits_and_findings_are_told(at):
    """Two servers wait until the first sweep and then for Azure; the typo is a finding with its fix; exit code 1."""
    exported(at)
    ran = at.run("rehearse", "--estate", at.folder / "estate.json", "--weeks", "0.02")
    assert ran.code == 1
    assert ran.calls == []  # the estate itself hears nothing of it
    for words in ("Waits, since the app was deployed", "did you mean gold?", "Backups by day (UTC)", "██"):
        assert words in ran.out
    told = rehearsed(at)
    assert told["protected"]["servers"] == 2
    assert 60 < told["protected"]["first_s"] <= told["protected"]["last_s"] < 2 * 3600
    assert {one["verdict"] for one in told["findings"]} == {"blocked_unknown_tier"}


def test_what_was_there_is_there_again(world, at):
    """Protected servers, their policies, states and points are rebuilt: the app finds nothing to do."""
    world.start()
    world.run(seconds=4 * 3600)
    before = {one["name"]: one["verdict"] for one in at.run("status", "--json").json}
    _, path = exported(at)
    rules = rules_file.load(at.folder / "rules.yaml")
    again = RehearsedEstate(rules="", regions=(), inventory=read(path), read_rules=rules)
    assert {one.id.name: one.verdict.kind.value for one in again.view().judged} == before
    mark = len(again.azure.log)
    again.play(again.inventory.at.replace(hour=23), lambda _steps: None)
    writes = [call for call in again.app_calls(mark) if not call.operation.lower().endswith("/read")]
    assert writes == []
    assert len(again.of_type(INSTANCES)) == 2
    assert again.left_out == []


def test_the_same_seed_is_the_same_story(at):
    """Two rehearsals of one estate, faults and all, end in the same bytes."""
    exported(at)
    faults = ("--faults", "throttle=0.1,crash_after=0.01,lose_event=0.5,fail_backup=0.5", "--seed", "7")
    first = rehearsed(at, *faults)
    assert first == rehearsed(at, *faults)
    assert first["calls"]["throttled"] > 0


def test_faults_are_heard_of(at):
    """A backup that fails is in the chart and becomes a message."""
    exported(at)
    told = rehearsed(at, "--faults", "fail_backup")
    assert sum(day["failed"] for day in told["days"]) >= 1
    assert "BackupFailed" in {one["kind"] for one in told["incidents"]}


def test_observe_only_looks_unless_asked(at):
    """With mode: observe nothing is written and that is said; --protect rehearses what protect would do."""
    exported(at)
    rules = at.rules("observe.yaml", SOON.replace("mode: protect", "mode: observe"))
    ran = at.run("rehearse", "--estate", at.folder / "estate.json", "--weeks", "0.02", "--rules", rules)
    assert "No server came under protection." in ran.out
    assert "--protect" in ran.err
    assert rehearsed(at, "--rules", rules, "--protect")["protected"]["servers"] == 2


def test_the_brake_holds_until_somebody_approves(at):
    """What the brake keeps back is told with its reason; --approve plays the person who approves."""
    exported(at)
    rules = at.rules("brake.yaml", SOON + "brake: {servers: 1, share_percent: 0}\n")
    held = rehearsed(at, "--rules", rules)
    assert held["after"]["blocked_over_budget"] == 2
    assert "Brake" in {one["kind"] for one in held["incidents"]}
    allowed = rehearsed(at, "--rules", rules, "--approve")
    assert (allowed["approvals"], allowed["protected"]["servers"]) == (1, 2)


def test_a_vault_can_be_there_beforehand(at):
    """Rules that name a vault that is not there yet: said, and rehearsed with --vault."""
    exported(at)
    vault = at.world.vault_id().replace("bv-westeurope", "bv-new")
    rules = at.rules("new.yaml", SOON.replace("{vault:westeurope}", vault))
    ran = at.run("rehearse", "--estate", at.folder / "estate.json", "--weeks", "0.02", "--rules", rules)
    assert f"--vault {vault}=REGION" in ran.err
    assert "blocked_no_vault_in_region" in ran.out
    assert rehearsed(at, "--rules", rules, "--vault", f"{vault}=westeurope")["protected"]["servers"] == 2


def test_what_was_not_exported_is_said(at):
    """Rules that look at a tag that the export does not have: how to export again."""
    exported(at)
    rules = at.rules("ring.yaml", SOON + "overrides: [{mode: protect, tags: {ring: one}}]\n")
    ran = at.run("rehearse", "--estate", at.folder / "estate.json", "--weeks", "0.02", "--rules", rules)
    assert "export again with --tag ring" in ran.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "which estate? give --estate FILE"),
        (("--estate", "none.json"), "none.json cannot be read"),
        (("--estate", "none.json", "--weeks", "0"), "0<x<=52"),
        (("--estate", "none.json", "--faults", "throtle"), "did you mean throttle?"),
        (("--estate", "none.json", "--vault", "bv=westeurope"), "valid is ID=REGION"),
    ],
)
def test_bad_input_is_two(at, options, said):
    """What cannot be understood is said in a sentence, with exit code 2."""
    if "--vault" in options:
        exported(at)
        options = ("--estate", str(at.folder / "estate.json"), *options[2:])
    ran = at.run("rehearse", *options)
    assert (ran.code, said in ran.err) == (2, True), ran.err


def test_the_names_of_faults_are_listed(at):
    """--list-faults needs no estate and says what each does."""
    ran = at.run("rehearse", "--list-faults")
    assert ran.code == 0
    assert "crash_after" in ran.out


def test_an_installed_command_line_can_rehearse():
    """The wheel has every package that a rehearsal imports, and the app's host.json."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["tool"]["uv"]["build-backend"]["module-name"]) == set(CODE)
    assert (ROOT / "cli/host.json").read_bytes() == (ROOT / "host.json").read_bytes()


def test_the_app_is_the_real_one():
    """A rehearsal runs the very functions of function_app.py."""
    functions = [{(one.name, one.trigger) for one in read_functions(app, {})} for app in (the_app(), function_app.app)]
    assert functions[0] == functions[1]
