"""Reads a Bicep file: what it declares, and where its syntax is wrong. Judges nothing else.

The grammar is tree-sitter-bicep's. Assignments of a parameters file are read as variables.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

PARSER = Parser(Language(tree_sitter_bicep.language()))


@dataclass(frozen=True)
class Problem:
    """Something that Azure would refuse, and where it stands."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Declared:
    """One declaration. kind: parameter, variable, resource, module, output or type. value: its expression or body."""

    kind: str
    name: str
    node: Node
    type: Node | None = None
    value: Node | None = None
    of: str = ""  # a resource's type with its version, a module's path
    existing: bool = False

    @property
    def is_optional(self) -> bool:
        """Whether a parameter may be left out: it has a default, or may be null."""
        nullable = self.type is not None and any(child.type == "nullable_type" for child in within(self.type))
        return self.value is not None or nullable


@dataclass
class BicepFile:
    """What a file declares, by name; outputs stand apart, since they may be called like anything else."""

    path: Path
    root: Node
    scope: str = "resourceGroup"
    using: str = ""
    symbols: dict[str, Declared] = field(default_factory=dict)
    outputs: dict[str, Declared] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, node: Node, text: str) -> None:
        """Note a problem at a place."""
        problem = Problem(self.path, node.start_point.row + 1, text)
        if problem not in self.problems:
            self.problems.append(problem)

    def of_kind(self, kind: str) -> dict[str, Declared]:
        return {name: each for name, each in self.symbols.items() if each.kind == kind}


def text(node: Node) -> str:
    """A node as it is written."""
    return (node.text or b"").decode()


def within(node: Node) -> Iterator[Node]:
    """A node and everything below it."""
    yield node
    for child in node.children:
        yield from within(child)


def literal(node: Node) -> str | None:
    """The text of a string without interpolation; None for anything else."""
    if node.type != "string" or any(child.type == "interpolation" for child in node.named_children):
        return None
    return re.sub(r"\\(.)", r"\1", "".join(text(child) for child in node.named_children))


def unwrapped(node: Node | None) -> Node | None:
    """The body of a resource or module: without its `if` and its `for`."""
    while node is not None and node.type in {"if_statement", "for_statement", "parenthesized_expression"}:
        node = node.named_children[-1]
    return node


def members(node: Node | None) -> dict[str, tuple[Node, Node]]:
    """The members of an object by name: where they stand, and their values. Computed names are as they are written."""
    if node is None or node.type != "object":
        return {}
    found = [child for child in node.named_children if child.type == "object_property" and child.named_child_count > 1]
    keys = [(each.named_children[0], each.named_children[-1]) for each in found]
    return {literal(key) or text(key): (key, value) for key, value in keys}


def evaluated(file: BicepFile, node: Node) -> Any:
    """What an expression is, where it is written out: literals, arrays, objects, and variables made of these."""
    match node.type:
        case "array":
            return [evaluated(file, each) for each in node.named_children if each.type != "comment"]
        case "object":
            return {name: evaluated(file, value) for name, (_, value) in members(node).items()}
        case "number" | "boolean" | "null":
            return json.loads(text(node))
        case "identifier" if (declared := file.symbols.get(text(node))) and declared.kind == "variable":
            return evaluated(file, declared.value) if declared.value is not None else None
    return literal(node)


@cache
def read(path: Path) -> BicepFile:
    """A file's declarations and the problems of its syntax. The same object for the same path."""
    return parse(path, path.read_text(encoding="utf-8"))


def parse(path: Path, content: str) -> BicepFile:
    """The same for a text that is not there yet. path: where it would be."""
    if path.suffix == ".bicepparam":
        content = re.sub(r"(?m)^param ", "var   ", content)
    file = BicepFile(path, PARSER.parse(content.encode()).root_node)
    for node in within(file.root):
        if node.type == "ERROR" or node.is_missing:
            file.wrong(node, f"is no Bicep: {text(node).strip().splitlines()[:1] or 'something is missing'}")
    for node in file.root.named_children:
        _declare(file, node)
    return file


def _declare(file: BicepFile, node: Node) -> None:
    children = [child for child in node.named_children if child.type not in {"decorators", "comment"}]
    match node.type:
        case "target_scope_assignment":
            file.scope = literal(children[0]) or ""
        case "using_statement":
            file.using = literal(children[0]) or ""
        case "parameter_declaration" | "output_declaration":
            value = children[2] if len(children) > 2 else None
            _add(file, Declared(node.type.split("_")[0], text(children[0]), node, children[1], value))
        case "variable_declaration" | "type_declaration":
            _add(file, Declared(node.type.split("_")[0], text(children[0]), node, None, children[1]))
        case "resource_declaration" | "module_declaration":
            existing = any(child.type == "existing" or text(child) == "existing" for child in node.children)
            of = literal(children[1]) or ""
            _add(file, Declared(node.type.split("_")[0], text(children[0]), node, None, children[-1], of, existing))


def _add(file: BicepFile, declared: Declared) -> None:
    place = file.outputs if declared.kind == "output" else file.symbols
    if declared.name in place:
        file.wrong(declared.node, f"{declared.name} is declared twice")
    place[declared.name] = declared
