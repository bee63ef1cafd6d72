"""Reading a vault's jobs: every page, every code, nothing odd raises, and no page leads away from Azure."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.cloud.errors import CloudError
from shared.cloud.jobs import listed
from shared.cloud.observe import read_job
from tests.core.samples import NOW, VAULT
from tests.shared.answers import Answer
from tests.shared.clouds import Wire, lonely_cloud
from tests.shared.many_jobs import FAILED, ManyJobs, job


def read(*bodies: Any) -> list[Any]:
    """The jobs of pages with these bodies."""
    answers = [lambda _, body=body: body if isinstance(body, Answer) else Answer(200, body) for body in bodies]
    return list(listed(lonely_cloud(wire=Wire(*answers)), VAULT))


def test_a_job_is_read_as_the_service_shows_it():
    """What the fast reading takes of a job is what the careful one takes, for jobs that failed and for others."""
    for failed in (True, False):
        body = job(1, 1, NOW, failed)
        (fast,) = read({"value": [body], "nextLink": None})
        assert fast == read_job(body, VAULT)
        assert fast.started_at
        assert fast.location == "westeurope"


def test_every_page_is_read():
    """Jobs of many pages come one after the other, each once."""
    wire = ManyJobs(1, NOW)
    wire.show(job(number, 0, NOW - timedelta(minutes=number), failed=False) for number in range(2_500))
    found = list(listed(lonely_cloud(wire=wire), VAULT))
    assert len({one.name for one in found}) == len(found) == 2_500
    assert wire.calls == 3


@pytest.mark.parametrize(
    "details",
    [
        None,
        [],
        {},
        "text",
        [None],
        [{"code": None, "details": "x", "innerError": []}],
        [[{"code": "A"}]],
        FAILED,
    ],
)
def test_odd_errors_of_a_job_are_read(details: Any):
    """Whatever shape the errors of a job have, it is read, with the codes that can be found."""
    body = job(1, 1, NOW, failed=True)
    body["properties"]["errorDetails"] = details
    (found,) = read({"value": [body]})
    assert found.status == "Failed"
    assert isinstance(found.codes, tuple)


def test_codes_are_collected_at_every_depth():
    """Details, inner errors and what is embedded in them, outermost first, each once; very deep ones end."""
    deep: dict[str, Any] = {"code": "Deepest"}
    for _ in range(50):
        deep = {"code": "Wrapper", "innerError": {"code": "Inner", "embeddedInnerError": deep}}
    body = job(1, 1, NOW, failed=True)
    body["properties"]["errorDetails"] = [{"code": "Outer", "details": [{"code": "Detail"}], "innerError": deep}]
    (found,) = read({"value": [body]})
    assert found.codes == ("Outer", "Wrapper", "Inner", "Detail")


@pytest.mark.parametrize("row", [None, 1, "x", [], {"properties": 3}, {"id": 7}])
def test_a_row_that_is_none_is_passed_over(row: Any):
    """A row of another shape hides no other."""
    assert len(read({"value": [row, job(1, 1, NOW, failed=False)]})) == 1


@pytest.mark.parametrize("body", ["<html>", "", "[]", '{"value": 3}'])
def test_a_page_that_is_none_is_an_error(body: str):
    """What is no list of jobs is Azure's error, and counts as not read."""
    with pytest.raises(CloudError):
        read(body)


def test_a_page_elsewhere_is_not_fetched():
    """A nextLink to another host is refused; what came before it was given."""
    wire = Wire(lambda _: Answer(200, {"value": [job(1, 1, NOW, failed=False)], "nextLink": "https://evil.example/x"}))
    found = listed(lonely_cloud(wire=wire), VAULT)
    assert next(found).name
    with pytest.raises(CloudError):
        next(found)
    assert len(wire.sent) == 1
    assert json.dumps(wire.sent[0].url).count("management.azure.com") == 1
