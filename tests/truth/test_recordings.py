"""Recorded traffic of the real Azure, played to the local one: every answer alike, or listed as different."""

import pytest

from tests.conftest import wire_folder
from tests.truth.recording import files, read
from tests.truth.replay import replay
from tests.truth.scope import Scope, Verdict

FOLDER = wire_folder()
RECORDINGS = files(FOLDER) if FOLDER else []
WHERE = pytest.mark.skipif(not RECORDINGS, reason="FLEXGUARD_WIRE does not name the folder of recorded wire data")
SHARE = 0.98


@WHERE
@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.stem)
def test_a_recording_is_answered_alike(file):
    """Each recorded request gets the recorded answer, but for what differences.yaml lists with a reason."""
    scope, found = Scope(), []
    for outcome in replay(read(file)):
        verdict, lines = scope.judge(outcome)
        if verdict is Verdict.WRONG:
            found.append((outcome.exchange.n, outcome.exchange.operation, lines))
    assert found == []


@WHERE
def test_what_is_listed_is_so_and_is_little():
    """Every entry of differences.yaml that concerns these recordings is needed, and 98 of 100 exchanges agree."""
    scope, verdicts, concerned = Scope(), [], set()
    for file in RECORDINGS:
        for outcome in replay(read(file)):
            verdicts.append(scope.judge(outcome)[0])
            concerned |= {entry for entry in scope.entries if entry.is_about(outcome.exchange)}
    assert [str(entry) for entry in scope.entries if entry in concerned - scope.used] == []
    assert verdicts.count(Verdict.AGREES) >= SHARE * (len(verdicts) - verdicts.count(Verdict.OUT))
