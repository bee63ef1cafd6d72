"""Which server does a person mean? A full resource id, or a name that only one server of the scope has."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from cli.connection import Connection
from cli.output import BadInput

if TYPE_CHECKING:
    from shared.core.estate import Scope
    from shared.core.resource_id import ResourceId

# Source: naming rules of flexible servers: 3 to 63 lower-case letters, digits and hyphens.
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", re.IGNORECASE)


def server_id(connection: Connection, text: str, scope: "Callable[[frozenset[str]], Scope]") -> "ResourceId":
    """The server that is meant. Raises BadInput when there is none of that name, or more than one."""
    from shared.cloud.estate import find_servers
    from shared.core import resource_id
    from shared.datasources.postgresql_flexible import DATASOURCE

    if parsed := resource_id.parse(text):
        if parsed.type == DATASOURCE.key:
            return parsed
        raise BadInput(f"{text} is no server; valid is /subscriptions/…/flexibleServers/NAME, or the name alone")
    if not _NAME.fullmatch(text):
        raise BadInput(f"{text!r} is no name of a server; valid are 3 to 63 letters, digits and hyphens, or a full id")
    cloud, where = connection.cloud, scope(connection.settings.subscriptions)
    servers = find_servers(cloud, where, DATASOURCE, text, cloud.transport.sleep)
    if len(servers) == 1:
        return servers[0].id
    if not servers:
        raise BadInput(f"no server is called {text} in {where}; a server made a minute ago needs its full id")
    raise BadInput(
        "\n  ".join([f"{len(servers)} servers are called {text}; give the full id:", *(one.id.text for one in servers)])
    )
