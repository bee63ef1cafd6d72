"""A local Azure for a test, and the real storage clients that talk to it."""

import pytest
from azure.data.tables import TableClient, TableServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient
from storage_clients import QUEUES, TABLES

from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport


@pytest.fixture
def azure() -> LocalAzure:
    return LocalAzure()


@pytest.fixture
def queue_service(azure: LocalAzure) -> QueueServiceClient:
    return QueueServiceClient(QUEUES, credential=azure.credential("operator"), transport=InProcessTransport(azure))


@pytest.fixture
def queue(queue_service: QueueServiceClient) -> QueueClient:
    return queue_service.create_queue("converge")


@pytest.fixture
def table_service(azure: LocalAzure) -> TableServiceClient:
    return TableServiceClient(TABLES, credential=azure.credential("operator"), transport=InProcessTransport(azure))


@pytest.fixture
def table(table_service: TableServiceClient) -> TableClient:
    return table_service.create_table("ledger")
