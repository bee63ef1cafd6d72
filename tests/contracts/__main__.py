"""`python -m tests.contracts`: which operations of Microsoft's documents the local Azure plays, as a table."""

import sys

from tests.conftest import wire_folder
from tests.contracts.deviations import NOT_SIMULATED
from tests.contracts.documents import operations
from tests.contracts.examples import examples


def main() -> int:
    """Print a line per operation and the sum; 2 when there is no wire data."""
    folder = wire_folder()
    if folder is None:
        print("FLEXGUARD_WIRE does not name the folder of recorded wire data")
        return 2
    shown = [each.operation.key for each in examples(folder)]
    print(f"{'operation':<72} {'version':<19} {'simulated':<9} {'examples':>8}  why not")
    for each in operations(folder):
        reason = "" if each.is_served else NOT_SIMULATED.get(each.id, "no reason is listed")
        row = f"{each.id:<72} {each.version:<19} {'yes' if each.is_served else 'no':<9} {shown.count(each.key):>8}"
        print(f"{row}  {reason}".rstrip())
    played = [each for each in operations(folder) if each.is_served]
    print(f"{len(played)} of {len(operations(folder))} operations are simulated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
