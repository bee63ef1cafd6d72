"""A certificate authority that lives as long as one run: nobody else ever trusts it."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Certificates:
    """path: PEM file of the authority. server: for whoever listens. client: for whoever calls our own addresses."""

    path: Path
    server: ssl.SSLContext
    client: ssl.SSLContext


def make(folder: Path) -> Certificates:
    """Make an authority and one certificate for loopback; only the authority's public half is written down."""
    authority = trustme.CA(organization_name="Flexguard local Azure")
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*NAMES).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Certificates(path, server, client)
