"""The evidence as files: what it says is what was given, no cell is a formula, and no change goes unseen."""

import csv
import io
import json
import tomllib
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dossier.check import NAMES, Problem, Unreadable, look
from shared.dossier.compare import compare
from shared.dossier.controls import CONTROLS
from shared.dossier.files import FORMULA, cell, write
from shared.dossier.model import MANIFEST, TABLES, Exempted, Head, Scope, Server, Vault
from shared.dossier.rows import share
from shared.dossier.schema import schema
from shared.version import VERSION
from tests.core.samples import NOW
from tests.tidy.tree import ROOT
from tests.write_schema import EVIDENCE

HOSTILE = "=cmd|'/c calc'!A1"
HEAD = Head(
    version="1",
    made_at=NOW,
    from_=NOW - timedelta(days=14),
    to=NOW,
    scope=Scope(subscriptions=["a"], management_groups=[], server=""),
    rules_hash="0",
    coverage=share(1, 2),
    attainment=share(0, 0),
    freshness=share(1, 1),
    missing=[],
)


class Folder:
    """A place for files below a path."""

    def __init__(self, path):
        self.path = path
        path.mkdir(exist_ok=True)

    @contextmanager
    def open(self, name):
        with (self.path / name).open("wb") as file:
            yield file


def row(row_type: Any, **given: Any) -> Any:
    """A row of a table with these columns, and something valid in the others."""
    example = {str: "x", int: 1, datetime: NOW}
    kinds = {field.name: field.type for field in msgspec.inspect.type_info(row_type).fields}

    def some(kind: Any) -> Any:
        match kind:
            case msgspec.inspect.Metadata():
                return some(kind.type)
            case msgspec.inspect.UnionType():
                return None
            case msgspec.inspect.LiteralType():
                return kind.values[0]
            case msgspec.inspect.StrType():
                return example[str]
            case msgspec.inspect.IntType():
                return example[int]
        return example[datetime]

    return row_type(**{name: some(kind) for name, kind in kinds.items()} | given)


def written(path, **tables):
    """Evidence in a folder, and the digest of its manifest; tables that are not given have one row each."""
    rows = {name: [row(row_type)] for name, row_type in TABLES.items()} | {"controls": CONTROLS} | tables
    return write(Folder(path), HEAD, rows)[1]


def read_csv(path, table):
    return list(csv.DictReader(io.StringIO((path / f"{table}.csv").read_bytes().decode(), newline="")))


# -- writing -------------------------------------------------------------------------------------------------------


def test_the_published_schema_is_that_of_the_model():
    """docs/evidence.schema.json is what `make schema` makes of the model today."""
    assert json.loads(EVIDENCE.read_text(encoding="utf-8")) == schema()


def test_every_file_is_what_the_schema_says(tmp_path):
    """The manifest and every table are valid, and a table's CSV has its columns in the same order."""
    written(tmp_path)
    whole = json.loads((tmp_path / "schema.json").read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(whole).validate(json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8")))
    for table, row_type in TABLES.items():
        found = json.loads((tmp_path / f"{table}.json").read_text(encoding="utf-8"))
        one = {"$ref": f"#/$defs/{table}", "$defs": whole["$defs"]}
        jsonschema_rs.validator_for(one).validate(found)
        assert list(read_csv(tmp_path, table)[0]) == list(found["rows"][0]) == list(row_type.__struct_fields__)
        assert [part.get("description") for part in [whole["$defs"][row_type.__name__]]] != [None]


def test_the_page_has_every_table_and_control():
    """docs/evidence.md speaks of everything that is in the evidence."""
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    assert [table for table in TABLES if f"| `{table}` |" not in page] == []
    assert [one.control for one in CONTROLS if one.control not in page] == []


def test_the_version_is_that_of_the_project():
    """What the evidence says of itself is what is released."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


def test_the_same_evidence_is_the_same_bytes(tmp_path):
    """Nothing but what is given is in the files: two folders are alike."""
    assert written(tmp_path / "one") == written(tmp_path / "two")


def test_tables_without_rows_are_there(tmp_path):
    """A table of nothing has its columns, and no row."""
    write(Folder(tmp_path), HEAD, {})
    assert read_csv(tmp_path, "jobs") == []
    assert json.loads((tmp_path / "jobs.json").read_text(encoding="utf-8"))["rows"] == []
    assert look(tmp_path).problems == ()


@pytest.mark.parametrize("first", FORMULA)
def test_no_cell_is_a_formula(tmp_path, first):
    """What a spreadsheet would carry out gets a quote before it in CSV, and is as it was in JSON."""
    server = row(Server, owner=f"{first}{HOSTILE}", name=f'{first}","=1+1')
    written(tmp_path, servers=[server])
    (found,) = read_csv(tmp_path, "servers")
    assert (found["owner"], found["name"]) == (f"'{first}{HOSTILE}", f'\'{first}","=1+1')
    (told,) = json.loads((tmp_path / "servers.json").read_text(encoding="utf-8"))["rows"]
    assert told["owner"] == server.owner


@given(st.text())
def test_a_cell_is_text_and_comes_back(text):
    """No text becomes a formula, and without its first quote every text that got one is the one that was given."""
    shown = str(cell(text))
    assert not shown.startswith(FORMULA) or shown[0] == "'"
    assert (shown.removeprefix("'")) == text


def test_times_are_utc():
    """Both kinds of file have the same moment, with a Z."""
    at = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    assert cell(at) == "2026-11-22T09:00:00Z" == msgspec.json.decode(msgspec.json.encode(at))


@pytest.mark.parametrize(
    ("part", "whole", "complete", "percent", "measure"),
    [
        (2, 3, True, 66.6, "2 of 3"),
        (3, 3, True, 100.0, "3 of 3"),
        (0, 0, True, None, "no measure"),
        (3, 3, False, None, "3 of 3, not all was read"),
    ],
)
def test_a_share_has_its_denominator(part, whole, complete, percent, measure):
    """A percentage never stands alone, nothing of nothing is no measure, and what was not all read has none."""
    found = share(part, whole, is_complete=complete)
    assert (found.part, found.whole, found.percent, found.measure) == (part, whole, percent, measure)


def test_controls_speak_of_tables_that_are_there():
    """Every control that the evidence maps names tables of it, and says what it does not show."""
    assert {name for one in CONTROLS for name in one.tables.split(", ")} <= TABLES.keys()
    assert all(one.asks and one.shows and one.missing for one in CONTROLS)
    assert {"BR-1", "BR-2", "BR-3", "BR-4", "A.8.13", "CP-9", "Article 12", "A1.2", "A1.3"} == {
        one.control for one in CONTROLS
    }


# -- checking ------------------------------------------------------------------------------------------------------


def test_what_was_written_is_intact(tmp_path):
    """Evidence as it was written has no problems, also when the digest of its manifest is asked for."""
    digest = written(tmp_path)
    assert look(tmp_path, digest).problems == ()


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_file_is_watched_over(tmp_path, name):
    """A file that is gone, or in which one byte is another, is named, and no other."""
    written(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    assert look(tmp_path).problems == (Problem(name, "changed"),)
    (tmp_path / name).unlink()
    assert look(tmp_path).problems == (Problem(name, "missing"),)


def test_what_was_added_is_named(tmp_path):
    """A file that nobody wrote, also in a folder of its own."""
    written(tmp_path)
    (tmp_path / "notes.txt").write_text("all is well")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "jobs.csv").write_text("")
    assert look(tmp_path).problems == (Problem("more/jobs.csv", "added"), Problem("notes.txt", "added"))


def changed_manifest(path, change):
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    change(manifest)
    (path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def test_another_manifest_is_found_out(tmp_path):
    """Who writes files and manifest anew has another digest; a manifest that leaves a table out says so itself."""
    digest = written(tmp_path)
    changed_manifest(tmp_path, lambda manifest: manifest["files"].pop())
    (changed, left_out) = look(tmp_path, digest).problems
    assert changed.file == MANIFEST
    assert left_out == Problem("vaults.json", "the manifest does not have it")


def test_a_manifest_leads_nowhere_else(tmp_path):
    """Names that evidence does not have are never opened."""
    written(tmp_path)
    changed_manifest(tmp_path, lambda manifest: manifest["files"][0].update(name="../../etc/passwd"))
    named = {problem.file for problem in look(tmp_path).problems}
    assert named == {"../../etc/passwd", "changes.csv"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "has no manifest.json"),
        ("", "has no manifest.json"),
        ("[]", "cannot be read"),
        ("{}", "cannot be read"),
        ('{"evidence": {"schema": 9}}', "evidence of schema 9; this version reads 1"),
    ],
)
def test_what_is_no_evidence_is_said(tmp_path, content, said):
    """A folder without a manifest, or with one of another shape or version."""
    if content is not None:
        (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(Unreadable, match=said):
        look(tmp_path)


def test_a_file_that_is_no_zip_is_said(tmp_path):
    """Neither a folder nor a zip."""
    (tmp_path / "evidence.zip").write_text("no zip")
    with pytest.raises(Unreadable, match="neither a folder nor a zip"):
        look(tmp_path / "evidence.zip")


# -- comparing -----------------------------------------------------------------------------------------------------


def differences(tmp_path, table, before, after):
    for name, rows in (("a", before), ("b", after)):
        written(tmp_path / name, **{table: rows})
    found = compare(look(tmp_path / "a"), look(tmp_path / "b"))
    return [(one.what, one.was, one.now, one.is_worse) for one in found]


PROTECTED = row(Server, server="/s/One", verdict="protected", instance="i", retention="Default 35 days")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"server": "/S/ONE"}, []),
        ({"verdict": "overdue"}, [("lost protection", "protected", "overdue", True)]),
        ({"instance": ""}, [("lost its backup", "i", "", True)]),
        ({"retention": "Default 7 days"}, [("retention", "Default 35 days", "Default 7 days", False)]),
    ],
)
def test_servers_are_compared(tmp_path, change, said):
    """What a server lost is worse, another policy is different, and case means nothing."""
    after = msgspec.structs.replace(PROTECTED, **change)
    assert differences(tmp_path, "servers", [PROTECTED], [after]) == said


def test_servers_come_and_go(tmp_path):
    """New ones, those that left, and those that gained protection."""
    new, drifted = row(Server, server="/s/new", verdict="configuring"), row(Server, server="/s/z", verdict="drifted")
    after = [new, msgspec.structs.replace(drifted, verdict="protected")]
    assert differences(tmp_path, "servers", [PROTECTED, drifted], after) == [
        ("is new", "", "configuring", False),
        ("is gone", "protected", "", False),
        ("gained protection", "drifted", "protected", False),
    ]


@pytest.mark.parametrize(
    ("name", "was", "now", "is_worse"),
    [
        ("soft_deletion", "AlwaysOn", "On", True),
        ("soft_deletion", "Off", "On", False),
        ("soft_deletion_days", 14, 30, False),
        ("soft_deletion_days", 30, 14, True),
        ("immutability", "Locked", "Unlocked", True),
        ("guard", "yes", "no", True),
        ("redundancy", "GeoRedundant", "LocallyRedundant", False),
    ],
)
def test_vaults_are_compared(tmp_path, name, was, now, is_worse):
    """A vault that keeps less well what is in it is worse; other redundancy is a choice."""
    before, after = ([row(Vault, **{name: value})] for value in (was, now))
    assert differences(tmp_path, "vaults", before, after) == [(name, str(was), str(now), is_worse)]


def test_exceptions_are_compared(tmp_path):
    """A new one, one that ended, and one that was made longer."""
    one = row(Exempted, server="/s/1", verdict="exempt", until=NOW)
    longer = msgspec.structs.replace(one, until=NOW + timedelta(days=30))
    day = f"exempt until {NOW:%Y-%m-%d}"
    assert differences(tmp_path, "exceptions", [], [one]) == [("new exception", "", day, False)]
    assert differences(tmp_path, "exceptions", [one], []) == [("exception ended", day, "", False)]
    assert [what for what, *_ in differences(tmp_path, "exceptions", [one], [longer])] == ["exception"]
