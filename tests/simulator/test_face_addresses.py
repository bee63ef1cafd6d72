"""What the services say over the network: their own addresses, the virtual date, and 401 for a wrong token."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from served import BODY, GROUP, SERVER, SUBSCRIPTION, Served, served


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("face"), "--speed", "0") as running:
        running.arm("PUT", SUBSCRIPTION, {})
        running.arm("PUT", GROUP, {"location": "westeurope"})
        yield running


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_operation_urls_carry_the_address_that_was_called(azure: Served, name: str):
    """A client that polls what it was told stays at the address at which it began."""
    at = azure.ready["arm"].replace("localhost", name)
    answer = azure.arm("PUT", f"{SERVER}-{name.replace('.', '-')}", BODY, at=at)
    told = [answer.headers["azure-asyncoperation"], answer.headers["location"]]
    assert [f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in told] == [at, at]
    assert azure.arm("GET", told[0].removeprefix(at), at=at).json()["status"] == "InProgress"


def test_operation_urls_work_by_path_and_query_alone(azure: Served):
    """A URL that was made for one address works at another one."""
    vault = f"{GROUP}/providers/Microsoft.DataProtection/backupVaults/bv-ops"
    told = azure.arm("PUT", vault, {"location": "westeurope"}).headers["azure-asyncoperation"]
    parts = urlsplit(told)
    other = azure.ready["arm"].replace("localhost", "127.0.0.1")
    assert azure.arm("GET", f"{parts.path}?{parts.query}", at=other).status_code == 200


@pytest.mark.parametrize("version", ["2015-12-01", "2021-06-01", "2022-12-01", "2023-06-01-preview", "2026-06-01"])
def test_every_api_version_is_taken(azure: Served, version: str):
    """Old and new clients ask with their own api-version and are answered."""
    assert azure.arm("GET", f"{GROUP}?api-version={version}").status_code == 200


def test_answers_carry_the_virtual_date(azure: Served):
    """The Date of every service is the time of the world, not of the machine."""
    now = azure.control("GET", "/clock")["now"]
    dates = {azure.arm("GET", GROUP).headers["date"]}
    for kind in ("queue", "table", "blob"):
        dates.add(azure.http.get(f"{azure.ready[kind]}/x", timeout=10).headers["date"])
    dates.add(azure.http.get(azure.ready["identity"], timeout=10).headers["date"])
    dates.add(azure.http.get(f"{azure.ready['arm']}/metadata/endpoints", timeout=10).headers["date"])
    assert now.startswith("2026-11-23T08:00:00")
    assert dates == {"Mon, 23 Nov 2026 08:00:00 GMT"}


def test_arm_names_itself_as_a_cloud(azure: Served):
    """`az cloud register` finds one object whose login endpoint and resource manager are here."""
    told = azure.http.get(f"{azure.ready['arm']}/metadata/endpoints?api-version=2019-05-01", timeout=10).json()
    assert (told["resourceManager"], told["authentication"]["loginEndpoint"]) == (
        f"{azure.ready['arm']}/",
        azure.ready["arm"],
    )


# -- tokens ------------------------------------------------------------------------------------------------------


def refused(azure: Served, kind: str, token: str) -> requests.Response:
    paths = {
        "arm": f"{GROUP}?api-version=2022-12-01",
        "queue": "/q/messages",
        "table": "/Tables",
        "blob": "/?comp=list",
    }
    headers = {"x-ms-version": "2021-12-02"} | ({"authorization": f"Bearer {token}"} if token else {})
    answer = azure.http.get(azure.ready[kind] + paths[kind], headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer authorization_uri=")
    return answer


@pytest.mark.parametrize(
    ("token", "code"),
    [("", "AuthenticationFailed"), ("eyJh.eyJh.c2ln", "InvalidAuthenticationToken")],
    ids=["none", "forged"],
)
def test_arm_refuses_who_shows_no_token_of_this_run(azure: Served, token: str, code: str):
    """ARM answers 401 in its own words, with a challenge, when there is no token or one that nobody here signed."""
    assert refused(azure, "arm", token).json()["error"]["code"] == code


def test_arm_refuses_a_token_for_storage(azure: Served):
    """A token is good for its audience alone, and ARM names both audiences."""
    error = refused(azure, "arm", azure.token("https://storage.azure.com")).json()["error"]
    assert error["code"] == "InvalidAuthenticationTokenAudience"
    assert "https://storage.azure.com" in error["message"]
    assert "https://management.azure.com" in error["message"]


@pytest.mark.parametrize("kind", ["queue", "table", "blob"])
def test_storage_refuses_a_token_for_arm(azure: Served, kind: str):
    """Each storage service answers 401 in its own form to a token for ARM, and to none."""
    foreign = refused(azure, kind, azure.token("https://management.azure.com"))
    assert foreign.headers["x-ms-error-code"] == "InvalidAuthenticationInfo"
    assert refused(azure, kind, "").headers["x-ms-error-code"] == "NoAuthenticationInformation"


def test_the_topic_refuses_a_token_for_arm(azure: Served):
    """Event Grid takes a token for Event Grid only."""
    event = {
        "id": "1",
        "subject": "s",
        "data": {},
        "eventType": "t",
        "eventTime": "2026-11-23T08:00:00Z",
        "dataVersion": "1",
    }
    answers = [
        azure.http.post(
            f"{azure.ready['topic']}?api-version=2018-01-01",
            json=[event],
            headers={"authorization": f"Bearer {azure.token(resource)}"},
            timeout=10,
        ).status_code
        for resource in ("https://management.azure.com", "https://eventgrid.azure.net")
    ]
    assert answers == [401, 200]


def test_a_token_for_the_address_itself_is_good(azure: Served):
    """A client that makes its audience of the endpoint, as in sovereign clouds, is known too, and may do nothing."""
    token = azure.token(azure.ready["arm"])
    answer = azure.arm("GET", GROUP, headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert azure.ready["principal"] in answer.json()["error"]["message"]


# -- identity ----------------------------------------------------------------------------------------------------


def test_the_identity_endpoint_checks_its_header(azure: Served):
    """Without the right X-IDENTITY-HEADER nobody gets a token."""
    query = {"api-version": "2019-08-01", "resource": "https://management.azure.com"}
    for headers in ({}, {"x-identity-header": "guess"}):
        assert azure.http.get(azure.ready["identity"], params=query, headers=headers, timeout=10).status_code == 401


def test_a_user_assigned_identity_is_named_in_three_ways(azure: Served):
    """Client id, resource id and object id lead to the same identity, and its principal is whom ARM sees."""
    path = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app"
    made = azure.arm("PUT", path, {"location": "westeurope"}).json()["properties"]
    names = {"client_id": made["clientId"], "mi_res_id": path, "object_id": made["principalId"]}
    for name, value in names.items():
        token = azure.token("https://management.azure.com", **{name: value})
        answer = azure.arm("GET", GROUP, headers={"authorization": f"Bearer {token}"})
        assert made["principalId"] in answer.json()["error"]["message"], name
    headers = {"x-identity-header": azure.ready["environment"]["IDENTITY_HEADER"]}
    query = {"api-version": "2019-08-01", "resource": "https://management.azure.com", "client_id": SUBSCRIPTION[-36:]}
    assert azure.http.get(azure.ready["identity"], params=query, headers=headers, timeout=10).status_code == 400


# -- what breaks -------------------------------------------------------------------------------------------------


def test_a_reset_breaks_the_connection(azure: Served):
    """A lost answer is a broken connection, and the next request is answered."""
    azure.control("POST", "/fault", {"name": "reset", "target": "rg-data"})
    with pytest.raises(requests.exceptions.ConnectionError):
        azure.arm("GET", GROUP)
    assert azure.arm("GET", GROUP).status_code == 200


def test_what_users_store_is_not_rewritten(azure: Served):
    """A tag that holds an address of Azure comes back as it was."""
    tags = {"link": "https://management.azure.com/subscriptions/x"}
    azure.arm("PATCH", GROUP, {"tags": tags})
    assert azure.arm("GET", GROUP).json()["tags"] == tags


def test_another_account_is_not_here(azure: Served):
    """A path outside the account says where the account is."""
    elsewhere = azure.ready["queue"].replace("/flexguard", "/other")
    answer = azure.http.get(f"{elsewhere}/q/messages", timeout=10)
    assert answer.status_code == 404
    assert azure.ready["queue"] in answer.text
