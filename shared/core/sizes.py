"""How large a server's backups are, one after the other, and whether the newest is much smaller. Pure."""

from statistics import median

KEPT = 5
FEWEST = 3  # backups before one is judged: the newest and two before it
SMALL_SHARE = 0.5


def with_newest(sizes: tuple[int, ...], size: int) -> tuple[int, ...]:
    """The sizes with one more, the newest last; the oldest are forgotten."""
    return (*sizes, size)[-KEPT:]


def is_small(sizes: tuple[int, ...]) -> bool:
    """Whether the newest is less than half of what those before it usually are."""
    return len(sizes) >= FEWEST and sizes[-1] < SMALL_SHARE * median(sizes[:-1])
