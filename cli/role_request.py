"""What an owner is asked for when the app may not assign roles: a template and a script with the missing ones alone.

Pure text. Both name every assignment as the app would, so that whoever comes second changes nothing.
"""

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched, groupby
from typing import Any

from shared.core.actions import GrantRole

# Source: "ARM template limits": 800 resources and 4 MB in a template; some 700 bytes for one assignment.
MOST_IN_TEMPLATE = 500
API, DEPLOYMENTS_API = "2022-04-01", "2022-09-01"
_SCHEMA = "https://schema.management.azure.com/schemas"
_HEAD = """\
#!/bin/sh
# The roles that Azure Backup's vaults lack on PostgreSQL flexible servers. Run by an owner of the servers' groups.
# Repeating it changes nothing.
set -eu
"""


@dataclass(frozen=True, slots=True)
class Missing:
    """A role that a vault's identity needs: role is a role definition's GUID, called is its name."""

    name: str
    scope: str
    role: str
    called: str
    principal_id: str
    description: str

    @property
    def group(self) -> str:
        """The resource group that the scope is, or is in."""
        return self.scope.split("/")[4]

    @property
    def subscription(self) -> str:
        return self.scope.split("/")[2]

    @property
    def relative(self) -> str:
        """The scope within its resource group, as a template says it; "" for the group itself."""
        return self.scope.partition("/providers/")[2]


def missing(grants: Iterable[GrantRole], names: dict[str, str]) -> tuple[Missing, ...]:
    """The roles of these grants, each once, by scope. names: of the roles, by GUID."""
    found = {
        grant.assignment_name: Missing(
            name=grant.assignment_name,
            scope=grant.scope,
            role=grant.role,
            called=names[grant.role],
            principal_id=grant.principal_id,
            description=f"Flexguard: Azure Backup protects {grant.scope.rsplit('/', 1)[-1]}",
        )
        for grant in grants
    }
    return tuple(sorted(found.values(), key=lambda one: (one.scope.lower(), one.role)))


def templates(wanted: Sequence[Missing]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Templates for deployments to a subscription, by file name; more than one where one would be too large."""
    for subscription, found in groupby(wanted, key=lambda one: one.subscription.lower()):
        for number, part in enumerate(batched(found, MOST_IN_TEMPLATE, strict=False), 1):
            yield f"roles-{subscription}-{number}.json", _template(part)


def script(wanted: Sequence[Missing]) -> str:
    """The same for the Azure command line: one line for each assignment."""
    return _HEAD + "".join(f"{shlex.join(_command(one))}\n" for one in wanted)


def _template(wanted: Sequence[Missing]) -> dict[str, Any]:
    """One deployment for each resource group: a template for a subscription assigns nothing below it by itself."""
    by_group = groupby(wanted, key=lambda one: one.group.lower())
    nested = [_nested(f"{_SCHEMA}/2019-04-01/deploymentTemplate.json#", list(found)) for _, found in by_group]
    return _document(f"{_SCHEMA}/2018-05-01/subscriptionDeploymentTemplate.json#", nested)


def _nested(schema: str, wanted: list[Missing]) -> dict[str, Any]:
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": DEPLOYMENTS_API,
        "name": f"flexguard-{wanted[0].name}",
        "resourceGroup": wanted[0].group,
        "properties": {
            "mode": "Incremental",
            "expressionEvaluationOptions": {"scope": "inner"},
            "template": _document(schema, [_assignment(one) for one in wanted]),
        },
    }


def _document(schema: str, resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {"$schema": schema, "contentVersion": "1.0.0.0", "resources": resources}


def _assignment(one: Missing) -> dict[str, Any]:
    return {
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": API,
        "name": one.name,
        **({"scope": one.relative} if one.relative else {}),
        "properties": {
            "roleDefinitionId": f"/subscriptions/{one.subscription}/providers/Microsoft.Authorization/roleDefinitions/"
            f"{one.role}",
            "principalId": one.principal_id,
            "principalType": "ServicePrincipal",
            "description": one.description,
        },
    }


def _command(one: Missing) -> list[str]:
    """Source: reference of `az role assignment create`: with the type of the principal it asks no directory."""
    return [
        *("az", "role", "assignment", "create", "--name", one.name, "--role", one.role, "--scope", one.scope),
        *("--assignee-object-id", one.principal_id, "--assignee-principal-type", "ServicePrincipal"),
        *("--description", one.description, "--output", "none"),
    ]


def as_json(value: dict[str, Any]) -> str:
    """A template as it is written to a file."""
    return json.dumps(value, indent=2) + "\n"
