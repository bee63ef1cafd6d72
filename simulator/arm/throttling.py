"""How many calls may a principal still make? Token buckets, as ARM counts, and the headers that tell.

It counts calls and refuses those for which no token is left; it knows nothing of what a call does. Buckets fill up in
virtual time.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from simulator.arm.access import OPERATORS
from simulator.arm.routing import Call
from simulator.wire import ArmError
from simulator.world import World

REMAINING = "x-ms-ratelimit-remaining"
VERSION = "x-ms-throttling-version"


@dataclass(frozen=True)
class Limit:
    """A bucket: how many tokens it holds, and how many come back in a second."""

    size: int
    per_s: float


DOCUMENTED = {"reads": Limit(250, 25), "writes": Limit(200, 10), "deletes": Limit(200, 10)}
"""Per principal and subscription (or tenant). **Source**: "Understand how Azure Resource Manager throttles requests".
Not played: 15 times as much for all principals of a subscription together."""

RECORDED = {"reads": Limit(1100, 110), "writes": Limit(800, 40), "deletes": Limit(800, 40)}
"""**Source** of the sizes: what remains after one call in the recordings of November 2025 and later (1099, 799, 799;
`dp-disk-create-backup-delete-2025-11-06`, `ps-dp-disk-adhoc-backup-retryafter-2026-05-17`). Assumed: they fill up in
the documented buckets' time. Older recordings have other sizes per kind (49 to 14,999); they are not played."""

LIMITS = {"documented": DOCUMENTED, "recorded": RECORDED}
KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
OWN_LIMITS = "microsoft.dataprotection/"
WITHOUT = ("/backupinstances/operationresults/read", "microsoft.resourcegraph/resources/read")


@dataclass(frozen=True)
class Counted:
    """How calls of an action are counted. own: the service has its own limit, so ARM tells that one instead."""

    kind: str
    own: bool
    told: bool


@lru_cache(maxsize=1000)
def counted(method: str, action: str) -> Counted:
    """How an operation is counted.

    **Source**: GET, PUT, PATCH and DELETE of Data Protection and its undelete answer with "resource-requests" and v1,
    its other actions with "writes" and v2, a result of an instance's operation with v2 alone
    (`dp-blob-create-delete-2025-11-06`, `dp-softdelete-2025-11-06`). Resource Graph has a quota of its own (graph.py).
    """
    name = action.lower()
    told = not name.endswith(WITHOUT)
    verb = method == "POST" and not name.endswith("/undelete/action")
    return Counted(KINDS.get(method, "writes"), told and not verb and name.startswith(OWN_LIMITS), told)


def spend(world: World, call: Call) -> dict[str, str]:
    """Count one call; the headers that tell what is left. Raises ArmError 429 when nothing is, with Retry-After.

    The operator, who builds the world, is told what everybody is told and never refused, unless
    `behaviour.throttle_operator`. Assumed: a refused call costs no token, and one that may not be made costs one.
    """
    how = counted(call.request.method, call.action)
    if not how.told:
        return {VERSION: "v2"}
    scope, subscription = _scope(call.path)
    limits = LIMITS[world.behaviour.throttle]
    is_free = call.caller in OPERATORS and not world.behaviour.throttle_operator
    left = limits[how.kind].size - 1
    if not is_free and not (how.own and limits is RECORDED):
        left = _take(world, f"{call.caller} {subscription} {how.kind}", limits[how.kind], call, "")
    if not how.own:
        return {f"{REMAINING}-{scope}-{how.kind}": str(left), VERSION: "v2"}
    own = RECORDED[how.kind]
    left = (
        own.size - 1 if is_free else _take(world, f"{call.caller} {subscription} {call.action}", own, call, call.action)
    )
    return {f"{REMAINING}-{scope}-resource-requests": str(left), VERSION: "v1"}


def _scope(path: str) -> tuple[str, str]:
    parts = path.split("/", 3)
    is_below = parts[1:2] == ["subscriptions"] and len(parts) > 2  # noqa: PLR2004 - the second name is the id
    return ("subscription", parts[2].lower()) if is_below else ("tenant", "")


def _take(world: World, key: str, limit: Limit, call: Call, action: str) -> int:
    """Take a token out of a bucket; how many are left, in whole tokens."""
    now = call.now.timestamp()
    tokens, at = world.buckets.get(key, (limit.size, now))
    tokens = min(limit.size, tokens + (now - at) * limit.per_s)
    if tokens < 1:
        raise _refusal(call, limit, action, math.ceil((1 - tokens) / limit.per_s))
    world.buckets[key] = (tokens - 1, now)
    return int(tokens - 1)


def _refusal(call: Call, limit: Limit, action: str, after_s: int) -> ArmError:
    """429 until a token is there.

    **Source**: `arm-429-resourcerequeststhrottled` for a service's own limit; velero issue 9171 for a subscription's.
    Assumed: the time interval that is named is the one in which the bucket fills up.
    """
    headers = {"retry-after": str(after_s), "x-ms-failure-cause": "gateway"}
    if action:
        message = (
            f"Number of requests for action '{action}' exceeded the limit of '{limit.size}' for time interval "
            f"'00:00:{limit.size / limit.per_s:02.0f}'. Please try again after '{after_s}' seconds."
        )
        return ArmError(429, "ResourceRequestsThrottled", message, headers=headers)
    scope, subscription = _scope(call.path)
    kind = counted(call.request.method, call.action).kind.removesuffix("s")
    message = (
        f"Number of '{kind}' requests for {scope} '{subscription}' actor '{call.caller}' exceeded. "
        f"Please try again after '{after_s}' seconds after additional tokens are available. Refer to "
        "https://aka.ms/arm-throttling for additional information."
    )
    code = "SubscriptionRequestsThrottled" if scope == "subscription" else "TenantRequestsThrottled"
    return ArmError(429, code, message, headers=headers)
