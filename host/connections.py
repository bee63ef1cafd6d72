"""Storage connections as the host's settings name them: identity-based, or a connection string (Azurite).

Answers which connection a binding means and makes the clients of it; what goes over them is no business of this file.

**Source**: Microsoft, "Azure Functions developer guide", section Connections (`NAME__queueServiceUri`,
`NAME__accountName`, `NAME__clientId`); Azurite's README for the account behind UseDevelopmentStorage.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from azure.core.credentials import TokenCredential
from azure.identity import ManagedIdentityCredential
from azure.storage.queue import QueueServiceClient

DEFAULT = "AzureWebJobsStorage"
DEVELOPMENT = "UseDevelopmentStorage=true"
AZURITE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
)


@dataclass(frozen=True)
class Connection:
    """One storage account: a connection string, or the addresses of its services and whose identity to use."""

    connection_string: str = ""
    queue_endpoint: str = ""
    blob_endpoint: str = ""
    client_id: str = ""

    def credential(self) -> TokenCredential:
        """The managed identity of the app."""
        return ManagedIdentityCredential(client_id=self.client_id or None)

    def queues(self) -> QueueServiceClient:
        """The queue client. It repeats little by itself: the host's own repetition is the next look."""
        if self.connection_string:
            return QueueServiceClient.from_connection_string(self.connection_string, retry_total=1)
        return QueueServiceClient(self.queue_endpoint, credential=self.credential(), retry_total=1)


def find(name: str, settings: Mapping[str, str]) -> Connection | None:
    """The connection that a binding calls `name`; None when no setting says where its queues are."""
    for key in (f"AzureWebJobs{name}", name):
        if text := settings.get(key, ""):
            return Connection(connection_string=AZURITE if text == DEVELOPMENT else text)
        account = settings.get(f"{key}__accountName", "")
        queue = settings.get(f"{key}__queueServiceUri") or (account and f"https://{account}.queue.core.windows.net")
        blob = settings.get(f"{key}__blobServiceUri") or (account and f"https://{account}.blob.core.windows.net")
        if queue:
            return Connection("", queue, blob, settings.get(f"{key}__clientId", ""))
    return None
