"""Whether a rule of the file fits a server: by subscription, resource group and tags. Pure; names have no case."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

from shared.core.resource_id import ResourceId
from shared.core.rules import Default, Mode, Override, Rules

_LONGEST = 80


@lru_cache(maxsize=10_000)
def fold(text: str) -> str:
    """A name or value as it is compared: without case, blanks trimmed and made one."""
    return " ".join(text.split()).casefold()


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Tags are written by strangers: what is shown of them is short, and has no control or bidi character."""
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:longest])
    return plain if len(text) <= longest else plain + "…"


def value_of(tags: Mapping[str, str], name: str) -> tuple[str | None, str]:
    """The value of a tag, None if there is none, and what must be said when it stands there twice in two casings.

    Then the exact spelling of the rules file counts, else the first in sorted order, so every look says the same.
    """
    wanted = fold(name)
    found = [(written, " ".join(value.split())) for written, value in tags.items() if fold(written) == wanted]
    if len(found) <= 1:
        return (found[0][1], "") if found else (None, "")
    found.sort(key=lambda tag: (tag[0] != name, tag[0]))
    if len({fold(value) for _, value in found}) == 1:
        return found[0][1], ""
    shown = " and ".join(f"{shortened(written)!r} = {shortened(value)!r}" for written, value in found[:2])
    return found[0][1], f"one tag in two casings, {shown}; the first counts"


def fits(
    server_id: ResourceId,
    tags: Mapping[str, str],
    subscriptions: tuple[str, ...],
    groups: tuple[str, ...],
    tags_wanted: Mapping[str, str],
) -> bool:
    """Whether everything that is given fits the server. Nothing given fits every server."""
    return not misfit(server_id, tags, Override("observe", subscriptions, groups, dict(tags_wanted)))


def misfit(server_id: ResourceId, tags: Mapping[str, str], rule: Override | Default) -> str:
    """Why a rule does not fit a server, "" when it does. Patterns know * for any characters and ? for one."""
    if rule.subscriptions and server_id.subscription not in map(str.lower, rule.subscriptions):
        return f"subscription {server_id.subscription} is not listed"
    if rule.groups and not any(like(server_id.group, pattern) for pattern in rule.groups):
        return f"resource group {server_id.group} fits none of {', '.join(rule.groups)}"
    for name, pattern in rule.tags.items():
        value, _ = value_of(tags, name)
        if value is None:
            return f"it has no tag {name}"
        if not like(value, pattern):
            return f"tag {name} = {shortened(value)!r} does not fit {pattern}"
    return ""


def mode_for(rules: Rules, server_id: ResourceId, tags: Mapping[str, str]) -> tuple[Mode, str]:
    """The mode that holds for a server, and which rule says so: the first override that fits, else the file's own."""
    for index, override in enumerate(rules.overrides):
        if not misfit(server_id, tags, override):
            return override.mode, f"overrides[{index}]"
    return rules.mode, "mode"


def like(text: str, pattern: str) -> bool:
    """Whether a text fits a pattern, in which * is any characters and ? is one; case and outer blanks do not matter."""
    return fnmatchcase(fold(text), fold(pattern).replace("[", "[[]"))
