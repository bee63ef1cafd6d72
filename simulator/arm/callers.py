"""Who asks ARM? The principal of the request's token, or ARM's own 401 that says what is wrong with it.

It says who asks, never whether they may (access.py).
"""

from datetime import UTC, datetime

from simulator import identity
from simulator.wire import ArmError, Request, http_date
from simulator.world import World

AUDIENCES = ",".join(f"'{each}/','{each}'" for each in identity.ARM)


def caller_of(world: World, request: Request) -> str:
    """The principal that asks. Raises ArmError 401 with a bearer challenge.

    **Source** for a missing token: the challenge that azure-sdk-for-go and azure-sdk-for-net test against, and the body
    that cloud tools record; for a foreign audience and an expired token: the words in users' reports.
    Assumed: the words and code of a token that is no token, and `error_description` in all but the first challenge.
    """
    try:
        return identity.examine(request, identity.ARM)
    except identity.TokenRefusedError as refusal:
        code, message, description = _words(refusal)
        where = f"https://login.windows.net/{world.tenant_id}"
        challenge = f'Bearer authorization_uri="{where}", error="invalid_token", error_description="{description}"'
        headers = {"www-authenticate": challenge, "x-ms-failure-cause": "gateway", "date": http_date(world.now)}
        raise ArmError(401, code, message, headers=headers) from None


def _words(refusal: identity.TokenRefusedError) -> tuple[str, str, str]:
    """Code, message and description of the challenge."""
    if refusal.reason == "missing":
        message = "Authentication failed. The 'Authorization' header is missing."
        description = "The authentication failed because of missing 'Authorization' header."
        return "AuthenticationFailed", message, description
    if refusal.reason == "audience":
        message = (
            f"The access token has been obtained for wrong audience or resource '{refusal.badge.audience}'. "
            f"It should exactly match with one of the allowed audiences {AUDIENCES}."
        )
        return "InvalidAuthenticationTokenAudience", message, "The access token has been obtained from wrong audience."
    if refusal.reason == "expired":
        ended = datetime.fromtimestamp(refusal.badge.expires, UTC)
        message = f"The access token expiry UTC time '{ended:%m/%d/%Y %I:%M:%S %p}' is earlier than current UTC time."
        return "ExpiredAuthenticationToken", message, "The access token has expired."
    return "InvalidAuthenticationToken", "The access token is invalid.", "The access token is invalid."
