"""Queries: Microsoft's analyser has nothing to say of any of them, and those for Resource Graph answer rightly."""

import json
import re
from functools import cache
from typing import Any

import pytest

from cli.rehearsal import Rehearsal
from functions import wiring
from shared.cloud import graph
from simulator.arm.authorization import OPERATOR
from simulator.wire import Request
from tests.infra.bicep_file import read, text, within
from tests.infra.kusto import NoAnalyser, judged
from tests.tidy.tree import ROOT, files

QUERIES = ROOT / "infra" / "queries"
OF_GRAPH = ("coverage", "newest_points")
SERVER_TYPE = "microsoft.dbforpostgresql/flexibleservers"
SUBSCRIPTION = "11111111-0000-4000-8000-000000000001"
NARROW = f"| where subscriptionId in~ ('{SUBSCRIPTION}')"
PRODUCT = sorted(path.stem for path in (ROOT / "shared" / "cloud").glob("*.kql"))
RULES = """\
mode: protect
vaults: [{id: "{vault:westeurope}"}]
tiers:
  gold:
    backup: {days: [sunday], at: "01:30"}
    keep: {default: 35 days}
"""


def deployed() -> dict[str, tuple[str, str]]:
    """The queries of workbook and alerts, each with the tables that it is for."""
    return {
        path.stem: ("graph" if path.stem in OF_GRAPH else "logs", path.read_text(encoding="utf-8"))
        for path in sorted(QUERIES.glob("*.kql"))
    }


def of_product(narrow: str) -> dict[str, tuple[str, str]]:
    """The product's own queries as it asks them."""
    return {name: ("graph", graph.query(name, server_type=SERVER_TYPE, narrow=narrow)) for name in PRODUCT}


MISTAKES = [
    ("AppTraces", "AppTrace"),
    ("Message startswith", "Mesage startswith"),
    (">= 3", ">= 'three'"),
    ("toint(", "toin("),
    ("| summarize", "| sumarize"),
    ("countif(state =~ 'ProtectionConfigured')", "countif(state)"),
    ("kind=leftouter", "kind=leftish"),
]


@cache
def analysed() -> dict[str, list[str]]:
    """What the analyser says of every query, and of each mistake in each; asked once, for it takes seconds to load."""
    broken = {
        f"{right} {name}": (schema, query.replace(right, wrong))
        for right, wrong in MISTAKES
        for name, (schema, query) in deployed().items()
        if right in query
    }
    some = {f"{name}, some": query for name, query in of_product(NARROW).items()}
    try:
        return judged(deployed() | of_product("") | some | broken)
    except NoAnalyser as missing:
        pytest.skip(str(missing))


def test_the_analyser_has_nothing_to_say():
    """Product, workbook and alerts: every table, column, operator and kind is right."""
    names = [*deployed(), *PRODUCT, *(f"{name}, some" for name in PRODUCT)]
    assert {name: analysed()[name] for name in names if analysed()[name]} == {}


def test_the_analyser_is_asked_about_all():
    """There is no query file beside those that are judged here."""
    assert {path.stem for path in files(ending=".kql")} == {*PRODUCT, *deployed()}


@pytest.mark.parametrize("right", [right for right, _ in MISTAKES])
def test_a_mistake_is_said(right: str):
    """The analyser is at work: a mistake in a query is one in its answer."""
    said = [problems for name, problems in analysed().items() if name.startswith(f"{right} ")]
    assert said
    assert all(said)


def test_queries_are_used():
    """Every query stands in the workbook or in an alert."""
    modules = [read(path) for path in (ROOT / "infra" / "modules").glob("*.bicep")]
    words = {text(node).strip("'") for file in modules for node in within(file.root) if node.type == "string"}
    assert {word.split("/")[-1] for word in words if word.endswith(".kql")} == {
        path.name for path in QUERIES.glob("*.kql")
    }


def test_facts_are_facts():
    """Every fact that a query waits for is one that the product writes down, with the fields that the query reads."""
    written = "\n".join(path.read_text(encoding="utf-8") for path in files("shared", ending=".py"))
    for name, (schema, query) in deployed().items():
        if schema == "logs":
            for fact in re.findall(r'"fact": "(\w+)"', query):
                assert re.search(rf'journal\.record\(\s*"{fact}"', written), f"{name}: {fact}"
            for field in re.findall(r"(?:Line|\(Message\))(?:\.|\[')(\w+)", query):
                assert field == "fact" or re.search(rf'\b{field}=|"{field}": ', written), f"{name}: {field}"


@pytest.fixture(scope="module")
def estate() -> Rehearsal:
    """Two servers, one of them protected, an hour later."""
    made = Rehearsal(RULES)
    made.create_server("pg-one", {"backup-tier": "gold"})
    made.create_server("pg-two")
    made.run(seconds=5400)
    wiring.use(None)
    return made


def ask(estate: Rehearsal, query: str) -> list[dict[str, Any]]:
    """The rows that Resource Graph answers to the person who runs the estate."""
    url = "https://management.azure.com/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
    headers = {"authorization": f"Bearer simulated.{OPERATOR}", "content-type": "application/json"}
    body = json.dumps({"query": query, "options": {"resultFormat": "objectArray"}}).encode()
    answer = estate.azure.handle(Request("POST", url, headers, body))
    assert answer.status == 200, answer.body
    return list(answer.json()["data"])


def test_coverage_is_counted(estate: Rehearsal):
    """One of two servers is protected: fifty percent, in the region where they are."""
    rows = ask(estate, deployed()["coverage"][1])
    assert [(row["location"], row["servers"], row["protected"], row["percent"]) for row in rows] == [
        ("westeurope", 2, 1, 50.0)
    ]


def test_the_newest_point_has_an_age(estate: Rehearsal):
    """The protected server's first backup is less than a tenth of a day old."""
    (row,) = ask(estate, deployed()["newest_points"][1])
    assert row["server"].endswith("/pg-one")
    assert row["state"] == "ProtectionConfigured"
    assert 0 <= row["days"] <= 0.1
