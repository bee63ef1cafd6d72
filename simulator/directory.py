"""Where tokens come from: the identity endpoint of App Service, Entra's token endpoint, and what describes both.

It hands out tokens and knows whose they are; whether a token is good for a service is `identity.py`'s question.

**Source**: Microsoft, "App Service … managed identities: REST endpoint reference"; "OAuth 2.0 client credentials flow";
azure-identity's and MSAL's requests. Assumed: the words and statuses of refusals.
"""

import re
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID, uuid5

from simulator.identity import LIFE_S, issue, user_identity
from simulator.wire import Json, Request, Response, json_response
from simulator.world import World

PAGES = re.compile(
    r"/(?P<tenant>[^/]+)/(?P<page>oauth2/v2\.0/token|oauth2/token|discovery/v2\.0/keys"
    r"|v2\.0/\.well-known/openid-configuration|\.well-known/openid-configuration)"
)
METADATA = "/metadata/endpoints"
MSI, MSI_VERSION = "/msi/token", "2019-08-01"
CLIENTS = UUID("0d3a7f4b-6f6c-4d7e-9d0a-3a9b7c1e5f10")
ANY_TENANT = ("common", "organizations")


@dataclass(frozen=True)
class Directory:
    """The identities of one app and of the world.

    principal: object id of the app's system-assigned identity. header: what X-IDENTITY-HEADER must say.
    """

    principal: str
    header: str

    # -- App Service -------------------------------------------------------------------------------------------

    def managed_identity(self, world: World, request: Request) -> Response:
        """A token for the app's own identity, or for the user-assigned one that the query names."""
        if request.path != MSI:
            return _refused(404, "NotFound")
        if world.faults.take("identity_down", self.principal):
            return _refused(500, "The identity endpoint does not answer.")
        if request.headers.get("x-identity-header") != self.header:
            return _refused(401, "The X-IDENTITY-HEADER is missing or wrong.")
        query = request.query
        resource = query.get("resource", "")
        if request.method != "GET" or query.get("api-version") != MSI_VERSION or not resource:
            return _refused(400, f"A GET with api-version={MSI_VERSION} and resource is expected.")
        named = {
            "client": query.get("client_id") or query.get("clientid") or "",
            "resource_id": query.get("mi_res_id") or query.get("msi_res_id") or "",
            "principal": query.get("object_id") or query.get("principal_id") or "",
        }
        found = self._identity(world, **named)
        if found is None:
            return _refused(400, "Unable to load the proper Managed Identity.")
        principal, client = found
        token = {
            "access_token": issue(world.tenant_id, principal, client, resource),
            "expires_on": str(int(time.time()) + LIFE_S),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": client,
        }
        return json_response(200, token)

    def _identity(self, world: World, client: str, resource_id: str, principal: str) -> tuple[str, str] | None:
        """Object id and client id of the identity that is named; without a name, of the system-assigned one."""
        own = client_of(self.principal)
        if not resource_id and client in ("", own) and principal in ("", self.principal):
            return self.principal, own
        found = user_identity(world, client=client, resource_id=resource_id, principal=principal)
        return (found.body["properties"]["principalId"], found.body["properties"]["clientId"]) if found else None


def client_of(principal_id: str) -> str:
    """The client id of a system-assigned identity, which ARM never shows."""
    return str(uuid5(CLIENTS, principal_id))


def _refused(status: int, message: str) -> Response:
    return json_response(status, {"statusCode": status, "message": message})


# -- Entra -------------------------------------------------------------------------------------------------------


def plays(path: str) -> bool:
    """Whether this file answers at a path of ARM's address."""
    return path == METADATA or PAGES.fullmatch(path) is not None


def handle(world: World, request: Request, address: str) -> Response:
    """Answer a request to Entra or for the cloud's endpoints. address: where the caller reached the local Azure."""
    if request.path == METADATA:
        return json_response(200, endpoints(address))
    match = PAGES.fullmatch(request.path)
    tenant, page = (match["tenant"], match["page"]) if match else ("", "")
    if tenant.lower() not in (world.tenant_id, *ANY_TENANT):
        return _oauth_error("invalid_tenant", f"AADSTS90002: Tenant '{tenant}' not found.")
    if page.endswith("token"):
        return _token(world, request)
    if page.endswith("keys"):
        return json_response(200, {"keys": []})  # tokens are signed with a secret, so there is no key to publish
    return json_response(200, _configuration(f"{address}/{tenant}", world.tenant_id, address))


def _token(world: World, request: Request) -> Response:
    """The client credentials flow. Any secret is right; a client that is no identity of the world is its principal."""
    form = dict(parse_qsl(request.body.decode()))
    scope = form.get("scope") or form.get("resource", "")
    client = form.get("client_id", "")
    if form.get("grant_type") != "client_credentials":
        return _oauth_error("unsupported_grant_type", "AADSTS70003: The local Azure plays client_credentials alone.")
    if not client or not (form.get("client_secret") or form.get("client_assertion")):
        return _oauth_error("invalid_client", "AADSTS7000216: 'client_id' and 'client_secret' are required.", 401)
    if not scope:
        return _oauth_error("invalid_scope", "AADSTS90014: The required field 'scope' is missing.")
    found = user_identity(world, client=client)
    principal = found.body["properties"]["principalId"] if found else client
    token = issue(world.tenant_id, principal, client, scope.partition(" ")[0].removesuffix("/.default"))
    life = {"expires_in": LIFE_S, "ext_expires_in": LIFE_S}
    return json_response(200, {"token_type": "Bearer", **life, "access_token": token})


def _oauth_error(error: str, description: str, status: int = 400) -> Response:
    return json_response(status, {"error": error, "error_description": description})


def _configuration(authority: str, tenant_id: str, address: str) -> Json:
    return {
        "token_endpoint": f"{authority}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "jwks_uri": f"{authority}/discovery/v2.0/keys",
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["HS256"],
        "issuer": f"{address}/{tenant_id}/v2.0",
        "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{authority}/oauth2/v2.0/devicecode",
        "tenant_region_scope": "EU",
        "cloud_instance_name": "localhost",
    }


def endpoints(address: str) -> Json:
    """What a cloud says of itself, so that `az cloud register` and SDKs find its places. One object, one cloud.

    **Source**: `az cloud register --endpoint-resource-manager` and Microsoft's environment() reference.
    """
    return {
        "name": "FlexguardLocal",
        "gallery": f"{address}/",
        "graph": f"{address}/",
        "portal": f"{address}/",
        "graphAudience": f"{address}/",
        "activeDirectoryDataLake": f"{address}/",
        "batch": f"{address}/",
        "media": f"{address}/",
        "sqlManagement": f"{address}/",
        "vmImageAliasDoc": f"{address}/",
        "resourceManager": f"{address}/",
        "authentication": {
            "loginEndpoint": address,
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "microsoftGraphResourceId": f"{address}/",
        "ossrdbmsResourceId": "https://ossrdbms-aad.database.windows.net",
        "logAnalyticsResourceId": f"{address}/",
        "suffixes": {
            "storage": "core.windows.net",
            "keyVaultDns": "vault.azure.net",
            "postgresqlServerEndpoint": "postgres.database.azure.com",
        },
    }
