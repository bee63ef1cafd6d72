"""Azurite, Microsoft's own emulator of a storage account, as the storage of the local stage.

Installs it from npm once, starts it over TLS with OAuth, and says which settings point an app at it. It makes no
queue and no table: whoever plays the deployment does. Given the control of a local Azure, Azurite lives in that one's
time (`azurite_clock.cjs`); otherwise in real time.
"""

import fcntl
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import trustme

VERSION = "3.37.0"
FOLDER = Path(__file__).resolve().parent.parent / ".flexguard/azurite"
CLOCK = Path(__file__).with_name("azurite_clock.cjs")
ACCOUNT = "flexguard"
ACCOUNT_KEY = "Zm9yIG5vYm9keQ=="  # Azurite wants one; with OAuth nobody uses it
SERVICES = ("blob", "queue", "table")
LISTENS = re.compile(r"Azurite (?P<service>\w+) service is successfully listening at \S+:(?P<port>\d+)")
INSTALL_S, STOP_S = 600, 10
ARGUMENTS = (
    "--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--oauth", "basic",
    *(part for service in SERVICES for part in (f"--{service}Port", "0")),
)  # fmt: skip


class NoAzurite(Exception):
    """Azurite cannot be had here; the message says what is missing and what to do."""


def installed(say: Callable[[str], None]) -> Path:
    """Azurite's program, installed now if it was not. say: gets a line before something takes long.

    Raises NoAzurite without Node or npm, and when npm fails.
    """
    _found("node")
    FOLDER.mkdir(parents=True, exist_ok=True)
    mark = FOLDER / f"installed-{VERSION}"
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would install into the same folder
        if not mark.exists():
            npm = _found("npm")
            say(f"Installing Azurite {VERSION} from npm into {FOLDER} (once, about a minute, 350 MB) …")
            _install(npm)
            mark.touch()
    return FOLDER / "node_modules/azurite/dist/src/azurite.js"


def _found(program: str) -> str:
    where = shutil.which(program)
    if where is None:
        raise NoAzurite(f"Azurite needs '{program}', and it is not there. Install Node.js (https://nodejs.org).")
    return where


def _install(npm: str) -> None:
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", "--fetch-retries=1"]
    command = [npm, "install", "--prefix", str(FOLDER), *options, f"azurite@{VERSION}"]
    try:
        # npm, found on the path, with arguments of our own
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise NoAzurite(f"npm did not install azurite@{VERSION} within {INSTALL_S} seconds.") from None
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        raise NoAzurite(f"npm could not install azurite@{VERSION}:\n" + "\n".join(errors[:5]))


class Azurite:
    """One running Azurite, its memory empty. Close it, or it goes on.

    program: what `installed` said. log: file for what it says. azure: the ready line of a local Azure whose clock it
    shall go by and whose certificates are to be trusted too; None for real time.

    endpoints: URL of the account by service. environment: the settings of an app that uses it. ca: file of every
    authority that such an app must trust.
    """

    def __init__(self, program: Path, log: Path, azure: Mapping[str, str] | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="flexguard-azurite-")
        folder = Path(self._folder.name)
        self.ca = str(folder / "ca.pem")
        command, settings = [_found("node"), str(program), *ARGUMENTS], {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}"}
        if azure:
            command[1:1] = ["--require", str(CLOCK)]
            settings |= {"FLEXGUARD_CONTROL": azure["control"], "NODE_EXTRA_CA_CERTS": azure["ca"]}
        command += _certified(folder, trusted=azure["ca"] if azure else "")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - the program that was installed, with arguments of our own
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=settings,
                cwd=folder,
                text=True,
                start_new_session=True,  # Ctrl-C is its owner's to pass on
            )
        try:
            ports = self._ports(log)
        except BaseException:
            self.close()
            raise
        self.endpoints = {service: f"https://127.0.0.1:{port}/{ACCOUNT}" for service, port in ports.items()}
        self.environment = {
            **{f"AzureWebJobsStorage__{service}ServiceUri": where for service, where in self.endpoints.items()},
            "REQUESTS_CA_BUNDLE": self.ca,
            "SSL_CERT_FILE": self.ca,
        }

    def _ports(self, log: Path) -> dict[str, str]:
        """The port that each service says it listens at. Raises NoAzurite when the process ends before."""
        ports: dict[str, str] = {}
        for line in self._process.stdout or ():
            if match := LISTENS.search(line):
                ports[match["service"].lower()] = match["port"]
            if len(ports) == len(SERVICES):
                return ports
        raise NoAzurite(f"Azurite did not start:\n{log.read_text(encoding='utf-8')}")

    def close(self) -> None:
        """Stop it; whatever it kept is gone."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._folder.cleanup()


def _certified(folder: Path, trusted: str) -> list[str]:
    """The arguments for a certificate of a throw-away authority, written beside a file of all trusted ones."""
    authority = trustme.CA(organization_name="Flexguard local Azurite")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    others = Path(trusted).read_bytes() if trusted else b""
    (folder / "ca.pem").write_bytes(authority.cert_pem.bytes() + others)
    return ["--cert", str(folder / "cert.pem"), "--key", str(folder / "key.pem")]
