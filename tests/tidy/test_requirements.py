"""What Azure installs: requirements.txt says what pyproject.toml says, and nothing that the app does not use."""

import ast
import importlib.metadata
import re
import tomllib
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tidy.tree import PRODUCT, ROOT, modules, parsed

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WANTED = {canonicalize_name(one.name): one for one in map(Requirement, PROJECT["dependencies"])}
# Named in pyproject.toml, and imported by no module of ours. Each has its reason.
NOT_IMPORTED = {
    "azure-mgmt-resourcegraph": "the owner requires it; Resource Graph is asked by requests of our own: decision 10",
    "tzdata": "the time zones of zoneinfo, where the operating system has none",
}


@cache
def pins(file: str) -> dict[str, Requirement]:
    """Each pinned package of a file."""
    lines = re.findall(r"^[A-Za-z].*", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    found = [Requirement(line.rstrip(" \\")) for line in lines]
    return {canonicalize_name(one.name): one for one in found}


def version(pin: Requirement) -> str:
    """The one version that a pin allows."""
    (exactly,) = pin.specifier
    assert exactly.operator == "=="
    return exactly.version


def names(node: ast.AST) -> list[str]:
    """The modules that a statement may load; `from a import b` may load a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


@cache
def imported() -> set[str]:
    """Every module that the product imports, anywhere, and the packages around it."""
    trees = [parsed(path) for path in (ROOT / "function_app.py", *modules(*PRODUCT))]
    return {name for tree in trees for node in ast.walk(tree) for name in names(node)}


def brings(distribution: str) -> set[str]:
    """The importable names of an installed distribution."""
    files = importlib.metadata.distribution(distribution).files or []
    paths = [file.with_suffix("") for file in files if file.suffix == ".py"]
    return {".".join(path.parent.parts if path.name == "__init__" else path.parts) for path in paths}


def needs(distribution: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """A distribution and everything that it needs here, directly or not. What is not installed needs nothing."""
    found, waiting = set(), {(canonicalize_name(distribution), extras)}
    while waiting:
        name, wanted = one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        try:
            required = [Requirement(line) for line in importlib.metadata.requires(name) or []]
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        waiting |= {
            (canonicalize_name(need.name), frozenset(need.extras))
            for need in required
            if not need.marker or any(need.marker.evaluate({"extra": extra}) for extra in {"", *wanted})
        }
    return {name for name, _ in found}


@pytest.mark.parametrize("name", WANTED)
def test_what_is_named_is_pinned(name: str):
    """Each dependency of pyproject.toml is in requirements.txt, in a version that it allows. `make lock` mends it."""
    assert name in pins("requirements.txt")
    assert WANTED[name].specifier.contains(version(pins("requirements.txt")[name]))


def test_what_is_pinned_is_needed():
    """Each pin is a dependency of pyproject.toml, or something needs it that is."""
    needed = {name for wanted in WANTED.values() for name in needs(wanted.name, frozenset(wanted.extras))}
    here = {name for name, pin in pins("requirements.txt").items() if not pin.marker or pin.marker.evaluate()}
    assert here - needed == set()
    assert needed - here == set()


@pytest.mark.parametrize("name", WANTED)
def test_what_is_named_is_imported(name: str):
    """Each dependency is imported by the product, or has its reason above, and then really is not."""
    assert bool(brings(name) & imported()) == (name not in NOT_IMPORTED)


def test_what_is_imported_is_named():
    """Nothing is imported that is only there because a dependency happens to need it."""
    transitive = pins("requirements.txt").keys() - WANTED.keys()
    assert {name: used for name in transitive if (used := brings(name) & imported())} == {}


def test_what_is_tested_is_deployed():
    """The developer's environment has each of these packages in the version that Azure gets, and so do the tests."""
    developer = {name: version(pin) for name, pin in pins("requirements-dev.txt").items()}
    azure = {name: version(pin) for name, pin in pins("requirements.txt").items()}
    assert developer.items() >= azure.items()
    installed = {
        name: importlib.metadata.version(name) for name, pin in pins("requirements.txt").items() if not pin.marker
    }
    assert installed == {name: azure[name] for name in installed}
