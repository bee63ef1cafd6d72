"""Watching: what a command prints is drawn again and again, an error hides nothing, and Ctrl-C ends it."""

import io
import sys

import click
import pytest

from cli.live import watch
from cli.output import Output
from shared.cloud.errors import CloudError


class Terminal(io.StringIO):
    """A terminal that keeps what was written to it."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A function that makes standard output a terminal, for the test itself: pytest changes it before."""

    def make():
        monkeypatch.setattr(sys, "stdout", Terminal())
        return sys.stdout

    return make


def watched(*steps):
    """Watch a command that does these things in turn, until they are done; the exit code."""
    left, slept = list(steps), []

    def show():
        step = left.pop(0)
        if isinstance(step, Exception):
            raise step
        click.echo(f"coverage {step}")
        click.echo("careful", err=True)
        return step

    def sleep(seconds):
        slept.append(seconds)
        if not left:
            raise KeyboardInterrupt

    code = watch(Output(), 30, show, sleep)
    assert slept == [30] * len(steps)
    return code


def test_it_is_drawn_again_and_again(terminal):
    """Every reading is on the screen, with warnings and when the next comes; the exit code is the last one's."""
    screen = terminal()
    assert watched(1, 0) == 0
    shown = screen.getvalue()
    assert shown.index("coverage 1") < shown.index("coverage 0")
    assert "careful" in shown
    assert "again every 30 s" in shown


def test_an_error_hides_nothing(terminal):
    """When Azure does not answer, what was seen before stays, with the reason; then it goes on."""
    screen = terminal()
    assert watched(1, CloudError("ServiceUnavailable", "try later"), 0) == 0
    shown = screen.getvalue()
    error = shown.index("ServiceUnavailable")
    assert "coverage 1" in shown[error:]


def test_who_saw_nothing_has_stopped_it(terminal):
    """Ctrl-C before anything was read is Ctrl-C as anywhere."""
    screen = terminal()
    with pytest.raises(KeyboardInterrupt):
        watched(CloudError("ServiceUnavailable", "try later"))
    assert "ServiceUnavailable" in screen.getvalue()
