"""What a time zone is called: IANA names, which people and Python use, and Windows names, which Azure Backup stores.

Source for the pairs: Unicode CLDR windowsZones, as tzlocal brings it.
"""

from functools import cache
from importlib import import_module
from zoneinfo import ZoneInfo

UTC_NAME = "UTC"
# Source: dp-policy-manual-2025-11-06: the portal writes the long name for UTC.
_EXTRA = {"coordinated universal time": UTC_NAME, "": UTC_NAME}


@cache
def _table() -> tuple[dict[str, str], dict[str, str]]:
    """Windows names by IANA name, and IANA names by Windows name; loaded when a policy is first read."""
    table = import_module("tzlocal.windows_tz")
    return table.tz_win, table.win_tz


@cache
def _names() -> dict[str, str]:
    by_iana, by_windows = _table()
    iana = {name.lower(): windows for name, windows in by_iana.items()}
    return iana | {name.lower(): name for name in by_windows} | _EXTRA


def windows_name(name: str) -> str | None:
    """The Windows name of a zone that is written in either way, in any casing; "" is UTC; None for an unknown one."""
    return _names().get(name.strip().lower())


@cache
def clock(windows: str) -> ZoneInfo:
    """The clock of a zone by its Windows name. Raises KeyError for an unknown one."""
    return ZoneInfo(_table()[1][windows])
