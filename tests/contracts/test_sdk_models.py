"""A happy story through Microsoft's clients: every answer becomes a model.

No member is left over that the real Azure does not send too.
"""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from azure.core.polling import LROPoller
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.dataprotection import DataProtectionMgmtClient
from azure.mgmt.postgresqlflexibleservers import PostgreSQLManagementClient
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest

from simulator.arm.access import OPERATOR
from simulator.azure import LocalAzure
from simulator.transport import InProcessTransport
from simulator.wire import Request, Response
from tests.contracts.deviations import OF_MODELS
from tests.contracts.models import unknown
from tests.simulator import dataprotection_world as estate

AT = ("rg-backup", "bv-one")
BOTH = (*AT, estate.NAME)


class Overheard(LocalAzure):
    """A local Azure that remembers its last answer."""

    last: Response

    def handle(self, request: Request) -> Response:
        self.last = super().handle(request)
        return self.last


class Story:
    """The clients of one story, and what their models did not know."""

    def __init__(self) -> None:
        self.azure = Overheard()
        self.azure.world = estate.estate().world
        options: dict[str, Any] = {"transport": InProcessTransport(self.azure), "polling_interval": 5}
        credential: Any = self.azure.credential(OPERATOR)
        self.backup = DataProtectionMgmtClient(credential, estate.SUB_ID, **options)
        self.servers = PostgreSQLManagementClient(credential, estate.SUB_ID, **options)
        self.rights = AuthorizationManagementClient(credential, estate.SUB_ID, **options)
        self.graph = ResourceGraphClient(credential, **options)
        self.strangers: list[str] = []
        self.heard: dict[str, tuple[Any, Any]] = {}

    def hear(self, what: str, call: Callable[..., Any], *told: Any, **named: Any) -> Any:
        """Make a call to its end, and compare the model with the answer it was made of."""
        model = call(*told, **named)
        if isinstance(model, LROPoller):
            model = model.result()
        elif isinstance(model, Iterator):
            model = list(model)
        raw = self.azure.last.json()
        if isinstance(model, list):
            assert len(model) == len(raw["value"]) > 0, what
            raw = raw["value"]
        self.heard[what] = (model, raw)
        self.strangers += unknown(model, raw, what)
        return model


def _prepare(story: Story) -> None:
    """A vault, a policy, a server and the roles."""
    vaults, policies, servers = story.backup.backup_vaults, story.backup.backup_policies, story.servers.servers
    wanted: Any = {name: value for name, value in estate.VAULT_BODY.items() if name != "properties"}
    wanted |= {"properties": {"storageSettings": estate.VAULT_BODY["properties"]["storageSettings"]}}
    story.hear("vault put", vaults.begin_create_or_update, "rg-backup", "bv-two", wanted)
    story.hear("vault", vaults.get, *AT)
    story.hear("vaults of a group", vaults.get_in_resource_group, "rg-backup")
    story.hear("vaults", vaults.get_in_subscription)
    story.hear("vault patch", vaults.begin_update, *AT, {"tags": {"owner": "platform"}})
    story.hear("policy put", policies.create_or_update, *AT, "weekly-2", estate.policy_body())
    story.hear("policy", policies.get, *AT, "weekly")
    story.hear("policies", policies.list, *AT)
    story.hear("server put", servers.begin_create_or_update, "rg-app", "pg-app-02", _server())
    story.hear("server patch", servers.begin_update, "rg-app", "pg-app-02", {"tags": {"backup-tier": "gold"}})
    story.hear("server", servers.get, "rg-app", "pg-app-01")
    story.hear("servers", servers.list_by_resource_group, "rg-app")
    rule: Any = {"properties": {"startIpAddress": "10.0.0.1", "endIpAddress": "10.0.0.2"}}
    rules = story.servers.firewall_rules
    story.hear("rule put", rules.begin_create_or_update, "rg-app", "pg-app-01", "office", rule)
    story.hear("rule", rules.get, "rg-app", "pg-app-01", "office")
    roles, name = story.rights.role_assignments, str(uuid5(NAMESPACE_URL, "watcher"))
    told = {
        "role_definition_id": f"{estate.SUB}/providers/Microsoft.Authorization/roleDefinitions/{estate.READER_ROLE}"
    }
    asked = roles.models.RoleAssignmentCreateParameters(**told, principal_id="p", principal_type="ServicePrincipal")
    story.hear("role put", roles.create, estate.GROUP, name, asked)
    story.hear("role", roles.get, estate.GROUP, name)
    story.hear("roles", roles.list_for_scope, estate.GROUP)
    story.hear("role definition", story.rights.role_definitions.get, estate.GROUP, estate.READER_ROLE)
    story.hear("role definitions", story.rights.role_definitions.list, estate.GROUP)


def _server() -> Any:
    return {"location": "westeurope", "sku": estate.SKU, "properties": {"administratorLogin": "admin1"}}


def _protect(story: Story) -> None:
    """Validation, protection, a backup with its job and recovery point."""
    instances = story.backup.backup_instances
    asked: Any = {"backupInstance": estate.instance_body()["properties"]}
    story.hear("validation", instances.begin_validate_for_backup, *AT, asked)
    accepted = estate.ask(story.azure, "POST", f"{estate.VAULT}/validateForBackup", asked)
    operation = accepted.headers["azure-asyncoperation"].partition("?")[0].rpartition("/")[2]
    story.hear("operation status", story.backup.operation_status.get, "westeurope", operation)
    story.hear("status at the vault", story.backup.operation_status_backup_vault_context.get, *AT, operation)
    story.azure.advance(60)
    story.hear("operation result", story.backup.operation_result.get, operation_id=operation, location="westeurope")
    story.hear("result at the vault", story.backup.backup_vault_operation_results.get, *AT, operation)
    story.hear("instance put", instances.begin_create_or_update, *BOTH, estate.instance_body())
    story.azure.advance(100)
    story.hear("instance", instances.get, *BOTH)
    story.hear("instances", instances.list, *AT)
    story.hear("instances of a server", story.backup.backup_instances_extension_routing.list, estate.SERVER)
    story.hear("backup", instances.begin_adhoc_backup, *BOTH, estate.ON_DEMAND)
    job = story.hear("jobs", story.backup.jobs.list, *AT)[0]
    story.hear("running job", story.backup.jobs.get, *AT, job.name)
    story.azure.advance(1000)
    story.hear("job", story.backup.jobs.get, *AT, job.name)
    point = story.hear("points", story.backup.recovery_points.list, *BOTH)[0]
    story.hear("point", story.backup.recovery_points.get, *BOTH, point.name)


def _leave(story: Story) -> None:
    """Stop, resume, policy change, Resource Graph, deletion and what it leaves."""
    instances, policy = story.backup.backup_instances, f"{estate.VAULT}/backupPolicies/weekly-2"
    story.hear("stop", instances.begin_stop_protection, *BOTH)
    story.hear("resume", instances.begin_resume_protection, *BOTH)
    story.hear("policy change", instances.begin_create_or_update, *BOTH, estate.instance_body(policy=policy))
    query = QueryRequest(subscriptions=[estate.SUB_ID], query="Resources | project id, name")
    story.hear("graph", story.graph.resources, query)
    story.azure.advance(200)
    story.hear("deletion", instances.begin_delete, *BOTH)
    story.azure.advance(200)
    gone = story.hear("deleted instances", story.backup.deleted_backup_instances.list, *AT)[0]
    story.hear("deleted instance", story.backup.deleted_backup_instances.get, *AT, gone.name)
    story.hear("undeletion", story.backup.deleted_backup_instances.begin_undelete, *AT, gone.name)


@pytest.fixture(scope="module")
def told() -> Story:
    story = Story()
    for part in (_prepare, _protect, _leave):
        part(story)
    return story


def test_every_answer_becomes_a_model(told):
    """The whole story goes through Microsoft's clients, one answer after the other."""
    assert len(told.heard) > 40


def test_models_know_every_member(told):
    """What the models do not know is what Azure sends too, by recordings; and every such member does occur."""
    found = {place.rpartition(".")[2]: place for place in told.strangers}
    assert found.keys() == OF_MODELS.keys(), told.strangers


def test_a_stranger_would_be_noticed(told):
    """One member more in any answer, or in its properties, is found in all of them."""
    for what, (model, raw) in told.heard.items():
        first, answer = (model[0], raw[0]) if isinstance(raw, list) else (model, raw)
        places = [""] if answer and model is not None else []
        places += ["properties."] if places and isinstance(answer.get("properties"), dict) else []
        for place in places:
            more = answer["properties"] | {"stranger": 1} if place else 1
            planted = answer | ({"properties": more} if place else {"stranger": more})
            assert f"{what}.{place}stranger" in set(unknown(first, planted, what)), what
