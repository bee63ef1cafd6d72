"""A way to Azure that leads nowhere: what asks nothing of Azure works, and what asks fails loudly."""

from datetime import datetime
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import HttpTransport

from shared.cloud.clients import Cloud
from shared.settings import Settings
from tests.core.samples import NOW, SUBSCRIPTION

SETTINGS = Settings(
    frozenset({SUBSCRIPTION}), "https://flexguard.queue.core.windows.net", "https://flexguard.table.core.windows.net"
)


class Credential:
    """Gives out one token and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        self.asked += 1
        return AccessToken("very-secret-token", int(NOW.timestamp()) + 10_000_000_000)


class Wire(HttpTransport[Any, Any]):
    """A transport that keeps what was sent, and answers with what it was given."""

    def __init__(self, *answers: Any) -> None:
        self.sent: list[Any] = []
        self.answers = list(answers)

    def send(self, request: Any, **_options: Any) -> Any:
        self.sent.append(request)
        if not self.answers:
            msg = f"nothing was to be sent: {request.method} {request.url}"
            raise AssertionError(msg)
        return self.answers.pop(0)(request)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def lonely_cloud(now: datetime = NOW, credential: Credential | None = None, wire: Wire | None = None) -> Cloud:
    """A Cloud whose clock stands at `now` and whose wire is the given one, or none."""
    cloud = Cloud(SETTINGS, credential or Credential(), wire or Wire())
    cloud.tick(now)
    return cloud
