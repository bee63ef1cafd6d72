"""One test per served operation and per example of one. Without the wire data there is one, which is skipped."""

import pytest

from tests.conftest import wire_folder
from tests.contracts.documents import served
from tests.contracts.examples import examples

FOLDER = wire_folder()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Fill in `operation` and `example`; both ask for `wire`, which skips where there is nothing to fill in."""
    if "operation" in metafunc.fixturenames:
        _fill(metafunc, "operation", served(FOLDER) if FOLDER else ())
    if "example" in metafunc.fixturenames:
        _fill(metafunc, "example", [each for each in examples(FOLDER) if each.operation.is_served] if FOLDER else ())


def _fill(metafunc: pytest.Metafunc, name: str, values: object) -> None:
    found = list(values) or [None]  # type: ignore[call-overload]
    metafunc.parametrize(name, found, ids=[getattr(each, "key", "no wire data") for each in found])
