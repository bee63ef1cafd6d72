"""`python -m simulator`: serve a local Azure, or switch a fault on in one that runs."""

import sys

from simulator.face.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
