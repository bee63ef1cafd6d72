"""Which role assignments stand at, above or below a scope? An index by principal, derived from the world's resources.

It keeps ids only and never says what an assignment permits.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

ANYBODY = ""
"""The principal under which the assignments of all principals are found."""


@dataclass
class Scopes:
    """The assignments of one principal: ids by scope, and the scopes in order: those below one are neighbours."""

    ids: dict[str, list[str]] = field(default_factory=dict)
    ordered: list[str] = field(default_factory=list)


@dataclass
class AssignmentIndex:
    """Answers in steps that do not grow with the servers. Scopes come as `management_tree.normal` writes them."""

    principals: dict[str, Scopes] = field(default_factory=dict)

    def enter(self, principal_id: str, scope: str, assignment_id: str) -> None:
        """Take an assignment in."""
        for principal in (principal_id.lower(), ANYBODY):
            scopes = self.principals.setdefault(principal, Scopes())
            if scope not in scopes.ids:
                insort(scopes.ordered, scope)
            scopes.ids.setdefault(scope, []).append(assignment_id.lower())

    def drop(self, principal_id: str, scope: str, assignment_id: str) -> None:
        """Forget an assignment."""
        for principal in (principal_id.lower(), ANYBODY):
            ids = self.principals.get(principal, Scopes()).ids.get(scope, [])
            if assignment_id.lower() in ids:
                ids.remove(assignment_id.lower())

    def at(self, principal_id: str, scopes: Iterable[str]) -> Iterator[str]:
        """The assignments of a principal at any of these scopes."""
        known = self.principals.get(principal_id.lower())
        for scope in scopes if known else ():
            yield from known.ids.get(scope, ()) if known else ()

    def below(self, principal_id: str, scope: str) -> Iterator[str]:
        """The assignments of a principal below a scope, without those at it."""
        known = self.principals.get(principal_id.lower())
        if known:
            first, last = (bisect_left(known.ordered, scope + end) for end in ("/", "0"))  # "0" follows "/".
            for each in known.ordered[first:last]:
                yield from known.ids[each]
