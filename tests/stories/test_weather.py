"""Every weather: what is found broken, stopped, guarded or locked ends in its one right answer."""

import pytest
from conftest import GOLD, INSTANCES, RULES, happy
from test_adoption import followed, policy, protect_by_hand, writes

from cli.deployment import APP_ROLE, VAULT_ROLES, assign
from cli.stage import SCOPE
from shared.cloud.rights import APP_ACTIONS
from simulator.arm import locks, providers

RESUME, LOWER = f"resume: allow\n{RULES}", f"downgrade: allow\n{RULES}"
BY_GROUP = f"roles: {{grant: resource_group}}\n{RULES}"
GROUP = f"{SCOPE}/resourceGroups/rg-data"
ASSIGNMENTS = "microsoft.authorization/roleassignments"


def protected(estate, rules=RULES, tier="gold"):
    """An estate with one server that the app has protected; and how long its log is by then."""
    world = estate(rules)
    server = world.create_server("pg-one", {"backup-tier": tier})
    world.run(seconds=3600)
    assert len(world.of_type(INSTANCES)) == 1
    return world, server, len(world.azure.log)


def act(world, name):
    """Somebody does something to the one instance."""
    (instance,) = world.of_type(INSTANCES)
    world.arm("POST", f"{instance.id}/{name}", {})
    world.run(seconds=300)


def stir(world, server, seconds=1800):
    """Something happens to the server, so that the app looks again."""
    world.tag(server, team=f"shop-{len(world.azure.log)}")
    world.run(seconds=seconds)
    return world.row(server)


# -- the tier changes ----------------------------------------------------------------------------------------------


def test_a_higher_tier_is_a_new_policy_and_a_change(estate):
    """Bronze becomes gold: the policy is made, the instance is pointed to it, and nothing else is written."""
    world, server, mark = protected(estate, tier="bronze")
    world.tag(server, backup_tier="gold")
    world.run(seconds=1800)
    assert followed(world) == (next(n for n in world.state_of(server)["policies"] if "gold" in n),
                               "ProtectionConfigured")  # fmt: skip
    assert [what for what, _ in writes(world, mark)][:2] == ["backupPolicies", "backupInstances"]
    assert world.row(server).verdict in ("protected", "first_backup_pending")


def test_a_lower_tier_is_a_finding(estate):
    """Gold becomes bronze: nothing is written, and the reason says which point would be kept shorter."""
    world, server, mark = protected(estate)
    world.tag(server, backup_tier="bronze")
    world.run(seconds=1800)
    row = world.row(server)
    assert (row.verdict, followed(world)[0][:7]) == ("drifted", "fg-gold")
    assert "would be kept 28 days instead of" in row.reason
    assert writes(world, mark) == []


def test_a_lower_tier_is_set_where_the_rules_allow_it(estate):
    """The same with downgrade: allow: the instance follows the lower tier."""
    world, server, _ = protected(estate, LOWER)
    world.tag(server, backup_tier="bronze")
    world.run(seconds=1800)
    assert followed(world)[0].startswith("fg-bronze-")
    assert world.row(server).verdict == "protected"


# -- what broke, what was stopped, what was deleted ----------------------------------------------------------------


def test_a_lost_role_is_given_back_and_the_instance_synced(estate):
    """The vault's role was taken away and the instance is in error: role, Sync, and protection is back."""
    world, server, mark = protected(estate)
    (instance,) = world.of_type(INSTANCES)
    for assignment in list(world.of_type(ASSIGNMENTS)):
        if assignment.body["properties"]["principalId"] == world.vault_principal:
            world.arm("DELETE", assignment.id)
    act(world, "sync")
    row = stir(world, server, 3600)
    grants = [["roleAssignments", "write"]] * 2
    assert writes(world, mark)[:3] == [*grants, ["sync", "action"]]
    assert (row.verdict, followed(world)[1]) == ("protected", "ProtectionConfigured")
    assert row.refusals == 0
    assert instance.id == world.of_type(INSTANCES)[0].id


def test_an_error_that_no_role_heals_is_reported(estate):
    """An instance in error for another cause: no write, and the code is in the reason."""
    world = estate()
    server = world.ready_server()
    world.azure.world.faults.add("fail_protection", server, code="UserErrorServerUnhappy")
    world.tag(server, backup_tier="gold")
    world.run(seconds=3600)
    row = world.row(server)
    assert row.verdict == "blocked_protection_error"
    assert "UserErrorServerUnhappy" in row.reason


@pytest.mark.parametrize(("action", "state"), [("stopProtection", "ProtectionStopped"),
                                               ("suspendBackups", "BackupsSuspended")])  # fmt: skip
def test_what_a_person_stopped_stays_stopped(estate, action, state):
    """Without resume: allow nothing is written, and the state is in the reason."""
    world, server, _ = protected(estate)
    act(world, action)
    mark = len(world.azure.log)
    row = stir(world, server)
    assert (row.verdict, followed(world)[1]) == ("blocked_protection_stopped", state)
    assert state in row.reason
    assert writes(world, mark) == []


@pytest.mark.parametrize("action", ["stopProtection", "suspendBackups"])
def test_what_was_stopped_is_resumed_where_the_rules_allow_it(estate, action):
    """With resume: allow one call brings protection back, from both states."""
    world, server, _ = protected(estate, RESUME)
    act(world, action)
    stir(world, server)
    assert world.row(server).verdict == "protected"
    assert followed(world)[1] == "ProtectionConfigured"


def test_a_soft_deleted_instance_keeps_everything_else_out(estate):
    """Nothing is made beside it, in no vault, and the reason has the day on which Azure purges it."""
    world, server, _ = protected(estate)
    (instance,) = world.of_type(INSTANCES)
    world.arm("DELETE", instance.id)
    world.run(seconds=900)
    mark = len(world.azure.log)
    row = stir(world, server)
    assert row.verdict == "blocked_soft_deleted"
    assert "soft-deleted in vault bv-westeurope until 2026-" in row.reason
    assert writes(world, mark) == []


def test_a_deletion_that_is_newer_than_what_is_known_is_understood(estate):
    """The list of deleted instances was read minutes ago: Azure's refusal makes the app read it again."""
    world, server, _ = protected(estate)
    world.tag(world.ready_server("pg-two"), backup_tier="gold")
    world.run(seconds=200)
    mark = len(world.azure.log)
    world.arm("DELETE", next(one for one in world.of_type(INSTANCES) if "/pg-one-" in one.id).id)
    world.run(seconds=150)
    row = stir(world, server, 600)
    assert row.verdict == "blocked_soft_deleted"
    validated = [one for one in world.app_calls(mark) if "validateForBackup" in one.path and b"pg-one" in one.body]
    assert len(validated) == 1


def test_a_soft_deleted_instance_comes_back_where_the_rules_allow_it(estate):
    """With resume: allow it is undeleted, then resumed: the same instance with its recovery points."""
    world, server, _ = protected(estate, RESUME)
    (instance,) = world.of_type(INSTANCES)
    world.arm("DELETE", instance.id)
    world.run(seconds=900)
    row = stir(world, server)
    assert (row.verdict, followed(world)[1]) == ("protected", "ProtectionConfigured")
    assert [one.id for one in world.of_type(INSTANCES)] == [instance.id]
    assert happy(world.state_of(server))


# -- the server ----------------------------------------------------------------------------------------------------


def test_a_promoted_replica_is_protected_from_then_on(estate):
    """A replica is told why it is not protected; promoted, it is protected as any other server."""
    world = estate()
    source = world.ready_server("pg-source")
    properties = {"createMode": "Replica", "sourceServerResourceId": source}
    replica = world.create_server("pg-one", GOLD, properties=properties)
    world.run(seconds=1800)
    assert world.row(replica).verdict == "blocked_replica"
    world.arm("PATCH", replica, {"properties": {"replicationRole": "None"}})
    world.run(seconds=3600)
    assert happy(world.state_of(replica))


def test_a_moved_server_leaves_an_orphan_and_starts_anew(estate):
    """Its old id still holds the backups and is billed for them; under its new one it is protected anew."""
    world, server, _ = protected(estate)
    target = f"{SCOPE}/resourceGroups/rg-new"
    world.arm("PUT", target, {"location": "westeurope"})
    world.arm("POST", f"{GROUP}/moveResources", {"resources": [server], "targetResourceGroup": target})
    world.run(seconds=4 * 3600)
    moved = server.replace("rg-data", "rg-new")
    assert world.row(server).verdict == "orphaned"
    assert "still holds its backups" in world.row(server).reason
    assert world.row(moved).verdict == "protected"


# -- the vault -----------------------------------------------------------------------------------------------------


def guard(world):
    """A Resource Guard stands before the vault."""
    path = f"{SCOPE}/resourceGroups/rg-backup/providers/Microsoft.DataProtection/resourceGuards/guard"
    world.arm("PUT", path, {"location": "westeurope", "properties": {}})
    proxy = f"{world.vault_id()}/backupResourceGuardProxies/DppResourceGuardProxy"
    world.arm("PUT", proxy, {"properties": {"resourceGuardResourceId": path}})


def test_a_guarded_vault_wants_an_approval_for_a_change(estate):
    """The change is not even tried: the verdict says who has to approve it."""
    world, server, _ = protected(estate, tier="bronze")
    guard(world)
    world.run(seconds=900)  # what is known of a vault is ten minutes old at most
    mark = len(world.azure.log)
    world.tag(server, backup_tier="gold")
    world.run(seconds=1800)
    assert world.row(server).verdict == "blocked_resource_guard"
    assert writes(world, mark) == []


def test_a_guard_that_is_new_is_understood_from_its_refusal(estate):
    """The guard was put up since the vault was read: one refusal leads to the same verdict, without repetition."""
    world, server, _ = protected(estate, tier="bronze")
    world.tag(world.ready_server("pg-two"), backup_tier="gold")
    world.run(seconds=300)
    guard(world)
    mark = len(world.azure.log)
    world.tag(server, backup_tier="gold")
    world.run(seconds=3 * 3600)
    assert world.row(server).verdict == "blocked_resource_guard"
    tried = [call for call in world.app_calls(mark) if call.method == "PUT" and "/backupInstances/pg-one" in call.path]
    assert [call.status for call in tried] == [400]


def test_a_first_instance_in_a_guarded_vault_is_no_critical_operation(estate):
    """Protecting a new server goes on as always."""
    world = estate()
    guard(world)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    assert happy(world.state_of(server))


def test_a_vault_with_a_user_assigned_identity_alone(estate):
    """The instance names the identity, the roles go to it, and protection works."""
    world = estate(f"roles: {{grant: predeployed}}\n{RULES}")
    identity = f"{SCOPE}/resourceGroups/rg-backup/providers/Microsoft.ManagedIdentity/userAssignedIdentities/vault"
    world.arm("PUT", identity, {"location": "westeurope"})
    body = world.arm("GET", world.vault_id())
    wanted = {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}
    world.arm("PUT", world.vault_id(), {**body, "identity": wanted})
    world.run(seconds=900)
    principal = world.arm("GET", identity)["properties"]["principalId"]
    world.arm("PUT", GROUP, {"location": "westeurope"})
    for role in VAULT_ROLES:
        assign(world.arm, GROUP, role, principal)
    world.run(seconds=900)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    (instance,) = world.of_type(INSTANCES)
    assert instance.body["properties"]["identityDetails"]["userAssignedIdentityArmUrl"].lower() == identity.lower()
    assert world.row(server).verdict == "protected"


def test_an_instance_in_a_vault_that_nobody_may_see(estate):
    """The list of instances shows nothing, Azure refuses: the verdict names the vault that Azure names."""
    world = estate()
    server = world.ready_server()
    path = protect_by_hand(world, server, policy(world, "ten-years"))
    send = world._transport.send

    def blind(request, **options):
        answer = send(request, **options)
        if request.method == "GET" and "/flexibleServers/pg-one/providers/Microsoft.DataProtection" in request.url:
            answer._content = b'{"value": []}'
        return answer

    world._transport.send = blind
    world.tag(server, backup_tier="gold")
    world.run(seconds=1800)
    row = world.row(server)
    assert row.verdict == "blocked_protected_elsewhere"
    assert "vault bv-westeurope" in row.reason
    assert [one.id for one in world.of_type(INSTANCES)] == [path]


# -- roles ---------------------------------------------------------------------------------------------------------


def vault_roles(world):
    """Where the vault's identity has its roles, by the last word of the scope."""
    made = [item.body["properties"] for item in world.of_type(ASSIGNMENTS)]
    return sorted(one["scope"].rsplit("/", 1)[-1] for one in made if one["principalId"] == world.vault_principal)


def test_roles_at_the_group(estate):
    """With grant: resource_group both roles are given to the group, and the next server of it needs none."""
    world = estate(BY_GROUP)
    first = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    second = world.create_server("pg-two", GOLD)
    world.run(seconds=3600)
    assert vault_roles(world) == ["rg-data", "rg-data"]
    assert {world.row(first).verdict, world.row(second).verdict} == {"protected"}


def test_roles_from_above_are_not_given_again(estate):
    """The vault has both roles at the subscription: none is assigned."""
    world = estate()
    for role in VAULT_ROLES:
        assign(world.arm, SCOPE, role, world.vault_principal)
    world.run(seconds=900)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    assert happy(world.state_of(server))
    assert vault_roles(world) == [SCOPE.rsplit("/", 1)[-1]] * 2


# -- what Azure refuses --------------------------------------------------------------------------------------------


def locked(world):
    locks.add(world.azure.world, f"{SCOPE}/resourceGroups/rg-backup", "hands-off", "ReadOnly")


def unregistered(world):
    providers.unregister(world.azure.world, SCOPE.rsplit("/", 1)[-1], "Microsoft.DataProtection")


def denied(world):
    authorization = f"{SCOPE}/providers/Microsoft.Authorization"
    rule = {
        "if": {"allOf": [{"field": "type", "equals": "Microsoft.DataProtection/backupVaults/backupInstances"},
                         {"field": "tags['cost-center']", "exists": "false"}]},
        "then": {"effect": "deny"},
    }  # fmt: skip
    world.arm("PUT", f"{authorization}/policyDefinitions/tags", {"properties": {"policyRule": rule, "mode": "All"}})
    named = {"policyDefinitionId": f"{authorization}/policyDefinitions/tags", "displayName": "Cost centers"}
    world.arm("PUT", f"{authorization}/policyAssignments/tags", {"properties": named})


def less_one_right(world):
    actions = sorted({*APP_ACTIONS} - {"Microsoft.DataProtection/backupVaults/backupPolicies/read"})
    role = {"roleName": "less", "assignableScopes": [SCOPE], "permissions": [{"actions": actions}]}
    world.arm("PUT", f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{APP_ROLE}", {"properties": role})


REFUSALS = [
    (locked, "blocked_scope_locked", "rg-backup", "lock"),
    (unregistered, "blocked_provider_not_registered", "Microsoft.DataProtection", f"--subscription {SCOPE[15:]}"),
    (denied, "blocked_azure_policy", "Cost centers", "stamp"),
    (less_one_right, "blocked_app_lacks_rights", "backupPolicies/read", "backupPolicies/read"),
]


@pytest.mark.parametrize(("spoil", "verdict", "reason", "fix"), REFUSALS, ids=[row[1] for row in REFUSALS])
def test_a_refusal_is_said_at_once_and_told_once(estate, spoil, verdict, reason, fix):
    """Two servers, one cause: a verdict within the hour that names it and the way out, and one message for both."""
    world = estate()
    spoil(world)
    servers = [world.ready_server(name) for name in ("pg-one", "pg-two")]
    for server in servers:
        world.tag(server, backup_tier="gold")
    world.run(seconds=3000)
    rows = [world.row(server) for server in servers]
    assert {row.verdict for row in rows} == {verdict}
    assert all(reason in row.reason for row in rows)
    assert all(fix in row.fix for row in rows)
    assert not any(row.fix.endswith(" ") for row in rows)
    assert [alert["type"] for alert in world.alerts] == ["Flexguard.Refused"]
    assert world.of_type(INSTANCES) == []


def test_the_tags_that_azure_policy_wants_are_given(estate):
    """The same policy, and the tag in the rules: protected."""
    world = estate(f"stamp: {{cost-center: '4711'}}\n{RULES}")
    denied(world)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    assert happy(world.state_of(server))
