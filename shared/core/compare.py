"""What is different for each server under another rules file? Pure; the answer for a pull request."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from shared.core.judgement import Judged, is_finding
from shared.core.policy import tier_meaning
from shared.core.retention_compare import shorter
from shared.core.rules import Tier

NONE = "not protected"


@dataclass(frozen=True, slots=True)
class Change:
    """One server that is treated differently. retention: "lower", "longer", or "" when future points are kept as long.

    what: the differences, in words. is_worse: some future point is kept shorter, or the server ends with a finding
    that it does not end with now.
    """

    now: Judged
    then: Judged
    retention: str
    what: tuple[str, ...]

    @property
    def is_other_work(self) -> bool:
        """Whether something else would be written."""
        return self.now.entries != self.then.entries

    @property
    def is_worse(self) -> bool:
        return self.retention == "lower" or (
            is_finding(self.then.foreseen.final) and not is_finding(self.now.foreseen.final)
        )


def compare(now: Iterable[Judged], then: Iterable[Judged]) -> Iterator[Change]:
    """The servers that are treated differently, in the order of `now`. Both judge the same estate."""
    after = {one.id.key: one for one in then}
    for one in now:
        other = after[one.id.key]
        retention, kept = _retention(one.tier, other.tier)
        what = (*_words(one, other), *([kept] if kept else []))
        if what or one.entries != other.entries:
            yield Change(one, other, retention, what or ("something else would be written",))


def _words(one: Judged, other: Judged) -> Iterator[str]:
    if one.tier_name != other.tier_name:
        yield f"tier {one.tier_name or 'none'} → {other.tier_name or 'none'}"
    if one.mode != other.mode:
        yield f"mode {one.mode} → {other.mode} ({other.mode_rule})"
    before, after = one.foreseen.final, other.foreseen.final
    if before.kind is not after.kind:
        yield f"{before.kind} → {after.kind}: {after.reason}"


@lru_cache(maxsize=512)
def _retention(now: Tier | None, then: Tier | None) -> tuple[str, str]:
    """What becomes of future points, as a word and in words."""
    if now is None or then is None or now == then:
        return "", ""
    old, new = tier_meaning(now), tier_meaning(then)
    if less := shorter(new, old):
        return "lower", f"lower: {less}"
    if more := shorter(old, new):
        return "longer", f"longer: {more.what} would be kept {more.kept} instead of {more.keep}"
    return "", "" if old == new else "same retention at another time"
