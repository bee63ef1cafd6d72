"""What is wrong with a backup instance, or with what its vault may do? And validateForBackup, which says so.

The checks read the world as it is at that moment: a role granted before the operation ends counts.
"""

from collections.abc import Iterator
from itertools import chain

from simulator.arm import authorization, providers
from simulator.arm.dataprotection import datasources, errors, instance_body, operations, problems
from simulator.arm.dataprotection.errors import Problem
from simulator.arm.dataprotection.existence import require_vault
from simulator.arm.dataprotection.vault_body import TYPE, region
from simulator.arm.dataprotection.vaults import principal_id
from simulator.arm.routing import Call, Route
from simulator.wire import Json, Response
from simulator.world import Resource, World, effect

SERVER = "Microsoft.DBforPostgreSQL/flexibleServers"
GROUP_ACTIONS = (
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
)
SERVER_ACTIONS = (
    f"{SERVER}/ltrBackupOperations/read",
    f"{SERVER}/ltrPreBackup/action",
    f"{SERVER}/startLtrBackup/action",
)
READY = "Ready"


def post_validate(world: World, call: Call) -> Response:
    """Start a validation: always 202, whatever will be found. **Source**: 165 recordings of validateForBackup."""
    vault = require_vault(world, call)
    wanted = read_request(world, call.body.get("backupInstance"))
    operation = operations.start(world, vault, "validate", validated, vault_id=vault.id, wanted=wanted)
    return operations.accepted(world, call, vault, operation)


@effect
def validated(world: World, operation: str, vault_id: str, wanted: Json, instance_id: str = "") -> None:
    """A validation ends with what is wrong at this moment. instance_id: the instance that is to be changed."""
    vault = world.get(vault_id)
    problem = _injected(world, "fail_validation", wanted)
    problem = problem or (problem_of(world, vault, wanted, instance_id) if vault else None)
    operations.finish(world, operation, error=errors.protection_details(world, problem) if problem else None)


def read_request(world: World, properties: object) -> Json:
    """The properties of an instance from a request. Raises ArmError 400 BMSUserErrorInvalidInput."""
    try:
        return instance_body.read(properties if isinstance(properties, dict) else {})
    except (ValueError, AttributeError):
        raise errors.refusal(world, problems.INVALID_INPUT) from None


def problem_of(world: World, vault: Resource, wanted: Json, instance_id: str = "") -> Problem | None:
    """The first thing that is wrong with protecting this datasource from this vault, or None.

    instance_id: the instance that is looked at again, which may not stand in its own way.
    """
    checks = (identity_problem, registration_problem, region_problem, protected_problem)
    found = (check(world, vault, wanted, instance_id) for check in checks)
    return next((problem for problem in chain(found, _datasource_problems(world, vault, wanted)) if problem), None)


def problem_of_instance(world: World, instance: Resource) -> Problem | None:
    """The same for an instance that exists."""
    vault, wanted = world.get(instance_body.vault_id(instance.id)), instance.body["properties"]
    injected = _injected(world, "fail_protection", wanted)
    return injected or (problem_of(world, vault, wanted, instance.id) if vault else None)


def identity_problem(_: World, vault: Resource, wanted: Json, __: str = "") -> Problem | None:
    """A vault without the identity that the instance names. **Source**: codes of the domain's error table."""
    details = wanted.get("identityDetails", {})
    if principal_id(vault, details):
        return None
    system = details.get("useSystemAssignedIdentity", True)
    return problems.NO_SYSTEM_IDENTITY if system else problems.NO_USER_IDENTITY


def registration_problem(world: World, _: Resource, wanted: Json, __: str = "") -> Problem | None:
    """A server whose subscription lacks a provider. Assumed: it needs its own and Azure Backup's."""
    parts = instance_body.datasource_id(wanted).split("/")
    needed = ("Microsoft.DataProtection", "Microsoft.DBforPostgreSQL")
    lacking = (each for each in needed if not providers.is_registered(world, parts[2], each))
    name = next(lacking, "") if instance_body.kind(wanted).is_played else ""
    return problems.not_registered(name) if name else None


def region_problem(world: World, vault: Resource, wanted: Json, _: str = "") -> Problem | None:
    """A server of another region. Assumed: which code says so; that it is refused is documented.

    **Source** for a datasource of which no region is known: the official example PutBackupInstance.
    """
    server = world.get(instance_body.datasource_id(wanted))
    location = server.body["location"] if server else wanted["dataSourceInfo"].get("resourceLocation", "")
    if not location or region(location) == region(vault.body["location"]):
        return None
    return problems.unsupported(f"The datasource is in {location}, the vault in {vault.body['location']}.")


def protected_problem(world: World, vault: Resource, wanted: Json, instance_id: str = "") -> Problem | None:
    """Another instance has the datasource: live in any vault, or soft-deleted in this one.

    **Source**: dp-softdelete-2025-11-06; secure-by-default documentation (the same vault refuses a new instance;
    assumed: with the same code).
    """
    server_id = instance_body.datasource_id(wanted)
    below = f"{vault.id.lower()}/"
    deleted = [gone for gone in datasources.deleted_instances(world, server_id) if gone.id.lower().startswith(below)]
    for other in (*datasources.instances(world, server_id), *deleted):
        if other.id.lower() != instance_id.lower():
            name = other.body["properties"]["friendlyName"]
            return problems.already_protected(name, instance_body.vault_id(other.id), instance_body.state(other))
    return None


def server_problem(world: World, server_id: str) -> Problem | None:
    """What keeps a server from being backed up, as the service's plug-in says it.

    **Source**: troubleshooting page of PostgreSQL flexible servers; support matrix (replicas). Assumed: elastic
    clusters.
    """
    group = group_of(server_id)
    if world.get(group) is None:
        name = group.rpartition("/")[2]
        return problems.flex_user_error("ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
    server = world.get(server_id)
    if server is None:
        return problems.flex_user_error("ResourceNotFound", f"The Resource '{server_id}' was not found.")
    properties = server.body["properties"]
    if "Async" in str(properties.get("replicationRole", "")):
        return problems.unsupported("Read replicas are not supported.")
    if properties.get("cluster"):
        return problems.unsupported("Elastic clusters are not supported.")
    if properties.get("state") != READY:
        text = f"Resource is not in a valid state to perform the backup operation: {properties.get('state')}."
        return problems.flex_user_error("ServerNotReadyForLongTermBackup", text)
    return None


def missing_permission(world: World, principal: str, server_id: str) -> tuple[str, str] | None:
    """The first action that a vault's identity lacks, and where; None when it has all it needs.

    **Source**: built-in role definition; dp-validate-failed-then-ok-disk-blob-2022-07-01 (which action is named first).
    """
    group = group_of(server_id)
    needed = [(action, group) for action in GROUP_ACTIONS] + [(action, server_id) for action in SERVER_ACTIONS]
    lacking = (need for need in needed if not authorization.permitted(world, principal, *need))
    return next(lacking, None)


def group_of(resource_id: str) -> str:
    """The id of the resource group of a resource."""
    return "/".join(resource_id.split("/")[:5])


def _datasource_problems(world: World, vault: Resource, wanted: Json) -> Iterator[Problem]:
    if not instance_body.kind(wanted).is_played:
        return
    server_id = instance_body.datasource_id(wanted)
    principal = principal_id(vault, wanted.get("identityDetails", {}))
    if lacking := missing_permission(world, principal, server_id):
        yield problems.missing_permission(principal, *lacking)
    if problem := server_problem(world, server_id):
        yield problem


def _injected(world: World, kind: str, wanted: Json) -> Problem | None:
    fault = world.faults.take(kind, instance_body.datasource_id(wanted))
    if not fault:
        return None
    usual = {"code": "CloudInternalError", "message": "Microsoft Azure Backup encountered an internal error."}
    told = {name: str(fault.detail.get(name, text)) for name, text in usual.items()}
    advice = (
        "Wait for a few minutes and then try the operation again. "
        "If the issue persists, please contact Microsoft support."
    )
    inner = str(fault.detail.get("inner", told["code"]))
    target = fault.detail.get("field", "")
    return Problem(told["code"], told["message"], advice, inner, told["message"], target=target)


_VAULT = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DataProtection/backupVaults/{vault}"

ROUTES = (Route("POST", f"{_VAULT}/validateForBackup", f"{TYPE}/validateForBackup/action", post_validate),)
