"""Writes infra/roles.json, the custom roles of a deployment, from the product's own table of rights: `make roles`."""

import json
from typing import Any

from shared.cloud.rights import APP_ACTIONS, GRANTER_ACTIONS, granting_condition
from shared.datasources.postgresql_flexible import DATASOURCE
from tests.tidy.tree import ROOT

ROLES = ROOT / "infra" / "roles.json"
PRINCIPALS = "PRINCIPALS"  # what the template puts the vaults' principal ids in place of
DATA_PROTECTION = "Microsoft.DataProtection/"


def app_actions() -> list[str]:
    """The app's actions as the role lists them: all that reads backups in one, everything else by itself.

    A role that names an action which Azure does not know is refused, and one of the reads has an assumed name.
    """
    reads = [one for one in APP_ACTIONS if one.startswith(DATA_PROTECTION) and one.endswith("/read")]
    return sorted({*APP_ACTIONS} - {*reads} | {f"{DATA_PROTECTION}*/read"})


def content() -> dict[str, Any]:
    """The roles of the app, of its right to assign roles, and those that a vault needs."""
    vault = sorted({DATASOURCE.server_role, DATASOURCE.group_role})
    return {
        "app": {
            "description": "What Flexguard does: reads servers, vaults and backups, and configures protection. It "
            "deletes, stops and suspends nothing.",
            "actions": app_actions(),
        },
        "granter": {
            "description": "Lets Flexguard assign roles, under the condition of its assignment: the two roles that a "
            "Backup vault needs, to the identities of the admitted vaults.",
            "actions": sorted(GRANTER_ACTIONS),
            "condition": granting_condition(vault, [PRINCIPALS]),
        },
        "vault": {"roles": vault},
    }


def text() -> str:
    """The roles as they stand in the file."""
    return json.dumps(content(), indent=2) + "\n"


if __name__ == "__main__":
    ROLES.write_text(text(), encoding="utf-8")
