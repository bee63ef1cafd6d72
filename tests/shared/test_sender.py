"""The one sender: where it sends, what it sends with, how often, and what it says when nobody takes it."""

from dataclasses import replace
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError

from shared.cloud.addresses import why_refused
from shared.cloud.clients import Cloud
from shared.cloud.sender import LONGEST_ANSWER, NotTaken, post
from tests.core.samples import NOW
from tests.shared.answers import Answer
from tests.shared.clouds import SETTINGS, Credential, Wire, lonely_cloud

HOOK = "https://hooks.example.com/services/T000/s3cret?key=hidden"


class Options(Wire):
    """A wire that also keeps what it was asked to do with each request."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(*answers)
        self.options: list[dict[str, Any]] = []

    def send(self, request: Any, **options: Any) -> Any:
        self.options.append(options)
        return super().send(request, **options)


def test_one_request_is_sent_and_answered():
    """A POST with the body as it is, our headers, short timeouts, and no token."""
    wire = Options(lambda _: Answer(202, "ok"))
    assert post(lonely_cloud(wire=wire), HOOK, b'{"a":1}', {"X-One": "1"}) == (202, "ok")
    (request,), (options,) = wire.sent, wire.options
    assert (request.method, request.url, request.headers["X-One"]) == ("POST", HOOK, "1")
    assert "Authorization" not in request.headers
    assert options["connection_timeout"] <= 10
    assert options["read_timeout"] <= 30
    assert not options.get("allow_redirects")


def test_a_service_of_azure_gets_a_token():
    """Azure Communication Services is asked with the app's identity."""
    wire = Wire(lambda _: Answer(202))
    post(lonely_cloud(wire=wire), "https://x.communication.azure.com/emails:send", b"{}", {}, "https://scope/.default")
    assert wire.sent[0].headers["Authorization"].startswith("Bearer ")


@pytest.mark.parametrize("status", [301, 302, 307, 308, 429, 500, 503])
def test_nothing_is_sent_twice(status: int):
    """No redirect is followed and nothing is repeated within a run, whatever the answer says."""
    wire = Wire(lambda _: Answer(status, "", {"Location": "https://evil.example/", "Retry-After": "1"}))
    assert post(lonely_cloud(wire=wire), HOOK, b"{}", {})[0] == status
    assert len(wire.sent) == 1


@pytest.mark.parametrize("error", [ServiceRequestError, ServiceResponseError])
def test_a_failure_names_the_host_and_no_secret(error: Any):
    """The reason says who did not answer; the path and key of the address are in no message."""

    def fail(_: Any) -> Any:
        raise error(f"Max retries exceeded with url: {HOOK}")

    with pytest.raises(NotTaken) as caught:
        post(lonely_cloud(wire=Wire(fail)), HOOK, b"{}", {})
    assert "hooks.example.com" in str(caught.value)
    assert "s3cret" not in repr(caught.value)
    assert "hidden" not in repr(caught.value)


def test_a_long_answer_is_not_read_to_its_end():
    """A sink that answers without end costs a few kilobytes."""
    wire = Wire(lambda _: Answer(200, "x" * 1_000_000))
    assert len(post(lonely_cloud(wire=wire), HOOK, b"{}", {})[1]) == LONGEST_ANSWER


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.example.com/x",
        "ftp://hooks.example.com/x",
        "hooks.example.com",
        "",
        "https://",
        "https://169.254.169.254/metadata/identity",
        "https://168.63.129.16/x",
        "https://[fe80::1]/x",
        "https://[::1]/x",
        "https://[fd00:ec2::254]/x",
        "https://[::ffff:169.254.169.254]/x",
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://2852039166/x",
        "https://0xa9fea9fe/x",
        "https://0251.0376.0251.0376/x",
        "https://10.0.0.4/x",
        "https://192.168.1.1/x",
        "https://localhost/x",
        "https://LOCALHOST./x",
        "https://a.localhost/x",
        "https://metadata.google.internal/x",
        "https://user:password@hooks.example.com/x",
        "https://hooks.example.com:port/x",
        "https://[bad/x",
        "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/x/)",
    ],
)
def test_where_nothing_is_ever_sent(address: str):
    """No plain http, no machine, network or metadata service, however its address is spelt; the reason shows none."""
    reason = why_refused(address)
    assert reason
    assert len(address) < 10 or address not in reason
    wire = Wire()
    with pytest.raises(NotTaken, match="nothing was sent"):
        post(lonely_cloud(wire=wire), address, b"{}", {})
    assert wire.sent == []


@pytest.mark.parametrize(
    "address", [HOOK, "https://8.8.8.8/x", "https://events.pagerduty.com/v2/enqueue", "https://x.example:8443/y",
                "https://4chan.example/x", "https://face.example/x"],
)  # fmt: skip
def test_where_alerts_may_go(address: str):
    """Any https address of a public host is fine."""
    assert why_refused(address) == ""


def test_a_sinks_clock_is_not_ours():
    """The Date of a sink's answer does not move Azure's time, on which all decisions are made."""
    cloud = Cloud(SETTINGS, Credential(), Wire(lambda _: Answer(200, "", {"Date": "Fri, 31 Dec 2100 23:59:59 GMT"})))
    cloud.tick(NOW)
    post(cloud, HOOK, b"{}", {})
    assert cloud.now == NOW
    assert replace(SETTINGS).channels == {}
