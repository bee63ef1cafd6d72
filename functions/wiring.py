"""What the triggers share: the way to Azure, the ledger, the rules. Made once per process, each part on first use.

The rules are read when the app is loaded, so that a broken file stops it there. Whoever runs the app without Azure
gives it a context of their own with `use`; the triggers do not know the difference.
"""

import logging
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from shared import rules_file
from shared.core.rules import Rules
from shared.settings import ACCESS, REQUIRED, VARIABLES, read_settings

if TYPE_CHECKING:
    from shared.cloud.clients import Cloud
    from shared.core.price import Prices
    from shared.ledger import Ledger

logging.getLogger("azure").setLevel(logging.WARNING)  # the SDKs log every request, with its signed URL, at INFO

HOME = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Context:
    """Everything that a story needs to be called with."""

    cloud: "Cloud"
    ledger: "Ledger"
    rules: Rules
    prices: "Prices | None" = None


_given: list[Context] = []


def use(context: Context | None) -> None:
    """Let the triggers work with this context; None lets them make their own from the environment again."""
    _given[:] = [context] if context else []


def current() -> Context:
    """The context of this process. Raises BadSettings or BadRules, which name everything that is wrong."""
    return _given[0] if _given else _from_environment()


@cache
def rules() -> Rules:
    """The rules file that was deployed with the app. Raises BadRules."""
    return rules_file.load(HOME / os.environ.get(VARIABLES["rules_path"], "rules.yaml"))


def check_settings() -> None:
    """Stop the app where its settings are wrong. Where none of the required ones is there, nobody wants it to run.

    Raises BadSettings with every problem at once.
    """
    if any(os.environ.get(VARIABLES[name]) for name in REQUIRED):
        read_settings(os.environ, HOME)


def status_access() -> str:
    """Who may see the status page, as the setting says; a word that is none of them shuts it."""
    access = os.environ.get(VARIABLES["status_access"], "").strip() or "key"
    return access if access in ACCESS else "key"


def has_sign_in() -> bool:
    """Whether App Service authentication stands before the app; without it anybody can write the headers it sets.

    Source: environment variables and app settings reference of App Service: WEBSITE_AUTH_ENABLED is injected.
    """
    return os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() in ("true", "1")


@cache
def _from_environment() -> Context:
    from azure.identity import ManagedIdentityCredential

    from shared.cloud.clients import Cloud
    from shared.cloud.ledger_table import TableLedger

    settings = read_settings(os.environ, HOME)
    cloud = Cloud(settings, ManagedIdentityCredential(client_id=settings.client_id or None))
    return Context(cloud, TableLedger(cloud), rules(), _prices(rules()))


def _prices(found: Rules) -> "Prices | None":
    """The price file that was deployed with the app, if there is one. Raises BadPrices.

    There must be one where the rules limit what changes may cost.
    """
    from shared import prices_file

    path = HOME / "prices.yaml"
    return prices_file.load(path) if path.exists() or found.brake.monthly_price else None
