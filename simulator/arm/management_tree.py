"""Which management groups stand above a subscription, and which subscriptions below a group? Reads the world's tree.

It changes nothing (management_groups.py does). The tenant's root group is there without being made, and a group that
nobody made counts as the root.
"""

from collections.abc import Iterator

from simulator.wire import Json
from simulator.world import Resource, World

TYPE = "Microsoft.Management/managementGroups"
MEMBER = f"{TYPE}/subscriptions"
PREFIX = f"/providers/{TYPE}/"
CHAINS = "management group chains"


def chain(world: World, scope: str) -> list[str]:
    """The scopes of the groups above a subscription, anything in it, or a group: outermost first, without the root."""
    if TYPE.lower() not in world.by_type:
        return []
    parts = scope.lower().split("/")
    subscription = "".join(parts[2:3]) if parts[1:2] == ["subscriptions"] else ""
    chains: dict[str, list[str]] = world.derived.setdefault(CHAINS, {})
    key = subscription or scope.lower()
    if key not in chains:
        chains[key] = _climb(world, group_of(world, subscription) if subscription else _parent_at(world, key))
    return chains[key]


def changed(world: World) -> None:
    """Forget what was worked out from the tree before it changed."""
    world.derived.pop(CHAINS, None)


def normal(world: World, scope: str) -> str:
    """A scope to compare. What stands above everything is "": the root, and a group that nobody made."""
    lower = scope.lower().rstrip("/")
    return "" if lower.startswith(PREFIX.lower()) and lower not in world.resources else lower


def at_and_above(world: World, scope: str) -> Iterator[str]:
    """A scope and all scopes above it, the root first."""
    here = normal(world, scope)
    yield ""
    yield from chain(world, here)
    parts = here.split("/")
    yield from ("/".join(parts[:count]) for count in range(2, len(parts) + 1))


def subscriptions_in(world: World, name: str) -> set[str] | None:
    """The subscriptions below a group, in lower case; None for the root, which holds all."""
    if name.lower() == world.tenant_id:
        return None
    group = f"{PREFIX}{name}".lower()
    names = [str(each.body["name"]).lower() for each in memberships(world)]
    return {one for one in names if group in chain(world, f"/subscriptions/{one}")}


def ancestors(world: World, subscription_id: str) -> list[Json]:
    """What Resource Graph tells of the groups above a subscription, the nearest first.

    **Source**: Microsoft's starter queries for resourcecontainers (managementGroupAncestorsChain).
    """
    groups = [world.resources[each].body for each in reversed(chain(world, f"/subscriptions/{subscription_id}"))]
    root = {"name": world.tenant_id, "displayName": "Tenant Root Group"}
    return [*({"name": one["name"], "displayName": one["properties"]["displayName"]} for one in groups), root]


def memberships(world: World) -> list[Resource]:
    """All places of subscriptions in the tree."""
    return list(world.by_type.get(MEMBER.lower(), {}).values())


def group_of(world: World, subscription: str) -> Resource | None:
    """The group that a subscription stands in, None for the root. The id is in lower case."""
    found = (each for each in memberships(world) if str(each.body["name"]).lower() == subscription)
    place = next(found, None)
    return world.resources.get(place.id.lower().rpartition("/subscriptions/")[0]) if place else None


def parent_of(world: World, group: Resource) -> Resource | None:
    """The group above a group, None for the root."""
    return world.resources.get(str(group.body["properties"]["details"]["parent"]["id"]).lower())


def _parent_at(world: World, scope: str) -> Resource | None:
    group = world.resources.get(scope)
    return parent_of(world, group) if group and group.type == TYPE.lower() else None


def _climb(world: World, group: Resource | None) -> list[str]:
    found = list[str]()
    while group and group.id.lower() not in found:
        found.insert(0, group.id.lower())
        group = parent_of(world, group)
    return found
