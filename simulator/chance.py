"""How do times scatter around the usual one? The one shape that every service's latencies have here."""

import random


def around(chance: random.Random, least: float, usual: float, most: float) -> float:
    """A value between least and most. Half lie below the usual one; the nearer to it, the more of them.

    Assumed: this shape; least, median and most are what recordings tell.
    """
    side = 2 * chance.random() - 1
    return usual + (most - usual if side > 0 else usual - least) * side**3
