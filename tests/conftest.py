"""What every test may ask for: the folder of recorded wire data, where there is one."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def wire():
    """The folder of recorded traffic of the real Azure; without it a test is skipped and says so."""
    folder = os.environ.get("FLEXGUARD_WIRE", "")
    if not folder:
        pytest.skip("FLEXGUARD_WIRE does not name the folder of recorded wire data")
    return Path(folder)
