"""Microsoft's `az` against the local Azure: `python -m cli.az group list`. It must be there (`make az`).

It looks for a local Azure that runs here (`make demo KEEP=1`, `python -m simulator serve`) and otherwise starts one for
as long as the commands run. `az` gets a configuration folder, a cloud and an account of its own: what a person uses
elsewhere is neither read nor changed.
"""

import argparse
import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import requests

from cli.az_install import FOLDER, NoAz, install, on_screen, program
from cli.stage import SCOPE

NOTE = Path(".flexguard/simulator.json")
CONFIGURATION = FOLDER / "configuration"
CLOUD, OPERATOR = "flexguard", "operator"
SETTINGS = {
    "AZURE_CORE_INSTANCE_DISCOVERY": "false",  # otherwise MSAL asks login.microsoftonline.com who we are
    "AZURE_CORE_COLLECT_TELEMETRY": "no",
    "AZURE_CORE_SURVEY_MESSAGE": "no",
    "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
    "PYTHONWARNINGS": "ignore",
    "NO_PROXY": "localhost,127.0.0.1",
}
WAIT_S = 20
Json = dict[str, Any]


class Az:
    """One configured `az`. ready: the ready line of a local Azure. configuration: a folder that is its alone."""

    def __init__(self, interpreter: Path, ready: Json, configuration: Path = CONFIGURATION) -> None:
        self._command = [str(interpreter), "-m", "azure.cli"]
        self._ready, self._configuration = ready, configuration
        names = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "REQUESTS_CA_BUNDLE")
        self.environment = {
            **os.environ,  # noqa: TID251 - a new process inherits it
            **SETTINGS,
            **{name: ready["environment"][name] for name in names},
            "AZURE_CONFIG_DIR": str(configuration),
        }

    def run(self, arguments: Sequence[str], *, quiet: bool = False) -> subprocess.CompletedProcess[str]:
        """One command. quiet: what it says is kept instead of shown."""
        return subprocess.run(  # noqa: S603 - the program that was installed
            [*self._command, *arguments], env=self.environment, capture_output=quiet, text=True, check=False
        )

    def set_up(self, *, discover: bool = False) -> None:
        """Register this local Azure as a cloud and sign in as its operator, unless that was done for this very one.

        discover: `az` reads the endpoints from /metadata/endpoints instead of being told. Raises NoAz.
        """
        mark = self._configuration / "local-azure.json"
        known = json.loads(mark.read_text(encoding="utf-8")) if mark.exists() else None
        if known == self._ready:
            return
        shutil.rmtree(self._configuration, ignore_errors=True)  # tokens and addresses of one that is gone
        self._configuration.mkdir(parents=True)
        self._must("cloud", "register", "--name", CLOUD, *self._endpoints(discover=discover))
        self._must("cloud", "set", "--name", CLOUD)
        self._must("login", "--service-principal", "-u", OPERATOR, "-p", "any", "--tenant", self._tenant())
        mark.write_text(json.dumps(self._ready), encoding="utf-8")

    def _must(self, *arguments: str) -> None:
        done = self.run(arguments, quiet=True)
        if done.returncode:
            raise NoAz(f"az {' '.join(arguments[:2])}: {done.stderr}")

    def _endpoints(self, *, discover: bool) -> list[str]:
        arm = self._ready["arm"]
        if discover:
            return ["--endpoint-resource-manager", arm]
        told = {
            "resource-manager": arm,
            "active-directory": arm,
            "active-directory-resource-id": "https://management.core.windows.net/",
            "management": "https://management.core.windows.net/",
            "active-directory-graph-resource-id": f"{arm}/",
            "microsoft-graph-resource-id": f"{arm}/",
        }
        options = [part for name, value in told.items() for part in (f"--endpoint-{name}", value)]
        return ["--skip-endpoint-discovery", *options, "--suffix-storage-endpoint", "core.windows.net"]

    def _tenant(self) -> str:
        return str(ask(self._ready, "GET", "/tenants")["value"][0]["tenantId"])


# -- the local Azure ---------------------------------------------------------------------------------------------


def ask(ready: Json, method: str, path: str, body: Json | None = None) -> Json:
    """One request to a local Azure's ARM as its operator. Raises requests.RequestException."""
    with requests.Session() as session:
        session.trust_env = False  # a REQUESTS_CA_BUNDLE of the machine would win over the line below
        session.verify = ready["ca"]
        headers = {"authorization": f"Bearer simulated.{OPERATOR}"}
        url = f"{ready['arm']}{path}?api-version=2022-12-01"
        answer = session.request(method, url, json=body, headers=headers, timeout=WAIT_S)
        answer.raise_for_status()
        return dict(answer.json())


def running(note: Path = NOTE) -> Json | None:
    """The ready line of the local Azure that runs in this folder, or None."""
    try:
        ready = dict(json.loads(note.read_text(encoding="utf-8")))
        ask(ready, "GET", "/tenants")
    except (OSError, ValueError, KeyError, requests.RequestException):
        return None
    return ready


@contextlib.contextmanager
def local_azure(world: Path | None) -> Iterator[Json]:
    """The ready line of the local Azure that runs, or of one that runs as long as this lasts. Raises NoAz.

    world: what the new one begins with; without it, with one empty subscription.
    """
    ready = running()
    if ready:
        yield ready
        return
    command = [sys.executable, "-m", "simulator", "serve", "--jump", *(["--world", str(world)] if world else [])]
    # Our own module, in a group of its own: Ctrl-C is ours to pass on.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:  # noqa: S603
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise NoAz("the local Azure did not start")
            ready = json.loads(line)
            if not world:
                ask(ready, "PUT", SCOPE, {"displayName": "local"})
            yield ready
        finally:
            process.terminate()


# -- the command -------------------------------------------------------------------------------------------------


def main() -> int:
    """Run the commands; the exit code of the first one that fails, 2 when there is no az."""
    parser = argparse.ArgumentParser(prog="python -m cli.az", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--install", action="store_true", help="install azure-cli first (make az)")
    parser.add_argument("--discover", action="store_true", help="let az read the endpoints from /metadata/endpoints")
    parser.add_argument("--world", type=Path, help="a world file for a local Azure that is started here")
    parser.add_argument("--commands", type=Path, help="a file of commands, one a line, without the word az")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what would follow the word az")
    given = parser.parse_args()
    lines = given.commands.read_text(encoding="utf-8").splitlines() if given.commands else []
    commands = [shlex.split(line, comments=True) for line in lines] + [given.command]
    try:
        interpreter = install(print, on_screen) if given.install else program()
        if given.install:
            on_screen("")
            print("azure-cli is there: python -m cli.az group list")
        return _run(interpreter, [each for each in commands if each], given.world, discover=given.discover)
    except NoAz as reason:
        sys.stderr.write(f"{reason}\n")
        return 2


def _run(interpreter: Path, commands: list[list[str]], world: Path | None, *, discover: bool) -> int:
    if not commands:
        return 0
    with local_azure(world) as ready:
        az = Az(interpreter, ready)
        az.set_up(discover=discover)
        codes = (az.run(command).returncode for command in commands)
        return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
