"""What happened in a run, line by line: for people to read, and as one hash for machines to compare."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

LONG_ID = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resource[gG]roups/|(?<=/)providers/[\w.]+/|, correlation [0-9a-f-]{36}"
)
OFTEN = 3


@dataclass
class Story:
    """The lines of a run, in order. Everything in them depends on the seed and the commit alone."""

    start: datetime
    lines: list[tuple[datetime, str, str]] = field(default_factory=list)

    def tell(self, at: datetime, who: str, what: str) -> None:
        self.lines.append((at, who, what))

    @property
    def digest(self) -> str:
        """The same for the same run, in every process and with every hash seed."""
        text = "\n".join(f"{at.isoformat()} {who} {what}" for at, who, what in self.lines)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def text(self) -> str:
        """The run as a table: minutes since the start, who, and what. Ids are cut to what tells them apart.

        What was told OFTEN times is left out from then on, so that what is new stands out.
        """
        rows, seen, left_out = list[str](), Counter[str](), 0
        for at, who, what in self.lines:
            words = LONG_ID.sub("", what)
            seen[words] += 1
            if seen[words] > OFTEN:
                left_out += 1
                continue
            if left_out:
                rows.append(f"{'':8}  {'':<9} ({left_out} lines that were told before)")
            left_out = 0
            rows.append(f"{(at - self.start).total_seconds() / 60:8.2f}  {who:<9} {words}")
        return "\n".join(rows)
