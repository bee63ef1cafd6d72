"""Looks at the jobs of every admitted vault and tells people about failed backups, each once."""

import logging

from shared import journal
from shared.cloud import observe
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.core.incidents import failed_backups
from shared.core.rules import Rules
from shared.datasources import KNOWN
from shared.ledger import Ledger
from shared.tell import tell_once

SERVER_TYPES = frozenset(datasource.key for datasource in KNOWN)


def watch_jobs(cloud: Cloud, ledger: Ledger, rules: Rules) -> int:
    """Tell about each failed backup job of the last 14 days that was not told before; answer how many were told now.

    A vault that cannot be read does not keep the others from being watched; it is written down and read next time.
    """
    told = 0
    for rule in rules.vaults:
        try:
            jobs = observe.jobs(cloud, rule.id)
            told += sum(
                tell_once(alert, cloud, ledger, cloud.now) for alert in failed_backups(jobs, SERVER_TYPES, cloud.now)
            )
        except CloudError as error:
            journal.record(
                "vault_not_watched", level=logging.WARNING, vault=rule.id, code=error.code, reason=error.message
            )
    journal.record("jobs_watched", vaults=len(rules.vaults), alerts=told)
    return told
