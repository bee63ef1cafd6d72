"""Is the body of a resource what its type takes? Properties, required ones, words, kinds, and who may be written.

An expression whose kind cannot be known without Azure is let through; everything that is written out is looked at.
"""

from difflib import get_close_matches

from tree_sitter import Node

from tests.infra.arm_types import READ_ONLY, REQUIRED, ArmType
from tests.infra.bicep_file import BicepFile, literal, members, read, text, within

OWN = {"parent", "scope", "dependsOn"}  # members that Bicep adds to every resource
RETURNS = {
    "string": "guid uniqueString toLower toUpper join replace substring format string loadTextContent resourceId "
    "subscriptionResourceId readEnvironmentVariable trim base64",
    "array": "split map filter flatten items range sort",
    "int": "length indexOf",
    "bool": "empty contains endsWith startsWith",
    "object": "loadJsonContent environment toObject",
}
FUNCTIONS = {name: kind for kind, names in RETURNS.items() for name in names.split()}
KINDS = {"string": "string", "number": "int", "boolean": "bool", "array": "array", "object": "object", "null": "null"}
COMPARING = {"==", "!=", "<", ">", "<=", ">=", "&&", "||", "=~", "!~"}


def did_you_mean(word: str, known: set[str] | list[str]) -> str:
    """The end of a message: the nearest valid word, or all of few."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; valid: {', '.join(sorted(known))}" if len(known) <= 12 else ""


def kind_of(file: BicepFile, node: Node, seen: frozenset[str] = frozenset()) -> str:
    """string, int, bool, array, object or null; empty where that cannot be known."""
    match node.type:
        case "ternary_expression":
            kinds = {kind_of(file, each, seen) for each in node.named_children[1:]} - {"null"}
            return kinds.pop() if len(kinds) == 1 else ""
        case "parenthesized_expression":
            return kind_of(file, node.named_children[0], seen)
        case "for_statement":
            return "array"
        case "call_expression":
            return FUNCTIONS.get(text(node.named_children[0]), "")
        case "binary_expression":
            operator = node.child_by_field_name("operator")
            return "bool" if operator is not None and text(operator) in COMPARING else ""
        case "identifier":
            return _kind_of_symbol(file, text(node), seen)
        case "member_expression":
            return _kind_of_output(file, node)
    return KINDS.get(node.type, "")


def _kind_of_symbol(file: BicepFile, name: str, seen: frozenset[str]) -> str:
    declared = file.symbols.get(name)
    if declared is None or name in seen:
        return ""
    if declared.kind == "parameter" and declared.type is not None:
        return declared_kind(declared.type)
    if declared.kind == "variable" and declared.value is not None:
        return kind_of(file, declared.value, seen | {name})
    return ""


def _kind_of_output(file: BicepFile, node: Node) -> str:
    parts = text(node).replace("]", "").replace("[", ".").split(".")
    module = file.symbols.get(parts[0])
    if module is None or module.kind != "module" or "outputs" not in parts[:-1]:
        return ""
    path = file.path.parent / module.of
    output = read(path).outputs.get(parts[-1]) if path.exists() else None
    return declared_kind(output.type) if output and output.type is not None and parts[-2] == "outputs" else ""


def declared_kind(node: Node) -> str:
    """The kind of a declared type; empty for types with a name of their own, and for those that may be null."""
    first = node.named_children[0] if node.named_child_count else node
    match first.type:
        case "primitive_type":
            return text(first)
        case "array_type":
            return "array"
        case "union_type" | "string":
            return "string"
    return ""


def declared_words(node: Node) -> set[str]:
    """The words of a declared type such as 'a' | 'b'; empty where any string will do."""
    first = node.named_children[0] if node.named_child_count else node
    if first.type == "string":
        return {literal(first) or ""}
    return {literal(each) or "" for each in first.named_children} if first.type == "union_type" else set()


def words_of(file: BicepFile, node: Node, seen: frozenset[str] = frozenset()) -> set[str]:
    """Every text that an expression may be, as far as it is written out."""
    if (word := literal(node)) is not None:
        return {word}
    if node.type == "ternary_expression":
        return set().union(*(words_of(file, each, seen) for each in node.named_children[1:]))
    declared = file.symbols.get(text(node)) if node.type == "identifier" else None
    if declared is None or declared.name in seen:
        return set()
    if declared.kind == "parameter" and declared.type is not None:
        return declared_words(declared.type)
    return words_of(file, declared.value, seen | {declared.name}) if declared.value is not None else set()


def check_resource(file: BicepFile, body: Node, arm: ArmType) -> None:
    """Note what is wrong with the body of a resource that is to be written."""
    _check_object(file, body, arm, "", own=OWN)


def check_value(file: BicepFile, node: Node, arm: ArmType, where: str) -> None:
    """Note what is wrong with one value. where: the path of its property."""
    if node.type == "ternary_expression":
        for each in node.named_children[1:]:
            check_value(file, each, arm, where)
        return
    if node.type == "identifier" and (declared := file.symbols.get(text(node))) and declared.kind == "variable":
        if declared.value is not None and declared.value.type != "identifier":
            check_value(file, declared.value, arm, where)
        return
    kind = kind_of(file, node)
    if kind not in {"", "null", arm.kind} and arm.kind:
        file.wrong(node, f"{where} is of kind {kind}; valid is {arm.kind}")
    elif wrong := {word for word in words_of(file, node) if arm.words and word not in arm.words}:
        word = min(wrong)
        file.wrong(node, f"{where} is '{word}'{did_you_mean(word, arm.words)}")
    elif arm.kind == "object" and node.type == "object":
        _check_object(file, node, arm, where)
    elif arm.is_a == "ArrayType":
        for each in _items(node):
            check_value(file, each, arm.at(arm.node["itemType"]), f"{where}[]")


def _items(node: Node) -> list[Node]:
    """What an array is written to hold: its items, the body of a loop, or what a lambda makes of each."""
    if node.type == "array":
        return [child for child in node.named_children if child.type != "comment"]
    if node.type == "for_statement":
        return [node.named_children[-1]]
    if node.type == "call_expression" and text(node.named_children[0]) == "map":
        return [each.named_children[-1] for each in within(node) if each.type == "lambda_expression"][:1]
    return []


def _check_object(file: BicepFile, node: Node, arm: ArmType, where: str, own: set[str] = frozenset()) -> None:
    given = members(node)
    chosen = None
    if arm.is_a == "DiscriminatedObjectType":
        name = arm.node["discriminator"]
        chosen = literal(given[name][1]) if name in given else None
        if chosen not in arm.choices():
            word = chosen or "missing"
            file.wrong(node, f"{_path(where, name)} is {word}{did_you_mean(word, arm.choices())}")
            return
    known = arm.members(chosen)
    rest = arm.node.get("additionalProperties")
    for name, (key, value) in given.items():
        if name in own:
            continue
        if name in known:
            if known[name]["flags"] & READ_ONLY:
                file.wrong(key, f"{_path(where, name)} is Azure's to write")
            check_value(file, value, arm.at(known[name]["type"]), _path(where, name))
        elif rest:
            check_value(file, value, arm.at(rest), _path(where, name))
        else:
            file.wrong(key, f"{_path(where, name)} is not known{did_you_mean(name, set(known))}")
    for name, member in known.items():
        if member["flags"] & REQUIRED and not member["flags"] & READ_ONLY and name not in given:
            file.wrong(node, f"{_path(where, name)} is missing")


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
