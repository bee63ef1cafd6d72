"""Members of requests have their types, or the request is refused before any operation looks at it."""

import pytest
from dataprotection_world import POLICY, SUB, VAULT, VAULT_BODY, ask, code, estate

from simulator.arm.request_types import misfit


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"properties": {"dataSourceInfo": {"resourceID": "x"}, "strange": [1]}}, ""),
        ({"properties": None, "tags": {"properties": "a tag of that name"}}, ""),
        ({"properties": "x"}, "properties"),
        ({"properties": [{"a": 1}]}, "properties"),
        ({"backupInstance": {"DATASOURCEINFO": "x"}}, "DATASOURCEINFO"),
        ({"properties": {"storageSettings": [{"type": 1}]}}, "type"),
        ({"properties": {"storageSettings": ["x"]}}, "storageSettings"),
        ({"softDeleteSettings": {"retentionDurationInDays": True}}, "retentionDurationInDays"),
        ({"tags": {"tier": None}}, "tier"),
        ({"tags": ["tier"]}, "tags"),
    ],
)
def test_a_misfit_is_named(body, name):
    """The first member of a wrong type, at any depth and in any casing; null and unknown members fit."""
    assert misfit(body) == name


def test_a_misfit_is_refused_and_changes_nothing():
    """400 InvalidRequestContent from every provider, and the resources stay as they were."""
    azure = estate()
    before = {key: str(resource.body) for key, resource in azure.world.resources.items()}
    for path, body in (
        (VAULT, VAULT_BODY | {"properties": "x"}),
        (POLICY, {"properties": ["x"]}),
        (f"{SUB}/resourceGroups/rg-new", {"location": 7}),
        (f"{VAULT}/providers/Microsoft.Authorization/roleAssignments/x", {"properties": {"principalId": []}}),
    ):
        refused = ask(azure, "PUT", path, body)
        assert (refused.status, code(refused)) == (400, "InvalidRequestContent")
    assert {key: str(resource.body) for key, resource in azure.world.resources.items()} == before
