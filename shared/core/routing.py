"""Which channels an alert goes to, and whether it waits for the morning. Pure."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from shared.core.alert import Severity
from shared.core.alert_rules import TOPIC, Alerts, Quiet
from shared.core.matching import like


def channels_for(alerts: Alerts, owner: str, severity: Severity) -> tuple[str, ...]:
    """The channels that an owner's alert goes to; the fallback when no route takes it."""
    fitting = (one.channels for one in alerts.routes if any(like(owner, pattern) for pattern in one.owners))
    return _taking(alerts, next(fitting, ()), severity) or _taking(alerts, alerts.fallback or (TOPIC,), severity)


def _taking(alerts: Alerts, names: tuple[str, ...], severity: Severity) -> tuple[str, ...]:
    known = alerts.channels
    return tuple(name for name in names if severity.reaches(known[name].least if name in known else "low"))


def is_quiet(quiet: Quiet | None, now: datetime) -> bool:
    """Whether alerts of low severity wait now. Hours may go over midnight."""
    if quiet is None:
        return False
    local = now.astimezone(ZoneInfo(quiet.time_zone.iana)).time()
    begin, end = time(quiet.begin.hour, quiet.begin.minute), time(quiet.end.hour, quiet.end.minute)
    return begin <= local < end if begin < end else local >= begin or local < end


def setting_of(channel: str) -> str:
    """The app setting that holds the address of a channel, or what it has instead of one."""
    return f"FLEXGUARD_CHANNEL_{channel.upper().replace('-', '_')}"
