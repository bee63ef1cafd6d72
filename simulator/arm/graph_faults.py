"""What can be wrong with an answer of Resource Graph: rows that are missing, doubled or lost, pages that end early.

Rows that are merely old are the journal's part: it shows them late.
"""

from collections.abc import Callable

from simulator.arm.graph_store import Found
from simulator.fault_names import of_place
from simulator.faults import Fault
from simulator.wire import ArmError, Json
from simulator.world import World

KINDS = of_place("graph")
FIRST_PAGE = ("graph_table", "graph_truncated", "graph_empty")
MISSING = "graph_missing"
REFUSALS = {
    "graph_page_fails": (500, "InternalServerError", "An unexpected error occurred."),
    "graph_expired_token": (400, "BadRequest", "The skip token is invalid for this query."),
}
SHIFTS = {"graph_duplicate_row": -1, "graph_lost_row": 1}


def take(world: World, query: str, *, is_next_page: bool) -> Fault | None:
    """The fault that a question meets. Those between two pages wait for a further page; the target is in the query."""
    kinds = tuple(kind for kind in KINDS if is_next_page or kind in FIRST_PAGE)
    return world.faults.take(kinds, f"microsoft.resourcegraph {query}")


def refusal(fault: Fault) -> ArmError:
    """The refusal of a further page. Assumed: the words of the 500."""
    return ArmError(*REFUSALS[fault.kind])


def shift(fault: Fault | None) -> int:
    """By how many rows a page begins too late; below 0 too early."""
    return SHIFTS.get(fault.kind, 0) if fault else 0


def changed(fault: Fault | None, body: Json, found: Found) -> Json:
    """The answer as a fault leaves it."""
    kind = fault.kind if fault else ""
    if kind == "graph_empty":
        body = body | {"totalRecords": 0, "count": 0, "data": []}
    if kind in ("graph_truncated", "graph_empty"):
        body.pop("$skipToken", None)
    if kind == "graph_truncated":
        body = body | {"resultTruncated": "true"}
    if kind == "graph_table" and isinstance(body["data"], list):
        columns = [{"name": name, "type": of} for name, of in zip(found.columns, found.types, strict=True)]
        body = body | {"data": {"columns": columns, "rows": [list(row.values()) for row in body["data"]]}}
    return body


def hides(world: World) -> Callable[[str], bool] | None:
    """Which rows are missing by a fault; None when none is."""
    if not world.faults.has(MISSING):
        return None
    return lambda key: world.faults.holding(MISSING, key) is not None
