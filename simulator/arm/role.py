"""What a role is, and what it permits: its actions, less the ones it takes back.

The roles themselves stand in roles.py and datasource_roles.py.
"""

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Role:
    """A role definition: the actions it permits, less the ones it takes back.

    created and updated: as recorded for Reader. Assumed: the same for every role that was not recorded.
    """

    guid: str
    name: str
    description: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    type: str = "BuiltInRole"
    scopes: tuple[str, ...] = ("/",)
    created: str = "2015-02-02T21:55:09.8806423Z"
    updated: str = "2021-11-11T20:13:47.8628684Z"


@lru_cache(maxsize=100_000)
def allows(role: Role, action: str) -> bool:
    """Whether a role permits an action: some of its actions match, and none of its notActions."""
    return matches(role.actions, action) and not matches(role.not_actions, action)


def allows_data(role: Role, data_action: str) -> bool:
    """The same for what is done with data. Assumed: no role here takes a data action back."""
    return matches(role.data_actions, data_action)


def matches(patterns: tuple[str, ...], action: str) -> bool:
    """Whether an action is one of these, `*` standing for any part of it."""
    texts = (".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns)
    return any(re.fullmatch(text, action, re.IGNORECASE) for text in texts)


def below(prefix: str, text: str) -> tuple[str, ...]:
    """Actions that begin alike, one a line."""
    return tuple(prefix + line for line in text.split())
