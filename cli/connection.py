"""The way to Azure for one command: the app's own settings, and the sign-in of whoever types (`az login`).

The one place of the command line that reads the environment and the clock; SDKs are imported when a command connects.
"""

import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import BadInput
from shared.settings import VARIABLES, Settings, read_settings

if TYPE_CHECKING:
    from shared.cloud.clients import Cloud
    from shared.ledger import Ledger


@dataclass(frozen=True)
class Connection:
    """What a command works with. ledger: None where no table endpoint is set; `needed_ledger` asks for it."""

    cloud: "Cloud"
    ledger: "Ledger | None"
    settings: Settings

    @property
    def needed_ledger(self) -> "Ledger":
        """The ledger, for a command that cannot do without. Raises BadInput with the variable that is missing."""
        if self.ledger is None:
            raise BadInput(
                f"this needs the app's storage: set {VARIABLES['table_endpoint']} to its table endpoint,"
                " https://ACCOUNT.table.core.windows.net"
            )
        return self.ledger


_given: list[Connection] = []


def use(connection: Connection | None) -> None:
    """Let the commands work with this connection; None lets them make their own again."""
    _given[:] = [connection] if connection else []


def connect() -> Connection:
    """The connection that was given, or one from the environment. Raises BadSettings; signs in at the first call."""
    return _given[0] if _given else _from_environment()


def rules_path() -> Path:
    """The rules file that is meant when none is named."""
    return Path(os.environ.get(VARIABLES["rules_path"], "rules.yaml"))


def now() -> datetime:
    """The time of this machine, for commands that ask Azure nothing; those that do take `cloud.now`."""
    return datetime.now(UTC)


def is_plain() -> bool:
    """Whether the person wants no colours. Source: no-color.org; rich looks by itself."""
    return bool(os.environ.get("NO_COLOR"))


def is_debugging() -> bool:
    """Whether an unexpected error shows where it comes from."""
    return os.environ.get("FLEXGUARD_DEBUG", "") not in ("", "0")


def _from_environment() -> Connection:
    from azure.identity import DefaultAzureCredential

    from shared.cloud.clients import Cloud
    from shared.cloud.ledger_table import TableLedger

    logging.getLogger("azure").setLevel(logging.CRITICAL)  # what matters of it becomes a sentence
    settings = read_settings(os.environ, Path(), required=())
    cloud = Cloud(settings, DefaultAzureCredential(managed_identity_client_id=settings.client_id or None))
    return Connection(cloud, TableLedger(cloud) if settings.table_endpoint else None, settings)
