"""What command lines ask beside the work: providers, regions, catalogues, names, lists by filter, containers."""

import json

import pytest
from azure.mgmt.postgresqlflexibleservers import PostgreSQLManagementClient
from dataprotection_world import GROUP, SERVER, SUB, SUB_ID, ask, estate

from simulator import identity
from simulator.arm.authorization import grant
from simulator.arm.managed_identity import TYPE as IDENTITY
from simulator.arm.roles import READER
from simulator.graph_directory import handle
from simulator.transport import InProcessTransport
from simulator.wire import Request

GUID = "9b0f576e-fc2e-4256-9aa3-6fede171d599"
APP = "2f6d1f1c-8a0e-4a4e-9a64-6f1c5b1f0a01"


def graph(azure, method: str, path: str, body=None, audience: str = "https://graph.microsoft.com"):
    """One request to Microsoft Graph."""
    token = identity.issue(azure.world.tenant_id, "operator", "operator", audience)
    url = f"https://localhost:1{path}"
    data = json.dumps(body).encode() if body else b""
    return handle(azure.world, Request(method, url, {"authorization": f"Bearer {token}"}, data), APP)


# -- ARM ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("resourceType eq 'Microsoft.DBforPostgreSQL/flexibleServers'", ["pg-app-01"]),
        ("tagname eq 'Backup-Tier' and tagvalue eq 'gold'", ["pg-app-01"]),
        ("tagname eq 'backup-tier' and tagvalue eq 'Gold'", []),
        ("tagname eq 'backup-tier'", ["pg-app-01"]),
        ("resourceGroup eq 'RG-APP' and name eq 'pg-app-01'", ["pg-app-01"]),
        ("location eq 'westeurope' and resourceGroup eq 'rg-backup'", ["bv-one"]),
    ],
)
def test_resources_are_listed_by_filter(text, found):
    """Types, groups and names of tags are compared without case, values of tags with it."""
    azure = estate()
    tags = {"operation": "Merge", "properties": {"tags": {"backup-tier": "gold"}}}
    assert ask(azure, "PATCH", f"{SERVER}/providers/Microsoft.Resources/tags/default", tags).status == 200
    listed = ask(azure, "GET", f"{SUB}/resources", query=f"&$filter={text}").json()["value"]
    assert [each["name"] for each in listed] == found


def test_an_unknown_filter_is_refused():
    """A filter that is not understood is never taken for none."""
    assert ask(estate(), "GET", f"{SUB}/resources", query="&$filter=colour eq 'red'").status == 400


def test_providers_and_regions_are_there():
    """The type of a resource leads to an api-version; an unknown provider is 404."""
    azure = estate()
    told = ask(azure, "GET", f"{SUB}/providers/microsoft.dbforpostgresql").json()
    types = {each["resourceType"]: each["apiVersions"] for each in told["resourceTypes"]}
    assert told["registrationState"] == "Registered"
    assert "2022-12-01" in types["flexibleServers"]
    assert ask(azure, "GET", f"{SUB}/providers/Microsoft.Nothing").status == 404
    assert ask(azure, "POST", f"{SUB}/providers/Microsoft.DataProtection/register").status == 200
    assert len(ask(azure, "GET", f"{SUB}/providers").json()["value"]) > 5
    assert "westeurope" in [each["name"] for each in ask(azure, "GET", f"{SUB}/locations").json()["value"]]


def test_the_id_of_a_group_is_spelt_as_azure_spells_it():
    """`az group create` writes resourcegroups, and gets resourceGroups."""
    made = ask(estate(), "PUT", f"{SUB}/resourcegroups/rg-new", {"location": "westeurope"}).json()
    assert made["id"] == f"{SUB}/resourceGroups/rg-new"


def test_an_empty_segment_in_a_path_is_forgiven():
    """`az resource show` leaves the place of a parent resource empty."""
    azure = estate()
    assert ask(azure, "GET", SERVER.replace("/flexibleServers", "//flexibleServers")).json()["name"] == "pg-app-01"


def test_the_real_client_reads_the_catalogue():
    """Capabilities of a region and a server, and whether a name is free, as Microsoft's client reads them."""
    azure = estate()
    client = PostgreSQLManagementClient(azure.credential("operator"), SUB_ID, transport=InProcessTransport(azure))
    (here,) = client.capabilities_by_location.list("westeurope")
    (there,) = client.capabilities_by_server.list("rg-app", "pg-app-01")
    assert {edition.name for edition in here.supported_server_editions} >= {"Burstable", "GeneralPurpose"}
    assert "16" in [version.name for version in there.supported_server_versions]
    kind = "Microsoft.DBforPostgreSQL/flexibleServers"
    for name, free in (("pg-app-01", False), ("pg-app-02", True)):
        assert (
            client.name_availability.check_with_location("westeurope", {"name": name, "type": kind}).name_available
            is free
        )
        assert client.name_availability.check_globally({"name": name, "type": kind}).name_available is free
    assert client.private_dns_zone_suffix.get().endswith("postgres.database.azure.com")


def test_a_container_of_arm_is_a_container_of_the_storage():
    """A container made through ARM takes blobs, and one made by the storage service is listed by ARM."""
    azure = estate()
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/flexrestore"
    containers = f"{account}/blobServices/default/containers"
    assert ask(azure, "GET", account).status == 404
    assert ask(azure, "PUT", f"{GROUP}/providers/Microsoft.Storage/storageAccounts/Bad_Name", {}).status == 400
    assert ask(azure, "PUT", account, {"location": "westeurope"}).json()["sku"]["name"] == "Standard_LRS"
    assert [ask(azure, "PUT", f"{containers}/dumps", {}).status for _ in range(2)] == [201, 200]
    azure.blobs.make("more")
    assert azure.blobs.write("dumps", "a", b"1").data == b"1"
    assert [each["name"] for each in ask(azure, "GET", containers).json()["value"]] == ["dumps", "more"]
    assert ask(azure, "GET", f"{containers}/none").status == 404
    name = {"name": "flexrestore", "type": "Microsoft.Storage/storageAccounts"}
    taken = ask(azure, "POST", f"{SUB}/providers/Microsoft.Storage/checkNameAvailability", name).json()
    assert (taken["nameAvailable"], ask(azure, "DELETE", account).status) == (False, 200)


# -- Microsoft Graph ---------------------------------------------------------------------------------------------


def test_identities_of_resources_have_names():
    """A vault's identity is a managed identity called like the vault, found by object id and by client id."""
    azure = estate()
    vault = next(azure.world.of_type("Microsoft.DataProtection/backupVaults")).body
    principal = vault["identity"]["principalId"]
    (found,) = graph(azure, "POST", "/v1.0/directoryObjects/getByIds", {"ids": [principal, "none"]}).json()["value"]
    assert (found["displayName"], found["servicePrincipalType"]) == ("bv-one", "ManagedIdentity")
    assert found["@odata.type"] == "#microsoft.graph.servicePrincipal"
    text = f"servicePrincipalNames/any(c:c eq '{found['appId']}')"
    (again,) = graph(azure, "GET", f"/v1.0/servicePrincipals?$filter={text}").json()["value"]
    assert again["id"] == principal
    assert graph(azure, "GET", f"/v1.0/servicePrincipals/{principal}").json()["alternativeNames"][1] == vault["id"]


def test_everybody_who_may_sign_in_is_a_principal():
    """Identities, the app and whoever holds a role are known by name; any other GUID is its own client id."""
    azure = estate()
    made = ask(azure, "PUT", f"{GROUP}/providers/{IDENTITY}/id-app", {"location": "westeurope"}).json()["properties"]
    grant(azure.world, GUID, READER, SUB)
    listed = {each["id"]: each for each in graph(azure, "GET", "/v1.0/servicePrincipals").json()["value"]}
    assert listed[made["principalId"]]["appId"] == made["clientId"]
    assert {GUID, APP, "operator"} <= listed.keys()
    stranger = GUID.replace("9", "8")
    text = f"appId eq '{stranger}'"
    assert graph(azure, "GET", f"/v1.0/servicePrincipals?$filter={text}").json()["value"][0]["id"] == stranger
    assert graph(azure, "GET", "/v1.0/users?$filter=userPrincipalName eq 'a@b.c'").json()["value"] == []


@pytest.mark.parametrize(
    ("path", "audience", "status"),
    [
        ("/v1.0/servicePrincipals", "https://storage.azure.com", 401),
        ("/v1.0/servicePrincipals", "https://localhost", 200),
        ("/v1.0/servicePrincipals?$filter=tags/any()", "https://graph.microsoft.com", 400),
        ("/v1.0/servicePrincipals/nobody", "https://graph.microsoft.com", 404),
        ("/v1.0/me", "https://graph.microsoft.com", 501),
    ],
)
def test_graph_refuses_in_its_own_words(path, audience, status):
    """A foreign token, a filter that is not understood, nobody, and what is not played."""
    assert graph(estate(), "GET", path, audience=audience).status == status
