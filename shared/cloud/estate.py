"""Reads the whole estate in bulk from Resource Graph: servers, backups in any vault, vaults and policies.

Resource Graph may be behind, and shows fewer rows instead of an error where rights are missing; so it proposes, what
it cannot show is named in `incomplete`, and the provider itself is asked where a row contradicts another.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

from shared.cloud import observe
from shared.cloud.clients import Cloud
from shared.cloud.errors import CloudError
from shared.cloud.graph import Graph, Pause, Row
from shared.cloud.vaults import read_vault
from shared.core import resource_id
from shared.core.datasource import Datasource
from shared.core.estate import Estate, Scope
from shared.core.events import read_time
from shared.core.names import short_region
from shared.core.observed import Instance, Job, Server
from shared.core.policy import Policy, read_policy

MOST_ASKED_AGAIN = 20  # contradictions between rows that the provider is asked about; more of them are a finding
MOST_NAMED = 300  # subscriptions in the text of a query

Progress = Callable[[int], None]


class _Subscription(Row):
    subscription: str
    name: str | None = None


class _Server(Row):
    location: str | None = None
    tags: dict[str, str] | None = None
    state: str | None = None
    role: str | None = None
    cluster: bool | None = None
    storage_gb: int | None = None


class _Instance(Row):
    name: str | None = None
    tags: dict[str, str] | None = None
    server: str | None = None
    policy: str | None = None
    state: str | None = None
    error: dict[str, Any] | None = None
    status: dict[str, Any] | None = None
    latest: str | None = None


class _Body(Row):
    """A resource as ARM answers it, near enough. Assumed: Resource Graph shows a policy's properties as ARM does."""

    name: str | None = None
    location: str | None = None
    tags: dict[str, str] | None = None
    identity: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None

    @property
    def as_arm(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__struct_fields__}


def read_estate(
    cloud: Cloud,
    scope: Scope,
    datasource: Datasource,
    *,
    pause: Pause | None = None,
    progress: Progress | None = None,
    with_failures: bool = False,
) -> Estate:
    """Read everything that a plan needs but roles. Raises CloudError when Resource Graph refuses to answer at all.

    pause: waits so many seconds when Azure asks for it; None where nobody may wait. progress: hears of rows that came.
    with_failures: read the backups that failed in the last 14 days too.
    """
    reading = _Reading(cloud, Graph(cloud, pause, progress), scope, datasource)
    subscriptions = reading.subscriptions()
    servers = {server.id.key: server for server in reading.servers()}
    instances, points = reading.instances(subscriptions)
    vaults = tuple(read_vault(row.as_arm) for row in reading.rows("vaults", _Body, {}))
    policies = reading.policies(instances)
    reading.ask_about_lost_servers(servers, instances)
    is_young = any(one.id.lower() not in points for found in instances.values() for one in found)
    return Estate(
        now=cloud.now,
        scope=scope,
        datasource=datasource,
        servers=servers,
        subscriptions=subscriptions,
        instances=instances,
        points=points,
        vaults=vaults,
        policies=policies,
        jobs=reading.jobs(*["failed"] * with_failures) if is_young or with_failures else {},
        incomplete=tuple(reading.incomplete),
    )


def find_servers(
    cloud: Cloud, scope: Scope, datasource: Datasource, name: str, pause: Pause | None = None
) -> tuple[Server, ...]:
    """The servers of a name within a scope, by id. name: letters, digits and hyphens, checked by the caller."""
    reading = _Reading(cloud, Graph(cloud, pause), scope, datasource)
    return tuple(reading.servers(f"| where name =~ '{name}'"))


def policy_bodies(cloud: Cloud, datasource: Datasource, pause: Pause | None = None) -> Iterator[tuple[str, Any]]:
    """The id and the properties of every policy for this kind of database that we may read. Raises CloudError."""
    for row in Graph(cloud, pause).rows("policies", _Body, {}, server_type=datasource.key, narrow=""):
        yield row.id, row.properties


class _Reading:
    """The questions of one reading. Servers are asked for in the scope; what surrounds them wherever we may read.

    Assumed: a question without subscriptions is about all that the caller may read (as Search-AzGraph -UseTenantScope).
    """

    def __init__(self, cloud: Cloud, graph: Graph, scope: Scope, datasource: Datasource) -> None:
        self.cloud, self.graph, self.scope, self.datasource = cloud, graph, scope, datasource
        self.incomplete = graph.incomplete
        own = {scope.server.subscription} if scope.server else set(scope.subscriptions)
        groups = {"managementGroups": list(scope.management_groups)}
        self.asked = groups if scope.management_groups else {"subscriptions": sorted(own)}

    def rows[R: Row](
        self, name: str, row_type: type[R], scope: Mapping[str, list[str]], narrow: str = ""
    ) -> Iterator[R]:
        return self.graph.rows(name, row_type, scope, server_type=self.datasource.key, narrow=narrow)

    def subscriptions(self) -> dict[str, str]:
        """Names by lower-case id of what the scope shows; what it was to show and does not is noted."""
        found = {
            row.subscription.lower(): row.name or "" for row in self.rows("subscriptions", _Subscription, self.asked)
        }
        unseen = "not to be seen: it does not exist, or we may not read it"
        self.incomplete += [
            f"subscription {one}: {unseen}" for one in self.asked.get("subscriptions", ()) if one not in found
        ]
        if not found and self.scope.management_groups:
            self.incomplete.append(f"{self.scope}: it shows no subscription")
        return dict.fromkeys(self.asked.get("subscriptions", ()), "") | found

    def servers(self, narrow: str = "") -> Iterator[Server]:
        narrow = f"| where id =~ '{self.scope.server.text}'" if self.scope.server else narrow
        for row in self.rows("servers", _Server, self.asked, narrow):
            if parsed := resource_id.parse(row.id):
                yield Server(
                    id=parsed,
                    location=short_region(row.location or ""),
                    state=row.state or "",
                    replication_role=row.role or "",
                    is_cluster=bool(row.cluster),
                    tags=row.tags or {},
                    storage_gb=row.storage_gb or 0,
                )

    def instances(
        self, subscriptions: Mapping[str, str]
    ) -> tuple[dict[str, tuple[Instance, ...]], dict[str, datetime]]:
        """The backup instances of the scope's servers, in any vault that we may read, and their newest points."""
        by_server: defaultdict[str, list[Instance]] = defaultdict(list)
        points: dict[str, datetime] = {}
        for row in self.rows("instances", _Instance, {}, self._narrow(subscriptions)):
            server = (row.server or "").lower()
            if server.removeprefix("/subscriptions/").partition("/")[0] in subscriptions:
                by_server[server].append(_instance(row))
                latest = read_time(row.latest)
                if latest and latest.year > 1:  # Source: a recording: 0001-01-01 where there is none
                    points[row.id.lower()] = latest
        return {key: tuple(sorted(found, key=lambda one: one.id.lower())) for key, found in by_server.items()}, points

    def _narrow(self, subscriptions: Mapping[str, str]) -> str:
        if self.scope.server:
            return f"| where server =~ '{self.scope.server.text}'"
        listed = ", ".join(f"'{one}'" for one in sorted(subscriptions)) or "''"  # an empty list is no KQL
        return f"| where tostring(split(server, '/')[2]) in~ ({listed})" if len(subscriptions) <= MOST_NAMED else ""

    def policies(self, instances: Mapping[str, tuple[Instance, ...]]) -> dict[str, tuple[Policy, ...]]:
        """The policies by vault. A vault whose instances follow a policy without a row is asked itself."""
        by_vault: defaultdict[str, list[Policy]] = defaultdict(list)
        known = set()
        for row in self.rows("policies", _Body, {}):
            known.add(row.id.lower())
            by_vault[_vault_of(row.id)].append(read_policy(row.as_arm))
        every = (one for found in instances.values() for one in found)
        doubtful = sorted({one.vault_id for one in every if one.policy_id.lower() not in known}, key=str.lower)
        for vault_id in self._few("vaults whose policies had no row", doubtful):
            if (listed := self._asked(f"policies of {vault_id}", observe.policies, vault_id)) is not None:
                by_vault[vault_id.lower()] = list(listed)
        return {vault: tuple(found) for vault, found in by_vault.items()}

    def ask_about_lost_servers(self, servers: dict[str, Server], instances: Mapping[str, tuple[Instance, ...]]) -> None:
        """A backup whose server has no row: the provider knows whether the server is gone, or only its row."""
        lost = sorted(key for key in instances if key not in servers)
        for key in self._few("servers with a backup and without a row", lost):
            parsed = resource_id.parse(key)
            found = self._asked(key, observe.server, parsed, self.datasource) if parsed else None
            if found:
                servers[found.id.key] = found
                self.incomplete.append(f"servers: {found.id.name} exists and had no row")

    def jobs(self, *more: str) -> dict[str, tuple[Job, ...]]:
        """The backups that run, by instance, and those of other queries."""
        jobs: defaultdict[str, list[Job]] = defaultdict(list)
        for row in chain.from_iterable(self.rows(name, _Body, {}) for name in ("jobs", *more)):
            job = observe.read_job(row.as_arm, _vault_of(row.id))
            jobs[job.instance_id.lower()].append(job)
        return {instance: tuple(found) for instance, found in jobs.items()}

    def _few(self, what: str, found: list[str]) -> list[str]:
        if len(found) > MOST_ASKED_AGAIN:
            self.incomplete.append(f"{len(found):,} {what}; {MOST_ASKED_AGAIN} of them were asked about")
        return found[:MOST_ASKED_AGAIN]

    def _asked[T](self, what: str, read: Callable[..., T], *arguments: Any) -> T | None:
        """One question to a provider; None, and noted, when it does not answer."""
        try:
            return read(self.cloud, *arguments)
        except CloudError as error:
            self.incomplete.append(f"{what}: {error}")
            return None


def _instance(row: _Instance) -> Instance:
    error = row.error or (row.status or {}).get("errorDetails") or {}
    return Instance(
        id=row.id,
        name=row.name or "",
        vault_id=row.id.rsplit("/", 2)[0],
        policy_id=row.policy or "",
        state=row.state or str((row.status or {}).get("status") or ""),
        errors=((str(error.get("code") or ""), str(error.get("message") or "")),) if error else (),
        tags=row.tags or {},
    )


def _vault_of(child_id: str) -> str:
    return child_id.rsplit("/", 2)[0].lower()
