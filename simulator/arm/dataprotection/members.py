"""Which members this service keeps, and in which order it writes them.

The service reads names without case, drops what it does not know and what is null, and writes its own order.
"""

from collections.abc import Iterable
from typing import Any

from simulator.wire import Json


def ordered(value: Json, names: Iterable[str]) -> Json:
    """Only these members, in this order and casing; nulls and strangers are dropped.

    **Source**: dp-pgflex-job-failed-2025-03-12 (resourceId accepted for resourceID, null members not echoed),
    dp-policy-create-delete-2025-11-06 (order, properties.name dropped).
    """
    found = {key.lower(): item for key, item in value.items() if item is not None}
    return {name: found[name.lower()] for name in names if name.lower() in found}


def shaped(value: Any, shape: Any) -> Any:
    """The same at every depth: a dict names the members, a list says what its elements are, None takes what comes."""
    if isinstance(shape, list):
        return [shaped(each, shape[0]) for each in value]
    if shape is None:
        return value
    return {name: shaped(item, shape[name]) for name, item in ordered(value, shape).items()}
