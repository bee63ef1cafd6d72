"""User-assigned identities and tenants, as ARM serves them."""

import json
from typing import Any

import pytest

from simulator.azure import LocalAzure
from simulator.wire import Request, Response

SUBSCRIPTION = "/subscriptions/5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-data"
TYPE = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"


@pytest.fixture
def arm(azure: LocalAzure):
    def ask(method: str, path: str, body: bytes = b"", caller: str = "operator") -> Response:
        url = f"https://management.azure.com{path}?api-version=2023-01-31"
        return azure.handle(Request(method, url, {"authorization": f"Bearer simulated.{caller}"}, body))

    ask("PUT", SUBSCRIPTION)
    ask("PUT", GROUP, b'{"location": "westeurope"}')
    return ask


def test_an_identity_has_a_principal_and_a_client(arm: Any):
    """It is made once, keeps its ids when it is written again, and is gone when it is deleted."""
    path = f"{GROUP}/{TYPE}/app"
    made = arm("PUT", path, b'{"location": "West Europe"}')
    again = arm("PUT", path, b'{"location": "westeurope", "tags": {"a": "b"}}')
    assert (made.status, again.status) == (201, 200)
    assert made.json()["properties"] == again.json()["properties"]
    assert len(set(made.json()["properties"].values())) == 3
    assert [each["name"] for each in arm("GET", f"{GROUP}/{TYPE}").json()["value"]] == ["app"]
    assert [each["tags"] for each in arm("GET", f"{SUBSCRIPTION}/{TYPE}").json()["value"]] == [{"a": "b"}]
    assert [arm("DELETE", path).status, arm("DELETE", path).status] == [200, 204]
    assert arm("GET", path).json()["error"]["code"] == "ResourceNotFound"


def test_a_vault_shows_the_ids_of_the_identity(arm: Any, azure: LocalAzure):
    """An identity that is assigned to a vault has the same ids there as by itself."""
    path = f"{GROUP}/{TYPE}/app"
    own = arm("PUT", path, b'{"location": "westeurope"}').json()["properties"]
    vault = f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/bv"
    identity = {"type": "UserAssigned", "userAssignedIdentities": {path: {}}}
    arm("PUT", vault, json.dumps({"location": "westeurope", "identity": identity}).encode())
    azure.advance(120)
    shown = arm("GET", vault).json()["identity"]["userAssignedIdentities"][path]
    assert shown == {name: own[name] for name in ("clientId", "principalId")}


def test_whoever_has_a_token_sees_the_tenant(arm: Any, azure: LocalAzure):
    """The tenant is listed without any right; without a token it is not."""
    assert arm("GET", "/tenants", caller="nobody").json()["value"][0]["tenantId"] == azure.world.tenant_id
    bare = azure.handle(Request("GET", "https://management.azure.com/tenants?api-version=2022-12-01"))
    assert bare.status == 401
