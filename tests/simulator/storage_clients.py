"""What the tests of storage share: where the account is, whose tokens it takes, how a refusal and a row look."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError

from simulator import identity

QUEUES = "https://flexguard.queue.core.windows.net"
TABLES = "https://flexguard.table.core.windows.net"
TOKEN = {"authorization": "Bearer simulated.operator"}


class Tokens:
    """A credential with the local Azure's tokens: Azurite reads who issued one, for which service and until when."""

    def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        audience = scopes[0].removesuffix("/.default")
        return AccessToken(identity.issue("tenant", "operator", "client", audience), int(time.time()) + identity.LIFE_S)


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    """Status and error code of a call that the service refuses."""
    with pytest.raises(HttpResponseError) as caught:
        call()
    assert caught.value.response is not None
    return caught.value.response.status_code, str(caught.value.response.headers["x-ms-error-code"])


def row(key: str, **properties: Any) -> dict[str, Any]:
    """An entity in the partition of the tests."""
    return {"PartitionKey": "servers", "RowKey": key} | properties
