"""Takes the README's screenshots of the status page: an invented estate, light and dark, by this machine's Chromium."""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from shared.page.compose import page_of
from shared.page.render import render
from tests.page.estates import NOW, incidents, jobs_of, usual

SIZE = {"width": 1280, "height": 1240}


def take(folder: Path) -> None:
    """Write status-light.png and status-dark.png."""
    snapshot = usual()
    page = page_of(snapshot, NOW, jobs_of(snapshot), incidents())
    with tempfile.TemporaryDirectory() as made, sync_playwright() as driver:
        file = Path(made) / "status.html"
        file.write_text(render(page), encoding="utf-8")
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"))
        for scheme in ("light", "dark"):
            tab = browser.new_page(viewport=SIZE, color_scheme=scheme)
            tab.clock.set_fixed_time(NOW)
            tab.goto(file.as_uri())
            tab.screenshot(path=folder / f"status-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
