"""Threats that only the whole app can answer: hostile tags, hostile messages, hostile state, and secrets in tags."""

import base64
import json
import logging
import re

import pytest
from conftest import GOLD, INSTANCES, happy

from cli.rehearsal import APP
from cli.stage import SUBSCRIPTION
from functions import wiring
from shared.cloud import snapshot
from shared.cloud.ledger_table import TABLE
from simulator.wire import Request

CANARY = "hunter2-canary"
SIGNED = re.compile(r"[?&](?:t|s|c|h|sig)=[\w%-]{40,}|Bearer simulated", re.IGNORECASE)
EVIL = {"kind": "validate", "url": "https://evil.example/x", "started_at": "2026-11-23T08:00:00Z"}
FOREIGN = "99999999-0000-4000-8000-000000000009"


def writes(world, since=0):
    """The app's calls that change something in Azure."""
    return [call.operation for call in world.app_calls(since) if not call.operation.lower().endswith("/read")]


def entities(world):
    """Everything that the ledger has, and a client to spoil it with."""
    client = world.table_client().get_table_client(TABLE)
    return client, list(client.list_entities())


# -- T1, T3: tags ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [
    "{policy}", "{vault}", "platinum", "gold,silver", "gold; --", "*", "../gold", "gold\u202e", "GOLD\x00", "9" * 256,
])  # fmt: skip
def test_only_a_tier_of_the_rules_costs_anything(estate, value):
    """A tag is a key of the rules file: ids, lists, patterns and control characters lead to no write at all."""
    world = estate()
    vault = world.vault_id()
    value = value.replace("{vault}", vault).replace("{policy}", f"{vault}/backupPolicies/p")[:256]
    server = world.ready_server(tags={"backup-tier": value})
    mark = len(world.azure.log)
    world.tag(server, touched="yes")
    world.run(seconds=2 * 3600)
    assert world.row(server).verdict == "blocked_unknown_tier"
    assert writes(world, mark) == []


def test_a_removed_tag_stops_nothing(estate):
    """Without its tag, or with one that says off, a protected server stays as it is, and no call changes anything."""
    world = estate()
    server = world.create_server("pg-one", GOLD)
    world.run(seconds=2 * 3600)
    mark = len(world.azure.log)
    for tags in ({}, {"backup-tier": "off"}, {"backup": "off"}):
        world.arm("PATCH", f"{server}/providers/Microsoft.Resources/tags/default",
                  {"operation": "Replace", "properties": {"tags": tags}})  # fmt: skip
        world.run(seconds=2 * 3600)
        assert world.of_type(INSTANCES)[0].body["properties"]["currentProtectionState"] == "ProtectionConfigured"
    assert writes(world, mark) == []


# -- T4, T7, T16: messages and state -----------------------------------------------------------------------------


def test_a_message_about_a_foreign_subscription_asks_nothing(estate):
    """Who can write to the queue cannot send the app to a subscription that it does not manage."""
    world = estate()
    server = world.server_id("pg-one").replace(SUBSCRIPTION, FOREIGN)
    mark = len(world.azure.log)
    world.queue().send_message(base64.b64encode(json.dumps({"server_id": server}).encode()).decode())
    world.run(seconds=60)
    assert world.app_calls(mark) == []
    assert world.host.failures == []


def test_the_handshake_changes_nothing(estate):
    """A validation event proves nothing: it is no event of ours, and leaves neither message nor row."""
    world = estate()
    before = entities(world)[1]
    handshake = {
        "id": "v", "topic": f"/subscriptions/{SUBSCRIPTION}", "subject": "", "dataVersion": "2", "metadataVersion": "1",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "eventTime": "2026-11-23T12:00:00Z",
        "data": {"validationCode": "512d38b6", "validationUrl": "https://example.org/validate"},
    }  # fmt: skip
    mark = len(world.azure.log)
    world.deliver(handshake)
    assert world.azure.log[mark:] == []
    assert entities(world)[1] == before


@pytest.mark.parametrize("spoil", [
    {"schema": 99}, {"running": EVIL},
    {"next_look_at": "9999-01-01T00:00:00Z"}, {"generation": 10**9}, {"verdict": "protected"}, {"server_id": "nobody"},
    {"instance_id": "/subscriptions/x"}, {"seen_at": "9999-01-01T00:00:00Z"},
], ids=lambda spoil: next(iter(spoil)))  # fmt: skip
def test_a_row_that_somebody_edits_is_no_authority(estate, spoil):
    """Whatever stands in the ledger while a server is being protected: it ends with one instance and one backup."""
    world = estate()
    server = world.create_server("pg-one", GOLD)
    while world.row(server).running is None:
        world.run(seconds=5)
    client, found = entities(world)
    for entity in found:
        if entity["RowKey"] == "server":
            client.upsert_entity({**entity, "Row": json.dumps(json.loads(entity["Row"]) | spoil)})
    world.run(seconds=6 * 3600)
    assert happy(world.state_of(server))
    assert "evil.example" not in "".join(call.path for call in world.azure.log)


def test_lost_state_never_loses_an_alert(estate):
    """Without its ledger the app may tell a failure twice; what fails afterwards is told as well."""
    world = estate()
    world.azure.world.faults.add("fail_backup", "/pg-one")
    world.create_server("pg-one", GOLD)
    world.run(seconds=3 * 3600)
    assert "pg-one" in json.dumps(world.alerts)
    told = len(world.alerts)
    client, found = entities(world)
    for entity in found:
        client.delete_entity(entity["PartitionKey"], entity["RowKey"])
    world.azure.world.faults.add("fail_backup", "/pg-two")
    world.create_server("pg-two", GOLD)
    world.run(seconds=3 * 3600)
    again = json.dumps(world.alerts[told:])
    assert "pg-one" in again
    assert "pg-two" in again


# -- T13, T14: secrets -------------------------------------------------------------------------------------------


def test_no_secret_of_a_tag_and_no_signed_address_gets_out(estate, caplog):
    """With every logger at DEBUG: a tag of strangers and signed URLs are in no line, alert, snapshot or verdict."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "flexguard")
    world = estate()
    assert logging.getLogger("azure").level >= logging.WARNING  # the product sets it: the SDKs log whole addresses
    world.azure.world.faults.add("fail_backup", "/pg-one")
    tags = {"db-password": f"{CANARY}-one", f"{CANARY}-name": "x", "backup-owner": "team-a"}
    servers = [
        world.create_server("pg-one", GOLD | tags),
        world.create_server("pg-two", {"backup-tier": "glod"} | tags),
    ]
    world.run(seconds=3 * 3600)
    context = wiring.current()
    told = {
        "log": caplog.text,
        "alerts": json.dumps(world.alerts),
        "snapshot": (snapshot.latest(context.cloud) or b"").decode(),
        "verdicts": " ".join(f"{world.row(one).reason} {world.row(one).fix}" for one in servers),
        "sent": " ".join(call.body.decode(errors="replace") for call in world.app_calls()),
    }
    assert world.alerts
    assert "pg-two" in told["snapshot"]
    assert {name for name, text in told.items() if CANARY in text} == set()
    assert {name for name, text in told.items() if SIGNED.search(text)} == set()


# -- T19: identity -----------------------------------------------------------------------------------------------


def test_a_third_role_is_refused(estate):
    """Even with the app's own token nobody gets a role but the vault's two: not Owner, not another principal."""
    world = estate()
    scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-backup"
    owner = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    for role, principal in ((owner, world.vault_principal), ("acdd72a7-3385-48ef-bd42-f606fba81ae7", FOREIGN)):
        answer = assign(world, scope, role, principal)
        assert answer.status == 403, answer.body


def assign(world, scope, role, principal):
    """Ask for a role assignment with the app's own token."""
    definition = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}
    url = f"https://management.azure.com{scope}/providers/Microsoft.Authorization/roleAssignments/{FOREIGN}"
    headers = {"authorization": f"Bearer simulated.{APP}", "content-type": "application/json"}
    body = json.dumps({"properties": properties}).encode()
    return world.azure.handle(Request("PUT", f"{url}?api-version=2022-04-01", headers, body))
