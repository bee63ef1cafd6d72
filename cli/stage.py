"""Where a story is played: an app, its Azure, and the time between them, whatever stands between those two.

`cli/rehearsal.py` is one process in virtual time; `cli/over_the_wire.py` is three processes and TLS. Whoever tells a
story knows neither.
"""

from datetime import datetime
from typing import Any, Protocol

from shared.ledger import ServerRow

SUBSCRIPTION = "5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10"
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
INSTANCES = "microsoft.dataprotection/backupvaults/backupinstances"
SERVERS = "microsoft.dbforpostgresql/flexibleservers"

Json = dict[str, Any]


class Stage(Protocol):
    """What a story needs to know and to do. Times are virtual."""

    @property
    def now(self) -> datetime: ...

    @property
    def alerts(self) -> list[Json]:
        """The events on the custom topic, in order."""
        ...

    @property
    def failures(self) -> list[str]:
        """Functions that raised, in a sentence each."""
        ...

    def arm(self, method: str, path: str, body: Any = None) -> Any:
        """One ARM request of the person who runs the estate."""
        ...

    def fault(self, kind: str, target: str) -> None:
        """Let something go wrong once, at the next occasion that has to do with `target`."""
        ...

    def make_noisy(self, name: str) -> None:
        """Let the events about one server come twice and out of order."""
        ...

    def run_until(self, moment: datetime) -> None:
        """Let everything happen that happens until then."""
        ...

    def next_due(self) -> datetime | None:
        """When something happens next by itself."""
        ...

    def turns(self, since: int) -> list[tuple[datetime, str, str]]:
        """What states were reached: (when, lower-case id, state), leaving out so many."""
        ...

    def facts(self, since: int) -> list[tuple[datetime, Json]]:
        """What the app's own log says: (when, fact), leaving out so many."""
        ...

    def calls(self) -> list[tuple[str, str, str, str]]:
        """The app's ARM calls so far: (operation, method, path, correlation)."""
        ...

    def resources(self, resource_type: str) -> list[Json]:
        """The bodies of all resources of a type."""
        ...

    def row(self, server_id: str) -> ServerRow:
        """What the ledger knows of a server."""
        ...

    def close(self) -> None:
        """Stop whatever runs."""
        ...


def vault_id(region: str) -> str:
    """The vault that a story has in a region."""
    return f"{SCOPE}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bv-{region}"


def server_id(name: str, group: str) -> str:
    """The id of a server in a story."""
    return f"{SCOPE}/resourceGroups/{group}/providers/Microsoft.DBforPostgreSQL/flexibleServers/{name}"
