"""The clients, made on first use: importing an SDK costs more than most invocations need.

One `Cloud` lives as long as the process. It holds the credential, the transport, Azure's clock, and what little is
cached between passes (vaults, policies, inherited roles), each for ten minutes of Azure's time.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.pipeline.transport import HttpTransport

from shared.cloud import calls, http
from shared.cloud.errors import read_count, retry_after_s
from shared.core.pace import LONGEST_PUSH_S, NO_RETRY_AFTER_S, Headroom
from shared.loading import LOADING
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.data.tables import TableClient
    from azure.eventgrid._legacy import EventGridPublisherClient
    from azure.mgmt.dataprotection import DataProtectionMgmtClient

KEPT = timedelta(minutes=10)
TIMEOUT_S = 30  # Event Grid waits no longer for an answer, so no call of ours may
STORAGE_VERSION = "2021-12-02"
TOO_MANY = 429
REMAINING = "x-ms-ratelimit-remaining-subscription"  # Source: recordings; -reads and -writes follow


class Cloud:
    """The way to Azure for one process. Not switched for tests: these pass another transport and credential."""

    def __init__(
        self, settings: Settings, credential: TokenCredential, transport: HttpTransport[Any, Any] | None = None
    ) -> None:
        self.settings, self.credential = settings, credential
        self._transport = transport
        self._now = datetime.min.replace(tzinfo=UTC)
        self._kept: dict[tuple[str, ...], tuple[datetime, Any]] = {}
        self._clock = http.AzureClock(self.tick)
        self._data_protection: dict[str, DataProtectionMgmtClient] = {}
        self._headroom: dict[str, Headroom] = {}

    # -- time --------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The Date of Azure's newest answer, in UTC. Ask only after something was asked of Azure."""
        return self._now

    def tick(self, date: datetime) -> None:
        """Take note of the Date of an answer; time never goes back."""
        self._now = max(self._now, date)

    def kept[T](self, key: tuple[str, ...], read: Callable[[], T]) -> T:
        """A value that was read less than ten minutes ago, or read it now."""
        found = self._kept.get(key)
        if found and self.now - found[0] < KEPT:
            return found[1]  # type: ignore[no-any-return]  # a key is always read by the same function
        value = read()
        self._kept[key] = (self.now, value)
        return value

    def forget(self, *key: str) -> None:
        """Read this anew next time, because it was just changed or turned out to be old."""
        self._kept.pop(key, None)

    # -- pace --------------------------------------------------------------------------------------------------

    def headroom(self, subscription: str) -> Headroom:
        """What ARM last told this process about our rate in a subscription."""
        return self._headroom.get(subscription.lower(), Headroom())

    def _note_rate(self, subscription: str, status: int, headers: Mapping[str, str]) -> None:
        known = self.headroom(subscription)
        reads, writes = (read_count(headers, f"{REMAINING}-{kind}") for kind in ("reads", "writes"))
        if status == TOO_MANY:
            wait = retry_after_s(headers)
            rest_s = NO_RETRY_AFTER_S if wait is None else min(wait, LONGEST_PUSH_S)
            known = replace(known, closed_until=self.now + timedelta(seconds=rest_s))
        if reads is not None:
            known = replace(known, reads=reads, at=self.now)
        if writes is not None:
            known = replace(known, writes=writes, at=self.now)
        self._headroom[subscription] = known

    # -- clients -----------------------------------------------------------------------------------------------

    @cached_property
    def transport(self) -> HttpTransport[Any, Any]:
        if self._transport is not None:
            return self._transport
        with LOADING:
            from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415 - requests is slow to import

            made: HttpTransport[Any, Any] = RequestsTransport(connection_timeout=5, read_timeout=TIMEOUT_S)
        return made

    def _pipeline(self, endpoint: str, scope: str, *before: Any) -> list[Any]:
        authentication = BearerTokenCredentialPolicy(self.credential, scope)
        return http.policies(endpoint, authentication, self._clock, *before)

    def _arm_pipeline(self) -> list[Any]:
        settings = self.settings
        watching = calls.Count(), http.RateWatch(self._note_rate)
        return self._pipeline(settings.arm_endpoint, settings.arm_scope, *watching)

    @cached_property
    def arm(self) -> PipelineClient[Any, Any]:
        """Plain ARM requests: servers, role assignments, operation URLs."""
        settings = self.settings
        policies = self._arm_pipeline()
        return PipelineClient(settings.arm_endpoint, policies=policies, transport=self.transport)

    def data_protection(self, subscription: str) -> "DataProtectionMgmtClient":
        """The Data Protection client of one subscription."""
        if subscription not in self._data_protection:
            with LOADING:
                from azure.mgmt.dataprotection import DataProtectionMgmtClient  # noqa: PLC0415 - loaded on first use

            settings = self.settings
            self._data_protection[subscription] = DataProtectionMgmtClient(
                self.credential,
                subscription,
                settings.arm_endpoint,
                policies=self._arm_pipeline(),
                transport=self.transport,
            )
        return self._data_protection[subscription]

    @cached_property
    def queues(self) -> PipelineClient[Any, Any]:
        """Queue storage, for sending alone; receiving is the host's part."""
        endpoint = self.settings.queue_endpoint
        policies = self._pipeline(endpoint, self.settings.storage_scope)
        return PipelineClient(endpoint, policies=policies, transport=self.transport)

    @cached_property
    def blobs(self) -> PipelineClient[Any, Any]:
        """Blob storage, for the sweep's snapshots."""
        endpoint = self.settings.blob_endpoint
        policies = self._pipeline(endpoint, self.settings.storage_scope)
        return PipelineClient(endpoint, policies=policies, transport=self.transport)

    def table(self, name: str) -> "TableClient":
        with LOADING:
            from azure.data.tables import TableServiceClient  # noqa: PLC0415 - loaded on first use

        audience = urlsplit(self.settings.storage_scope)
        service = TableServiceClient(
            self.settings.table_endpoint,
            credential=self.credential,
            audience=f"{audience.scheme}://{audience.netloc}",
            transport=self.transport,
            retry_total=0,
        )
        return service.get_table_client(name)

    @cached_property
    def alert_topic(self) -> "EventGridPublisherClient":
        """The publisher of the custom topic.

        The public class of azure-eventgrid 4.22 makes exactly this client for a topic, and drops every keyword on
        the way: transport, timeouts, retries. A test pins the private name.
        """
        with LOADING:
            from azure.eventgrid._legacy import EventGridPublisherClient  # noqa: PLC0415 - loaded on first use

        return EventGridPublisherClient(
            self.settings.alert_topic, self.credential, transport=self.transport, retry_total=0
        )
