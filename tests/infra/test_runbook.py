"""docs/operate.md: every verdict and every kind of incident of the code has its row, with something to do."""

import ast
import re

import pytest

from shared.core.verdict import Kind
from tests.tidy.tree import ROOT, files

PAGE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
VERDICTS, INCIDENTS = PAGE.split("## Runbook: verdicts")[1].split("## Rollout rings")[0].split("## Runbook: incidents")
TAKES_KIND = {"Alert", "Finding"}


def rows(part: str) -> dict[str, list[str]]:
    """The cells of each row that begins with a name."""
    found = re.findall(r"^\| `(\w+)` \|(.+)\|$", part, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in found}


def incident_kinds() -> set[str]:
    """The kinds that the code gives to alerts and findings, as far as they are words of their own."""
    kinds = set[str]()
    for path in files("shared", ending=".py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            if isinstance(node.value, ast.Constant)
        }
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            called = call.func.id if isinstance(call.func, ast.Name) else ""
            wanted = {"kind"} if called in TAKES_KIND else {"name"} if called == "_finding" else set[str]()
            for value in (word.value for word in call.keywords if word.arg in wanted):
                kinds |= {str(node.value) for node in ast.walk(value) if isinstance(node, ast.Constant)}
                kinds |= (
                    {str(constants[node.id]) for node in ast.walk(value) if isinstance(node, ast.Name)}
                    if (isinstance(value, ast.Name) and value.id in constants)
                    else set()
                )
    return kinds - {""}


@pytest.mark.parametrize("kind", Kind)
def test_every_verdict_has_its_row(kind: Kind):
    """Once, with what it means or where to look, and what to do."""
    assert VERDICTS.count(f"\n| `{kind}` |") == 1
    assert all(rows(VERDICTS)[kind])


def test_no_row_is_of_the_past():
    """No verdict stands there that the code does not know."""
    assert set(rows(VERDICTS)) == set(Kind)


def test_every_incident_has_its_row():
    """Each kind that is no verdict's name has a row of its own, with meaning, first look and next step."""
    named_like_verdicts = {kind.removeprefix("blocked_") for kind in Kind} | set(Kind)
    kinds = incident_kinds()
    assert {"backup_failed", "message_poisoned", "brake"} <= kinds
    assert kinds - named_like_verdicts - set(rows(INCIDENTS)) == set()
    assert all(len(cells) == 3 and all(cells) for cells in rows(INCIDENTS).values())


def test_facts_of_the_page_are_written():
    """Every fact that the page explains is one that the app writes down."""
    facts = PAGE.split("| fact | one for each | says |")[1].split("\n\n")[0]
    written = "\n".join(path.read_text(encoding="utf-8") for path in files("shared", ending=".py"))
    for line in facts.splitlines()[2:]:
        for fact in re.findall(r"`(\w+)`", line.split("|")[1]):
            assert re.search(rf'journal\.record\(\s*"{fact}"', written), fact


def test_the_pages_lead_there():
    """README and the deployment guide name the page."""
    for page in ("README.md", "docs/deploy.md"):
        assert "operate.md" in (ROOT / page).read_text(encoding="utf-8"), page
