"""Reads the Backup vaults that the rules speak of: those that they name, and those that carry the tag they ask for.

Whether a vault may be used is said in `core/vault_choice.py`; here it is only found, and its instances counted.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from shared import journal
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError, translated
from shared.cloud.graph import Graph, Row
from shared.core import resource_id
from shared.core.names import short_region
from shared.core.observed import Vault
from shared.core.rules import Rules
from shared.core.vault_choice import is_count_needed, judged, rules_of

_CLOSED, _GONE = 403, 404


def of_rules(cloud: Cloud, rules: Rules) -> tuple[Vault, ...]:
    """The vaults that the rules name or find by a tag, admitted or not. Read at most every ten minutes.

    One list per subscription, which is answered by the provider itself and so strongly consistent: the subscriptions
    of the named vaults, and where a tag is asked for the managed ones. Raises CloudError.
    """
    named = frozenset(parsed.subscription for rule in rules.vaults if (parsed := resource_id.parse(rule.id)))
    managed = cloud.settings.subscriptions - named if any(rule.tag for rule in rules.vaults) else frozenset[str]()
    listed = [vault for subscription in sorted(named) for vault in _kept(cloud, subscription)]
    listed += [vault for subscription in sorted(managed) for vault in _kept(cloud, subscription, is_optional=True)]
    found = [vault for vault in listed if rules_of(vault.id, vault.tags, rules)]
    counted = _counts(cloud, named | managed) if is_count_needed(found, rules) else Counter[str]()
    identities = cloud.settings.vault_identities
    return tuple(judged(vault, rules, identities, counted[vault.id.lower()]) for vault in found)


def _kept(cloud: Cloud, subscription: str, *, is_optional: bool = False) -> tuple[Vault, ...]:
    return cloud.kept(("vaults", subscription), partial(_list, cloud, subscription, is_optional=is_optional))


def _list(cloud: Cloud, subscription: str, *, is_optional: bool) -> tuple[Vault, ...]:
    """The vaults of a subscription; one that is gone has none, nor has one that is closed to us and not named."""
    try:
        with translated():
            return tuple(map(read_vault, cloud.data_protection(subscription).backup_vaults.get_in_subscription()))
    except CloudError as error:
        if error.status != _GONE and not (is_optional and error.status == _CLOSED):
            raise
        reason = f"{error.code}: {error.message}"
        journal.record("vaults_not_listed", level=logging.WARNING, subscription=subscription, reason=reason)
        return ()


def read_vault(body: Mapping[str, Any]) -> Vault:
    """A vault as ARM answers it; Resource Graph has the same members."""
    properties = body.get("properties") or {}
    storage: Mapping[str, Any] = next(iter(properties.get("storageSettings") or ()), {})
    identity_url, principal_id = _identity(body.get("identity") or {})
    return Vault(
        id=str(body["id"]),
        location=short_region(str(body.get("location") or "")),
        principal_id=principal_id,
        state=str(properties.get("provisioningState") or ""),
        tags=body.get("tags") or {},
        redundancy=str(storage.get("type") or ""),
        identity_url=identity_url,
        guarded=bool(properties.get("isVaultProtectedByResourceGuard")),
        **_kept_how(properties),
    )


def _kept_how(properties: Mapping[str, Any]) -> dict[str, Any]:
    """How a vault keeps what is in it. Source: dp-vaults-list-subscription-c7n, dp-vault-create-delete-2025-11-06."""
    security, features = properties.get("securitySettings") or {}, properties.get("featureSettings") or {}
    soft = security.get("softDeleteSettings") or {}
    days = soft.get("retentionDurationInDays")
    return {
        "soft_deletion": _word(soft),
        "soft_deletion_days": int(days) if isinstance(days, int | float) else None,
        "immutability": _word(security.get("immutabilitySettings") or {}),
        "cross_region_restore": _word(features.get("crossRegionRestoreSettings") or {}),
    }


def _word(setting: Mapping[str, Any]) -> str:
    """The state of a setting as the documentation writes it: Azure also answers OFF."""
    state = str(setting.get("state") or "")
    return state.capitalize() if state.isupper() else state


def _identity(identity: Mapping[str, Any]) -> tuple[str, str]:
    """The identity that works for the vault, as (id, principal id): its own has the id "", else the first given one."""
    users = identity.get("userAssignedIdentities") or {}
    own = [("", identity.get("principalId"))]
    given = [(url, (users[url] or {}).get("principalId")) for url in sorted(users, key=str.lower)]
    return next(((url, str(principal)) for url, principal in own + given if principal), ("", ""))


class _Load(Row):
    """How many instances a vault has."""

    instances: int


def _counts(cloud: Cloud, subscriptions: frozenset[str]) -> Counter[str]:
    """How many instances each vault has, by its id in lower case; none where Resource Graph does not answer.

    It may be minutes behind, so it only proposes a vault; the most that a vault takes is no promise of Azure's either.
    Assumed: instances that are soft-deleted do not count.
    """
    scope = sorted(subscriptions)
    return cloud.kept(("vault load", *scope), partial(_count, cloud, scope))


def _count(cloud: Cloud, subscriptions: list[str]) -> Counter[str]:
    graph = Graph(cloud)
    try:
        rows = list(graph.rows("vault_load", _Load, {"subscriptions": subscriptions}))
    except CloudError as error:
        rows, graph.incomplete = [], [f"{error.code}: {error.message}"]
    for reason in graph.incomplete:
        journal.record("vaults_not_counted", level=logging.WARNING, reason=reason)
    return Counter({row.id: row.instances for row in rows})
