"""`make truth`: the recordings of the real Azure held against the local one, operation by operation."""

import sys
from collections import Counter, defaultdict

from rich.console import Console
from rich.table import Table

from tests.conftest import wire_folder
from tests.truth.recording import files, read
from tests.truth.replay import replay
from tests.truth.scope import Scope, Verdict

WIDTH = 100


def main() -> int:
    """Print the table. 0 when every difference is listed, 1 when one is not, 2 without recordings."""
    folder = wire_folder()
    if folder is None:
        sys.stderr.write("FLEXGUARD_WIRE does not name the folder of recorded wire data.\n")
        return 2
    scope, counts, first = Scope(), defaultdict(Counter), {}
    for file in files(folder):
        for outcome in replay(read(file)):
            verdict, lines = scope.judge(outcome)
            operation = outcome.exchange.operation
            counts[operation][verdict] += 1
            if lines and (operation not in first or verdict is Verdict.WRONG):
                first.setdefault(operation, f"{lines[0]} ({outcome.exchange.recording} {outcome.exchange.n})")
    Console(width=WIDTH).print(_table(counts, first))
    return 1 if any(count[Verdict.WRONG] for count in counts.values()) else 0


def _table(counts: dict[str, Counter[Verdict]], first: dict[str, str]) -> Table:
    table = Table(title="The local Azure held against the recorded one", title_justify="left")
    table.add_column("operation", max_width=32, overflow="fold")
    for name in ("exchanges", "agree", "share"):
        table.add_column(name, justify="right")
    table.add_column("first difference", overflow="fold")
    total = Counter[Verdict]()
    for operation in sorted(counts, key=lambda name: (name.partition(" ")[2], name)):
        total += counts[operation]
        if set(counts[operation]) != {Verdict.OUT}:
            table.add_row(*_row(_short(operation), counts[operation]), first.get(operation, ""))
    table.add_section()
    table.add_row(*_row("all in scope", total), f"{total[Verdict.OUT]} more are out of scope")
    return table


def _short(operation: str) -> str:
    """An operation without the types above it: "POST backupInstances/backup"."""
    verb, _, kinds = operation.partition(" ")
    return f"{verb} {'/'.join(kinds.split('/')[-2:])}"


def _row(name: str, count: Counter[Verdict]) -> tuple[str, str, str, str]:
    compared = sum(count.values()) - count[Verdict.OUT]
    share = f"{count[Verdict.AGREES] / compared:.1%}" if compared else "-"
    return name, str(compared), str(count[Verdict.AGREES]), share


if __name__ == "__main__":
    sys.exit(main())
