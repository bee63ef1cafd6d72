"""Vaults that a tag finds: used when the deployment admits them, shared out, skipped when full, and told about."""

from collections import Counter
from dataclasses import replace

import pytest
from conftest import ASSIGNMENTS, GOLD, INSTANCES, happy

from cli.deployment import VAULT_ROLES
from cli.stage import SCOPE, SUBSCRIPTION, vault_id
from shared.cloud.rights import granting_condition

RULES = """\
mode: protect
vaults: [{tag: {flexguard: "yes"}MORE}]
tiers:
  gold:
    backup: {days: [sunday], at: "01:30", time_zone: Europe/Berlin}
    keep: {default: 35 days, weekly: 12 weeks, monthly: 12 months, yearly: 10 years}
"""
VAULTS = "/providers/microsoft.dataprotection/backupvaults"


@pytest.fixture
def tagged(estate):
    """An estate whose rules look for a tag; the vault in West Europe has it, and is admitted if so told."""

    def make(more="", *, admit=True):
        world = estate(RULES.replace("MORE", more))
        world.arm("PATCH", vault_id("westeurope"), {"tags": {"FlexGuard": "Yes"}})
        admit_only(world, *([world.vault_principal] if admit else []))
        return world

    return make


def admit_only(world, *principals):
    """Deploy the app again, with these identities in its settings."""
    world.settings = replace(world.settings, vault_identities=frozenset(principals))
    world.start()


def second_vault(world, identity="SystemAssigned"):
    """Another vault with the tag in the region; answers its principal. The app may grant roles to it."""
    first = world.arm("GET", vault_id("westeurope"))
    body = {key: first[key] for key in ("location", "tags")} | {"identity": {"type": identity}}
    body["properties"] = {"storageSettings": first["properties"]["storageSettings"]}
    made = world.arm("PUT", vault_id("second"), body)
    for assignment in world.of_type(ASSIGNMENTS):
        if assignment.body["properties"].get("condition"):
            principals = [world.vault_principal, made["identity"]["principalId"]]
            assignment.body["properties"]["condition"] = granting_condition(VAULT_ROLES, principals)
    world.run(seconds=700)
    return made["identity"]["principalId"]


def homes(world):
    """How many instances each vault has, by the vault's name."""
    return Counter(found.body["id"].split("/")[8] for found in world.of_type(INSTANCES))


def questions(world, server):
    """The paths of what the app asks of ARM when something happens to a server."""
    start = len(world.azure.log)
    world.tag(server, team="shop")
    world.run(seconds=30)
    return [call.path for call in world.app_calls(start) if "backupjobs" not in call.path.lower()]


def test_a_tagged_and_admitted_vault_protects(tagged):
    """The rules name no vault at all; the tag finds one, the deployment admits it, and the story ends well."""
    world = tagged()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=5400)
    assert happy(world.state_of(server))


def test_a_vault_that_only_has_the_tag_is_never_used(tagged):
    """Whoever can tag a vault gets no server: the verdict names vault, identity and setting, and nothing is written."""
    world = tagged(admit=False)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=5400)
    row = world.row(server)
    assert row.verdict == "blocked_vault_not_admitted"
    assert "bv-westeurope" in row.reason
    assert f"add {world.vault_principal} to FLEXGUARD_VAULT_IDENTITIES" in row.fix
    assert not [call for call in world.app_calls() if call.method == "PUT"]


def test_admitting_it_is_enough(tagged):
    """After a deployment that admits the identity the next event protects the server."""
    world = tagged(admit=False)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=5400)
    admit_only(world, world.vault_principal)
    world.tag(server, team="shop")
    world.run(seconds=5400)
    assert happy(world.state_of(server))


def test_servers_are_shared_out_and_stay(tagged):
    """Two vaults each get some of six servers; when one is no longer admitted, nothing is moved or stopped."""
    world = tagged()
    ours, second = world.vault_principal, second_vault(world)
    admit_only(world, ours, second)
    servers = [world.create_server(f"pg-{number}", GOLD) for number in range(6)]
    world.run(seconds=3600)
    before = homes(world)
    assert min(before["bv-westeurope"], before["bv-second"]) >= 1
    assert {world.row(server).verdict for server in servers} == {"protected"}
    admit_only(world, ours)
    for server in servers:
        world.tag(server, team="shop")
    world.run(seconds=300)
    assert homes(world) == before
    assert Counter(world.row(server).verdict for server in servers) == {
        "protected": before["bv-westeurope"], "blocked_protected_elsewhere": before["bv-second"],
    }  # fmt: skip


def test_a_full_vault_is_skipped_and_the_last_one_says_so(tagged):
    """With one instance at most in each vault the third server gets a reason instead of a vault."""
    world = tagged(", most: 1")
    admit_only(world, world.vault_principal, second_vault(world))
    last = ""
    for number in range(3):
        last = world.create_server(f"pg-{number}", GOLD)
        world.run(seconds=2400)  # what is cached for ten minutes has been forgotten
    assert homes(world) == {"bv-westeurope": 1, "bv-second": 1}
    assert world.row(last).verdict == "blocked_vault_full"


def test_a_count_that_does_not_come_stops_nobody(tagged):
    """Resource Graph only proposes: while it is down, servers are protected as if no vault were full."""
    world = tagged(", most: 2")
    world.azure.world.faults.add("unavailable", "resourcegraph", times=1000)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=5400)
    assert happy(world.state_of(server))


def test_a_right_server_costs_one_question_more_in_ten_minutes(tagged):
    """The list of vaults is asked for once and kept; a second look at a server in a found vault has two reads."""
    world = tagged()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=5400)
    first, second = questions(world, server), questions(world, server)
    assert [path.lower() for path in first if path not in second] == [f"{SCOPE}{VAULTS}"]
    assert len(second) == 2


def test_a_failed_backup_in_a_found_vault_is_told(tagged):
    """Vaults that the rules do not name are watched like those that they do."""
    world = tagged()
    world.azure.world.faults.add("fail_backup", "/pg-one")
    world.create_server("pg-one", GOLD)
    world.run(seconds=5400)
    assert [alert["type"] for alert in world.alerts] == ["Flexguard.BackupFailed"]


def test_a_subscription_that_is_closed_hides_no_vault(tagged):
    """A managed subscription in which the app has no rights has no vaults for it; those of the others are used."""
    world, closed = tagged(), SUBSCRIPTION.replace("5b1f", "bbbb")
    world.arm("PUT", f"/subscriptions/{closed}", {"displayName": "another team's"})
    world.settings = replace(world.settings, subscriptions=world.settings.subscriptions | {closed})
    world.start()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=5400)
    assert happy(world.state_of(server))
    answers = {call.path.split("/")[2]: call.status for call in world.app_calls() if call.path.lower().endswith(VAULTS)}
    assert answers == {closed: 403, SUBSCRIPTION: 200}


def test_a_named_vault_that_is_gone_is_said_to_be(estate):
    """A rules file that names a vault that does not exist gets its name back, and no server is touched."""
    rules = RULES.replace('[{tag: {flexguard: "yes"}MORE}]', f'[{{id: "{vault_id("gone")}"}}]')
    world = estate(rules)
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=2400)
    row = world.row(server)
    assert (row.verdict, row.reason.endswith("; bv-gone does not exist")) == ("blocked_no_vault_in_region", True)
