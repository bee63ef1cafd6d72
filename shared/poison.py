"""Keeps what the app could not work on: written down, and told once. Nothing vanishes."""

import logging

from shared import journal
from shared.cloud import queue
from shared.cloud.clients import Cloud
from shared.core.incidents import poison
from shared.ledger import Ledger
from shared.tell import tell_once

QUEUE = "converge-poison"


def keep(body: bytes, message_id: str, cloud: Cloud, ledger: Ledger) -> None:
    """Record one message of the poison queue and tell somebody. Raises CloudError; the message is then kept again."""
    text = body.decode(errors="replace")
    journal.record("message_poisoned", level=logging.ERROR, message=text, id=message_id)
    ledger.incident(f"poison/{message_id.lower()}")  # asks Azure for the time, too
    tell_once(poison(text, message_id, cloud.now), cloud, ledger, cloud.now)


def keep_left(cloud: Cloud, ledger: Ledger) -> int:
    """Keep what lies in the poison queue and will not come by itself; answer how much. Raises CloudError.

    Source: azure-webjobs-sdk `QueueProcessor.cs`: a message that was taken five times is given to no function again,
    also in a poison queue, where it has nowhere to go.
    """
    left = queue.take(cloud, QUEUE)
    for message in left:
        keep(message.body, message.id, cloud, ledger)
        queue.delete(cloud, QUEUE, message)
    return len(left)
