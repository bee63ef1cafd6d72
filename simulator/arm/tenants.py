"""The tenants of the caller, as ARM lists them. The local Azure has one."""

from simulator.arm.routing import Call, Route
from simulator.wire import Response, json_response
from simulator.world import World


def list_tenants(world: World, call: Call) -> Response:  # noqa: ARG001 - every handler has this form
    """The one tenant of this world. **Source**: Microsoft's REST reference, "Tenants - List"."""
    tenant = {
        "id": f"/tenants/{world.tenant_id}",
        "tenantId": world.tenant_id,
        "countryCode": "DE",
        "displayName": "Local Azure",
        "domains": ["local.onmicrosoft.com"],
        "tenantCategory": "Home",
        "defaultDomain": "local.onmicrosoft.com",
        "tenantType": "AAD",
    }
    return json_response(200, {"value": [tenant]})


ROUTES = (Route("GET", "/tenants", "Microsoft.Resources/tenants/read", list_tenants),)
