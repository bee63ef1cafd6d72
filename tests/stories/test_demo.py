"""The demo is a promise too: it is played in the tests, and every promise in it must hold."""

import io
import json

import pytest
from rich.console import Console

from cli.demo.estate import ESTATE, REGIONS, RULES
from cli.demo.play import Play
from cli.demo.screen import WIDTH, Screen, show_end
from cli.demo.summary import summarise, violations
from cli.in_process import InProcess


@pytest.fixture
def stage():
    """The stage of the demo, in process; its ear on the log is taken away afterwards."""
    made = InProcess(RULES, REGIONS, seed=7)
    yield made
    made.close()


def test_every_promise_of_the_demo_holds(stage):
    """No violation, an alert for each cause, a verdict with a reason for every server; screens fit 100 columns."""
    text = io.StringIO()
    console = Console(file=text, width=WIDTH, force_terminal=False)
    with Screen(console) as screen:
        play = Play(stage, screen.watch)
        play.run()
    summary = json.loads(json.dumps(summarise(play)))
    show_end(console, play, summary, "summary.json")
    assert summary["violations"] == []
    assert [alert["type"] for alert in summary["alerts"]].count("Flexguard.BackupFailed") == 1
    assert summary["alerts"][-1]["type"] == "Flexguard.BackupFailed.Recovered"
    assert [bool(server["reason"]) for server in summary["servers"]] == [True] * len(ESTATE)
    assert summary["events"]["duplicate"] > 0
    assert "Every promise held" in text.getvalue()
    assert max(map(len, text.getvalue().splitlines())) <= WIDTH


def test_a_broken_promise_is_noticed(stage):
    """The demo's judge is no rubber stamp: an instance that goes missing is named, and so is an alert too many."""
    play = Play(stage)
    play.run()
    world = stage.rehearsal.azure.world
    instance = next(iter(world.of_type("microsoft.dataprotection/backupvaults/backupinstances")))
    world.remove(instance.id)
    topic = stage.rehearsal.azure.topic
    topic.log.append(topic.log[0])
    broken = "\n".join(violations(play))
    assert "has 0 backup instances" in broken
    assert "alerts" in broken
