"""`flexguard roles request`: what it writes down, done by an owner, is all that a server was waiting for."""

import json
import shlex

import pytest
from conftest import GOLD, RULES

from cli import connection
from cli.__main__ import main
from cli.deployment import VAULT_ROLES
from cli.stage import SCOPE
from shared.cloud.clients import Cloud
from shared.core.names import role_assignment_name
from simulator.arm.authorization import OPERATOR
from simulator.transport import InProcessTransport


@pytest.fixture
def blocked(estate, tmp_path, monkeypatch):
    """Two servers that wait for roles which the app may not assign, and a person who is signed in."""
    world = estate(grant_app=False)
    servers = [world.create_server("pg-one", GOLD), world.create_server("pg-two", GOLD)]
    world.create_server("pg-other")
    world.run(seconds=3600)
    assert [world.row(server).verdict for server in servers] == ["blocked_cannot_assign_roles"] * 2
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("{vault:westeurope}", world.vault_id()))
    monkeypatch.setenv("FLEXGUARD_RULES", str(rules))
    cloud = Cloud(world.settings, world.azure.credential(OPERATOR), InProcessTransport(world.azure))
    connection.use(connection.Connection(cloud, None, world.settings))
    yield world, servers
    connection.use(None)


def asked(capsys, *arguments):
    """What the command answers to programs."""
    capsys.readouterr()
    assert main(["roles", "request", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def by_template(world, folder):
    """Deploy the template: every assignment of every nested deployment, where the template says."""
    for path in folder.glob("*.json"):
        template = json.loads(path.read_text())
        assert template["$schema"].endswith("/subscriptionDeploymentTemplate.json#")
        for nested in template["resources"]:
            group = f"{SCOPE}/resourceGroups/{nested['resourceGroup']}"
            for resource in nested["properties"]["template"]["resources"]:
                assert resource["type"] == "Microsoft.Authorization/roleAssignments"
                scope = f"{group}/providers/{resource['scope']}" if "scope" in resource else group
                place = f"{scope}/providers/{resource['type']}/{resource['name']}"
                world.arm("PUT", place, {"properties": resource["properties"]})


def by_script(world, folder):
    """Run the script: every line is one assignment."""
    lines = (folder / "roles.sh").read_text().splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("az ")]
    assert all(command[:4] == ["az", "role", "assignment", "create"] for command in commands)
    for command in commands:
        given = dict(zip(command[4::2], command[5::2], strict=True))
        properties = {
            "roleDefinitionId": f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{given['--role']}",
            "principalId": given["--assignee-object-id"],
            "principalType": given["--assignee-principal-type"],
        }
        place = f"{given['--scope']}/providers/Microsoft.Authorization/roleAssignments/{given['--name']}"
        world.arm("PUT", place, {"properties": properties})


@pytest.mark.parametrize("do", [by_template, by_script])
def test_what_an_owner_does_ends_the_waiting(blocked, tmp_path, capsys, do):
    """Template or script: afterwards both servers are protected, and nothing is asked for any more."""
    world, servers = blocked
    assert main(["roles", "request", "--out", str(tmp_path / "request")]) == 0
    assert "3 roles are missing" in capsys.readouterr().out
    do(world, tmp_path / "request")
    world.run(seconds=900)
    for server in servers:
        world.tag(server, team="shop")
    world.run(seconds=3600)
    assert [world.row(server).verdict for server in servers] == ["protected"] * 2
    assert asked(capsys)["assignments"] == []


def test_it_asks_for_the_two_roles_and_nothing_else(blocked, capsys):
    """Reader once for the group, the backup role for each server, for the vault's identity, under the app's names."""
    world, servers = blocked
    found = asked(capsys)["assignments"]
    reader, backup = VAULT_ROLES
    group = servers[0].split("/providers")[0]
    assert {(one["role"], one["scope"].lower()) for one in found} == {
        (reader, group.lower()),
        *((backup, server.lower()) for server in servers),
    }
    assert {one["principal_id"] for one in found} == {world.vault_principal}
    for one in found:
        assert one["name"] == role_assignment_name(one["scope"], world.vault_principal, one["role"])


def test_it_can_be_asked_for_one_server(blocked, capsys):
    """With --server only what this server needs is in the request; a server that is not there is bad input."""
    _, (one, two) = blocked
    scopes = {each["scope"].lower() for each in asked(capsys, "--server", one)["assignments"]}
    assert one.lower() in scopes
    assert two.lower() not in scopes
    assert main(["roles", "request", "--server", one.replace("pg-one", "pg-none")]) == 2
    assert "pg-none" in capsys.readouterr().err


def test_it_writes_nothing_to_azure(blocked, capsys):
    """Reading is all that the command does."""
    world, _ = blocked
    mark = len(world.azure.log)
    asked(capsys)
    assert {call.operation.rsplit("/", 1)[-1] for call in world.azure.log[mark:]} <= {"read", "action"}
