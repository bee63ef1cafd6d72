"""Is it there? The parent of a call, or the 404 that its absence gets."""

from simulator.arm import resources
from simulator.arm.dataprotection import errors
from simulator.arm.dataprotection.datasources import LIVE
from simulator.arm.routing import Call
from simulator.wire import ArmError
from simulator.world import Resource, World


def require_vault(world: World, call: Call) -> Resource:
    """The vault whose child a call is about. Raises ArmError 404 as ARM does for a missing parent.

    **Source**: aso-dp-protectionerror-sync-recover, the deletion of a policy below a vault that is gone.
    """
    resources.require_group(world, call.at["subscription"], call.at["group"])
    vault = world.get("/".join(call.path.split("/")[:9]))
    if vault is None:
        message = (
            f"The Resource 'Microsoft.DataProtection/BackupVaults/{call.at['vault']}' under resource group "
            f"'{call.at['group']}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
        )
        raise ArmError(404, "ResourceNotFound", message, headers={"x-ms-failure-cause": "gateway"})
    return vault


def require_instance(world: World, call: Call) -> Resource:
    """The instance that a call is about, or about a child of it. Raises ArmError 404."""
    require_vault(world, call)
    instance = world.get("/".join(call.path.split("/")[:11]))
    if instance is None or instance.type != LIVE.lower():
        raise errors.not_found()
    return instance
