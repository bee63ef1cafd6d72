"""The budgets that are counts: calls for a server, for a duplicate, for nothing. Time is bounded in virtual seconds."""

import pytest
from conftest import GOLD

from simulator.arm import authorization

ROLES = ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "c088a766-074b-43ba-90d4-1fb21feae531")


def stretch(world, server):
    """The app's ARM calls about protection, from its first sight of a Ready server to that of a configured instance."""
    start = len(world.azure.log)
    world.tag(server, backup_tier="gold")
    while not any(state == "ProtectionConfigured" for _, state in world.state_of(server)["instances"]):
        world.run(seconds=1)
    configured_at = world.azure.now
    world.run(seconds=80)
    calls = [call for call in world.app_calls(start) if "backupJobs" not in call.path]
    ends = next(i for i, c in enumerate(calls) if c.at >= configured_at and c.path.endswith("/backupInstances"))
    return calls[: ends + 1]


@pytest.fixture
def warm(estate):
    """An estate whose vault, policy and inherited roles are known, because a first server has been protected."""

    def make(**options):
        world = estate(**options)
        world.arm("PUT", world.server_id("x").split("/providers")[0], {"location": "westeurope"})
        for role in ROLES:
            authorization.grant(
                world.azure.world, world.vault_principal, role, world.server_id("x").split("/providers")[0]
            )
        first = world.ready_server("pg-first", GOLD)
        second = world.ready_server("pg-second")
        world.tag(first, team="shop")
        world.run(seconds=400)
        return world, second

    return make


def test_eight_calls_and_two_writes_with_roles_present(warm):
    """Roles, vault and policy known: at most 8 calls, of which 2 write."""
    world, server = warm()
    calls = stretch(world, server)
    assert len(calls) <= 8
    assert len([call for call in calls if call.method != "GET"]) <= 2


def test_four_writes_with_roles_to_grant(warm):
    """Where both roles are missing: two more writes; only a role that is late costs another validation."""
    world, _ = warm()
    server = world.ready_server("pg-third", group="rg-other")
    writes = [call.operation for call in stretch(world, server) if call.method != "GET"]
    validations = [operation for operation in writes if "validateForBackup" in operation]
    assert len(writes) - len(validations) == 3
    assert 1 <= len(validations) <= 4


def test_protected_within_the_services_time_and_fifteen_seconds(warm):
    """From the tag on a Ready server to ProtectionConfigured: at most 112 s of Azure's and 15 s of ours."""
    world, server = warm()
    began = world.azure.now
    world.tag(server, backup_tier="gold")
    while not any(state == "ProtectionConfigured" for _, state in world.state_of(server)["instances"]):
        world.run(seconds=1)
    assert (world.azure.now - began).total_seconds() <= 127
