"""What happened in a run, line by line: for people to read, and as one hash for machines to compare."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime

LONG_ID = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resource[gG]roups/|(?<=/)providers/[\w.]+/|, correlation [0-9a-f-]{36}"
)


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
        """The run as a table: minutes since the start, who, and what. Ids are cut to what tells them apart."""
        rows = []
        for at, who, what in self.lines:
            rows.append(f"{(at - self.start).total_seconds() / 60:8.2f}  {who:<9} {LONG_ID.sub('', what)}")
        return "\n".join(rows)
