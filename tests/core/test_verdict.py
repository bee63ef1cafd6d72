"""The closed list of verdicts: each has a next step, and nothing else is said."""

import pytest

from shared.core.verdict import FIXES, Kind, Verdict

NOTHING_TO_SAY = {Kind.PROTECTED, Kind.EXEMPT, Kind.GONE}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_fix(kind: Kind):
    """Every kind says what to do about it; only what needs nothing says nothing."""
    assert bool(FIXES[kind]) == (kind not in NOTHING_TO_SAY)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.is_blocked])
def test_a_blocked_kind_names_who_acts(kind: Kind):
    """What is blocked waits for somebody, who is named before the colon; or it passes by itself, and says so."""
    who, _, what = FIXES[kind].partition(": ")
    assert (who.endswith(("team", "group")) and what) or FIXES[kind].startswith("nothing to do")


def test_a_better_fix_wins():
    """A fix that knows more replaces the usual one."""
    assert Verdict.of(Kind.STOPPED, "because").fix == FIXES[Kind.STOPPED]
    assert Verdict.of(Kind.STOPPED, "because", "do this").fix == "do this"
