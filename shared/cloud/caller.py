"""Says who is signed in, for people to read. It is a label that the token gives, never a decision."""

import base64
import binascii

import msgspec

from shared.cloud.clients import Cloud
from shared.cloud.errors import translated

# Source: access token claims reference: a person has upn or unique_name, an application appid, everybody an oid.
_NAMES = ("upn", "unique_name", "preferred_username", "app_displayname", "appid", "oid")


def name(cloud: Cloud) -> str:
    """The name in the token for ARM, "" when none can be read. Raises CloudError when nobody is signed in."""
    with translated():
        token = cloud.credential.get_token(cloud.settings.arm_scope).token
    try:
        middle = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return ""
    found = (claims.get(one) for one in _NAMES) if isinstance(claims, dict) else ()
    return next((str(one) for one in found if one), "")
