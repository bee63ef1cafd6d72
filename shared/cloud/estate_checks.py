"""Asks the providers what Resource Graph cannot answer for an estate: roles, and rows that ought to be there.

What the app remembers is the measure: a server or an instance that it knows and that has no row is asked about, so
that an empty answer is never taken for an empty estate.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from shared.cloud import observe
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.cloud.estate import MOST_ASKED_AGAIN
from shared.core import resource_id
from shared.core.estate import Estate


def confirmed(cloud: Cloud, estate: Estate, remembered: Mapping[str, bool]) -> Estate:
    """The estate with what had no row and exists, and what could not be found out.

    remembered: lower-case ids of servers that existed when the app last looked; True: with a backup instance.
    """
    servers, instances, notes = dict(estate.servers), dict(estate.instances), list(estate.incomplete)
    lost = sorted(key for key, protected in remembered.items() if _is_lost(estate, key, protected=protected))
    if len(lost) > MOST_ASKED_AGAIN:
        known = "servers or backups that the app knows have no row"
        notes.append(f"{len(lost):,} {known}; {MOST_ASKED_AGAIN} of them were asked about")
    for key in lost[:MOST_ASKED_AGAIN]:
        parsed = resource_id.parse(key)
        try:
            server = servers.get(key) or (observe.server(cloud, parsed, estate.datasource) if parsed else None)
            found = observe.instances(cloud, server.id) if server and remembered[key] and key not in instances else ()
        except CloudError as error:
            notes.append(f"{key}: {error}")
            continue
        if server and (found or key not in servers):
            notes.append(f"{server.id.name}: it {'has a backup' if found else 'exists'} and had no row")
            servers[key] = server
            instances |= {key: found} if found else {}
    return replace(estate, servers=servers, instances=instances, incomplete=tuple(notes))


def _is_lost(estate: Estate, key: str, *, protected: bool) -> bool:
    """Whether rows are missing for a server of the scope that the app knows."""
    only = estate.scope.server
    if key.removeprefix("/subscriptions/").partition("/")[0] not in estate.subscriptions or (only and only.key != key):
        return False
    return (key not in estate.servers and key not in estate.instances) or (protected and key not in estate.instances)


def read_assignments(
    cloud: Cloud, subscriptions: Iterable[str], principals: Iterable[str]
) -> dict[tuple[str, str], frozenset[str]]:
    """Where identities have roles without a condition, by (principal id, role): one list for each and subscription.

    Raises CloudError. Source: role assignment REST reference: principalId eq lists at, above and below the scope.
    """
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for subscription in subscriptions:
        top = f"/subscriptions/{subscription}"
        for principal in principals:
            for item in _assignments(cloud, top, principal):
                scope = str(item.get("scope", "")).lower().rstrip("/")
                role = str(item.get("roleDefinitionId", "")).rsplit("/", 1)[-1].lower()
                if item.get("principalId") == principal and not item.get("condition"):
                    found[principal, role].add(scope if scope.startswith("/subscriptions/") else top)
    return {key: frozenset(scopes) for key, scopes in found.items()}


def _assignments(cloud: Cloud, top: str, principal: str) -> Iterator[Mapping[str, Any]]:
    condition = quote(f"principalId eq '{principal}'")
    url = f"{cloud.settings.arm_endpoint}{top}/providers/Microsoft.Authorization/roleAssignments"
    page = f"{url}?api-version={observe.ROLE_API}&$filter={condition}"
    while page:
        _, body = observe.get_json(cloud, page)
        yield from (item.get("properties") or {} for item in (body or {}).get("value") or ())
        page = str((body or {}).get("nextLink") or "")
