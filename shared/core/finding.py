"""One thing that is not as it should be, about one subject: what incidents are made of. A value, without an opinion."""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime

from shared.core.alert import Severity, key_of


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one subject, and who should hear of it.

    kind, cause, place, owner: which incident it belongs to. source: what was read to find it (`core/evidence.py`).
    title: what is wrong with all subjects of the incident; words: with this one. since: when it began, as far as known.
    occurrence: of what happened once, such as the id of a failed job; is_over: it was cured before it was seen.
    """

    kind: str
    source: str
    subject: str
    severity: Severity
    title: str
    words: str
    fix: str
    since: datetime
    cause: str = ""
    place: str = ""
    owner: str = ""
    link: str = ""
    occurrence: str = ""
    is_over: bool = False
    details: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return key_of(self.kind, self.cause, self.place, self.owner)


def fingerprint(text: str) -> str:
    """Eight letters that stand for an id, whatever its case: thousands of them are remembered in one row.

    48 bits: among 20,000 ids two share one in fewer than one of a million cases.
    """
    return urlsafe_b64encode(hashlib.sha256(text.lower().encode("utf-8", "replace")).digest()[:6]).decode()
