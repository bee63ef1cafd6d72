"""Microsoft's command line, azure-cli, in an environment of its own: installed once from PyPI, by `make az`.

It shares no package with the project, and nothing of the project needs it.
"""

import fcntl
import re
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable
from pathlib import Path

VERSION = "2.91.0"
FOLDER = Path(__file__).resolve().parent.parent / ".flexguard/az"
PYTHON = FOLDER / "venv/bin/python"
PACKAGES = 130  # about; so that people see how far it is
STEP = re.compile(r"\s*(Collecting|Downloading|Using cached|Building wheel|Installing collected) ?(\S*)")


class NoAz(Exception):
    """azure-cli is not there, or cannot be had; the message says what to do."""


def program() -> Path:
    """The interpreter that runs azure-cli. Raises NoAz when this version of it was not installed."""
    if not _mark().exists():
        raise NoAz(f"azure-cli {VERSION} is not installed here. Install it with: make az")
    return PYTHON


def install(say: Callable[[str], None], progress: Callable[[str], None]) -> Path:
    """The same, installed now if it was not. say: gets whole lines; progress: gets what happens just now.

    Raises NoAz when pip fails.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would install into the same folder
        if not _mark().exists():
            say(f"Installing azure-cli {VERSION} from PyPI into {FOLDER} (once, one to five minutes, 700 MB) …")
            venv.create(FOLDER / "venv", clear=True, with_pip=True)
            _pip(progress)
            _mark().touch()
    return PYTHON


def _mark() -> Path:
    return FOLDER / f"installed-{VERSION}"


def _pip(progress: Callable[[str], None]) -> None:
    """Let pip work. Raises NoAz with the end of what it said."""
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command = [str(PYTHON), "-m", "pip", "install", *options, f"azure-cli=={VERSION}"]
    # pip of the new environment, with arguments of our own
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:  # noqa: S603
        said = _follow(pip.stdout or (), progress)
    if pip.returncode:
        raise NoAz(f"pip could not install azure-cli {VERSION}:\n" + "\n".join(said[-8:]))


def _follow(lines: Iterable[str], progress: Callable[[str], None]) -> list[str]:
    """All that pip says, while `progress` hears which package it is at."""
    said, seen = [], 0
    for line in lines:
        said.append(line.rstrip())
        if match := STEP.match(line):
            seen += match[1] == "Collecting"
            package = match[2].rpartition("/")[2].rstrip(",")
            progress(f"{min(seen, PACKAGES)} of about {PACKAGES} packages · {match[1].lower()} {package}")
    return said


def on_screen(text: str) -> None:
    """Show what happens just now on the terminal's current line; nothing when there is no terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text[:100]}")
        sys.stderr.flush()
