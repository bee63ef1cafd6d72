"""Makes strangers' words harmless to look at: one line, no control or bidi character, not too long."""

LONGEST = 300


def plain(text: str, longest: int = LONGEST) -> str:
    """A text as one line of printable characters, cut where it is too long."""
    line = " ".join(text[: 4 * longest].split())
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
    return shown if len(shown) <= longest and len(text) <= 4 * longest else f"{shown[: longest - 1]}…"


def cut(text: str, longest: int = 2000) -> str:
    """A text for programs: as it is, but not too long."""
    return text if len(text) <= longest else f"{text[:longest]}…"
