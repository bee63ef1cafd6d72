"""What storage answers when it refuses, and the one refusal that both services share: who asks must be known.

Queues say it in XML, tables in JSON; the codes, the words and the `x-ms-error-code` header are the same.
"""

import json
from xml.sax.saxutils import escape

from simulator import identity
from simulator.wire import Request, Response

CHALLENGE = (
    "Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize "
    "resource_id=https://storage.azure.com"
)
DETAILS = {
    "audience": "Audience validation failed. Audience did not match.",
    "expired": "Lifetime validation failed. The token is expired.",
    "malformed": "Authentication scheme or token is not valid.",
}


class StorageError(Exception):
    """A refusal: HTTP status, error code, the service's words, and named details (queues show them as elements)."""

    def __init__(self, status: int, code: str, message: str, **details: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.details = status, code, message, details
        self.headers = {"x-ms-error-code": code}

    def xml_response(self) -> Response:
        """The refusal as queues write it. **Source**: Microsoft, "Status and error codes" of the storage services."""
        fields = {"Code": self.code, "Message": self.message} | self.details
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        body = f'<?xml version="1.0" encoding="utf-8"?><Error>{inner}</Error>'
        return Response(self.status, {"content-type": "application/xml"} | self.headers, body.encode())

    def json_response(self) -> Response:
        """The refusal as tables write it (OData). **Source**: as above; azure-data-tables `_error.py` reads it."""
        error = {"odata.error": {"code": self.code, "message": {"lang": "en-US", "value": self.message}}}
        content = {"content-type": "application/json;odata=minimalmetadata;streaming=true;charset=utf-8"}
        return Response(self.status, content | self.headers, json.dumps(error).encode())


def require_token(request: Request) -> None:
    """Refuse a caller that shows no token, or one that is not for storage or not for now.

    **Source**: Microsoft, "Authorize with Microsoft Entra ID": since version 2019-12-12 an anonymous call gets 401
    and a bearer challenge; keys are refused as by an account with `allowSharedKeyAccess: false`. The detail of a
    foreign audience was recorded by a JavaScript client's tests (a queue, October 2023).
    Assumed: the details of the refusal of an expired and of a malformed token.
    """
    try:
        identity.examine(request, (*identity.STORAGE, f"https://{request.host}"))
    except identity.TokenRefusedError as refused:
        raise _unknown_caller(request, refused.reason) from None


def _unknown_caller(request: Request, reason: str) -> StorageError:
    shown = request.headers.get("authorization", "")
    if shown.startswith("SharedKey"):
        message = "Key based authentication is not permitted on this storage account."
        return StorageError(403, "KeyBasedAuthenticationNotPermitted", message)
    code = "InvalidAuthenticationInfo" if shown else "NoAuthenticationInformation"
    details = {"AuthenticationErrorDetail": DETAILS[reason]} if reason in DETAILS else {}
    message = (
        "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
    )
    refusal = StorageError(401, code, message, **details)
    refusal.headers["www-authenticate"] = CHALLENGE
    return refusal
