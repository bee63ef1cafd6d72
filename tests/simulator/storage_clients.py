"""What the tests of storage share: where the account is, and how a refusal and a row look."""

from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

QUEUES = "https://flexguard.queue.core.windows.net"
TABLES = "https://flexguard.table.core.windows.net"
TOKEN = {"authorization": "Bearer simulated.operator"}


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    """Status and error code of a call that the service refuses."""
    with pytest.raises(HttpResponseError) as caught:
        call()
    assert caught.value.response is not None
    return caught.value.response.status_code, str(caught.value.response.headers["x-ms-error-code"])


def row(key: str, **properties: Any) -> dict[str, Any]:
    """An entity in the partition of the tests."""
    return {"PartitionKey": "servers", "RowKey": key} | properties
