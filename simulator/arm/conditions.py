"""Whether a role assignment's condition (Azure ABAC, version 2.0) allows this assignment of a role.

It parses the grammar of the documented delegation conditions and no other: ActionMatches, the attributes of a role
assignment (RoleDefinitionId, PrincipalType, PrincipalId), "one of" and "none of", `!`, AND, OR and parentheses.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(
    r"\s*(?:(?P<sign>[()!])|(?P<word>AND|OR)\b"
    r"|ActionMatches\{'(?P<action>[^']+)'\}"
    r"|@(?:Request|Resource)\[Microsoft\.Authorization/roleAssignments:(?P<attribute>\w+)\]"
    r"\s*(?P<operator>ForAnyOfAnyValues:(?:GuidEquals|StringEqualsIgnoreCase)|ForAnyOfAllValues:GuidNotEquals)"
    r"\s*\{(?P<values>[^}]*)\})",
    re.IGNORECASE,
)
SUBJECT = "microsoft.authorization/roleassignments"


@dataclass(frozen=True)
class Asked:
    """One write or deletion of a role assignment: the action and the attributes of the assignment."""

    action: str
    attributes: dict[str, str]


def concerns_delegation(condition: str) -> bool:
    """Whether a condition speaks of role assignments; one on blobs, for example, does not."""
    return SUBJECT in condition.lower()


def fulfilled(condition: str, asked: Asked) -> bool:
    """Whether the condition is true. Raises ValueError for a text outside the grammar above."""
    tokens = list(_tokens(condition))
    value = _any(tokens, asked)
    if tokens:
        msg = f"not understood: {tokens[0].group().strip()}"
        raise ValueError(msg)
    return value


def _tokens(condition: str) -> Iterator[re.Match[str]]:
    at, text = 0, condition.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            msg = f"not understood: {text[at : at + 40]}"
            raise ValueError(msg)
        yield match
        at = match.end()


def _next_is(tokens: list[re.Match[str]], group: str, text: str) -> bool:
    if tokens and (tokens[0][group] or "").upper() == text:
        tokens.pop(0)
        return True
    return False


def _any(tokens: list[re.Match[str]], asked: Asked) -> bool:
    value = _all(tokens, asked)
    while _next_is(tokens, "word", "OR"):
        value = _all(tokens, asked) or value
    return value


def _all(tokens: list[re.Match[str]], asked: Asked) -> bool:
    value = _one(tokens, asked)
    while _next_is(tokens, "word", "AND"):
        value = _one(tokens, asked) and value
    return value


def _one(tokens: list[re.Match[str]], asked: Asked) -> bool:
    if _next_is(tokens, "sign", "!"):
        return not _one(tokens, asked)
    if _next_is(tokens, "sign", "("):
        value = _any(tokens, asked)
        if not _next_is(tokens, "sign", ")"):
            msg = "a parenthesis is not closed"
            raise ValueError(msg)
        return value
    if not tokens or not (tokens[0]["action"] or tokens[0]["attribute"]):
        msg = "a term is missing"
        raise ValueError(msg)
    token = tokens.pop(0)
    if token["action"]:
        return token["action"].lower() == asked.action.lower()
    values = [value.strip().strip("'\"").lower() for value in token["values"].split(",")]
    is_one_of = asked.attributes.get(token["attribute"].lower(), "").lower() in values
    return is_one_of != token["operator"].lower().endswith("notequals")
