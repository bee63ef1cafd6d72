"""Who is asking? Issues tokens shaped as Entra's and says which principal a token stands for.

A token is a JSON Web Token signed with a key of this run, so one from another run is refused. Its life is real time,
as an SDK's cache of tokens is; nothing here knows HTTP beyond the text of a header.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from simulator.wire import Json, Request
from simulator.world import Resource, World

ARM = ("https://management.core.windows.net", "https://management.azure.com")
STORAGE = ("https://storage.azure.com",)
EVENT_GRID = ("https://eventgrid.azure.net",)
LIFE_S = 3600 * 24  # Source: Entra, "Managed identities … known issues": their tokens live for 24 hours
USER_IDENTITY = "microsoft.managedidentity/userassignedidentities"
IN_PROCESS = "simulated."
BEARER = "Bearer "

_KEY = secrets.token_bytes(32)


@dataclass(frozen=True)
class Badge:
    """What a token says, before anybody asked whether it is good here. `fault` is "" or what is wrong with it.

    faults: "missing" (there is no bearer token), "malformed" (not ours: form or signature).
    """

    principal: str = ""
    audience: str = ""
    expires: float = 0.0
    fault: str = ""


class TokenRefusedError(Exception):
    """The token is not good for this service. reason: "missing", "malformed", "audience" or "expired"."""

    def __init__(self, reason: str, badge: Badge) -> None:
        super().__init__(reason)
        self.reason, self.badge = reason, badge


# -- what a service asks -----------------------------------------------------------------------------------------


def examine(request: Request, audiences: Iterable[str]) -> str:
    """The principal that asks, if its token is good for one of these audiences. Raises TokenRefusedError.

    A token for the very address that was called is good too: so it is in clouds whose ARM has an address of its own.
    """
    called = request.headers.get("host") or request.host
    return _examine(request.headers.get("authorization", ""), (*audiences, f"https://{called}"))


def principal_of(authorization: str, audience: str) -> str | None:
    """The principal of an Authorization header, or None when its token is not good for the audience."""
    try:
        return _examine(authorization, (audience,))
    except TokenRefusedError:
        return None


def claimed_principal(authorization: str) -> str:
    """Whom a token names, good here or not; "" when there is none. For the log, not for decisions."""
    return read(authorization).principal


def _examine(authorization: str, audiences: Iterable[str]) -> str:
    badge = read(authorization)
    if badge.fault:
        raise TokenRefusedError(badge.fault, badge)
    if badge.audience and badge.audience not in {_normal(each) for each in audiences}:
        raise TokenRefusedError("audience", badge)
    if badge.expires and badge.expires <= time.time():
        raise TokenRefusedError("expired", badge)
    return badge.principal


# -- tokens ------------------------------------------------------------------------------------------------------


def issue(tenant: str, principal: str, client: str, audience: str, *, life_s: float = LIFE_S) -> str:
    """A token for one audience. A negative `life_s` makes one that has expired."""
    now = int(time.time())
    claims: Json = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{tenant}/",
        "iat": now,
        "nbf": now,
        "exp": int(now + life_s),
        "appid": client,
        "idtyp": "app",
        "oid": principal,
        "sub": principal,
        "tid": tenant,
        "ver": "1.0",
    }
    signed = f"{_encode(json.dumps({'typ': 'JWT', 'alg': 'HS256'}).encode())}.{_encode(json.dumps(claims).encode())}"
    return f"{signed}.{_signature(signed)}"


@lru_cache(maxsize=1024)
def read(authorization: str) -> Badge:
    """What an Authorization header says. The in-process form has neither audience nor end."""
    if not authorization.startswith(BEARER):
        return Badge(fault="malformed" if authorization else "missing")
    token = authorization.removeprefix(BEARER)
    if token.startswith(IN_PROCESS):
        return Badge(principal=token.removeprefix(IN_PROCESS))
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(_signature(signed).encode(), signature.encode()):
        return Badge(fault="malformed")
    claims: Json = json.loads(_decode(signed.partition(".")[2]))
    return Badge(claims["oid"], _normal(claims["aud"]), claims["exp"])


def life_of(token: str) -> datetime:
    """When a token ends, in real time."""
    return datetime.fromtimestamp(read(BEARER + token).expires, UTC)


def _signature(signed: str) -> str:
    return _encode(hmac.digest(_KEY, signed.encode(), hashlib.sha256))


def _normal(audience: str) -> str:
    return audience.lower().rstrip("/")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# -- identities --------------------------------------------------------------------------------------------------


def user_identity(world: World, *, client: str = "", resource_id: str = "", principal: str = "") -> Resource | None:
    """The user-assigned identity with this client id, resource id or object id; None if there is none."""
    if resource_id:
        found = world.get(resource_id)
        return found if found and found.type == USER_IDENTITY else None
    for identity in world.of_type(USER_IDENTITY):
        properties = identity.body["properties"]
        if client.lower() == properties["clientId"] or principal.lower() == properties["principalId"]:
            return identity
    return None
