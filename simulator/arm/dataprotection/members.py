"""Which members this service keeps, and in which order it writes them.

The service reads names without case, drops what it does not know and what is null, and writes its own order.
"""

from collections.abc import Iterable

from simulator.wire import Json


def ordered(value: Json, names: Iterable[str]) -> Json:
    """Only these members, in this order and casing; nulls and strangers are dropped.

    **Source**: dp-pgflex-job-failed-2025-03-12 (resourceId accepted for resourceID, null members not echoed),
    dp-policy-create-delete-2025-11-06 (order, properties.name dropped).
    """
    found = {key.lower(): item for key, item in value.items() if item is not None}
    return {name: found[name.lower()] for name in names if name.lower() in found}
