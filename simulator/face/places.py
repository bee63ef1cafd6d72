"""Which address is which service? Turns an address on loopback into the one that the service knows, and back.

Services see the requests that they see in process; only the URLs that they hand out themselves are turned back,
never what a user stored.
"""

import re
from dataclasses import dataclass

from simulator.wire import Request, Response

ACCOUNT = "flexguard"
LINKS = ("location", "azure-asyncoperation", "operation-location")
_BATCH_LINE = re.compile(rb"(?m)^(GET|POST|PUT|PATCH|MERGE|DELETE) https://[^/ ]+/" + ACCOUNT.encode() + rb"/")


@dataclass(frozen=True)
class Place:
    """One service. prefix: what stands before its paths on loopback. own_url: finds its URLs in its answers."""

    name: str
    inner: str
    prefix: str
    own_url: re.Pattern[bytes]

    def inward(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Request | None:
        """The request as the service knows it; None when the path is not below this place."""
        path = target.partition("?")[0]
        if path != self.prefix and not path.startswith(self.prefix + "/"):
            return None
        if path.endswith("/$batch"):
            body = _BATCH_LINE.sub(rb"\1 " + self.inner.encode() + b"/", body)
        return Request(method, self.inner + target[len(self.prefix) :], headers, body)

    def outward(self, response: Response, address: str) -> Response:
        """The answer with the service's own URLs as the caller can reach them. address: scheme, host and port."""
        outer = address + self.prefix
        own = re.compile(rf"{re.escape(self.inner)}(:443)?(?=/)")  # Event Grid writes the port into its URLs
        headers = {
            name: own.sub(outer, value, count=1) if name.lower() in LINKS and own.match(value) else value
            for name, value in response.headers.items()
        }
        body = self.own_url.sub(rb"\g<before>" + outer.encode(), response.body) if response.body else b""
        return Response(response.status, headers, body)


def _place(name: str, host: str, prefix: str, before: bytes) -> Place:
    own_url = re.compile(rb"(?P<before>" + before + rb")https://" + re.escape(host).encode())
    return Place(name, f"https://{host}", prefix, own_url)


def _storage(kind: str, before: bytes) -> Place:
    return _place(kind, f"{ACCOUNT}.{kind}.core.windows.net", f"/{ACCOUNT}", before)


ARM = _place("arm", "management.azure.com", "", rb'"nextLink": "')
TOPIC = _place("topic", "alerts.westeurope-1.eventgrid.azure.net", "", rb"(?!)")
QUEUE, BLOB = _storage("queue", rb'ServiceEndpoint="'), _storage("blob", rb'ServiceEndpoint="')
TABLE = _storage("table", rb'"odata\.(?:metadata|id)": "')
PLACES = (ARM, QUEUE, TABLE, BLOB, TOPIC)
