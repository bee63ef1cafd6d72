"""What is different between two pieces of evidence: protection, policies, exceptions, and the posture of vaults."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.core.verdict import Kind
from shared.dossier.check import Found
from shared.dossier.model import Exempted, Row, Server, Vault

# What is better comes later. A setting without an order is only said to be different.
_BETTER: dict[str, Sequence[Any]] = {
    "soft_deletion": ("", "Off", "On", "AlwaysOn"),
    "immutability": ("", "Disabled", "Unlocked", "Locked"),
    "cross_region_restore": ("", "Disabled", "Enabled"),
    "guard": ("no", "yes"),
}
_POSTURE = ("redundancy", "cross_region_restore", "soft_deletion", "soft_deletion_days", "immutability", "guard",
            "identity", "state", "admitted")  # fmt: skip
_OF_SERVER = ("tier", "owner", "policy", "schedule", "retention")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is different. about: server, exception or vault. is_worse: somebody should look at it."""

    about: str
    id: str
    what: str
    was: str
    now: str
    is_worse: bool = False


def compare(before: Found, after: Found) -> Iterator[Difference]:
    """Every difference, by table and then by id. Both must be without problems."""
    for was, now in _pairs(before.rows("servers", Server), after.rows("servers", Server), "server"):
        yield from _server(was, now)
    for gone, come in _pairs(before.rows("exceptions", Exempted), after.rows("exceptions", Exempted), "server"):
        yield from _exception(gone, come)
    for old, new in _pairs(before.rows("vaults", Vault), after.rows("vaults", Vault), "vault"):
        yield from _vault(old, new)


def _pairs[R: Row](before: Sequence[R], after: Sequence[R], key: str) -> Iterator[tuple[R | None, R | None]]:
    was: Mapping[str, R] = {getattr(row, key).lower(): row for row in before}
    now: Mapping[str, R] = {getattr(row, key).lower(): row for row in after}
    return ((was.get(one), now.get(one)) for one in sorted(was.keys() | now.keys()))


def _server(was: Server | None, now: Server | None) -> Iterator[Difference]:
    if was is None or now is None:
        there = now or was
        if there:
            what = "is new" if now else "is gone"
            said = (was.verdict if was else "", now.verdict if now else "")
            yield Difference("server", there.server, what, *said)
        return
    if was.verdict != now.verdict:
        lost, gained = was.verdict == Kind.PROTECTED, now.verdict == Kind.PROTECTED
        what = "lost protection" if lost else "gained protection" if gained else "verdict"
        yield Difference("server", now.server, what, was.verdict, now.verdict, is_worse=lost)
    if was.instance and not now.instance:
        yield Difference("server", now.server, "lost its backup", was.instance, "", is_worse=True)
    for name in _OF_SERVER:
        if getattr(was, name).lower() != getattr(now, name).lower():
            yield Difference("server", now.server, name, getattr(was, name), getattr(now, name))


def _exception(was: Exempted | None, now: Exempted | None) -> Iterator[Difference]:
    one = now or was
    before, after = (_said(was), _said(now))
    if one and before != after:
        what = "exception ended" if now is None else "new exception" if was is None else "exception"
        yield Difference("exception", one.server, what, before, after)


def _said(one: Exempted | None) -> str:
    return f"{one.verdict}{f' until {one.until:%Y-%m-%d}' if one.until else ''}" if one else ""


def _vault(was: Vault | None, now: Vault | None) -> Iterator[Difference]:
    one = now or was
    if one and (was is None or now is None):
        yield Difference("vault", one.vault, "is new" if now else "is gone", "", "")
    if was is None or now is None:
        return
    for name in _POSTURE:
        old, new = getattr(was, name), getattr(now, name)
        if old != new:
            yield Difference("vault", now.vault, name, _text(old), _text(new), is_worse=_is_worse(name, old, new))


def _is_worse(name: str, old: Any, new: Any) -> bool:
    if name == "soft_deletion_days":
        return bool((new or 0) < (old or 0))
    order = _BETTER.get(name, ())
    return old in order and new in order and order.index(new) < order.index(old)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
