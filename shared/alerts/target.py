"""Where a channel sends to, and what every channel says of itself."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
OK, ACCEPTED, MOVED = 200, 202, 300  # HTTP statuses


@dataclass(frozen=True, slots=True)
class Target:
    """The one receiver of a channel. address, key: secrets, from app settings; sender, to: for email."""

    address: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    sender: str = ""
    to: tuple[str, ...] = ()


NOWHERE = Target()
