"""Makes incidents of findings: opened once for one cause, place and owner, repeated, and closed when all is well again.

Pure. What is remembered of an incident is in the ledger; losing it tells everything again and forgets nothing. A thing
that happened once, such as a failed job, belongs to the first incident that took it, for as long as Azure shows it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.core.alert import (
    REFUSALS,
    Alert,
    Phase,
    Severity,
    braked,
    over_budget,
    poison,
    refused,
    summarized,
)  # fmt: skip
from shared.core.evidence import Evidence
from shared.core.finding import Finding, fingerprint

__all__ = [
    "REFUSALS",
    "Alert",
    "Incident",
    "alert_of",
    "braked",
    "opened_by",
    "over_budget",
    "poison",
    "refused",
    "step",
]

SCHEMA = 2
MOST_REMEMBERED = 20_000  # subjects, and occurrences, of one incident; beyond that the oldest are told again
MOST_SHOWN = 20
LONGEST_SHOWN = 300
LOG = "log"  # the channel that is always there
SETTLED = timedelta(minutes=30)  # so long nothing must be found before people are told that it is over
FORGOTTEN = timedelta(days=30)  # occurrences that no vault lists any more


@dataclass(frozen=True, slots=True)
class Incident:
    """One cause at one place, for one owner, as the ledger remembers it.

    subjects: fingerprints of what is not well, and since when; occurrences: of everything that ever happened in it
    (seconds since 1970). seen_at: when it was last found. most: how many subjects it had at once, at most. number: of
    the message that people get now (1: opened); told_to: the channels that have taken it; told: all have. said_at:
    since when that message is on its way.
    """

    key: str
    kind: str
    source: str
    title: str
    words: str
    fix: str
    severity: Severity
    opened_at: datetime
    seen_at: datetime
    said_at: datetime
    cause: str = ""
    place: str = ""
    owner: str = ""
    link: str = ""
    details: dict[str, str] = field(default_factory=dict)
    subjects: dict[str, int] = field(default_factory=dict)
    occurrences: dict[str, int] = field(default_factory=dict)
    shown: tuple[tuple[str, str], ...] = ()
    most: int = 0
    closed_at: datetime | None = None
    number: int = 1
    told: bool = False
    told_to: tuple[str, ...] = ()
    schema: int = SCHEMA

    @property
    def phase(self) -> Phase:
        if self.closed_at:
            return Phase.RECOVERED
        return Phase.OPENED if self.number == 1 else Phase.REPEATED

    @property
    def subject(self) -> str:
        """The one thing that it is about, else the place."""
        return self.shown[0][0] if self.most <= 1 and self.shown else self.place or self.title


def step(known: Iterable[Incident], findings: Iterable[Finding], seen: Evidence, repeat: timedelta) -> list[Incident]:
    """The incidents that are to be written down now: new ones, changed ones, closed ones. Others stay as they are."""
    rows = {incident.key: incident for incident in known}
    home = {each: incident.key for incident in rows.values() for each in incident.occurrences}
    groups: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        taken_by = home.get(fingerprint(finding.occurrence), "") if finding.occurrence else ""
        groups[taken_by or finding.key].append(finding)
    after = [_continued(rows.get(key), key, groups.get(key, []), seen, repeat) for key in rows.keys() | groups.keys()]
    return sorted((one for one in after if one and one != rows.get(one.key)), key=lambda one: one.key)


def _continued(
    row: Incident | None, key: str, found: list[Finding], seen: Evidence, repeat: timedelta
) -> Incident | None:
    """What becomes of one incident. A closed one is opened again only by what it does not know yet."""
    known = row.occurrences if row else {}
    is_closed = row is None or row.closed_at is not None
    fresh = [one for one in found if not is_closed or not one.occurrence or fingerprint(one.occurrence) not in known]
    if is_closed and not fresh:
        return row
    active = [one for one in fresh if not one.is_over]
    if row is None or is_closed:
        row = _opened(key, active or fresh, known, seen.now)
    row = _with(row, fresh, active, seen)
    return _spoken(row, seen.now, repeat)


def _opened(key: str, found: list[Finding], occurrences: dict[str, int], now: datetime) -> Incident:
    first = min(found, key=lambda one: (one.since, one.subject))
    severity = min((one.severity for one in found), key=list(Severity).index)
    return Incident(
        key=key,
        kind=first.kind,
        source=first.source,
        title=first.title,
        words=first.words[:LONGEST_SHOWN],
        fix=first.fix,
        severity=severity,
        opened_at=now,
        seen_at=now,
        said_at=now,
        cause=first.cause,
        place=first.place,
        owner=first.owner,
        link=first.link,
        details=first.details,
        occurrences=occurrences,
        told=severity is Severity.EXPECTED,
    )


def _with(row: Incident, fresh: list[Finding], active: list[Finding], seen: Evidence) -> Incident:
    """The incident with what was found now, and without the subjects that are well."""
    current = {fingerprint(one.subject): int(one.since.timestamp()) for one in active}
    left = {
        each: since_s
        for each, since_s in row.subjects.items()
        if each in current or not seen.cures(row.source, row.place, each, since_s, row.seen_at)
    }
    happened = {fingerprint(one.occurrence): int(one.since.timestamp()) for one in fresh if one.occurrence}
    oldest_s = int((seen.now - FORGOTTEN).timestamp())
    remembered = {each: at_s for each, at_s in (row.occurrences | happened).items() if at_s >= oldest_s}
    shown = {one.subject: one.words[:LONGEST_SHOWN] for one in (active or fresh)[:MOST_SHOWN]}
    subjects = _newest(left | current)
    return replace(
        row,
        subjects=subjects,
        occurrences=_newest(remembered),
        shown=tuple(list((shown | dict(row.shown)).items())[:MOST_SHOWN]),
        most=max(row.most, len(subjects), 1),
        seen_at=seen.now if active else row.seen_at,
    )


def _newest(marks: dict[str, int]) -> dict[str, int]:
    if len(marks) <= MOST_REMEMBERED:
        return marks
    return dict(sorted(marks.items(), key=lambda mark: -mark[1])[:MOST_REMEMBERED])


def _spoken(row: Incident, now: datetime, repeat: timedelta) -> Incident:
    """The next thing to say, if there is one: that it is over, or that it still goes on."""
    was_seen = row.opened_at != now
    if not row.subjects and (not was_seen or now - row.seen_at >= SETTLED):
        over = replace(row, closed_at=now, said_at=now, number=row.number + 1, told_to=())
        return replace(over, told=row.severity is Severity.EXPECTED)
    if row.told and now - row.said_at >= repeat:
        return replace(row, said_at=now, number=row.number + 1, told=False, told_to=())
    return row


def opened_by(alert: Alert, now: datetime) -> Incident:
    """The incident of something that is told the moment it happens."""
    happened = {fingerprint(alert.occurrence): int(now.timestamp())} if alert.occurrence else {}
    subject = alert.occurrence or alert.subject
    return Incident(
        key=alert.key,
        kind=alert.kind,
        source="day" if alert.occurrence else "snapshot",
        title=alert.summary,
        words=alert.reason[:LONGEST_SHOWN],
        fix=alert.fix,
        severity=alert.severity,
        opened_at=now,
        seen_at=now,
        said_at=now,
        cause=alert.cause,
        place=alert.place,
        owner=alert.owner,
        link=alert.link,
        details=alert.details,
        subjects={fingerprint(subject): int(now.timestamp())},
        occurrences=happened,
        shown=((alert.subject, alert.reason[:LONGEST_SHOWN]),),
        most=alert.count,
    )


def joined(row: Incident, alert: Alert, now: datetime) -> Incident:
    """An open incident with one more thing that happened in it, if it does not know it yet."""
    mark, at_s = fingerprint(alert.occurrence), int(now.timestamp())
    if not alert.occurrence or mark in row.occurrences:
        return row
    happened, subjects = _newest(row.occurrences | {mark: at_s}), _newest(row.subjects | {mark: at_s})
    shown = ((alert.subject, alert.reason[:LONGEST_SHOWN]), *row.shown)[:MOST_SHOWN]
    most = max(row.most, len(subjects))
    return replace(row, subjects=subjects, occurrences=happened, shown=shown, most=most, seen_at=now)


def alert_of(incident: Incident, tags: tuple[tuple[str, str], ...] = ()) -> Alert:
    """What people are told of an incident now. tags: values of allow-listed tags of its subject."""
    count = incident.most if incident.closed_at else max(len(incident.subjects), 1)
    names = [subject for subject, _ in incident.shown] if incident.most <= 1 else ["", ""]
    summary = summarized(incident.title, names, count, incident.phase)
    return Alert(
        key=incident.key,
        kind=incident.kind,
        subject=incident.subject,
        summary=summary,
        reason=incident.words,
        fix=incident.fix,
        at=incident.said_at,
        details=incident.details,
        severity=incident.severity,
        phase=incident.phase,
        cause=incident.cause,
        place=incident.place,
        owner=incident.owner,
        link=incident.link,
        count=count,
        shown=incident.shown,
        opened_at=incident.opened_at,
        number=incident.number,
        tags=tags,
    )
