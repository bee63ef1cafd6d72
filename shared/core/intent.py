"""Turns a server's tags into what its team wants: a tier, an exemption, nothing, or a mistake.

An unknown value is never "off": it is a mistake with the nearest valid word, and somebody hears of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from shared.core.rules import Rules, Tier


@dataclass(frozen=True, slots=True)
class Protect:
    """The team wants this tier. owner: who hears about this server; "" if no tag says so."""

    tier_name: str
    tier: Tier
    reason: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class LeaveAlone:
    """The team keeps the server out on purpose."""

    reason: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class NotAsked:
    """Nobody asked for protection."""

    reason: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """The tag has a value that means nothing. nearest: the valid word that looks most like it, or ""."""

    reason: str
    fix: str
    nearest: str
    owner: str = ""


Intent = Protect | LeaveAlone | NotAsked | Mistake


def read_intent(tags: Mapping[str, str], rules: Rules) -> Intent:
    """Say what the tags of a server ask for. Names and values are compared without case, trimmed. Never raises."""
    found = {_fold(name): " ".join(value.split()) for name, value in sorted(tags.items())}
    owner = found.get(_fold(rules.owner_tag), "")
    if _fold(rules.tag) not in found:
        return NotAsked(f"it has no tag {rules.tag}", owner)
    written = found[_fold(rules.tag)]
    tiers = {_fold(name): name for name in rules.tiers}
    if _fold(written) == _fold(rules.exempt.value):
        return LeaveAlone(_exemption(found, rules), owner)
    if name := tiers.get(_fold(written)):
        return Protect(name, rules.tiers[name], f"tag {rules.tag} = {written}", owner)
    valid = [*rules.tiers, rules.exempt.value]
    near = get_close_matches(_fold(written), [_fold(word) for word in valid], n=1, cutoff=0.5)
    nearest = tiers.get(near[0], near[0]) if near else ""
    hint = f"; did you mean {nearest}?" if nearest else ""
    return Mistake(
        reason=f"tag {rules.tag} = {_shortened(written)!r} is not a tier{hint}",
        fix=f"set the tag to one of: {', '.join(valid)}",
        nearest=nearest,
        owner=owner,
    )


def _exemption(found: Mapping[str, str], rules: Rules) -> str:
    until = found.get(_fold(rules.exempt.until_tag))
    why = found.get(_fold(rules.exempt.reason_tag))
    return f"exempt by tag{f' until {_shortened(until)}' if until else ''}{f': {_shortened(why)}' if why else ''}"


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()


def _shortened(text: str, longest: int = 80) -> str:
    """Tags are written by strangers: what is shown of them is short, and has no control or bidi character."""
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:longest])
    return plain if len(text) <= longest else plain + "…"
