"""The tree that the tidy tests walk: every file of the project, none of what tools leave behind."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CODE = ("shared", "functions", "simulator", "host", "cli")
PRODUCT = ("shared", "functions")
LEFT_BEHIND = {"__pycache__", "dist", "node_modules"}


def files(*folders: str, ending: str = "") -> Iterator[Path]:
    """Every file below the folders (all of the project without any), hidden folders of tools left out."""
    for start in [ROOT / folder for folder in folders] or [ROOT]:
        for folder, inner, names in start.walk():
            inner[:] = [
                name for name in inner if name not in LEFT_BEHIND and (name[0] != "." or name in {".ci", ".github"})
            ]
            yield from (folder / name for name in sorted(names) if name.endswith(ending))


def modules(*folders: str) -> list[Path]:
    """Every Python module of the folders; with none, of the whole project."""
    return sorted(files(*folders, ending=".py"))


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def where(path: Path, line: int = 0) -> str:
    """A place, as people write it."""
    return f"{path.relative_to(ROOT)}{f':{line}' if line else ''}"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module."""
    return (node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
