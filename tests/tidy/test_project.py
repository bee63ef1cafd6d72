"""The project around the code: what is installed, what is documented, what is excused."""

import importlib.metadata
import re

import pytest

from shared.settings import VARIABLES
from tests.tidy.tree import CODE, PRODUCT, ROOT, files, modules, where

# Excuses may only become fewer. Who removes one lowers the number; who adds one explains it in review.
MOST_EXCUSES = {"# noqa": 19, "# type: ignore": 2}
LOCAL_ONLY = {
    "click", "duckdb", "duckdb-kql", "pytest", "rich", "azure-storage-queue", "hypothesis", "ruff", "mypy", "uv",
}  # fmt: skip
ALLOWED = {"requirements-dev.txt"}


def requirements() -> dict[str, str]:
    """Each pinned package of requirements.txt with everything that belongs to it."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return {line.split("==")[0].strip(): line for line in pins}


def test_every_package_is_pinned_with_hashes():
    """What Azure installs is exact to the byte: a version and at least one hash for every package."""
    pins = requirements()
    assert len(pins) > 10
    assert [name for name, line in pins.items() if not re.search(r"==\d.*--hash=sha256:[0-9a-f]{64}", line)] == []


def test_nothing_local_is_deployed():
    """What only tests, the command line and the local Azure need is not installed in Azure."""
    assert requirements().keys() & LOCAL_ONLY == set()


def test_no_package_shadows_ours():
    """No installed package brings a top-level name that is also one of ours."""
    brought: dict[str, set[str]] = {}
    for name in requirements():
        try:
            parts = importlib.metadata.distribution(name).files or ()
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        brought[name] = {part.parts[0].removesuffix(".py") for part in parts}
    assert len(brought) > 10
    assert {
        name: tops & {*CODE, "function_app"} for name, tops in brought.items() if tops & {*CODE, "function_app"}
    } == {}


def test_one_python():
    """The version of Python is said once, and is the one that Azure runs."""
    assert (ROOT / ".python-version").read_text(encoding="utf-8").strip() == "3.13"


@pytest.mark.parametrize("variable", VARIABLES.values())
def test_every_setting_is_documented(variable: str):
    """Each environment variable of the app is explained in the README or in docs/."""
    pages = [path for path in (ROOT / "README.md", *files("docs", ending=".md")) if path.exists()]
    assert any(variable in page.read_text(encoding="utf-8") for page in pages), f"{variable} is nowhere explained"


def test_no_machine_is_mentioned():
    """No file knows a path of the machine on which it was written."""
    paths = re.compile(rb"(?<![\w.-])/(?:work|tmp|home/\w+|root)/[\w.]")
    texts = {where(path): path.read_bytes() for path in files()}
    found = {name: match[0] for name, text in texts.items() if (match := paths.search(text))}
    assert found == {}


@pytest.mark.parametrize("excuse", MOST_EXCUSES)
def test_excuses_become_fewer(excuse: str):
    """The product has no more exceptions from the linter and the types than it had, and each names its rule."""
    lines = [
        (where(path, number), line)
        for path in modules(*PRODUCT)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if excuse in line
    ]
    assert len(lines) <= MOST_EXCUSES[excuse], [place for place, _ in lines]
    assert [place for place, line in lines if not re.search(excuse + r"(: [A-Z]+\d+ - |\[[a-z-]+\])", line)] == []
