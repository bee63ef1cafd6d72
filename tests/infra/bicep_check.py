"""Is a Bicep file right? Syntax, names, types and versions of resources, and what modules are given and asked.

What Bicep's own compiler would say of the mistakes that people make, for machines where it cannot be had. The checker
is itself tested with such mistakes. `make infra` uses the real one where it is.
"""

import re
from pathlib import Path

from tree_sitter import Node

from tests.infra import arm_types
from tests.infra.bicep_bodies import (
    check_resource,
    declared_kind,
    declared_words,
    did_you_mean,
    kind_of,
    words_of,
)
from tests.infra.bicep_file import BicepFile, Declared, Problem, literal, members, parse, read, text, unwrapped, within

# Types that the data does not have, each looked up in public templates. Their bodies are not checked.
UNTYPED = {
    "Microsoft.Insights/metricAlerts@2018-03-01",
    "Microsoft.Network/privateEndpoints@2024-05-01",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01",
}
FUNCTIONS = {
    *("any", "array", "base64", "bool", "concat", "contains", "deployer", "deployment", "empty", "endsWith"),
    *("environment", "filter", "first", "flatten", "format", "guid", "indexOf", "int", "items", "join", "json", "last"),
    *("length", "loadJsonContent", "loadTextContent", "map", "max", "min", "padLeft", "range"),
    *("readEnvironmentVariable", "reduce", "replace", "resourceGroup", "resourceId", "sort", "split", "startsWith"),
    *("string", "subscription", "subscriptionResourceId", "substring", "take", "tenant", "tenantResourceId", "toLower"),
    *("toObject", "toUpper", "trim", "union", "uniqueString", "uri"),
}
DECORATORS = {
    "description",
    "allowed",
    "minLength",
    "maxLength",
    "minValue",
    "maxValue",
    "metadata",
    "secure",
    "export",
}


def check(path: Path, types: Path | None, content: str | None = None) -> list[Problem]:
    """Everything that is wrong with a file. content: instead of the file's.

    types: the folder of type definitions; without it resources are let through.
    """
    file = parse(path, path.read_text(encoding="utf-8") if content is None else content)
    if file.using:
        _check_parameters(file, file.using, {name: each.value for name, each in file.symbols.items()}, file.root)
        return file.problems
    _check_names(file)
    for declared in file.of_kind("resource").values() if types else ():
        _check_resource(file, declared, types)
    for declared in file.of_kind("module").values():
        _check_module(file, declared)
    return file.problems


# -- names ---------------------------------------------------------------------------------------------------------


def _check_names(file: BicepFile) -> None:
    used: set[str] = set()
    for top in file.root.named_children:
        local = _local_names(top)
        for node in within(top):
            if node.type == "call_expression":
                _check_call(file, node)
            elif node.type == "identifier" and not _is_label(node):
                name = text(node)
                used |= {name}
                if name not in {*file.symbols, *local, *FUNCTIONS}:  # the grammar takes some calls for names
                    file.wrong(node, f"{name} is declared nowhere{did_you_mean(name, set(file.symbols))}")
            elif node.type == "member_expression":
                _check_output(file, node)
    for name, declared in file.symbols.items():
        if declared.kind in {"parameter", "variable", "type"} and name not in used:
            file.wrong(declared.node, f"{name} is never used")


def _local_names(top: Node) -> set[str]:
    """Names of loops and lambdas. They count for the whole declaration: the grammar reads lambdas too narrowly."""
    names = set()
    for node in within(top):
        if node.type in {"loop_variable", "loop_enumerator"}:
            names |= {text(node)}
        elif node.type in {"for_statement", "lambda_expression"}:
            first = node.named_children[0]
            names |= {text(each) for each in within(first) if each.type == "identifier"}
    return names


def _is_label(node: Node) -> bool:
    """Whether an identifier names something here: a declaration, a member, a function that is called."""
    parent = node.parent
    if parent is None:
        return False
    first = parent.named_children[0] == node
    declares = parent.type.endswith("_declaration") or parent.type in {"object_property", "call_expression"}
    return declares and first


def _check_call(file: BicepFile, node: Node) -> None:
    name, arguments = text(node.named_children[0]), node.named_children[-1]
    if node.parent is not None and node.parent.type == "decorator":
        if name not in DECORATORS:
            file.wrong(node, f"@{name} is no decorator{did_you_mean(name, DECORATORS)}")
    elif name not in FUNCTIONS and "." not in name:
        file.wrong(node, f"{name}() is no function{did_you_mean(name, FUNCTIONS)}")
    elif name.startswith("load"):
        target = literal(arguments.named_children[0]) or ""
        if not (file.path.parent / target).exists():
            file.wrong(node, f"{target} is not there")


def _check_output(file: BicepFile, node: Node) -> None:
    match = re.match(r"(\w+)(?:\[[^\]]*\])?!?\.outputs\.(\w+)$", text(node))
    module = file.symbols.get(match[1]) if match else None
    if match and module and module.kind == "module" and (path := file.path.parent / module.of).exists():
        known = read(path).outputs
        if match[2] not in known:
            file.wrong(node, f"{module.of} puts out no {match[2]}{did_you_mean(match[2], set(known))}")


# -- resources -----------------------------------------------------------------------------------------------------


def _check_resource(file: BicepFile, declared: Declared, types: Path) -> None:
    if declared.of in UNTYPED:
        return
    arm, known = arm_types.find(types, declared.of)
    name, _, version = declared.of.partition("@")
    if arm is None:
        asked = version if known and "/" not in known[0] else name
        file.wrong(declared.node, f"{declared.of} is not known{did_you_mean(asked, known)}")
        return
    body = unwrapped(declared.value)
    if body is not None and not declared.existing:
        check_resource(file, body, arm)
    elif wrong := (set(members(body)) - {"parent", "scope"}) ^ {"name"}:
        file.wrong(declared.node, f"{declared.name} exists: it has a name, a parent or a scope, not {min(wrong)}")
    for node in within(file.root):
        if node.type == "member_expression":
            _check_access(file, node, declared.name, arm)


def _check_access(file: BicepFile, node: Node, name: str, arm: arm_types.ArmType) -> None:
    """What is read of a resource must be there."""
    match = re.fullmatch(rf"{name}(?:\[\w+\])?((?:\.\w+)+)", text(node))
    for part in match[1].split(".")[1:] if match else ():
        known = arm.members()
        if arm.kind != "object" or not known or arm.choices():
            return
        if part not in known:
            file.wrong(node, f"{name} has no {part}{did_you_mean(part, set(known))}")
            return
        arm = arm.at(known[part]["type"])


# -- modules -------------------------------------------------------------------------------------------------------


def _check_module(file: BicepFile, declared: Declared) -> None:
    path = file.path.parent / declared.of
    if not path.exists():
        file.wrong(declared.node, f"{declared.of} is not there")
        return
    body = unwrapped(declared.value)
    given = members(body)
    if wrong := set(given) - {"name", "scope", "params", "dependsOn"}:
        file.wrong(declared.node, f"a module has no {min(wrong)}")
    scope = _scope_of(file, given["scope"][1]) if "scope" in given else file.scope
    if scope != read(path).scope:
        file.wrong(declared.node, f"{declared.of} is for a {read(path).scope}; its scope is a {scope}")
    params = given["params"][1] if "params" in given else None
    values = {name: value for name, (_, value) in members(params).items()}
    _check_parameters(file, declared.of, values, params if params is not None else declared.node)


def _scope_of(file: BicepFile, node: Node) -> str:
    if node.type == "call_expression":
        return text(node.named_children[0])
    declared = file.symbols.get(text(node))
    is_group = declared is not None and declared.of.startswith("Microsoft.Resources/resourceGroups@")
    return "resourceGroup" if is_group else "resource"


def _check_parameters(file: BicepFile, target: str, given: dict[str, Node | None], place: Node) -> None:
    """Compare what is given with what a module or template takes."""
    wanted = read(file.path.parent / target).of_kind("parameter")
    own = set() if not file.using else {n for n in given if n not in wanted and _is_used(file, n)}
    for name, value in given.items():
        if name in own or value is None:
            continue
        if name not in wanted:
            file.wrong(value, f"{target} takes no {name}{did_you_mean(name, set(wanted))}")
        else:
            _check_given(file, target, wanted[name], value)
    for name, parameter in wanted.items():
        if name not in given and not parameter.is_optional:
            file.wrong(place, f"{target} needs {name}")


def _is_used(file: BicepFile, name: str) -> bool:
    return sum(node.type == "identifier" and text(node) == name for node in within(file.root)) > 1


def _check_given(file: BicepFile, target: str, wanted: Declared, value: Node) -> None:
    kind, taken = kind_of(file, value), declared_kind(wanted.type) if wanted.type is not None else ""
    if kind and taken and kind not in {taken, "null"}:
        file.wrong(value, f"{target} takes {wanted.name} as {taken}, not {kind}")
    allowed = declared_words(wanted.type) if wanted.type is not None else set()
    if allowed and (wrong := words_of(file, value) - allowed):
        word = min(wrong)
        file.wrong(value, f"{wanted.name} is '{word}'{did_you_mean(word, allowed)}")
