"""The pipeline: nothing leaves for a host that is not ours, least of all our token; one attempt; Azure's clock."""

from datetime import timedelta

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.core.rest import HttpRequest

from shared.cloud import observe, queue
from shared.cloud.errors import CloudError
from shared.cloud.http import ForeignHost
from shared.core.observed import Running
from tests.core.samples import NOW, VAULT
from tests.shared.answers import Answer
from tests.shared.clouds import SETTINGS, Credential, Wire, lonely_cloud

OURS = SETTINGS.arm_endpoint


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/steal",
        "http://management.azure.com/subscriptions",
        "https://management.azure.com.evil.example/",
        "https://management.azure.com@evil.example/",
        "https://me:pass@management.azure.com/",
        "https://management.azure.com:8443/",
        "https://management.azure.co\u043c/",
        "https://flexguard.queue.core.windows.net/",
        "ftp://management.azure.com/",
    ],
)
def test_a_foreign_host_gets_nothing(url: str):
    """A request for another host or scheme is refused before a token is fetched and before a byte is sent."""
    credential, wire = Credential(), Wire()
    cloud = lonely_cloud(credential=credential, wire=wire)
    with pytest.raises(ForeignHost, match="nothing was sent"):
        cloud.arm.send_request(HttpRequest("GET", url))
    assert (credential.asked, wire.sent) == (0, [])


@pytest.mark.parametrize("url", [f"{OURS}/x?y=1", "https://MANAGEMENT.azure.com/x"])
def test_our_own_host_gets_the_token(url: str):
    """A request for our ARM endpoint goes out with the token, in any casing of the host."""
    credential, wire = Credential(), Wire(lambda _: Answer(200, {}))
    lonely_cloud(credential=credential, wire=wire).arm.send_request(HttpRequest("GET", url))
    assert [request.headers["Authorization"] for request in wire.sent] == ["Bearer very-secret-token"]


def test_a_bent_operation_url_is_an_error_of_azure():
    """An operation whose URL leads elsewhere ends in an error that is looked at again, with nothing sent."""
    wire = Wire()
    with pytest.raises(CloudError, match="ForeignHost") as caught:
        observe.operation(lonely_cloud(wire=wire), Running("validate", "https://evil.example/op", NOW))
    assert (caught.value.may_have_happened, wire.sent) == (False, [])


def test_a_bent_next_link_is_not_followed():
    """A list whose next page lies elsewhere is an error, not a page; only the first page was asked for."""
    wire = Wire(lambda _: Answer(200, {"value": [], "nextLink": "https://evil.example/page"}))
    with pytest.raises(CloudError, match="ForeignHost"):
        observe.policies(lonely_cloud(wire=wire), VAULT)
    assert len(wire.sent) == 1


def test_there_is_no_redirect_and_no_second_attempt():
    """A redirect is not followed and a failure not repeated: the queue looks again, which survives a crash."""
    for status in (302, 307, 429, 500, 503):
        wire = Wire(lambda _, status=status: Answer(status, {}, {"Location": f"{OURS}/other", "Retry-After": "0"}))
        lonely_cloud(wire=wire).arm.send_request(HttpRequest("GET", f"{OURS}/x"))
        assert len(wire.sent) == 1


def test_time_is_azures():
    """The Date of every answer moves the clock forward, never back, and an answer without one leaves it."""
    dates = ["Mon, 23 Nov 2026 12:00:41 GMT", "Mon, 23 Nov 2026 11:00:00 GMT", "nonsense", ""]
    cloud = lonely_cloud(wire=Wire(*(lambda _, date=date: Answer(200, {}, {"Date": date}) for date in dates)))
    for _ in dates:
        cloud.arm.send_request(HttpRequest("GET", f"{OURS}/x"))
        assert cloud.now == NOW + timedelta(seconds=41)


def test_what_is_kept_is_read_anew_after_ten_minutes():
    """A value is read once in ten minutes of Azure's time, and at once after it was forgotten."""
    cloud, reads = lonely_cloud(), iter(range(9))
    assert [cloud.kept(("a",), lambda: next(reads)) for _ in range(3)] == [0, 0, 0]
    cloud.tick(NOW + timedelta(minutes=10))
    assert cloud.kept(("a",), lambda: next(reads)) == 1
    cloud.forget("a")
    assert cloud.kept(("a",), lambda: next(reads)) == 2


@pytest.mark.parametrize(("after_s", "timeout"), [(0.0, 0), (-5.0, 0), (41.4, 41), (0.6, 1), (10**9, 604_799)])
def test_a_message_is_hidden_as_long_as_asked(after_s: float, timeout: int):
    """A delay is a whole number of seconds that the queue takes: from none to a little under seven days."""
    wire = Wire(lambda _: Answer(201))
    queue.send(lonely_cloud(wire=wire), "converge", {"server_id": "x"}, after_s)
    assert f"visibilitytimeout={timeout}&messagettl=-1" in wire.sent[0].url


def test_a_queue_that_refuses_is_an_error():
    """Anything but Created is an error of Azure, for the caller to raise or to wait."""
    with pytest.raises(CloudError) as caught:
        queue.send(lonely_cloud(wire=Wire(lambda _: Answer(403))), "converge", {})
    assert caught.value.status == 403


def test_the_refusal_is_of_a_request_that_was_not_sent():
    """The SDK takes the refusal for what it is: nothing was sent, so nothing can have happened."""
    assert issubclass(ForeignHost, ServiceRequestError)
