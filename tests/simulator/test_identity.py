"""Tokens: who stands behind one, for which service, and until when."""

import pytest

from simulator import identity
from simulator.azure import LocalAzure
from simulator.wire import Request

ARM, STORAGE, GRID = "https://management.azure.com", "https://storage.azure.com", "https://eventgrid.azure.net"
WHERE = {
    "arm": ("https://management.azure.com/subscriptions?api-version=2022-12-01", ARM),
    "queue": ("https://flexguard.queue.core.windows.net/?comp=list", STORAGE),
    "table": ("https://flexguard.table.core.windows.net/Tables", STORAGE),
    "blob": ("https://flexguard.blob.core.windows.net/?comp=list", STORAGE),
}


def bearer(audience: str, **given: float) -> str:
    return "Bearer " + identity.issue("tenant", "me", "client", audience, **given)


@pytest.mark.parametrize("audience", [ARM, f"{ARM}/", "https://Management.azure.com"])
def test_a_token_names_its_principal(audience: str):
    """Audiences are compared without case and without a slash at the end."""
    assert identity.principal_of(bearer(audience), ARM) == "me"


def test_a_token_is_good_for_one_audience_and_for_its_time():
    """Foreign, expired, forged, missing: nobody."""
    token = bearer(ARM)
    forged = token[:-4] + ("aaaa" if token[-4:] != "aaaa" else "bbbb")
    for wrong in (bearer(STORAGE), bearer(ARM, life_s=-1), forged, "Bearer x.y", "Basic abc", ""):
        assert identity.principal_of(wrong, ARM) is None


def test_the_in_process_form_is_good_everywhere():
    """What the in-process credential shows has neither audience nor end."""
    assert {identity.principal_of("Bearer simulated.op", audience) for audience in (ARM, STORAGE)} == {"op"}


@pytest.mark.parametrize("service", WHERE)
def test_an_expired_token_is_refused_by_every_service(azure: LocalAzure, service: str):
    """An hour too late is 401 with a challenge, in time it is 200."""
    url, audience = WHERE[service]
    good = azure.handle(Request("GET", url, {"authorization": bearer(audience)}))
    late = azure.handle(Request("GET", url, {"authorization": bearer(audience, life_s=-3600)}))
    assert (good.status, late.status) == (200, 401)
    assert late.headers["www-authenticate"].startswith("Bearer authorization_uri=")
    if service == "arm":
        assert late.json()["error"]["code"] == "ExpiredAuthenticationToken"


def test_the_log_names_the_caller_of_a_token(azure: LocalAzure):
    """A call with a token stands in the log under the token's principal, refused or not."""
    azure.handle(Request("GET", WHERE["queue"][0], {"authorization": bearer(GRID)}))
    assert [(call.caller, call.status) for call in azure.log] == [("me", 401)]
