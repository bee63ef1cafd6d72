"""Reads the rules file, or says everything that is wrong with it: file, line, column, value and what is valid.

The model is `shared/core/rules.py`; this file adds no rule of its own.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from shared.core.rules import Rules
from shared.rules_checks import Found, errors, warnings
from shared.rules_reader import Problem, Reader, compose, node_at, text_of
from shared.rules_schema import schema

__all__ = ["BadRules", "Problem", "load", "parse", "read", "schema"]


class BadRules(Exception):
    """The rules file cannot be used. The app does not start with it; the command line exits with 2."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file, self.problems = file, _in_order(problems)
        super().__init__("\n".join(f"{file}:{p.line}:{p.column}: {p}" for p in self.problems))


def load(path: Path) -> Rules:
    """Read the rules file. Raises BadRules with every problem at once, also when the file is not there."""
    text = text_of(path)
    if isinstance(text, Problem):
        raise BadRules(path.name, [text])
    return parse(text, path.name)


def parse(text: str, file: str = "rules.yaml") -> Rules:
    """Read rules from text; `file` is the name that messages show. Raises BadRules."""
    root, reader, parts = _read(text, file)
    return _checked(root, reader, parts, file)


def read(text: str, file: str = "rules.yaml") -> tuple[Rules, list[Problem]]:
    """Rules from text, and its warnings: what is valid and probably not meant. Raises BadRules with every error."""
    root, reader, parts = _read(text, file)
    rules = _checked(root, reader, parts, file)
    return rules, _in_order(_placed(root, warnings(rules)))


def _read(text: str, file: str) -> tuple[yaml.Node, Reader, dict[str, Any]]:
    root = compose(text, "mode, vaults and tiers")
    if isinstance(root, Problem):
        raise BadRules(file, [root])
    reader = Reader()
    return root, reader, reader.parts(root, Rules, "")


def _checked(root: yaml.Node, reader: Reader, parts: dict[str, Any], file: str) -> Rules:
    """The rules, if they are right. What could not be read has its default here, so that the rest is checked too."""
    readable = {name: value for name, value in parts.items() if value is not None}
    rules = Rules(**{"mode": "observe", "vaults": (), "tiers": {}, **readable})
    if problems := reader.problems + _placed(root, errors(rules)):
        raise BadRules(file, problems)
    return rules


def _placed(root: yaml.Node, found: Iterable[Found]) -> list[Problem]:
    return [Problem.at(node_at(root, *one.path), one.message, one.source) for one in found]


def _in_order(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.line, problem.column))
