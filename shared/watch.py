"""Looks at the jobs of every admitted vault and tells people about failed backups, each once."""

import logging

from shared import journal
from shared.cloud import observe, vaults
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.core.incidents import failed_backups
from shared.core.rules import Rules
from shared.core.vault_choice import is_found_by_tag
from shared.datasources import KNOWN
from shared.ledger import Ledger
from shared.tell import tell_once

SERVER_TYPES = frozenset(datasource.key for datasource in KNOWN)


def watch_jobs(cloud: Cloud, ledger: Ledger, rules: Rules) -> int:
    """Tell about each failed backup job of the last 14 days that was not told before; answer how many were told now.

    A vault that cannot be read does not keep the others from being watched; it is written down and read next time.
    """
    told = 0
    watched = [*(rule.id for rule in rules.vaults if rule.id), *_found_by_tag(cloud, rules)]
    for vault_id in watched:
        try:
            jobs = observe.jobs(cloud, vault_id)
            told += sum(
                tell_once(alert, cloud, ledger, cloud.now) for alert in failed_backups(jobs, SERVER_TYPES, cloud.now)
            )
        except CloudError as error:
            _not_watched(error, vault_id)
    journal.record("jobs_watched", vaults=len(watched), alerts=told)
    return told


def _found_by_tag(cloud: Cloud, rules: Rules) -> list[str]:
    """Ids of the vaults that the rules do not name and the deployment admits; one that it does not is written down."""
    if not any(rule.tag for rule in rules.vaults):
        return []
    try:
        found = [vault for vault in vaults.of_rules(cloud, rules) if is_found_by_tag(vault.id, rules)]
    except CloudError as error:
        _not_watched(error, "vaults found by a tag")
        return []
    for vault in found:
        if not vault.admitted:
            journal.record("vault_not_admitted", level=logging.WARNING, vault=vault.id, identity=vault.principal_id)
    return [vault.id for vault in found if vault.admitted]


def _not_watched(error: CloudError, vault: str) -> None:
    journal.record("vault_not_watched", level=logging.WARNING, vault=vault, code=error.code, reason=error.message)
