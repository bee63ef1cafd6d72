"""Reading Resource Graph: every row once, and whatever did not come is named; nothing is ever taken for "none"."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.cloud import estate as estate_module
from shared.cloud.errors import CloudError
from shared.cloud.estate import read_estate
from shared.cloud.graph import MOST_TRIES, PAGE, Graph, Row, query
from shared.core.estate import Scope
from shared.datasources.postgresql_flexible import DATASOURCE
from tests.core.samples import INSTANCE, NOW, SERVER, SUBSCRIPTION, VAULT, policy_of
from tests.shared.answers import Answer
from tests.shared.clouds import Wire, lonely_cloud

SCOPE = Scope(frozenset({SUBSCRIPTION}))
FULL = {"x-ms-user-quota-remaining": "14"}


def page(*rows: Any, total: int | None = None, following: str = "", truncated: str = "false") -> Answer:
    """One page of Resource Graph."""
    data = [row if isinstance(row, dict) else {"id": row} for row in rows]
    body = {"totalRecords": len(data) if total is None else total, "count": len(data), "data": data}
    more = {"$skipToken": following} if following else {}
    return Answer(200, body | {"facets": [], "resultTruncated": truncated} | more, FULL)


def ask(*answers: Answer, may_wait: bool = True) -> tuple[list[str], list[str], Wire, list[float]]:
    """The ids that came, what is incomplete, the wire, and the pauses."""
    wire, pauses = Wire(*(lambda _request, answer=answer: answer for answer in answers)), []
    graph = Graph(lonely_cloud(wire=wire), pauses.append if may_wait else None)
    found = [row.id for row in graph.rows("servers", Row, {"subscriptions": [SUBSCRIPTION]})]
    return found, graph.incomplete, wire, pauses


def test_pages_are_followed_to_the_end():
    """Each page asks for the next 1,000 with the token of the last one, the same question otherwise."""
    found, incomplete, wire, _ = ask(page("a", "b", total=3, following="t1"), page("c", total=3))
    assert (found, incomplete) == (["a", "b", "c"], [])
    first, second = (json.loads(request.content) for request in wire.sent)
    assert first["options"] == {"$top": PAGE, "resultFormat": "objectArray"}
    assert second == first | {"options": first["options"] | {"$skipToken": "t1"}}


@pytest.mark.parametrize(
    ("answers", "ids", "what"),
    [
        ([page("a", "b", total=3)], ["a", "b"], "2 of 3 rows"),
        ([page("a", truncated="true")], ["a"], "1 of 1 rows"),
        ([page("a", following="t", total=2), page("A", total=2)], ["a"], "1 of 2 rows"),
        ([page("a", {"no": "id"})], ["a"], "1 of 2 rows came, 1 cannot be read"),
        ([page(total=9)], [], "0 of 9 rows"),
        ([page("a", following="t"), Answer(400, {"error": {"code": "BadRequest"}})], ["a"], "then BadRequest"),
        ([Answer(503)] * MOST_TRIES, [], "then HTTP503"),
        ([Answer(200, {"totalRecords": 1, "data": {"columns": [], "rows": []}})] * MOST_TRIES, [], "UnreadableAnswer"),
        ([Answer(429, {"error": {"code": "RateLimiting"}})] * MOST_TRIES, [], "then RateLimiting"),
    ],
)  # fmt: skip
def test_what_did_not_come_is_named(answers: list[Answer], ids: list[str], what: str):
    """Missing, cut, doubled, unreadable or refused rows: what came is used, and the rest is said."""
    found, incomplete, wire, _ = ask(*answers)
    assert found == ids
    assert [what in line and line.startswith("servers: ") for line in incomplete] == [True]
    assert wire.answers == []


def test_a_row_on_two_pages_is_one():
    """Rows that move while pages are turned come twice; ids have no case."""
    found, incomplete, _, _ = ask(page("a", "b", following="t", total=2), page("B", total=2))
    assert (found, incomplete) == (["a", "b"], [])


@pytest.mark.parametrize(
    ("headers", "waited_s"), [({"retry-after": "3"}, [3.0]), ({}, [5.0]), ({"retry-after": "9999"}, [60.0])]
)
def test_a_throttle_is_waited_out(headers: dict[str, str], waited_s: list[float]):
    """It waits as long as it is told, within reason, and asks the same again."""
    found, incomplete, wire, pauses = ask(Answer(429, {}, headers), page("a"))
    assert (found, incomplete, pauses) == (["a"], [], waited_s)
    assert wire.sent[0].content == wire.sent[1].content


def test_the_quota_is_respected():
    """When the last question of a window was asked, the next one waits for the next window."""
    empty = page("a", following="t", total=2)
    empty.headers = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:04"}
    found, _, _, pauses = ask(empty, page("b", total=2))
    assert (found, pauses) == (["a", "b"], [4])


def test_who_may_not_wait_is_told():
    """Without a pause a refusal is the end of the question, and named."""
    found, incomplete, _, _ = ask(Answer(429, {}), may_wait=False)
    assert found == []
    assert len(incomplete) == 1


def test_a_wrong_question_is_an_error():
    """A refusal that asking again cannot mend is no incomplete answer."""
    with pytest.raises(CloudError, match="Forbidden"):
        ask(Answer(403, {"error": {"code": "Forbidden", "message": "no"}}))


def test_a_query_has_its_words():
    """A word that is not given leaves nothing behind; the braces are gone."""
    text = query("servers", server_type="x/y", narrow="| where id =~ 'z'")
    assert "type =~ 'x/y'" in text
    assert "| where id =~ 'z'" in text
    assert "{" not in query("instances")


# -- the whole estate --------------------------------------------------------------------------------------------


def rows(**changes: list[Any]) -> dict[str, list[Any]]:
    """One server that is protected, by the table and type of the query that finds it."""
    point = (NOW - timedelta(days=1)).isoformat()
    mine = {
        "id": INSTANCE,
        "server": SERVER,
        "policy": policy_of().id,
        "state": "ProtectionConfigured",
        "latest": point,
    }
    return {
        "subscriptions": [
            {"id": f"/subscriptions/{SUBSCRIPTION}", "subscription": SUBSCRIPTION.upper(), "name": "prod"}
        ],
        "servers": [{"id": SERVER, "location": "West Europe", "state": "Ready", "tags": None, "storage_gb": 128}],
        "instances": [mine],
        "vaults": [{"id": VAULT, "location": "westeurope", "properties": {}, "identity": None}],
        "policies": [{"id": policy_of().id, "name": "p", "properties": {}}],
        "jobs": [],
    } | changes


def read(scope: Scope = SCOPE, **changes: list[Any]) -> Any:
    """An estate from these rows; every other question is answered with 404."""
    found, asked = rows(**changes), []

    def answer(request: Any) -> Answer:
        if "ResourceGraph" not in request.url:
            return Answer(404, {"error": {"code": "ResourceNotFound"}})
        text = json.loads(request.content)["query"]
        asked.append(next(name for name in found if text == _text(name, text)))
        return page(*found[asked[-1]])

    made = read_estate(lonely_cloud(wire=Wire(*[answer] * 40)), scope, DATASOURCE)
    return made, asked


def _text(name: str, text: str) -> str:
    narrow = next((line for line in text.splitlines() if line.startswith("| where") and ("in~" in line)), "")
    one = next((line for line in text.splitlines() if "'/subscriptions/" in line), "")
    return query(name, server_type=DATASOURCE.key, narrow=narrow or one)


def test_an_estate_is_read_in_five_questions():
    """Subscriptions, servers, instances, vaults, policies; jobs only when somebody has no recovery point yet."""
    made, asked = read()
    assert asked == ["subscriptions", "servers", "instances", "vaults", "policies"]
    assert made.incomplete == ()
    assert made.servers[SERVER.lower()].location == "westeurope"
    assert made.points == {INSTANCE.lower(): NOW - timedelta(days=1)}
    never = rows()["instances"][0] | {"latest": "0001-01-01T00:00:00Z"}
    made, asked = read(instances=[never])
    assert (made.points, asked[-1]) == ({}, "jobs")


def test_a_subscription_that_is_not_shown_is_named():
    """It may not exist, or be closed to us: either way its servers are missing, not absent."""
    made, _ = read(subscriptions=[])
    assert made.incomplete == (
        f"subscription {SUBSCRIPTION}: not to be seen: it does not exist, or we may not read it",
    )
    made, _ = read(Scope(management_groups=("platform",)), subscriptions=[], servers=[], instances=[])
    assert made.incomplete == ("management group platform: it shows no subscription",)


def test_a_backup_without_a_server_is_asked_about():
    """No row does not prove that a server is gone: the provider is asked, and here it says so."""
    made, _ = read(servers=[])
    assert (made.servers, list(made.instances), made.incomplete) == ({}, [SERVER.lower()], ())


def test_many_backups_without_a_server_are_a_finding(monkeypatch):
    """When all rows of servers are lost, a few are asked about, and the rest is said."""
    monkeypatch.setattr(estate_module, "MOST_ASKED_AGAIN", 1)
    one = rows()["instances"][0]
    made, _ = read(servers=[], instances=[one, one | {"id": f"{INSTANCE}-2", "server": f"{SERVER}-2"}])
    assert made.incomplete == ("2 servers with a backup and without a row; 1 of them were asked about",)


def test_instances_of_other_subscriptions_are_left_out():
    """Instances are looked for wherever we may read, and only those of the scope's servers are taken."""
    foreign = SERVER.replace(SUBSCRIPTION, "22222222-0000-4000-8000-000000000002")
    made, _ = read(instances=[rows()["instances"][0] | {"server": foreign}])
    assert made.instances == {}
