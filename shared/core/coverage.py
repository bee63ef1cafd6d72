"""Which rule decides for which servers of an estate, and which tags look like a slip? For `flexguard rules check`.

It knows tags and rules alone; whether a server is protected is told to it. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache

from shared.core.intent import Intent, LeaveAlone, Mistake, Protect, read_intent
from shared.core.matching import fold, misfit, mode_for, shortened, value_of
from shared.core.resource_id import ResourceId
from shared.core.rules import Rules

EXEMPTION = "exempt"
_ALIKE = 0.8  # how alike a tag's name must be to be taken for a slip; a value that is no tier is one in any case


@dataclass(frozen=True, slots=True)
class Subject:
    """A server that rules are tried on. is_protected: None where nobody could say."""

    id: ResourceId
    tags: Mapping[str, str]
    is_protected: bool | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """A rule of the file, the servers that it decides for, and how many of these are protected.

    rule: its place in the file, such as tiers.gold. unknown: servers of which nobody could say.
    """

    rule: str
    says: str
    matching: int
    protected: int
    not_protected: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Slip:
    """A tag that looks like a typing error. nearest: the word that was probably meant, "" when none is near."""

    tag: str
    value: str
    nearest: str
    servers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Servers whose tags cannot be followed to the letter, for one reason."""

    reason: str
    servers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the rules do with an estate. mismatches: everything about tags that is no slip."""

    servers: int
    uses: tuple[Use, ...]
    slips: tuple[Slip, ...]
    mismatches: tuple[Mismatch, ...]

    @property
    def idle(self) -> tuple[str, ...]:
        """The rules that decide for no server. An exemption that nobody needs is none of them."""
        return tuple(use.rule for use in self.uses if not use.matching and use.rule != EXEMPTION)

    @property
    def has_findings(self) -> bool:
        return bool(self.slips or self.mismatches or self.idle)


def coverage(subjects: Sequence[Subject], now: datetime, rules: Rules) -> Coverage:
    """Say for every rule how many servers it decides for, and which tags look like slips. now: judges exemptions."""
    named = _named(rules)
    words = {fold(word): word for word in (*rules.tiers, rules.exempt.value)}
    decided: dict[str, list[bool | None]] = {rule: [] for rule in named}
    slips: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    mismatches: dict[str, list[str]] = defaultdict(list)
    for subject in subjects:
        intent = read_intent(subject.tags, rules, now, subject.id)
        for rule in _deciding(intent, subject, rules):
            decided[rule].append(subject.is_protected)
        if slip := _slip(subject, rules.tag, words):
            slips[slip].append(subject.id.text)
        else:
            for reason in _reasons(intent):
                mismatches[reason].append(subject.id.text)
    return Coverage(
        len(subjects),
        tuple(
            Use(rule, named[rule], len(found), found.count(True), found.count(False), found.count(None))
            for rule, found in decided.items()
        ),
        tuple(Slip(*slip, tuple(sorted(servers))) for slip, servers in sorted(slips.items())),
        tuple(Mismatch(reason, tuple(sorted(servers))) for reason, servers in sorted(mismatches.items())),
    )


def _named(rules: Rules) -> dict[str, str]:
    """Every rule that can decide for a server, by its place in the file, with what it says."""
    return {
        **{f"tiers.{name}": f"tag {rules.tag} = {name}" for name in rules.tiers},
        EXEMPTION: f"tag {rules.tag} = {rules.exempt.value}",
        **{f"defaults[{index}]": f"no tag: {default.tier}" for index, default in enumerate(rules.defaults)},
        **{f"overrides[{index}]": f"mode: {override.mode}" for index, override in enumerate(rules.overrides)},
    }


def _deciding(intent: Intent, subject: Subject, rules: Rules) -> Iterable[str]:
    """The rules that decide for a server: one for what it gets, and an override where one sets its mode."""
    if isinstance(intent, LeaveAlone):
        yield EXEMPTION
    if isinstance(intent, Protect):
        value, _ = value_of(subject.tags, rules.tag)
        if value is not None and fold(value) == fold(intent.tier_name):
            yield f"tiers.{intent.tier_name}"
        else:
            yield next(
                f"defaults[{index}]"
                for index, default in enumerate(rules.defaults)
                if not misfit(subject.id, subject.tags, default)
            )
    if rules.overrides:
        _, source = mode_for(rules, subject.id, subject.tags)
        if source.startswith("overrides["):
            yield source


def _slip(subject: Subject, tag: str, words: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The tag, its value and the nearest word, if the value is no word of the rules or the name nearly that of theirs.

    words: every valid value as it is compared, and as it is written.
    """
    value, _ = value_of(subject.tags, tag)
    if value is not None:
        if fold(value) in words:
            return None
        return tag, shortened(value), words.get(_nearest(fold(value), tuple(words), 0.5), "")
    near = _nearest(fold(tag), tuple(map(fold, subject.tags)), _ALIKE)
    if not near:
        return None
    written = next(name for name in sorted(subject.tags) if fold(name) == near)
    return shortened(written), shortened(subject.tags[written]), tag


@lru_cache(maxsize=1024)
def _nearest(word: str, words: tuple[str, ...], alike: float) -> str:
    """The word that looks most like it, "" when none does. An estate has few words and many servers."""
    return next(iter(get_close_matches(word, words, n=1, cutoff=alike)), "")


def _reasons(intent: Intent) -> Iterable[str]:
    """Why a tag could not be followed to the letter: a mistake, and notes about it."""
    if isinstance(intent, Mistake):
        yield intent.reason
    yield from intent.notes
