"""Whether an address may be sent to. Pure: it looks at the words alone and asks no name server.

Addresses come from app settings, never from tags or events; this keeps a slip from sending them to the machine itself.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

# Source: Azure Instance Metadata Service, Azure's platform address, and the names that clouds give such services.
NUMBERS = 4  # of an IPv4 address
_OF_PLATFORM = frozenset({"168.63.129.16", "100.100.100.200", "metadata.google.internal", "metadata", "localhost"})


def why_refused(address: str) -> str:
    """Why nothing is sent to an address, "" when it is fine. Never shows the address: it may hold a secret."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is no address"
    if address.startswith("@Microsoft.KeyVault"):
        return "it is a Key Vault reference that was not resolved"
    if parts.scheme != "https" or not host:
        return "it is no https:// address"
    if parts.username or parts.password:
        return "it has a name or a password before the host"
    name = host.rstrip(".").lower()
    if name in _OF_PLATFORM or name.endswith((".localhost", ".internal", ".local")) or _is_inside(name):
        return "its host is this machine, its network, or a metadata service"
    return ""


def _is_inside(host: str) -> bool:
    """Whether it is a literal address that is not public, however it is spelt: 0x7f.1 and 2130706433 are 127.0.0.1."""
    if host.replace(".", "").replace("x", "").isalnum() and all(_is_number(part) for part in host.split(".")):
        return not _is_public(host) or not _is_dotted(host)
    return ":" in host and not _is_public(host)


def _is_number(text: str) -> bool:
    return text.isdigit() or (text.startswith("0x") and all(char in "0123456789abcdef" for char in text[2:]))


def _is_dotted(host: str) -> bool:
    parts = host.split(".")
    return len(parts) == NUMBERS and all(part.isdigit() and str(int(part)) == part for part in parts)


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return False
