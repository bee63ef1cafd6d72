"""What every test may ask for: the folder of recorded wire data, where there is one."""

import os
from pathlib import Path

import pytest


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
