"""The page of a simulated estate, from the sweep's record to the answer over HTTP: who gets it, and what is in it."""

import gzip
import json
from dataclasses import replace

import azure.functions as func
import pytest

from cli.demo.estate import REGIONS, RULES
from cli.rehearsal import Rehearsal
from functions import status, wiring
from shared.page.render import policy
from shared.status import SIGN_IN, refused
from shared.sweep import sweep
from tests.page.estates import HOSTILE

GONE = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def estate():
    """Three servers that nobody has told the app of: one asks for gold, two have tags that only a stranger writes."""
    made = Rehearsal(RULES, regions=REGIONS)
    made.courier = lambda _event: ()
    made.create_server("pg-orders", {"backup-tier": "gold", "backup-owner": "shop"})
    made.create_server("pg-hostile", {"backup-tier": HOSTILE[0], "backup-owner": HOSTILE[1]})
    made.create_server("pg-turned", {"backup-tier": HOSTILE[7]})
    made.run(seconds=3 * 3600)
    yield made
    wiring.use(None)


def swept():
    context = wiring.current()
    return sweep(context.cloud, context.ledger, context.rules)


def asked(headers=None, **params):
    """The function's answer to a GET."""
    request = func.HttpRequest("GET", "/api/status", headers=headers or {}, params=params, body=b"")
    return status.status(request)


@pytest.mark.usefixtures("estate")
def test_the_page_of_an_estate():
    """The record of the last sweep as HTML, for nobody to keep, with the policy that only lets its own script run."""
    swept()
    answer = asked()
    text = answer.get_body().decode()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == policy()
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "<b>1 of 3</b> servers that could be protected are" in text
    assert "&lt;script&gt;document.title" in text
    assert "<script>document.title" not in text


@pytest.mark.usefixtures("estate")
def test_the_same_as_json():
    """For programs: the same values, the next backup as the policy has it."""
    swept()
    answer = asked(format="json")
    told = json.loads(answer.get_body())
    assert answer.headers["Content-Type"] == "application/json"
    assert (told["protected"], told["eligible"], told["percent"]) == (1, 3, 33.3)
    rows = {row["name"]: row for row in told["rows"]}
    assert rows["pg-orders"]["owner"] == "shop"
    assert rows["pg-orders"]["latest_point"]
    assert rows["pg-orders"]["next_backup"].endswith("T00:30:00Z")
    assert rows["pg-hostile"]["next_backup"] is None
    assert told["tiers"][0]["schedule"] == "Sunday 01:30 Europe/Berlin"


@pytest.mark.usefixtures("estate")
def test_the_day_before_is_told():
    """A server became protected within the last day, after it was seen for the first time: both are told."""
    swept()
    moves = {(move["before"], move["after"]) for move in json.loads(asked(format="json").get_body())["moves"]}
    assert ("first backup pending", "protected") in moves or ("configuring", "protected") in moves


@pytest.mark.usefixtures("estate")
def test_who_takes_gzip_gets_it():
    """The page is compressed for a browser that says so, and is the same then."""
    swept()
    plain, packed = asked().get_body(), asked({"Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.get_body()) < len(plain) / 3
    assert gzip.decompress(packed.get_body())[:2000] == plain[:2000]


def test_an_unread_subscription_is_on_the_page(estate):
    """A subscription that cannot be read: named, and no percentage."""
    estate.settings = replace(estate.settings, subscriptions=estate.settings.subscriptions | {GONE})
    estate.start()
    swept()
    text = asked().get_body().decode()
    assert "Coverage not known" in text
    assert f"subscription {GONE}" in text


def rows():
    """The page's rows by name, and the page."""
    page = json.loads(asked(format="json").get_body())
    return {row["name"]: row for row in page["rows"]}, page


def test_the_last_job_and_what_is_open(estate):
    """A backup fails: within the quarter of an hour its row has the job with its code, and its incident is open."""
    swept()
    before, page = rows()
    assert before["pg-orders"]["last_job"]["status"] == "Completed"
    assert page["missing"] == []
    estate.azure.world.faults.add("fail_backup", "/pg-orders", times=9)
    estate.azure.advance(7 * 86_400)
    estate.run(seconds=3600)
    now, page = rows()
    job, opened = now["pg-orders"]["last_job"], [one for one in page["incidents"] if "pg-orders" in one["names"]]
    assert job["status"] == "Failed"
    assert job["code"]
    assert opened
    assert opened[0]["title"] in asked().get_body().decode()


def test_every_other_source_is_missed_aloud(estate):
    """No watch has run, or the ledger does not answer: each is named, and nobody is said to be calm."""
    swept()
    estate.azure.blobs.containers["flexguard"].blobs.pop("jobs.json.gz")
    assert rows()[1]["missing"] == ["last jobs: the watch has not looked yet; it runs every 15 minutes"]
    estate.table_client().delete_table("flexguard")
    _, page = rows()
    assert page["incidents"] is None
    assert page["missing"][-1].startswith("open incidents: ")
    assert "There may be some" in asked().get_body().decode()


@pytest.mark.parametrize("what", ["nothing yet", "storage fails", "no setting"])
def test_where_there_is_no_record(estate, what):
    """Nothing to show is a sentence and 503, never an empty page that looks like calm."""
    if what == "no setting":
        estate.settings = replace(estate.settings, blob_endpoint="")
        estate.start()
    else:
        estate.azure.blobs.containers["flexguard"].blobs.clear()
    if what == "storage fails":
        estate.azure.blobs.containers.clear()
    answer = asked()
    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "%" not in answer.get_body().decode()


@pytest.mark.parametrize(
    ("headers", "has_sign_in", "as_json", "said"),
    [
        ({}, True, False, 302),
        ({}, True, True, 401),
        ({"x-ms-client-principal-id": "somebody"}, True, False, None),
        ({"x-ms-client-principal-id": "forged"}, False, False, 401),
        ({"x-ms-client-principal-id": ""}, True, True, 401),
    ],
)
def test_with_entra_only_who_is_signed_in(headers, has_sign_in, as_json, said):
    """A browser is sent to sign in, a program is refused; a header proves nothing where App Service does not set it."""
    answer = refused(headers, has_sign_in=has_sign_in, as_json=as_json)
    assert (answer and answer.status) == said
    if said == 302:
        assert answer.headers["Location"] == SIGN_IN
