"""Reads ARM resource ids strictly: what is not exactly an id is None, never a guess.

Ids come from events and tags, so from strangers; they are checked here before anything is asked about them.
"""

import re
from dataclasses import dataclass

_SUBSCRIPTION = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_GROUP = r"[\w\-.()]{0,89}[\w\-()]"  # letters of any script, never a trailing dot: ARM's own rule
_PROVIDER = r"[A-Za-z][A-Za-z0-9]{0,62}(?:\.[A-Za-z][A-Za-z0-9]{0,62})+"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.\-]{0,258}[A-Za-z0-9_\-])?"
# ASCII all but the group: without (?a:…), IGNORECASE takes \u017f for s, \u212a for k and \u0130, \u0131 for i.
_ID = re.compile(
    rf"(?a:/subscriptions/(?P<subscription>{_SUBSCRIPTION})/resourceGroups/)(?P<group>{_GROUP})"
    rf"(?a:/providers/(?P<provider>{_PROVIDER})(?P<rest>(?:/[A-Za-z][A-Za-z0-9]{{0,62}}/{_NAME}){{1,4}}))",
    re.IGNORECASE,
)
LONGEST = 2048
_TAGS = "/providers/microsoft.resources/tags/default"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """One resource. Two ids are the same resource when their `key` is equal (ARM compares without case)."""

    text: str
    subscription: str
    group: str
    provider: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.text.lower()

    @property
    def type(self) -> str:
        """The full ARM type in lower case, such as microsoft.dataprotection/backupvaults/backupinstances."""
        return "/".join((self.provider, *self.types)).lower()

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def subscription_id(self) -> str:
        return f"/subscriptions/{self.subscription}"

    @property
    def parent_id(self) -> str:
        """The id of the resource that this one hangs on; for a top-level resource the id of its group."""
        return self.text.rsplit("/", 2)[0] if len(self.names) > 1 else self.group_id


def parse(text: object) -> ResourceId | None:
    """Read one resource id; None for anything that is not exactly one (traversal, control characters, extra parts)."""
    if not isinstance(text, str) or len(text) > LONGEST:
        return None
    match = _ID.fullmatch(text.rstrip("/") if text.endswith("/") and not text.endswith("//") else text)
    if not match:
        return None
    parts = match["rest"].strip("/").split("/")
    return ResourceId(
        text=match[0],
        subscription=match["subscription"].lower(),
        group=match["group"],
        provider=match["provider"],
        types=tuple(parts[::2]),
        names=tuple(parts[1::2]),
    )


def is_guid(text: str) -> bool:
    """Whether a text is exactly one GUID, such as a subscription id."""
    return re.fullmatch(_SUBSCRIPTION, text) is not None


def without_tags_suffix(text: str) -> str:
    """An id under which the Tags API writes, reduced to the resource that carries the tags."""
    return text[: -len(_TAGS)] if text.lower().endswith(_TAGS) else text
