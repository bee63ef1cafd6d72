"""Brings one server one step nearer to what its team wants. The door to the product's loop.

An event puts its server's id on the queue; a message of the queue claims the server's row in the ledger, has one look
(`look.py`: observe, plan, apply), and asks the queue to come back if there is more to do. Nothing here waits.
"""

import logging
from collections.abc import Mapping

import msgspec

from shared import claim, journal, wishes
from shared.claim import Message, Skipped
from shared.cloud import calls, queue
from shared.cloud.clients import Cloud
from shared.core import resource_id
from shared.core.datasource import Datasource
from shared.core.events import Dropped, read_event
from shared.core.price import Prices
from shared.core.resource_id import ResourceId
from shared.core.rules import Rules
from shared.core.verdict import Verdict
from shared.datasources import KNOWN
from shared.ledger import Ledger
from shared.look import Look, Outcome

QUEUE = "converge"
NEWER_AGAIN_S = 300.0
DATASOURCES: dict[str, Datasource] = {datasource.key: datasource for datasource in KNOWN}


def receive(event: object, cloud: Cloud, ledger: Ledger) -> str:
    """Take one Event Grid event; answer why it was dropped, or "" when its server was put on the queue.

    Keeps only which server it is about, and when it happened. Asks nothing of ARM. Raises CloudError when storage
    fails; Event Grid then delivers again.
    """
    name = event.get("id") if isinstance(event, Mapping) else None
    seen = read_event(event, frozenset(DATASOURCES), cloud.settings.subscriptions)
    if isinstance(seen, Dropped):
        journal.record("event_dropped", id=name, reason=seen.reason)
        return seen.reason
    server_id = ledger.server_of(seen.subject.text) if seen.is_instance else seen.subject.text
    if not server_id:
        journal.record("event_dropped", id=name, reason="unknown_instance")
        return "unknown_instance"
    message = Message(server_id=server_id, seen_at=seen.at)
    queue.send(cloud, QUEUE, claim.as_sent(message))
    journal.record("event_received", id=name, server=server_id)
    return ""


def receive_text(text: bytes, cloud: Cloud, ledger: Ledger) -> None:
    """Take what Event Grid has put on a queue: one event, or several in a list. Raises CloudError as `receive` does."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None  # no event: dropped, and counted, as a malformed one
    for event in found if isinstance(found, list) else [found]:
        receive(event, cloud, ledger)


def converge(
    body: bytes, message_id: str, cloud: Cloud, ledger: Ledger, rules: Rules, prices: Prices | None = None
) -> Outcome | Skipped:
    """Work on one message of the queue. Errors of Azure end in Pending; only a bug, or storage that fails, raises.

    prices: needed where the rules limit what events may cost.
    """
    message = claim.read_message(body)
    if message is None:  # two versions run during an upgrade, or somebody has gone back to an earlier one
        _again(cloud, body, NEWER_AGAIN_S)
        journal.record("message_newer", level=logging.WARNING, id=message_id)
        return Skipped("newer_message")
    wish = wishes.of(body)
    server_id = resource_id.parse(message.server_id)
    if not server_id or server_id.type not in DATASOURCES:
        msg = f"not the id of a server: {message.server_id[:200]!r}"
        raise ValueError(msg)
    if _is_foreign(server_id, cloud):
        journal.record("message_skipped", server=server_id.text, reason="foreign_subscription")
        return Skipped("foreign_subscription")
    claimed = claim.take(message, message_id, ledger, cloud)
    if isinstance(claimed, Skipped):
        journal.record("message_skipped", server=server_id.text, reason=claimed.reason)
        if claimed.resume_s is not None:
            _continue(cloud, message.server_id, claimed.generation, claimed.resume_s)
        again_s = wishes.comes_again_s(wish, claimed, message.server_id, ledger, rules.on_demand, cloud.now)
        _again(cloud, body, again_s)
        return claimed
    claimed = wishes.taken(claimed, wish, ledger, rules.on_demand, cloud.now)
    asked = calls.begin()
    look = Look(server_id, DATASOURCES[server_id.type], cloud, ledger, rules, claimed, prices)
    outcome = look.run()
    pending_s = look.settle(outcome)
    if pending_s is not None:
        _continue(cloud, message.server_id, claimed.row.generation, pending_s)
    _record(look, outcome.verdict, asked, pending_s)
    return outcome


def _record(look: Look, verdict: Verdict, asked: calls.Calls, next_look_s: float | None) -> None:
    """The line of one decision."""
    journal.record(
        "looked",
        at=look.cloud.now.isoformat(),
        server=look.server_id.text,
        correlation=look.correlation,
        verdict=verdict.kind,
        reason=verdict.reason,
        fix=verdict.fix,
        actions=", ".join(look.applied),
        calls=asked.by_operation,
        throttled=asked.throttled,
        next_look_s=next_look_s,
    )


def _again(cloud: Cloud, body: bytes, after_s: float | None) -> None:
    """Put the same message on the queue once more."""
    if after_s is not None:
        queue.send(cloud, QUEUE, msgspec.json.decode(body), after_s)


def _is_foreign(server_id: ResourceId, cloud: Cloud) -> bool:
    """Whether a message names a server that is not managed; what is below a management group only the sweep knows."""
    settings = cloud.settings
    return not settings.management_groups and server_id.subscription not in settings.subscriptions


def _continue(cloud: Cloud, server_id: str, generation: int, after_s: float) -> None:
    message = Message(server_id=server_id, generation=generation)
    queue.send(cloud, QUEUE, claim.as_sent(message), after_s)
