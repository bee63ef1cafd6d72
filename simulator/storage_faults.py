"""Faults of queues and tables: what a storage call does besides, or instead of, what was asked.

It works on the state of the services; their own code knows no fault.
"""

import heapq
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from simulator import storage_state
from simulator.fault_names import of_place
from simulator.faults import Fault
from simulator.storage.messages import MessageQueue, StoredMessage
from simulator.storage.refusals import StorageError
from simulator.wire import Request, Response

if TYPE_CHECKING:
    from simulator.azure import LocalAzure

ROLLED_BACK, CONFLICT = "store_rolled_back", "store_conflict"
STORAGE = of_place("storage")
TAKEN_TIMES = 5  # the host's usual maxDequeueCount
AN_HOUR_S = 3600.0


def carry_out(azure: "LocalAzure", request: Request, subject: str, dispatch: Callable[[Request], Response]) -> Response:
    """Carry out a call with the storage faults that it meets."""
    if not azure.world.faults.has(*STORAGE):
        return dispatch(request)
    _roll_back(azure, subject)
    no_write = (ROLLED_BACK, CONFLICT) if request.method == "GET" else (ROLLED_BACK,)
    kinds = tuple(kind for kind in STORAGE if kind not in no_write)
    met = {fault.kind: fault for fault in azure.world.faults.take_all(kinds, subject)}
    if CONFLICT in met:
        words = "The update condition specified in the request was not satisfied."
        return StorageError(412, "UpdateConditionNotSatisfied", words).json_response()
    if "store_lost" in met:
        for table in azure.tables.tables.values():
            table.entities.clear()
            table.order.clear()
    queue = azure.queues.queues.get(request.path.split("/")[1])
    return _on_queue(azure.now, queue, request, met, dispatch) if queue and met else dispatch(request)


def _on_queue(
    now: datetime, queue: MessageQueue, request: Request, met: dict[str, Fault], dispatch: Callable[[Request], Response]
) -> Response:
    deleted = queue.messages.get(request.path.rpartition("/")[2])
    if "poison_message" in met:
        for message in list(queue.visible(now)):
            queue.messages[message.id] = replace(message, dequeue_count=TAKEN_TIMES)
    turns = queue.turns
    response = dispatch(request)
    if "duplicate_message" in met:
        dispatch(request)
    for kind, after_s in (("lose_hold", 1.0), ("two_workers", 0.0)):
        if kind in met:
            for message in [each for each in queue.messages.values() if each.turn > turns]:
                _show(queue, message, now + timedelta(seconds=after_s))
    if "replay_message" in met and deleted:
        after_s = float(met["replay_message"].detail.get("after_s", AN_HOUR_S))
        queue.put(deleted.text, now, now + timedelta(seconds=after_s), deleted.expires_at)
    return response


def _show(queue: MessageQueue, message: StoredMessage, at: datetime) -> None:
    """Let a message be visible at another time; whoever holds it still does."""
    queue.messages[message.id] = replace(message, visible_at=at)
    heapq.heappush(queue.by_visibility, (at, message.turn, message.id))


def _roll_back(azure: "LocalAzure", subject: str) -> None:
    """Remember the tables at the first call, and bring them back at the first call that is late enough."""
    fault = azure.world.faults.holding(ROLLED_BACK, subject)
    if fault is None:
        return
    if "tables" not in fault.detail:
        after_s = float(fault.detail.get("after_s", AN_HOUR_S))
        until = (azure.now + timedelta(seconds=after_s)).isoformat()
        fault.detail |= {"tables": storage_state.dump_tables(azure), "until": until}
    elif azure.now >= datetime.fromisoformat(fault.detail["until"]):
        azure.world.faults.waiting.remove(fault)
        ticks = azure.tables.last_ticks
        azure.tables.tables.clear()
        storage_state.load_tables(azure, fault.detail["tables"])
        azure.tables.last_ticks = ticks  # a version is never given twice
