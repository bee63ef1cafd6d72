"""What every test may count on: folders of what Azure says of itself, where they are, and a Ctrl-C that is heard."""

import os
import signal
from pathlib import Path

import pytest


def pytest_configure():
    """A shell lets what it runs in the background ignore Ctrl-C; what a test starts and interrupts must hear it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def wire_folder() -> Path | None:
    """The folder of recorded traffic of the real Azure, where there is one."""
    folder = os.environ.get("FLEXGUARD_WIRE", "")
    return Path(folder) if folder else None


@pytest.fixture(scope="session")
def wire():
    """The folder of recorded traffic of the real Azure; without it a test is skipped and says so."""
    folder = wire_folder()
    if folder is None:
        pytest.skip("FLEXGUARD_WIRE does not name the folder of recorded wire data")
    return folder


@pytest.fixture(scope="session")
def bicep_types():
    """The folder of Microsoft's type definitions for Bicep; without it a test is skipped and says so."""
    folder = os.environ.get("FLEXGUARD_BICEP_TYPES", "")
    if not folder:
        pytest.skip("FLEXGUARD_BICEP_TYPES does not name the folder of Bicep's type definitions")
    return Path(folder)
