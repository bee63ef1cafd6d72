"""Sizes and names: a file is read in one sitting, a function on one screen, and a name says what is inside."""

import ast

from tests.tidy.tree import files, functions, modules, parsed, where

BANNED = {"utils", "util", "helpers", "helper", "manager", "common", "base", "misc", "lib", "tools"}


def is_test(path: str) -> bool:
    return path.startswith("tests/")


def test_no_file_is_too_long():
    """No module is longer than 300 lines, no test file longer than 400."""
    lengths = {where(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {path: length for path, length in lengths.items() if length > (400 if is_test(path) else 300)} == {}


def test_no_function_is_too_long():
    """No function is longer than 50 lines."""
    long = [
        where(path, node.lineno)
        for path in modules()
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno + 1 > 50
    ]
    assert long == []


def test_no_line_is_too_long():
    """No line of code is longer than 120 characters."""
    long = [
        where(path, number)
        for path in modules()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 120
    ]
    assert long == []


def test_no_module_is_called_nothing():
    """No file or folder has a name that could hold anything."""
    names = {where(path): {part.removeprefix("_") for part in (path.stem, path.parent.name)} for path in files()}
    assert [path for path, parts in names.items() if parts & BANNED] == []


def test_every_module_says_what_it_is():
    """Every module begins with a docstring, but for empty package marks among the tests."""
    written = [path for path in modules() if path.stat().st_size]
    assert [where(path) for path in written if not ast.get_docstring(parsed(path))] == []


def test_every_test_says_what_it_shows():
    """Every test has a docstring that states its property."""
    tests = [(path, node) for path in modules("tests") for node in functions(path) if node.name.startswith("test_")]
    assert len(tests) > 200
    assert [where(path, node.lineno) for path, node in tests if not ast.get_docstring(node)] == []
