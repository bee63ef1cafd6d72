"""A real browser where the machine has one (Debian's package `chromium`); elsewhere its tests are skipped."""

import shutil
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import sync_playwright

from shared.page.compose import page_of
from shared.page.render import render
from tests.page.estates import NOW, incidents, jobs_of

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass
class Seen:
    """A page in the browser, what it asked for, and what it complained of."""

    tab: object
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def all(self, script):
        """What a script answers; it is run by the driver, not by the page."""
        return self.tab.evaluate(script)

    def names(self):
        """The names of the servers that the table shows, from the top."""
        return self.all("[...document.querySelectorAll('tbody th')].map(cell => cell.firstChild.textContent)")


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine; Debian's package is called chromium")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM)
        yield started
        started.close()


@pytest.fixture
def show(browser, tmp_path):
    """Show a snapshot's page as a file, twelve minutes after its sweep unless another time is given."""
    opened = []

    def shown(snapshot, *, at=NOW, **options):
        file = tmp_path / "status.html"
        page = page_of(snapshot, NOW, jobs_of(snapshot), incidents())
        file.write_text(render(page), encoding="utf-8")
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
        opened.append(context)
        tab = context.new_page()
        seen = Seen(tab)
        tab.on("request", lambda request: seen.requests.append(request.url))
        tab.on("console", lambda message: seen.complaints.append(message.text))
        tab.on("pageerror", lambda error: seen.complaints.append(str(error)))
        tab.clock.set_fixed_time(at)
        tab.goto(file.as_uri())
        return seen

    yield shown
    for context in opened:
        context.close()
