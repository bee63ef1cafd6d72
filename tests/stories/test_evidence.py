"""Evidence: what an auditor gets of a world, what is said when a source fails, and the copy of each day."""

import csv
import io
import json
import zipfile
from dataclasses import replace

import pytest
from conftest import GOLD, RULES
from desk import Desk

from cli import connection
from functions import wiring
from shared.cloud import evidence_container
from shared.cloud.errors import CloudError
from shared.keep_evidence import keep_evidence

HOSTILE = "=cmd|'/c calc'!A1"
EXEMPT = {
    "backup-tier": "none",
    "backup-exempt-until": "2026-12-20",
    "backup-exempt-reason": HOSTILE,
    "backup-owner": HOSTILE,
}


@pytest.fixture
def desk(estate, capfd, tmp_path, monkeypatch):
    """A world with a protected server, an exempt one and one that nobody asks for, and a desk before it."""

    def make(rules=RULES, servers=None):
        world = estate(rules)
        for name, tags in (servers or {"pg-one": GOLD, "pg-out": EXEMPT, "pg-not": {}}).items():
            world.create_server(name, tags)
        world.run(seconds=2 * 3600)
        return world, Desk(world, capfd, tmp_path, monkeypatch)

    yield make
    connection.use(None)


def table(folder, name):
    """The rows of a table, which its CSV and its JSON have alike, as JSON has them."""
    found = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["rows"]
    lines = list(csv.DictReader(io.StringIO((folder / f"{name}.csv").read_text(encoding="utf-8"), newline="")))
    assert len(lines) == len(found)
    return found


def gathered(at, *options):
    """The evidence that the desk writes: how the command ended, its folder and its manifest."""
    folder = at.folder / f"evidence-{len(list(at.folder.iterdir()))}"
    ran = at.run("evidence", "--out", folder, *options, "--json")
    assert all(method == "GET" or "ResourceGraph" in operation for method, operation in ran.calls)
    assert ran.json["manifest"] == json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return ran, folder, ran.json["manifest"]["evidence"]


def today(world):
    return f"{world.azure.now:%Y-%m-%d}"


def test_an_auditor_gets_everything(desk):
    """Coverage with its denominator, the exception with owner and end, policy, posture, jobs and why they ran."""
    world, at = desk()
    world.tag(world.server_id("pg-not"), backup_tier="bronze")
    world.run(seconds=3700)
    ran, folder, head = gathered(at, "--from", today(world))
    assert (ran.code, head["missing"]) == (0, [])
    assert head["coverage"] == {"part": 1, "whole": 2, "percent": 50.0, "measure": "1 of 2"}
    assert head["attainment"]["measure"] == "no measure"
    assert head["freshness"]["measure"] == "1 of 2"
    assert (head["scope"]["subscriptions"], head["version"]) == (sorted(world.settings.subscriptions), "0.1.0")
    (whole, *_) = table(folder, "coverage")
    assert (whole["protected"], whole["eligible"], whole["exceptions"]) == (1, 2, 1)
    (exempt,) = table(folder, "exceptions")
    assert (exempt["name"], exempt["owner"], exempt["until"]) == ("pg-out", HOSTILE, "2026-12-21T00:00:00Z")
    servers = {row["name"]: row for row in table(folder, "servers")}
    assert list(servers) == sorted(servers)
    assert servers["pg-one"]["retention"] == "Yearly 10 years; Monthly 12 months; Weekly 12 weeks; Default 35 days"
    assert servers["pg-one"]["follows_tier"] == "yes"
    (vault,) = table(folder, "vaults")
    assert (vault["soft_deletion"], vault["soft_deletion_days"], vault["servers"]) == ("AlwaysOn", 14, 2)
    assert (vault["redundancy"], vault["guard"], vault["admitted"]) == ("LocallyRedundant", "no", "yes")
    (job,) = table(folder, "jobs")
    (asked,) = table(folder, "on_demand")
    assert (job["status"], job["job"]) == ("Completed", asked["job"])
    assert asked["why"] == "it has no recovery point yet"
    assert [(row["was"], row["tier"]) for row in table(folder, "changes")] == [("not_opted_in", "bronze")]
    (day,) = table(folder, "coverage_by_day")
    assert day["measure"] == "1 of 2"


def test_no_team_writes_a_formula(desk):
    """Tags are strangers' texts: no cell of any CSV begins as a formula does."""
    world, at = desk()
    _, folder, _ = gathered(at, "--from", today(world))
    cells = [
        cell
        for path in folder.glob("*.csv")
        for line in csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
        for cell in line
    ]
    assert f"'{HOSTILE}" in cells
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


def test_points_are_counted_over_the_weeks(desk):
    """Of two Sundays the second failed: one point of two; and the days on which no sweep ran are named."""
    world, at = desk(servers={"pg-one": GOLD})
    world.azure.advance(14 * 86400)
    world.azure.world.faults.add("fail_backup", "/pg-one")
    world.azure.advance(8 * 86400)
    ran, folder, head = gathered(at)
    (row,) = table(folder, "rpo")
    assert (row["expected"], row["made"], row["failed"], row["measure"]) == (2, 1, 1, "1 of 2")
    assert (row["within"], head["attainment"]["percent"]) == ("no", 50.0)
    assert {job["kind"] for job in table(folder, "jobs")} == {"scheduled"}
    assert [one["source"] for one in head["missing"]] == ["records"]
    assert "days without a record, the first of them" in head["missing"][0]["what"]
    assert ran.code == 1


@pytest.mark.parametrize(
    ("fault", "target", "source", "without"),
    [
        ("unavailable", "backupjobs", "jobs", "attainment"),
        ("graph_truncated", "flexibleservers", "estate", "coverage"),
        ("graph_missing", "backuppolicies", "", ""),
    ],
)
def test_what_could_not_be_read_is_named(desk, fault, target, source, without):
    """A source that fails or is cut is in the manifest and on the screen, costs its percentage, and hides no other."""
    world, at = desk(servers={f"pg-{number:04}": GOLD for number in range(2)})
    world.azure.world.faults.add(fault, target, times=99)
    folder = at.folder / "cut"
    ran = at.run("evidence", "--out", folder, "--from", today(world))
    head = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["evidence"]
    assert {one["source"] for one in head["missing"]} == ({source} if source else set())
    assert ran.code == (1 if source else 0)
    if source:
        assert f"incomplete, {source}: " in ran.err
        assert head[without]["percent"] is None
        assert head[without]["measure"].endswith("not all was read")
        assert "Not all could be read" in ran.out
    assert len(table(folder, "coverage_by_day")) == 1
    assert at.run("evidence", "verify", folder).code == 0


def test_nothing_to_protect_is_no_measure(desk):
    """An estate of exceptions has no percentage."""
    world, at = desk(servers={"pg-out": EXEMPT})
    ran, folder, head = gathered(at, "--from", today(world))
    assert (ran.code, head["coverage"]["percent"], head["coverage"]["measure"]) == (0, None, "no measure")
    assert table(folder, "coverage")[0]["measure"] == "no measure"


def test_without_storage_the_rest_is_there(desk):
    """Who knows no address of the app's storage gets what Azure shows, and hears what is missing."""
    world, at = desk()
    made = connection.connect()
    lonely = replace(made.settings, table_endpoint="", blob_endpoint="")
    cloud = type(made.cloud)(lonely, world.azure.credential("operator"), made.cloud.transport)
    connection.use(connection.Connection(cloud, None, lonely))
    _, folder, head = gathered(at, "--from", today(world))
    assert [one["source"] for one in head["missing"]] == ["records", "incidents"]
    assert (len(table(folder, "servers")), table(folder, "incidents")) == (3, [])


def test_two_pieces_are_compared(desk):
    """A server that is no longer protected is worse; what has changed is named, and so is a changed file."""
    world, at = desk()
    _, before, _ = gathered(at, "--from", today(world))
    world.tag(world.server_id("pg-one"), backup_tier="glod")
    world.run(seconds=600)
    _, after, _ = gathered(at, "--from", today(world))
    ran = at.run("evidence", "diff", before, after, "--json")
    lost = [one for one in ran.json["differences"] if one["is_worse"]]
    assert (ran.code, [one["what"] for one in lost]) == (1, ["lost protection"])
    assert at.run("evidence", "diff", before, before).code == 0
    (after / "jobs.csv").write_text("")
    ran = at.run("evidence", "diff", before, after)
    assert (ran.code, "jobs.csv: changed" in ran.err) == (2, True)
    ran = at.run("evidence", "verify", after)
    assert (ran.code, "jobs.csv" in ran.out) == (1, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give --out"),
        (["--out", "{full}"], "there is something in it"),
        (["--out", "{new}", "--from", "yesterday"], "--from yesterday: valid is a day"),
        (["--out", "{new}", "--from", "2026-11-30", "--to", "2026-11-24"], "that is not before"),
        (["verify", "{new}"], "neither a folder nor a zip"),
    ],
)
def test_what_cannot_be_is_said(desk, options, said):
    """Bad input ends with 2, and with what is valid."""
    _, at = desk(servers={"pg-one": GOLD})
    ran = at.run("evidence", *[one.format(full=at.folder, new=at.folder / "new") for one in options])
    assert (ran.code, said in ran.err) == (2, True)


# -- the copy of each day ------------------------------------------------------------------------------------------


@pytest.fixture
def kept(estate):
    """A world whose app has a container for evidence, what is in it, and the app's own context."""

    def make(container="evidence"):
        world = estate()
        world.create_server("pg-one", GOLD)
        world.azure.blobs.make("evidence")
        world.settings = replace(world.settings, evidence_container=container)
        world.start()
        world.run(seconds=3 * 3600)
        return world, world.azure.blobs.containers["evidence"].blobs, wiring.current()

    return make


def test_a_copy_of_each_day_is_kept(kept, tmp_path):
    """The timer keeps one zip a day, by its date, which verifies; a second run, or a second app, changes nothing."""
    world, blobs, context = kept()
    world.host.fire("keep_evidence")
    (name,) = blobs
    assert name == f"{world.azure.now:%Y/%m/%Y-%m-%d}.zip"
    content = blobs[name].data
    file = tmp_path / "evidence.zip"
    file.write_bytes(content)
    with zipfile.ZipFile(file) as archive:
        head = json.loads(archive.read("manifest.json"))["evidence"]
    assert head["coverage"]["measure"] == "1 of 1"
    world.azure.advance(3600)
    assert keep_evidence(context.cloud, context.ledger, context.rules) == ""
    assert blobs[name].data == content
    world.azure.advance(86400)
    digest = keep_evidence(context.cloud, context.ledger, context.rules)
    assert (len(blobs), len(digest)) == (2, 64)


def test_evidence_is_never_written_over(kept):
    """Whoever comes second after both have looked is refused by storage, and that is no error."""
    world, blobs, context = kept()
    day = world.azure.now.date()
    assert evidence_container.keep(context.cloud, day, b"first")
    assert not evidence_container.keep(context.cloud, day, b"second")
    assert [blob.data for blob in blobs.values()] == [b"first"]


def test_it_is_off_until_a_container_is_named(kept):
    """Without the setting the timer reads nothing; that it runs is known all the same."""
    world, blobs, context = kept(container="")
    called = len(world.app_calls())
    assert keep_evidence(context.cloud, context.ledger, context.rules) == ""
    assert (len(blobs), len(world.app_calls())) == (0, called)
    assert context.ledger.watched("keep_evidence").row.at <= world.azure.now


def test_a_container_that_is_not_there_is_an_error(kept):
    """Nobody believes in a copy that was never kept: the run fails, and the watch tells that it is silent."""
    _, _, context = kept(container="nowhere")
    with pytest.raises(CloudError, match="ContainerNotFound"):
        keep_evidence(context.cloud, context.ledger, context.rules)
    assert context.ledger.watched("keep_evidence").row is None
