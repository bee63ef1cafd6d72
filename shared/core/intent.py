"""Turns a server's tags into what its team wants: a tier, an exemption, nothing, or a mistake.

The order of precedence: an exemption that holds, the tier of the tag, the first default that fits, nothing. An unknown
value and an exemption that does not hold are never "off": a default decides, else they are mistakes; somebody hears.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache

from shared.core.matching import fold, misfit, shortened, value_of
from shared.core.resource_id import ResourceId
from shared.core.rules import Default, Exempt, Rules, Tier
from shared.core.verdict import Kind

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([Zz]|[+-][0-9]{2}:[0-9]{2})?")
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Protect:
    """The team wants this tier. owner: who hears about it, "" if no tag says so. notes: findings beside it."""

    tier_name: str
    tier: Tier
    reason: str
    owner: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaveAlone:
    """The team keeps the server out on purpose."""

    reason: str
    owner: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotAsked:
    """Nobody asked for protection."""

    reason: str
    owner: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mistake:
    """The tag has a value that means nothing, or an exemption that does not hold, as `kind` says.

    nearest: the valid word that looks most like the value, or "".
    """

    reason: str
    fix: str
    nearest: str
    owner: str = ""
    kind: Kind = Kind.UNKNOWN_TIER
    notes: tuple[str, ...] = ()


Intent = Protect | LeaveAlone | NotAsked | Mistake


@dataclass(frozen=True, slots=True)
class Candidate:
    """One rule that might decide about a server, by its place in the rules file.

    says: what it asks for, "" if it does not fit. why: why it won, lost, or does not fit.
    """

    rule: str
    says: str
    is_winner: bool
    why: str


def read_intent(tags: Mapping[str, str], rules: Rules, now: datetime, server_id: ResourceId) -> Intent:
    """Say what is wanted for a server. Names and values are compared without case, trimmed. Never raises."""
    return _decide(tags, rules, now, server_id)[0]


def weigh(tags: Mapping[str, str], rules: Rules, now: datetime, server_id: ResourceId) -> tuple[Candidate, ...]:
    """Every rule that might decide about a server, in order of precedence, and why each won or lost."""
    intent, own, winner = _decide(tags, rules, now, server_id)
    places = ["exempt", "tag", *(f"defaults[{index}]" for index in range(len(rules.defaults)))]
    says = [
        "leave alone" if isinstance(own, LeaveAlone) else "",
        f"tier {own.tier_name}" if isinstance(own, Protect) else "",
        *("" if misfit(server_id, tags, default) else f"tier {default.tier}" for default in rules.defaults),
    ]
    not_fitting = [own.reason, own.reason, *(misfit(server_id, tags, default) for default in rules.defaults)]
    return tuple(
        Candidate(
            place,
            asked,
            is_winner=index == winner,
            why=intent.reason if index == winner else f"{places[winner]} comes before it" if asked else why,
        )
        for index, (place, asked, why) in enumerate(zip(places, says, not_fitting, strict=True))
    )


def _decide(tags: Mapping[str, str], rules: Rules, now: datetime, server_id: ResourceId) -> tuple[Intent, Intent, int]:
    """What is wanted, what the server's own tag says, and the place of the rule that decided (-1: none did)."""
    own, notes, owner = _by_tag(tags, rules, now)
    intent, winner = own, -1
    match own:
        case LeaveAlone():
            winner = 0
        case Protect():
            winner = 1
        case NotAsked() | Mistake():
            for index, default in enumerate(rules.defaults):
                if not misfit(server_id, tags, default):
                    notes += (own.reason,) if isinstance(own, Mistake) else ()
                    intent, winner = _by_default(index, default, rules), index + 2
                    break
    return replace(intent, owner=owner, notes=notes), own, winner


def _by_default(index: int, default: Default, rules: Rules) -> Protect:
    return Protect(default.tier, rules.tiers[default.tier], f"defaults[{index}] of the rules gives {default.tier}")


def _by_tag(tags: Mapping[str, str], rules: Rules, now: datetime) -> tuple[Intent, tuple[str, ...], str]:
    """What the server's own tag says, what must be noted about its tags, and the owner."""
    exempt = rules.exempt
    names = (rules.tag, exempt.until_tag, exempt.reason_tag, rules.owner_tag)
    found = [value_of(tags, name) for name in names]
    (written, until, why, owner), notes = zip(*found, strict=True)
    return _said(written, until, why, rules, now), tuple(filter(None, notes)), owner or ""


def _said(written: str | None, until: str | None, why: str | None, rules: Rules, now: datetime) -> Intent:
    if written is None:
        return NotAsked(f"it has no tag {rules.tag}")
    tiers = _by_folded_name(tuple(rules.tiers))
    if fold(written) == fold(rules.exempt.value):
        return _exemption(until, why, rules, now)
    if name := tiers.get(fold(written)):
        return Protect(name, rules.tiers[name], f"tag {rules.tag} = {written}")
    valid = (*rules.tiers, rules.exempt.value)
    nearest = _nearest(fold(written), valid)
    return Mistake(
        reason=f"tag {rules.tag} = {shortened(written)!r} is not a tier"
        + (f"; did you mean {nearest}?" if nearest else ""),
        fix=f"set the tag to one of: {_listed(valid)}",
        nearest=nearest,
    )


def _exemption(until: str | None, why: str | None, rules: Rules, now: datetime) -> Intent:
    """An exemption holds only with a reason and an end that is not past and not too far away."""
    exempt = rules.exempt
    wrong = _end_is_wrong(until, exempt, now)
    wrong += () if why else (f"it has no reason (tag {exempt.reason_tag})",)
    if not wrong:
        return LeaveAlone(f"exempt by tag until {shortened(until or '')}: {shortened(why or '')}")
    soon = (now + min(exempt.longest.longest, timedelta(days=30))).date()
    fix = (
        f"set {exempt.until_tag} to a date at most {exempt.longest} away, such as {soon}, and "
        f"{exempt.reason_tag} to a reason; or set {rules.tag} to one of: {_listed(tuple(rules.tiers))}"
    )
    reason = f"tag {rules.tag} = {exempt.value} does not exempt it: {'; '.join(wrong)}"
    return Mistake(reason, fix, "", kind=Kind.EXEMPTION_INVALID)


def _end_is_wrong(until: str | None, exempt: Exempt, now: datetime) -> tuple[str, ...]:
    """Why the end of an exemption does not hold; nothing when it does. A date holds through that day, in UTC."""
    if not until:
        return (f"it has no end (tag {exempt.until_tag})",)
    shown = f"{exempt.until_tag} = {shortened(until)!r}"
    if not _DAY.fullmatch(until) and not _MOMENT.fullmatch(until):
        return (f"{shown} is neither a date such as {now.date().isoformat()} nor a time",)
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        return (f"{shown} is no date",)
    since = now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if since >= (timedelta(days=1) if _DAY.fullmatch(until) else timedelta()):
        return (f"it ended, {shown}",)
    return (f"{shown} is more than {exempt.longest} away",) if -since > exempt.longest.longest else ()


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


@lru_cache(maxsize=8)
def _by_folded_name(names: tuple[str, ...]) -> Mapping[str, str]:
    return {fold(name): name for name in names}


@lru_cache(maxsize=1024)  # the same slip stands on many servers, and looking for the nearest of 200 words takes long
def _nearest(written: str, valid: tuple[str, ...]) -> str:
    names = _by_folded_name(valid)
    near = get_close_matches(written, names, n=1, cutoff=0.5)
    return names[near[0]] if near else ""
