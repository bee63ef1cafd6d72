"""The target of a restore as files: where it is, what is wrong there, and which files arrive.

Looked at are the container and whether the identity may write blobs. Files are small: there is no database behind a
server, only the form that people and scripts look for.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from simulator.arm import access
from simulator.arm.dataprotection import problems
from simulator.arm.dataprotection.errors import Problem
from simulator.arm.storage_accounts import ACCOUNT
from simulator.wire import Json
from simulator.world import Resource, World

WRITE_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"
BELOW = "/blobServices/default/containers/"
DUMP = b"PGDMP\x01\x0e\x00\x04\x08\x01\x01"
FILES = {
    "postgres": DUMP + b"\x00" * 116,
    "roles": b"--\n-- PostgreSQL database cluster dump\n--\nCREATE ROLE azure_pg_admin;\nCREATE ROLE azuresu;\n",
    "tablespace": b"--\n-- PostgreSQL database cluster dump\n--\n",
    "schema": b"--\n-- PostgreSQL database dump\n--\nSET statement_timeout = 0;\n",
}
"""What arrives, each as {prefix}_{name}.sql. **Source**: Microsoft, "Restore PostgreSQL flexible server as files": one
file per database in pg_dump's custom format, roles, tablespaces, schema. Assumed: the separator, and one database."""


@dataclass(frozen=True)
class Target:
    """A container. account_id: ARM's id of its account, "" when the request names none and ARM knows none."""

    account: str
    account_id: str
    container: str


def read(world: World, details: Json) -> Target:
    """The target of a request: its container's URL, and the ARM id of account or container when that is told.

    The URL may also be one of the local Azure's own, with the account as first part of the path.
    """
    url = urlsplit(str(details.get("url") or ""))
    parts = [*([url.netloc.partition(".")[0]] if ".blob." in url.netloc else []), *url.path.strip("/").split("/"), ""]
    account, container = parts[0], parts[1]
    told = str(details.get("targetResourceArmId") or "").partition("/blobServices/")[0]
    known = (each.id for each in world.of_type(ACCOUNT) if each.body["name"] == account)
    return Target(account, told or next(known, ""), container)


def problem_of(world: World, target: Target, principal_id: str) -> Problem | None:
    """What keeps an identity from writing into a container now. **Source** for the codes: the troubleshooting pages.

    Assumed: which code says that the account cannot be reached from outside or takes nothing from another tenant.
    """
    if not _may_write(world, target, principal_id):
        return problems.no_right_on_container(principal_id, target.account_id or target.account)
    account = world.get(target.account_id) if target.account_id else None
    if account and _is_closed(account):
        return problems.CONTAINER_CLOSED
    return None if target.container in world.blobs.versions() else problems.CONTAINER_NOT_FOUND


def _may_write(world: World, target: Target, principal_id: str) -> bool:
    """Whether a role lets the identity write. An account that ARM does not know may lie in any group."""
    if target.account_id:
        return access.permitted_data(world, principal_id, WRITE_BLOBS, f"{target.account_id}{BELOW}{target.container}")
    name = f"/storageaccounts/{target.account}/"
    for scope in access.data_scopes(world, principal_id, WRITE_BLOBS):
        if name in f"{scope}/" or "/providers/" not in scope:
            return True
    return False


def _is_closed(account: Resource) -> bool:
    properties = account.body["properties"]
    return (
        str(properties.get("publicNetworkAccess")).lower() == "disabled"
        or properties.get("allowCrossTenantReplication") is False
    )


def write_files(world: World, target: Target, prefix: str) -> int:
    """Write what a restore leaves behind; how many bytes it is. Files of the same name are overwritten.

    Assumed: that, although the only option is called FailIfExists; nobody recorded a second restore with one prefix.
    """
    for name, content in FILES.items():
        world.blobs.write(target.container, f"{prefix}_{name}.sql", content)
    return sum(map(len, FILES.values()))
