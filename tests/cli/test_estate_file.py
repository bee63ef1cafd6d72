"""Files of servers: what Resource Graph, ARM and `flexguard` write is read, and everything else is refused by row."""

import json
import re

import pytest

from cli.estate_file import read_subjects
from cli.output import BadInput

GROUP = "/subscriptions/5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10/resourceGroups/rg"
SERVER = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-one"
OTHER = SERVER.replace("pg-one", "pg-two")
VAULT = f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/bv"
TAGGED = {"id": SERVER, "tags": {"backup-tier": "gold"}, "location": "westeurope"}


def instance(server, state="ProtectionConfigured"):
    """A backup instance as Resource Graph shows it."""
    properties = {"dataSourceInfo": {"resourceID": server}, "currentProtectionState": state}
    return {"id": f"{VAULT}/backupInstances/pg-1", "properties": properties}


def read(folder, body):
    """What is read from a file with this content."""
    path = folder / "servers.json"
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return [(one.id.name, dict(one.tags), one.is_protected) for one in read_subjects(path)]


@pytest.mark.parametrize("wrapped", [lambda rows: rows, *(lambda rows, name=name: {"count": len(rows), name: rows}
                                     for name in ("data", "servers", "value"))])  # fmt: skip
def test_every_usual_shape_is_read(tmp_path, wrapped):
    """A list, and a list within the answer of Resource Graph or ARM, give the servers; other resources are left out."""
    rows = [TAGGED, {"id": VAULT, "tags": None}, {"id": OTHER, "tags": None}]
    assert read(tmp_path, wrapped(rows)) == [("pg-one", {"backup-tier": "gold"}, None), ("pg-two", {}, None)]


def test_backup_instances_tell_who_is_protected(tmp_path):
    """With backup instances in the file every server is known to be protected or not."""
    rows = [TAGGED, {"id": OTHER}, instance(SERVER.upper()), instance(OTHER, "ProtectionError")]
    assert [(name, protected) for name, _, protected in read(tmp_path, rows)] == [("pg-one", True), ("pg-two", False)]


def test_a_verdict_tells_who_is_protected(tmp_path):
    """So it is with the verdicts that Flexguard itself has written."""
    rows = [TAGGED | {"verdict": "drifted"}, {"id": OTHER, "verdict": "blocked_replica"}]
    assert [protected for *_, protected in read(tmp_path, rows)] == [True, False]


def test_a_server_counts_once(tmp_path):
    """The same id in two casings is one server."""
    assert len(read(tmp_path, [TAGGED, TAGGED | {"id": SERVER.lower()}])) == 1


def test_the_portals_mark_is_no_hindrance(tmp_path):
    """A file that begins with a byte order mark is read."""
    assert read(tmp_path, "\ufeff" + json.dumps([TAGGED]))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[", "is not JSON"),
        ('"servers"', "is not a list"),
        ("{}", "is not a list"),
        ("[1]", "row 0 is not an object"),
        ('[{"name": "pg"}]', "row 0 has the id None"),
        ([TAGGED, {"id": "pg-two"}], "row 1 has the id 'pg-two'"),
        ([{"id": SERVER, "tags": ["gold"]}], "row 0 has tags that are not"),
        ([{"id": SERVER, "tags": {"backup-tier": 1}}], "row 0 has tags that are not"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_estate_is_refused(tmp_path, body, said):
    """The message names the file, the row and what is valid."""
    with pytest.raises(BadInput, match=re.escape("servers.json")) as refused:
        read(tmp_path, body)
    assert said in str(refused.value)


def test_a_file_that_is_not_there(tmp_path):
    """It is named, with the system's own word."""
    with pytest.raises(BadInput, match=r"no\.json cannot be read: No such file"):
        read_subjects(tmp_path / "no.json")
