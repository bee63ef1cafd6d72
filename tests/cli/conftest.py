"""The command line in this process: what it prints, what it complains of, and its exit code."""

from dataclasses import dataclass

import pytest

from cli import connection
from cli.__main__ import main


@dataclass(frozen=True)
class Ran:
    """What came of one command line."""

    code: int
    out: str
    err: str


@pytest.fixture
def flexguard(capfd):
    """Run one command line as a shell would; the connection that a test gives is forgotten afterwards."""

    def run(*arguments):
        code = main(arguments)
        seen = capfd.readouterr()
        return Ran(code, seen.out, seen.err)

    yield run
    connection.use(None)
