"""What the triggers share: the way to Azure, the ledger, the rules. Made once per process, each part on first use.

Rules, prices and settings are read when the app is loaded, so that what is wrong with them stops it there. Whoever runs
the app without Azure gives it a context of their own with `use`; the triggers do not know the difference.
"""

import logging
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from shared import prices_file, rules_file
from shared.core.rules import Rules
from shared.loading import LOADING
from shared.rules_file import BadRules
from shared.settings import ACCESS, REQUIRED, VARIABLES, BadSettings, Settings, read_settings

if TYPE_CHECKING:
    from shared.cloud.clients import Cloud
    from shared.core.price import Prices
    from shared.ledger import Ledger

logging.getLogger("azure").setLevel(logging.WARNING)  # the SDKs log every request, with its signed URL, at INFO

HOME = Path(__file__).resolve().parent.parent
IN_AZURE = "WEBSITE_SITE_NAME"  # Source: App Service: the name of the app, in the environment of every one


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


class CannotStart(Exception):
    """The app cannot work as it was deployed; the message lists every problem, each with what is valid."""


def check() -> None:
    """Stop the app, with everything at once that is wrong with its settings, rules and prices. Raises CannotStart.

    Where none of the required settings is there and the app is not in Azure, nobody wants it to run: it is indexed.
    """
    is_deployed = any(os.environ.get(name) for name in (*(VARIABLES[name] for name in REQUIRED), IN_AZURE))
    problems = []
    for read in (_settings, rules, _prices) if is_deployed else (rules,):
        try:
            read()
        except (BadSettings, BadRules) as found:
            problems += [line for line in str(found).splitlines() if line not in problems]
    if problems:
        raise CannotStart("\n".join(("Flexguard cannot start:", *problems)))


def delivery() -> str:
    """How events come in, as the settings say: "function" or "storage_queue"."""
    return os.environ.get(VARIABLES["delivery"], "").strip() or "function"


@cache
def _settings() -> Settings:
    return read_settings(os.environ, HOME)


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
    with LOADING:
        from azure.identity import ManagedIdentityCredential

        from shared.cloud.clients import Cloud
        from shared.cloud.ledger_table import TableLedger

    settings = _settings()
    cloud = Cloud(settings, ManagedIdentityCredential(client_id=settings.client_id or None))
    return Context(cloud, TableLedger(cloud), rules(), _prices())


def _prices() -> "Prices | None":
    """The price file that was deployed with the app, if there is one. Raises BadPrices, and BadRules.

    There must be one where the rules limit what changes may cost.
    """
    path = HOME / "prices.yaml"
    return prices_file.load(path) if path.exists() or rules().brake.monthly_price else None
