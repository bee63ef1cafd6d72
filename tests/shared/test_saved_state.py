"""What is saved between two looks is JSON of our own: nothing that is read back can run, and nothing can be pasted."""

import ast
import importlib.metadata
import pickle
import tomllib
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

from shared.claim import read_message
from shared.cloud.graph import query
from shared.core import resource_id
from shared.core.observed import Running
from tests.tidy.tree import PRODUCT, ROOT, modules, parsed

RUNS_CODE = {"pickle", "cPickle", "dill", "marshal", "shelve", "jsonpickle"}
SAFE_CORE = Version("1.38")  # CVE-2026-21226: before it continuation tokens were pickles
GROUP = "/subscriptions/5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10/resourceGroups/rg-{}"
ID = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg{{}}"
NO_WORD = frozenset("'\"\\\n\r|;`{}<>&")


class Bomb:
    """What a storage writer would like to be unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('a saved state was executed')",))


def test_nothing_that_runs_code_is_imported():
    """No module of the product can unpickle, whatever it is given."""
    imported = {
        (path.name, alias.name.partition(".")[0])
        for path in modules(*PRODUCT)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")])
    }
    assert {one for one in imported if one[1] in RUNS_CODE} == set()


def test_azure_core_is_one_that_pickles_nothing():
    """azure-core is at least 1.38 as asked for, as locked, and as installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (asked,) = [one for one in map(Requirement, project["dependencies"]) if one.name == "azure-core"]
    assert not asked.specifier.contains("1.37.99")
    for file in ("requirements.txt", "requirements-dev.txt"):
        (line,) = [one for one in (ROOT / file).read_text(encoding="utf-8").splitlines() if one[:12] == "azure-core=="]
        assert Version(line[12:].split()[0]) >= SAFE_CORE
    assert Version(importlib.metadata.version("azure-core")) >= SAFE_CORE


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_no_state(protocol):
    """A pickle where JSON is expected, as a message or as the operation of a row, is refused and not executed."""
    bomb = pickle.dumps(Bomb(), protocol)
    with pytest.raises(ValueError, match="not a message of ours"):
        read_message(bomb)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(bomb, type=Running)
    kept = Running(kind="validate", url=bomb.hex(), started_at=datetime(2026, 11, 23, tzinfo=UTC))
    assert msgspec.json.decode(msgspec.json.encode(kept), type=Running) == kept  # a url stays a text


# -- no word of a stranger becomes a query -------------------------------------------------------------------------


@given(st.text(max_size=30), st.text(max_size=30))
def test_an_id_cannot_leave_its_quotes(group, name):
    """Whatever is pasted into a group or a name: it is no id, or it has nothing that ends a text of KQL."""
    read = resource_id.parse(ID.format(group, name))
    assert read is None or not NO_WORD & set(read.text)


@pytest.mark.parametrize(
    "evil", ["' or 1==1 //", "\\'", "x'\n| union resources", "a|b", "`x`", "a;drop", 'q"q', "{narrow}"]
)
def test_the_usual_injections_are_no_ids(evil):
    """Quotes, backslashes, line breaks and pipes are no part of a name or a group."""
    assert resource_id.parse(ID.format(evil, "")) is None
    assert resource_id.parse(ID.format("", evil)) is None


def test_queries_have_two_words():
    """A query takes the type of a server and a narrowing of our own, and nothing else; braces in them stay text."""
    files = sorted((ROOT / "shared/cloud").glob("*.kql"))
    assert len(files) > 5
    assert {
        word for path in files for word in query(path.stem, server_type="S", narrow="N").split() if "{" in word
    } == set()
    assert "{narrow}" in query("servers", server_type="{narrow}")
