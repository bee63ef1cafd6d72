"""Names that are always the same for the same thing, so that doing it twice collides harmlessly."""

from collections.abc import Mapping
from uuid import UUID, uuid5

from shared.core.resource_id import ResourceId

_NAMESPACE = UUID("8f6f8f52-5f0e-5c0e-9c1f-2f4d9a5b7c11")  # fixed for ever: a change would rename everything


def stable_guid(*parts: str) -> str:
    """A GUID that depends on the parts alone; their case does not matter, as ARM compares without case."""
    return str(uuid5(_NAMESPACE, "|".join(part.lower() for part in parts)))


def instance_name(server: ResourceId) -> str:
    """The backup instance of a server: two servers of one name in two groups do not collide."""
    return f"{server.name}-{stable_guid(server.text)}"


STAMP = "flexguard"  # the tag that says: made by this program


def is_ours(name: str, tags: Mapping[str, str], server: ResourceId) -> bool:
    """Whether a backup instance, live or deleted, was made by this program: by its name, or by its stamp."""
    return name.lower() == instance_name(server).lower() or STAMP in map(str.lower, tags)


def role_assignment_name(scope: str, principal_id: str, role: str) -> str:
    """The name under which we assign a role; assigning again updates instead of adding."""
    return stable_guid(scope, principal_id, role)


def short_region(text: str) -> str:
    """westeurope, however it was written. Source: recordings: flexible servers answer "East US" for eastus."""
    return "".join(text.split()).lower()
