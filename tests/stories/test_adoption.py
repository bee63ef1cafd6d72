"""Instances that somebody else made, and policies that somebody else sets: reported, taken, or left to the others."""

from conftest import GOLD, INSTANCES, RULES, happy

from cli.deployment import VAULT_ROLES, assign
from functions import wiring
from shared.core.policy import render

SERVERS = "Microsoft.DBforPostgreSQL/flexibleServers"
TAKE = f"adopt: take\n{RULES}"
WRITES = {"PUT", "POST", "PATCH", "DELETE"}


def policy(world, name, tier="gold"):
    """A policy that means a tier, under a name of somebody's own. Answers its id."""
    path = f"{world.vault_id()}/backupPolicies/{name}"
    world.arm("PUT", path, render(wiring.current().rules.tiers[tier], SERVERS))
    return path


def protect_by_hand(world, server, policy_id, name="by-hand"):
    """What the portal does: roles, an instance with a name of its own, and a set that the command line leaves out."""
    group = server.split("/providers")[0]
    assign(world.arm, group, VAULT_ROLES[0], world.vault_principal)
    assign(world.arm, server, VAULT_ROLES[1], world.vault_principal)
    world.azure.advance(600)
    source = {"objectType": "Datasource", "datasourceType": SERVERS, "resourceID": server, "resourceType": SERVERS,
              "resourceName": "pg-one", "resourceLocation": "westeurope", "resourceUri": server}  # fmt: skip
    body = {
        "tags": {"made-by": "portal"},
        "properties": {
            "objectType": "BackupInstance",
            "friendlyName": "the shop's database",
            "dataSourceInfo": source,
            "dataSourceSetInfo": source | {"objectType": "DatasourceSet"},
            "policyInfo": {"policyId": policy_id},
        },
    }
    path = f"{world.vault_id()}/backupInstances/{name}"
    world.arm("PUT", path, body)
    world.run(seconds=300)
    return path


def set_policy(world, path, policy_id):
    """Somebody points the instance to another policy."""
    body = world.arm("GET", path)
    wanted = {"properties": body["properties"] | {"policyInfo": {"policyId": policy_id}}, "tags": body.get("tags", {})}
    world.arm("PUT", path, wanted)
    world.run(seconds=300)


def followed(world):
    """The name of the policy that the one instance follows, and its state."""
    (instance,) = world.of_type(INSTANCES)
    properties = instance.body["properties"]
    return properties["policyInfo"]["policyId"].rsplit("/", 1)[-1], properties["currentProtectionState"]


def writes(world, since):
    """What the app wrote since an entry of the log, by its operation; a question to Resource Graph is a POST, too."""
    written = [call.operation for call in world.app_calls(since) if call.method in WRITES]
    return [operation.rsplit("/", 2)[-2:] for operation in written if not operation.endswith("/read")]


def test_an_instance_of_the_portal_that_means_the_tier_is_protection(estate):
    """Made by others, by their policy of the same meaning: protected, nothing is changed, and the reason says whose."""
    world = estate()
    server = world.ready_server()
    protect_by_hand(world, server, policy(world, "ten-years"))
    mark = len(world.azure.log)
    world.tag(server, backup_tier="gold")
    world.run(seconds=3600)
    assert happy(world.state_of(server))
    assert "made by somebody else" in world.row(server).reason
    assert writes(world, mark) == [["backup", "action"]]


def test_an_instance_of_others_by_another_policy_is_reported(estate):
    """With adopt: report nothing is written, and the finding says what would change that."""
    world = estate()
    server = world.ready_server()
    protect_by_hand(world, server, policy(world, "short", "bronze"))
    mark = len(world.azure.log)
    world.tag(server, backup_tier="gold")
    world.run(seconds=3600)
    assert world.row(server).verdict == "drifted"
    assert "adopt: take" in world.row(server).reason
    assert followed(world)[0] == "short"
    assert writes(world, mark) == []


def test_an_instance_of_others_is_taken_and_keeps_what_it_has(estate):
    """With adopt: take it is pointed to the tier's policy; its name, its tags and its members stay as they were."""
    world = estate(TAKE)
    server = world.ready_server()
    path = protect_by_hand(world, server, policy(world, "short", "bronze"))
    before = world.arm("GET", path)
    world.tag(server, backup_tier="gold")
    world.run(seconds=3600)
    after = world.arm("GET", path)
    assert world.row(server).verdict == "protected"
    assert followed(world)[0].startswith("fg-gold-")
    after["properties"]["policyInfo"] = before["properties"]["policyInfo"]
    assert after == before


def test_what_we_make_carries_our_stamp_and_the_organisations_tags(estate):
    """The instance has the stamp and the tags of the rules; the role assignments say what they are for."""
    world = estate(f"stamp: {{cost-center: '4711'}}\n{RULES}")
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    (instance,) = world.of_type(INSTANCES)
    assert instance.body["tags"] == {"flexguard": "managed", "cost-center": "4711"}
    made = [item.body["properties"] for item in world.of_type("microsoft.authorization/roleassignments")]
    assert {one["description"] for one in made if one["principalId"] == world.vault_principal} == {
        "Flexguard: Azure Backup protects pg-one"
    }
    assert world.row(server).verdict == "protected"


def test_a_policy_that_others_set_is_set_back_once_and_then_left(estate):
    """Set back once; changed again, the app keeps its hands off and says that somebody else sets the policy."""
    world = estate()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=3600)
    (instance,) = world.of_type(INSTANCES)
    short = policy(world, "short", "bronze")
    set_policy(world, instance.id, short)
    world.run(seconds=600)
    assert followed(world)[0].startswith("fg-gold-")
    assert world.row(server).verdict == "protected"
    set_policy(world, instance.id, short)
    mark = len(world.azure.log)
    world.run(seconds=3600)
    assert followed(world)[0] == "short"
    assert world.row(server).verdict == "blocked_contested"
    assert "2 times" in world.row(server).reason
    assert writes(world, mark) == []
