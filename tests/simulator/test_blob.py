"""The blob service: containers, blobs, conditions, listings and leases, in the words of the REST reference."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from simulator.azure import LocalAzure
from simulator.wire import Request, Response

TOKEN = {"authorization": "Bearer simulated.operator", "x-ms-version": "2021-12-02"}


@pytest.fixture
def ask(azure: LocalAzure):
    def send(method: str, target: str, body: bytes = b"", **headers: Any) -> Response:
        named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        return azure.handle(Request(method, f"https://flexguard.blob.core.windows.net/{target}", TOKEN | named, body))

    assert send("PUT", "letters?restype=container").status == 201
    return send


def put(ask: Any, name: str, body: bytes = b"hello", **headers: Any) -> Response:
    answer: Response = ask("PUT", f"letters/{name}", body, x_ms_blob_type="BlockBlob", **headers)
    return answer


def code(response: Response) -> tuple[int, str]:
    return response.status, response.headers["x-ms-error-code"]


def test_a_blob_is_read_as_it_was_written(ask: Any):
    """Content, type and metadata come back; HEAD shows the same without the content."""
    written = put(ask, "a/b.json", x_ms_blob_content_type="application/json", x_ms_meta_who="me")
    read, head = ask("GET", "letters/a/b.json"), ask("HEAD", "letters/a/b.json")
    assert (written.status, read.status, read.body, head.body) == (201, 200, b"hello", b"")
    shown = ("content-type", "content-length", "x-ms-meta-who", "etag")
    assert [read.headers[name] for name in shown] == ["application/json", "5", "me", written.headers["etag"]]
    assert [head.headers[name] for name in shown] == [read.headers[name] for name in shown]


def test_a_range_is_read_alone(ask: Any):
    """A client that reads in parts gets 206, and 416 beyond the end."""
    put(ask, "a")
    part = ask("GET", "letters/a", x_ms_range="bytes=1-3")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"ell", "bytes 1-3/5")
    assert code(ask("GET", "letters/a", x_ms_range="bytes=5-9")) == (416, "InvalidRange")


def test_what_is_not_there_has_its_code(ask: Any):
    """Container and blob each have their own 404, and a name is made once."""
    assert code(ask("GET", "letters/none")) == (404, "BlobNotFound")
    assert code(ask("GET", "none/none")) == (404, "ContainerNotFound")
    assert code(ask("PUT", "letters?restype=container")) == (409, "ContainerAlreadyExists")
    put(ask, "a")
    assert [ask("DELETE", "letters/a").status, ask("DELETE", "letters/a").status] == [202, 404]
    assert ask("DELETE", "letters?restype=container").status == 202


def test_conditions_are_kept(ask: Any):
    """A write with If-None-Match * makes only what is not there; one with an ETag changes only that version."""
    first = put(ask, "a", if_none_match="*").headers["etag"]
    assert code(put(ask, "a", if_none_match="*")) == (409, "BlobAlreadyExists")
    second = put(ask, "a", b"two", if_match=first)
    assert (second.status, second.headers["etag"] == first) == (201, False)
    assert code(put(ask, "a", b"three", if_match=first)) == (412, "ConditionNotMet")
    assert ask("GET", "letters/a", if_none_match=second.headers["etag"]).status == 304


def test_blobs_are_listed_by_prefix_in_pages_and_folders(ask: Any):
    """A prefix chooses, a delimiter folds, a marker goes on."""
    for name in ("x/1", "x/2", "y/1", "z"):
        put(ask, name)
    assert names(ask("GET", "letters?restype=container&comp=list&prefix=x/")) == (["x/1", "x/2"], [], "")
    assert names(ask("GET", "letters?restype=container&comp=list&delimiter=/")) == (["z"], ["x/", "y/"], "")
    first = names(ask("GET", "letters?restype=container&comp=list&maxresults=3"))
    assert first == (["x/1", "x/2", "y/1"], [], "z")
    assert names(ask("GET", "letters?restype=container&comp=list&maxresults=3&marker=z"))[0] == ["z"]
    containers = ET.fromstring(ask("GET", "?comp=list").body)  # noqa: S314 - our own answer
    assert [each.text for each in containers.iter("Name")] == ["letters"]


def names(listing: Response) -> tuple[list[str | None], list[str | None], str]:
    page = ET.fromstring(listing.body)  # noqa: S314 - our own answer
    found = [each.findtext("Name") for each in page.iter("Blob")]
    return found, [each.findtext("Name") for each in page.iter("BlobPrefix")], page.findtext("NextMarker") or ""


def lease(ask: Any, action: str, **headers: Any) -> Response:
    named = {f"x_ms_{name}": value for name, value in headers.items()}
    answer: Response = ask("PUT", "letters/lock?comp=lease", x_ms_lease_action=action, **named)
    return answer


def test_a_lease_locks_a_blob_until_it_ends(ask: Any, azure: LocalAzure):
    """Only its holder writes; another one gets it when its time is over, not before."""
    put(ask, "lock")
    mine = lease(ask, "acquire", lease_duration=15)
    assert mine.status == 201
    assert code(lease(ask, "acquire", lease_duration=15)) == (409, "LeaseAlreadyPresent")
    assert code(put(ask, "lock")) == (412, "LeaseIdMissing")
    assert put(ask, "lock", x_ms_lease_id=mine.headers["x-ms-lease-id"]).status == 201
    azure.advance(10)
    assert lease(ask, "renew", lease_id=mine.headers["x-ms-lease-id"]).status == 200
    azure.advance(14)
    assert code(lease(ask, "acquire", lease_duration=15)) == (409, "LeaseAlreadyPresent")
    azure.advance(1)
    other = lease(ask, "acquire", lease_duration=-1, proposed_lease_id="other")
    assert (other.status, other.headers["x-ms-lease-id"]) == (201, "other")
    assert code(lease(ask, "renew", lease_id=mine.headers["x-ms-lease-id"])) == (
        409,
        "LeaseIdMismatchWithLeaseOperation",
    )
    assert lease(ask, "release", lease_id="other").status == 200
    assert put(ask, "lock").status == 201


@pytest.mark.parametrize("seconds", [14, 61, 0])
def test_a_lease_lasts_fifteen_to_sixty_seconds(ask: Any, seconds: int):
    """Any other time but "for ever" is refused."""
    put(ask, "lock")
    assert code(lease(ask, "acquire", lease_duration=seconds)) == (400, "InvalidHeaderValue")


def test_the_local_azure_writes_into_containers_that_are_there(azure: LocalAzure, ask: Any):
    """A dead letter is a blob like any other; where there is no container there is none."""
    azure.blobs.write("letters", "x.json", b"[]", "application/json")
    assert ask("GET", "letters/x.json").body == b"[]"
    with pytest.raises(KeyError):
        azure.blobs.write("none", "x.json", b"[]")
