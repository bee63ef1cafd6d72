"""What a value must be beyond its type, as data that stands in the annotation of a field.

The reader of the rules file refuses by it, and the published JSON Schema says the same, so neither is written twice.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.core import resource_id

SUPPORT_MATRIX = "support matrix for vaulted backup of PostgreSQL flexible servers, 05/2025"
COMMAND_LINE = "priorities that the Azure command line gives: yearly 10, monthly 15, weekly 20, default 99"
POLICY_NAME = "it is a part of the policy's name, ^[-a-zA-Z0-9]{3,150}$"
TAGS = "limitations of Azure tags"
_VAULT_TYPE = "microsoft.dataprotection/backupvaults"
_MOST_KEPT = {"day": 3660, "week": 522, "month": 120, "year": 10}  # ten years, in each unit


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """valid: what is valid, in words. schema: what a JSON Schema can say of it. source: who says so, "" for us."""

    valid: str
    holds: Callable[[Any], bool]
    schema: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


def between(least: int, most: int | None = None, source: str = "") -> Limit:
    """A whole number from `least` to `most`."""
    if most is None:
        return Limit(f"{least} or more", lambda number: number >= least, {"minimum": least}, source)
    bounds = {"minimum": least, "maximum": most}
    return Limit(f"{least} to {most}", lambda number: least <= number <= most, bounds, source)


def spelled(pattern: str, valid: str, source: str = "") -> Limit:
    """A text that fits a whole pattern (of the kind that Python and ECMAScript read alike)."""
    fits = re.compile(pattern).fullmatch
    return Limit(valid, lambda text: fits(text) is not None, {"type": "string", "pattern": f"^({pattern})$"}, source)


def _is_vault(text: str) -> bool:
    parsed = resource_id.parse(text)
    return parsed is not None and parsed.type == _VAULT_TYPE


SOME = Limit("at least one", bool, {"minItems": 1})
SOME_NAMES = Limit("at least one", bool, {"minProperties": 1})
PRIORITY = between(1, 98, COMMAND_LINE)
KEPT = Limit(
    "7 days to 10 years, in days, weeks, months or years",
    lambda span: span.longest >= timedelta(days=7) and span.count <= _MOST_KEPT.get(span.unit, 0),
    {"pattern": "^[0-9]{1,4} ?(day|week|month|year)s?$"},
    SUPPORT_MATRIX,
)
SPREAD = Limit(
    "1h to 23h",
    lambda span: span.unit == "hour" and span.longest < timedelta(days=1),
    {"pattern": "^[0-9]{1,2} ?(hours?|h)$"},
)
UP_TO_TEN_YEARS = Limit("1 day to 10 years", lambda span: timedelta(days=1) <= span.longest <= timedelta(days=3660))
TIER_NAME = spelled(
    "[A-Za-z0-9]([A-Za-z0-9 ._-]{0,98}[A-Za-z0-9])?",
    "up to 100 letters and digits, with dots, hyphens, underscores and blanks between them",
    POLICY_NAME,
)
CADENCE = Limit(
    "6 hours to 10 years",  # a dump of a large server takes hours
    lambda span: timedelta(hours=6) <= span.longest <= timedelta(days=3660),
)
# Assumed: a retention rule's name may be what a policy's name may be; no document limits it.
RULE_NAME = spelled("[A-Za-z0-9-]{3,150}", "3 to 150 letters, digits and hyphens")
TAG_NAME = spelled(r"[^<>%&\\?/]{1,512}", r"up to 512 characters, none of <>%&\?/", TAGS)
TAG_VALUE = spelled(".{1,256}", "up to 256 characters", TAGS)
CHANNEL = spelled("[a-z][a-z0-9-]{0,39}", "up to 40 small letters, digits and hyphens, a letter first")
EMAIL = spelled(r"[^@\s<>,;\"]{1,64}@[A-Za-z0-9.-]{1,253}", "an e-mail address")
REPEAT = Limit("1 hour to 31 days", lambda span: timedelta(hours=1) <= span.longest <= timedelta(days=31))
GUID = spelled("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "the GUID of a subscription")
VAULT_ID = Limit(
    "the ARM id of a Backup vault, /subscriptions/…/providers/Microsoft.DataProtection/backupVaults/…",
    _is_vault,
    {"type": "string", "pattern": "^(/[^/]+){8}/?$"},
)
