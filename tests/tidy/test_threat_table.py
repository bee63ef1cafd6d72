"""The threat table of docs/security.md: no threat is missing, and every test that it names exists."""

import re

import pytest

from tests.tidy.tree import ROOT, functions

ROWS = {
    row[1]: row[2]
    for row in re.finditer(
        r"^\| (T\d+) \|(.*)\|$", (ROOT / "docs/security.md").read_text(encoding="utf-8"), re.MULTILINE
    )
}


def test_every_threat_has_its_row():
    """T1 to T20, in their order."""
    assert list(ROWS) == [f"T{number}" for number in range(1, 21)]


@pytest.mark.parametrize("threat", ROWS)
def test_every_threat_is_proven(threat: str):
    """A row says what happens, what stands against it, and at least one test that there is."""
    what, control, tests = (cell.strip() for cell in ROWS[threat].split("|"))
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
    assert what
    assert control
    assert named
    assert tests.count("`") == 2 * len(named)
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).exists() or test not in {node.name for node in functions(ROOT / file)}
    ]
    assert missing == []
