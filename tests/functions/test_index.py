"""The app as Azure sees it: which functions there are, that they run without a host, and what stops the start."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

import function_app
from functions import converge, watch, wiring
from functions.converge import as_json
from shared.core.events import Seen, read_event
from shared.ledger import ServerRow
from shared.watch import watch_jobs
from tests.core.samples import NOW, RULES, SERVER, SUBSCRIPTION
from tests.shared.answers import Answer
from tests.shared.clouds import Wire, lonely_cloud
from tests.shared.memory_ledger import MemoryLedger

ROOT = Path(function_app.__file__).parent
WRITTEN = "Microsoft.Resources.ResourceWriteSuccess"


def triggers() -> dict[str, dict[str, Any]]:
    """Each function's trigger, as the host reads it."""
    function_app.app.functions_bindings = {}  # the library lets an app be indexed once; another test may have done it
    found = {function.get_function_name(): function.get_trigger() for function in function_app.app.get_functions()}
    return {name: trigger.get_dict_repr() for name, trigger in found.items()}


def test_the_index():
    """The app has these functions, by these names, on these triggers."""
    index = triggers()
    assert {name: str(trigger["type"]) for name, trigger in index.items()} == {
        "on_server_event": "eventGridTrigger",
        "converge_server": "queueTrigger",
        "keep_evidence": "timerTrigger",
        "keep_poison": "timerTrigger",
        "back_up_due": "timerTrigger",
        "check_watch": "timerTrigger",
        "status": "httpTrigger",
        "sweep_estate": "timerTrigger",
        "watch_jobs": "timerTrigger",
    }
    assert index["converge_server"]["queueName"] == "converge"
    assert index["keep_evidence"]["schedule"] == "0 40 2 * * *"
    assert index["keep_poison"]["schedule"] == "0 */15 * * * *"
    assert index["sweep_estate"]["schedule"] == "0 10 * * * *"
    assert index["watch_jobs"]["schedule"] == "0 */15 * * * *"
    assert index["status"]["route"] == "status"
    assert [str(method) for method in index["status"]["methods"]] == ["GET"]


@pytest.mark.parametrize(
    ("access", "level"),
    [("", "function"), ("key", "function"), ("anonymous", "anonymous"), ("entra", "anonymous"), ("Entra?", "function")],
)
def test_who_may_see_the_status_page(access: str, level: str):
    """Without a setting a key is needed; with entra the function asks for a sign-in; a wrong word opens nothing."""
    code = (
        "import function_app as app; print(next(one.get_trigger().get_dict_repr()['authLevel'].value"
        " for one in app.app.get_functions() if one.get_function_name() == 'status'))"
    )
    environment = {"FLEXGUARD_STATUS_ACCESS": access, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    said = subprocess.check_output(command, env=environment, cwd=ROOT, text=True)  # noqa: S603 - our own Python
    assert said.strip().lower() == level


@pytest.fixture
def context():
    """The triggers work with a ledger in memory and a wire that leads nowhere."""
    made = wiring.Context(lonely_cloud(wire=Wire(lambda _: Answer(201))), MemoryLedger(), RULES)
    wiring.use(made)
    yield made
    wiring.use(None)


def grid_event(about: str = SERVER) -> func.EventGridEvent:
    return func.EventGridEvent(
        id="1", data={}, topic="t", subject=about, event_type=WRITTEN, event_time=NOW, data_version="1"
    )


def test_an_event_is_called_without_a_host(context: wiring.Context):
    """An event about a server of ours leaves one message on the queue; one about another leaves none."""
    converge.on_server_event(grid_event(SERVER.replace(SUBSCRIPTION, SUBSCRIPTION[::-1])))
    assert context.cloud.transport.sent == []
    converge.on_server_event(grid_event())
    assert [request.method for request in context.cloud.transport.sent] == ["POST"]


def test_a_message_is_called_without_a_host(context: wiring.Context):
    """A message whose server is being waited for ends without a call."""
    later = NOW.replace(year=2027)
    context.ledger.keep_server(ServerRow(server_id=SERVER, generation=1, next_look_at=later), "")
    body = json.dumps({"server_id": SERVER}).encode()
    converge.converge_server(func.QueueMessage(id="m1", body=body))
    assert context.cloud.transport.sent == []


def test_a_message_that_is_none_raises(context: wiring.Context):
    """What cannot be read raises, so that the platform sets it aside; nothing was asked of Azure."""
    for body in (b"", b"{}", json.dumps({"server_id": "/etc/passwd"}).encode()):
        with pytest.raises(ValueError, match="not "):
            converge.converge_server(func.QueueMessage(id="m1", body=body))
    assert context.cloud.transport.sent == []


def test_poison_is_called_without_a_host(context: wiring.Context):
    """With no poison, also where its queue was never made, there is nothing to keep."""
    wiring.use(replace(context, cloud=lonely_cloud(wire=Wire(lambda _: Answer(404), lambda _: Answer(404)))))
    converge.keep_poison(None)
    assert context.ledger.writes == 0


def test_watching_is_called_without_a_host(context: wiring.Context):
    """With no vault to watch, watching asks nothing."""
    wiring.use(replace(context, rules=replace(RULES, vaults=())))
    watch_jobs(context.cloud, context.ledger, replace(RULES, vaults=()))
    watch.check_watch(None)
    assert context.cloud.transport.sent == []
    assert context.ledger.watched("watch_jobs").row


def start(tmp_path: Path, rules: str | None, **settings: str) -> subprocess.CompletedProcess[str]:
    """Load the app in a fresh process, as the host does, with a rules file of our own."""
    file = tmp_path / "mine.yaml"
    if rules is not None:
        file.write_text(rules, encoding="utf-8")
    environment = {"FLEXGUARD_RULES": str(file), "PYTHONPATH": str(ROOT), **settings}
    return subprocess.run(
        [sys.executable, "-c", "import function_app; print(*map(str, function_app.app.get_functions()), sep='\\n')"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_broken_rules_file_stops_the_start(tmp_path: Path):
    """The app does not load with a broken file, and says file, line, column, value and what is valid."""
    good = (ROOT / "rules.yaml").read_text(encoding="utf-8")
    started = start(tmp_path, good.replace("days: [sunday]", "days: [sonday]", 1))
    assert started.returncode != 0
    line = good[: good.index("days: [sunday]")].count("\n") + 1
    assert f"mine.yaml:{line}:21: tiers.gold.backup.days[0] is 'sonday'; valid: monday, tuesday" in started.stderr
    assert "did you mean sunday?" in started.stderr


def test_a_missing_rules_file_stops_the_start(tmp_path: Path):
    """So does a file that is not there."""
    assert "mine.yaml:1:1: cannot be read: No such file" in start(tmp_path, None).stderr


def test_a_good_rules_file_starts(tmp_path: Path):
    """With the shipped file the app loads without any setting, and without the SDKs that indexing does not need."""
    assert start(tmp_path, (ROOT / "rules.yaml").read_text(encoding="utf-8")).stdout.count('"name":') >= 5


def test_a_closed_app_listens_to_its_queue(tmp_path: Path):
    """With delivery over a queue there is one function more, and without it nothing listens to a queue nobody made."""
    rules = (ROOT / "rules.yaml").read_text(encoding="utf-8")
    assert '"events"' in start(tmp_path, rules, FLEXGUARD_DELIVERY="storage_queue").stdout
    assert '"events"' not in start(tmp_path, rules).stdout


def cloud_event(data: Any, **others: Any) -> Any:
    """A CloudEvent as the binding makes it of a body with `specversion`."""
    body = {
        "specversion": "1.0", "id": "1", "source": "/s", "type": WRITTEN, "subject": SERVER,
        "time": "2026-11-23T12:00:00Z", **({"data": data} if data is not ... else {}), **others,
    }  # fmt: skip
    return decoded(body)


def event_grid_event(data: Any, **others: Any) -> Any:
    """An event in Event Grid's schema as the binding makes it."""
    body = {
        "id": "1", "topic": "/t", "subject": SERVER, "eventType": WRITTEN, "eventTime": "2026-11-23T12:00:00Z",
        "dataVersion": "2", **({"data": data} if data is not ... else {}), **others,
    }  # fmt: skip
    return decoded(body)


def decoded(body: dict[str, Any]) -> Any:
    """What the worker's own converter makes of a body."""
    from azure.functions.eventgrid import EventGridEventInConverter  # noqa: PLC0415 - the converter of this trigger
    from azure.functions.meta import Datum  # noqa: PLC0415 - the same

    return EventGridEventInConverter.decode(Datum(json.dumps(body), "json"), trigger_metadata=None)


@pytest.mark.parametrize("made", [cloud_event, event_grid_event])
@pytest.mark.parametrize("data", [{"resourceInfo": {"id": SERVER}}, [1, 2], "text", "{not json", 7, None, ..., {}])
def test_both_schemas_become_the_same_json(made: Any, data: Any):
    """Whatever the data are, also text or none at all, an event of either schema is read as being about its server."""
    event = as_json(made(data))
    assert (event["type"], event["subject"]) == (WRITTEN, SERVER)
    seen = read_event(event, frozenset({"microsoft.dbforpostgresql/flexibleservers"}), frozenset({SUBSCRIPTION}))
    assert isinstance(seen, Seen)
    assert seen.at == datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("made", [cloud_event, event_grid_event])
def test_data_of_a_notification_survive(made: Any):
    """The one thing that is read from the data of an event is still there."""
    assert as_json(made({"resourceInfo": {"id": SERVER}}))["data"] == {"resourceInfo": {"id": SERVER}}
