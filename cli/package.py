"""What does Azure get? Builds that zip: the tracked files that `.funcignore` leaves, the same bytes for a commit.

Git itself evaluates `.funcignore`: its rules are the ones that the file is written in, only what it tracks is packed
anyway, and a library (pathspec) would be one more dependency that has to agree with it. Sends nothing anywhere.

The bytes are the same as long as zlib is. The content is that of the working tree; where it differs from the commit,
the output says so.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
DEPENDENCIES = Path(".python_packages/lib/site-packages")  # Source: Azure Functions Python guide: looked for here
# Azure runs Python 3.13 on x86-64 Linux with glibc 2.36; a wheel for an older one works, one for a newer does not.
PLATFORMS = [*(f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)), "manylinux2014_x86_64"]
WHEELS = ["--only-binary=:all:", "--implementation=cp", "--python-version=3.13", "--no-compile"]
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name
ROUNDS = 9
STATEMENTS = ("import azure.functions", "import function_app")


class CannotPackage(Exception):
    """There is no package; the message says why."""


def app_files(home: Path) -> dict[str, bytes]:
    """The app's own files by path below `home`: what git tracks and `.funcignore` leaves. Raises CannotPackage."""
    tracked = set(_git(home, "ls-files", "-z").split("\0"))
    ignored = set(_git(home, "ls-files", "-z", "--cached", "--ignored", "--exclude-from=.funcignore").split("\0"))
    try:
        return {name: (home / name).read_bytes() for name in tracked - ignored}
    except FileNotFoundError as missing:
        raise CannotPackage(f"git tracks {missing.filename}, and it is not there") from missing


def dependencies(requirements: Path) -> dict[str, bytes]:
    """What Azure's remote build would install, by path in the package. Raises CannotPackage, with pip's own words.

    Scripts are left out: their first line names the Python of this machine, and nobody starts them in Azure.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        platforms = [f"--platform={platform}" for platform in PLATFORMS]
        command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
        command += [*WHEELS, *platforms, f"--target={folder}", f"--requirement={requirements}"]
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - pip, with arguments of our own
            raise CannotPackage("the dependencies cannot be installed; pip says why above")
        files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
        return {
            str(DEPENDENCIES / name): _without_scripts(path) if path.name == "RECORD" else path.read_bytes()
            for name, path in files.items()
            if name.parts[0] != "bin"
        }


def bill_of_materials(requirements: str, version: str) -> str:
    """What Azure installs beside the app, as CycloneDX 1.6: each package with version and purl, the same for a lock.

    Twenty lines of our own, because the usual library brings 25 packages with it. Source: CycloneDX 1.6 JSON reference.
    """
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: *; *([^\\\n]+))?", requirements, re.MULTILINE)
    app = {"type": "application", "name": "flexguard", "version": version}
    components = [
        {
            "type": "library",
            "bom-ref": (purl := f"pkg:pypi/{name.lower()}@{pinned}"),
            "name": name,
            "version": pinned,
            "purl": purl,
            "scope": "optional" if marker else "required",  # a marker: on some platforms alone
        }
        for name, pinned, marker in pins
    ]
    whole = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": app}}
    return json.dumps(whole | {"components": components}, indent=1) + "\n"


def write(package: Path, files: Mapping[str, bytes]) -> None:
    """Write the zip: sorted, and with nothing of the machine or the hour in it."""
    package.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(package, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # Unix: a file that everybody may read
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, compresslevel=9)


def import_times(package: Path) -> dict[str, float]:
    """Seconds that a fresh process takes for each of STATEMENTS, best of ROUNDS, taken in turns.

    The dependencies are those of the running environment, already compiled, as the app is after the first round.
    """
    taken: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(package).extractall(folder)
        for _ in range(ROUNDS):
            for statement, times in taken.items():
                began = time.perf_counter()
                subprocess.run([sys.executable, "-c", statement], cwd=folder, env={}, check=True)  # noqa: S603 - ours
                times.append(time.perf_counter() - began)
    return {statement: min(times) for statement, times in taken.items()}


def main() -> int:
    """Build the package and say what it is. Exit code: 0, or 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="make package", description="The zip that Azure gets.")
    parser.add_argument(
        "--with-dependencies",
        action="store_true",
        help="for deployments without remote build (make package WITH_DEPENDENCIES=1)",
    )
    parser.add_argument("--to", type=Path, default=HOME / "dist", metavar="FOLDER", help="dist by default")
    given = parser.parse_args()
    try:
        _package(given.to, with_dependencies=given.with_dependencies)
    except CannotPackage as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


def _package(to: Path, *, with_dependencies: bool) -> None:
    version = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    files = app_files(HOME)
    if with_dependencies:
        _progress("Fetching the dependencies for Linux (about half a minute) …")
        files |= dependencies(HOME / "requirements.txt")
    package = to / f"flexguard-{version}{'-with-dependencies' if with_dependencies else ''}.zip"
    write(package, files)
    bill = package.with_suffix(".cdx.json")
    bill.write_text(bill_of_materials((HOME / "requirements.txt").read_text(encoding="utf-8"), version), "utf-8")
    print(f"{package.relative_to(Path.cwd(), walk_up=True)} of {_commit(HOME, files)}")
    print(f"{len(files):,} files, {package.stat().st_size:,} bytes, {sum(map(len, files.values())):,} unpacked")
    _progress("Measuring the import in fresh processes (about five seconds) …")
    alone, app = import_times(package).values()
    print(f"import function_app {app * 1000:.0f} ms ÷ import azure.functions {alone * 1000:.0f} ms = {app / alone:.2f}")


def _commit(home: Path, files: Mapping[str, bytes]) -> str:
    """Which commit the files are of, and how many of them are not as it has them."""
    changed = files.keys() & set(_git(home, "diff", "--name-only", "-z", "HEAD").split("\0"))
    commit = _git(home, "rev-parse", "--short", "HEAD").strip()
    return f"{commit}, but for {len(changed)} changed file{'s' * (len(changed) > 1)}" if changed else commit


def _without_scripts(record: Path) -> bytes:
    """An installation's list of files without those that are not packed."""
    lines = record.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"../../bin/"))


def _git(home: Path, *arguments: str) -> str:
    """What git answers. Raises CannotPackage where it has none to give."""
    command = ["git", "--no-optional-locks", *arguments]  # asks, and leaves the index as it is
    try:
        return subprocess.run(command, cwd=home, capture_output=True, text=True, check=True).stdout  # noqa: S603 - git
    except FileNotFoundError as missing:
        raise CannotPackage("a package is made of what git tracks, and there is no git here") from missing
    except subprocess.CalledProcessError as refused:
        raise CannotPackage(f"a package is made of what git tracks, but: {refused.stderr.strip()}") from refused


def _progress(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
