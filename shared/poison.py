"""Keeps what the app could not work on: written down, and told once. Nothing vanishes."""

import logging

from shared import journal
from shared.cloud import queue
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.core.incidents import poison
from shared.ledger import Ledger
from shared.tell import tell_once

QUEUES = ("converge-poison", "events-poison")  # the second is there where events come over a queue


def keep(cloud: Cloud, ledger: Ledger) -> int:
    """Record what lies in the poison queues and tell somebody; answer how much. Raises CloudError for an empty hand.

    What cannot be told now stays in the queue for the next run. No queue trigger does this: a message on which one
    failed five times would never be given to it again. Source: azure-webjobs-sdk `QueueProcessor.cs`.
    """
    return sum(_keep(name, cloud, ledger) for name in QUEUES)


def _keep(name: str, cloud: Cloud, ledger: Ledger) -> int:
    kept = 0
    for message in queue.take(cloud, name):
        text = message.body.decode(errors="replace")
        journal.record("message_poisoned", level=logging.ERROR, message=text, id=message.id)
        alert = poison(text, message.id, cloud.now)
        try:
            if not tell_once(alert, cloud, ledger, cloud.now):
                continue  # another instance is telling it; should it die of it, this is what is left
            queue.done(cloud, name, message)
        except CloudError as error:
            journal.record("poison_not_kept", level=logging.WARNING, id=message.id, code=error.code)
            continue
        kept += 1
    return kept
