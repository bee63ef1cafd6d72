"""`make infra`: what is wrong with the templates and the queries, and what Bicep's own compiler says where it is.

Exit code 1 when something is wrong. What cannot be checked on this machine is named.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.infra import kusto
from tests.infra.bicep_check import check
from tests.infra.test_queries import NARROW, deployed, of_product
from tests.tidy.tree import ROOT

FILES = sorted((ROOT / "infra").rglob("*.bicep*"))


def templates() -> list[str]:
    """Everything that is wrong with the templates, as far as it can be said here."""
    folder = os.environ.get("FLEXGUARD_BICEP_TYPES", "")
    if not folder:
        print("templates: not their resources; FLEXGUARD_BICEP_TYPES names no folder of type definitions")
    else:
        print(f"templates: {len(FILES)} against Microsoft's type definitions")
    return [str(problem) for path in FILES for problem in check(path, Path(folder) if folder else None)]


def queries() -> list[str]:
    """What Microsoft's analyser says of the queries."""
    try:
        said = kusto.judged(deployed() | of_product(NARROW))
    except kusto.NoAnalyser as missing:
        print(f"queries: not checked; {missing}")
        return []
    print(f"queries: {len(said)} with Microsoft's Kusto analyser")
    return [f"{name}.kql:{problem}" for name, problems in said.items() for problem in problems]


def compiled() -> list[str]:
    """What the compiler says, where it is installed."""
    bicep = shutil.which("bicep")
    if not bicep:
        print("compiler: not checked; there is no bicep on the path")
        return []
    said = []
    for path in (path for path in FILES if path.suffix == ".bicep"):
        built = subprocess.run(  # noqa: S603 - Bicep, found on the path
            [bicep, "build", str(path), "--stdout"], capture_output=True, text=True, check=False
        )
        said += [line for line in built.stderr.splitlines() if "Warning" in line or "Error" in line]
    print(f"compiler: {len(FILES)} templates with {bicep}")
    return said


if __name__ == "__main__":
    wrong = [*templates(), *queries(), *compiled()]
    print("\n".join(wrong) if wrong else "nothing is wrong")
    sys.exit(bool(wrong))
