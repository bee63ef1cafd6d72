"""What does the status page say? The sweep's record, last jobs and open incidents as one value, most urgent first.

Pure: nothing is read here, and `now` is given. What strangers wrote is made legible; escaping is the template's.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.alert import Severity
from shared.core.changes import Change
from shared.core.incidents import Incident
from shared.core.judgement import NO_FINDING
from shared.core.last_jobs import LastJob
from shared.core.policy import tier_meaning
from shared.core.retention_time import schedule
from shared.core.snapshot import Entry, Snapshot
from shared.core.verdict import Kind
from shared.page.model import Cause, Group, Move, Open, Page, Row, TierLine

STALE = timedelta(hours=2)  # the sweep runs every hour: two of them are missing
STEPS = 20  # of the bar that shows an age
MOST_NAMED, MOST_MOVES = 3, 12
LONGEST = 600
# Somebody believes in a backup here, and it is not there: before everything that never was protected.
_LOST = frozenset({
    Kind.OVERDUE, Kind.PROTECTION_ERROR, Kind.STOPPED_BY_SOMEONE, Kind.SOFT_DELETED, Kind.POLICY_TAMPERED,
})  # fmt: skip
_ORDER = {group: place for place, group in enumerate(Group)}
_OUT = frozenset({Kind.NOT_OPTED_IN, Kind.EXEMPT, Kind.GONE})


def page_of(
    snapshot: Snapshot,
    now: datetime,
    jobs: Mapping[str, LastJob] | None = None,
    incidents: Iterable[Incident] | None = None,
    missing: Iterable[str] = (),
) -> Page:
    """The page of a snapshot. jobs: by lower-case server id. missing: what besides the sweep could not be read.

    incidents: all that the ledger has, None when nobody knows.
    """
    rows = sorted((_row(one, snapshot, now, jobs or {}) for one in snapshot.servers), key=_urgency)
    groups = Counter(row.group for row in rows)
    return Page(
        at=snapshot.at,
        made_at=now,
        age_s=max(0, int((now - snapshot.at).total_seconds())),
        is_stale=now - snapshot.at > STALE,
        rules_hash=snapshot.rules_hash,
        protected=snapshot.protected,
        eligible=snapshot.eligible,
        asking=snapshot.asking,
        target=snapshot.target,
        percent=None if snapshot.incomplete else snapshot.percent,
        is_complete=not snapshot.incomplete,
        missing=tuple(map(legible, (*snapshot.incomplete, *missing))),
        groups={group: groups[group] for group in Group},
        counts=snapshot.counts,
        plan_hash=legible(snapshot.plan_hash),
        waiting=snapshot.waiting,
        causes=_causes(rows),
        incidents=None if incidents is None else _open(incidents),
        moves=_moves(snapshot.changes),
        tiers=_tiers(snapshot),
        rows=tuple(rows),
    )


def legible(text: str) -> str:
    """A text of strangers on one line: what cannot be seen, or turns the reading direction, becomes a mark.

    Cut where it is longer than anybody reads.
    """
    if not text.isprintable():
        text = "".join(
            one if one.isprintable() else " " if one.isspace() else "\N{REPLACEMENT CHARACTER}" for one in text
        )
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def label(verdict: str) -> str:
    """A verdict as people say it."""
    return verdict.removeprefix("blocked_").replace("_", " ")


def group_of(verdict: str) -> Group:
    """Where a verdict belongs; one that this version does not know is looked at."""
    return _GROUPS.get(verdict, Group.ACT)


def _group(kind: Kind) -> Group:
    if kind is Kind.PROTECTED:
        return Group.GOOD
    if kind in _OUT:
        return Group.OUT
    return Group.WAIT if kind in NO_FINDING else Group.ACT


_GROUPS: dict[str, Group] = {kind.value: _group(kind) for kind in Kind}


def is_quiet(page: Page) -> bool:
    """Whether all is known, and nobody has anything to do."""
    is_known = not page.is_stale and not page.missing
    is_reached = page.percent is None or page.percent >= page.target
    return is_known and is_reached and not page.groups[Group.ACT] and page.incidents == ()


# -- servers -------------------------------------------------------------------------------------------------------


def _row(one: Entry, snapshot: Snapshot, now: datetime, jobs: Mapping[str, LastJob]) -> Row:
    tier = snapshot.tiers.get(one.tier)
    age_s = max(0, int((now - one.latest_point).total_seconds())) if one.latest_point else None
    limit_s = int(tier.max_age.longest.total_seconds()) if tier else None
    job = jobs.get(one.id.lower())
    subscription = snapshot.subscriptions.get(one.subscription.lower()) or one.subscription
    return Row(
        id=one.id,
        name=legible(one.name),
        place=legible(f"{subscription} / {_group_name(one.id)}"),
        region=legible(one.region),
        tier=legible(one.tier),
        owner=legible(one.owner),
        group=group_of(one.verdict),
        verdict=one.verdict,
        label=label(one.verdict),
        reason=legible(one.reason),
        fix=legible(one.fix),
        since=one.changed_since,
        latest_point=one.latest_point,
        age_s=age_s,
        limit_s=limit_s,
        step=_step(age_s, limit_s),
        last_job=job and replace(job, status=legible(job.status), code=legible(job.code)),
        next_backup=one.next_backup,
    )


def _group_name(server_id: str) -> str:
    parts = server_id.split("/")
    return parts[4] if len(parts) > 4 else ""  # noqa: PLR2004 - /subscriptions/{id}/resourceGroups/{name}


def _step(age_s: int | None, limit_s: int | None) -> int | None:
    if age_s is None or not limit_s:
        return None
    return STEPS + 1 if age_s > limit_s else max(1, STEPS * age_s // limit_s)


def _urgency(row: Row) -> tuple[object, ...]:
    """What comes first: who needs somebody, of these who has lost a backup, and the oldest backup of each verdict."""
    is_kept = row.verdict not in _LOST
    return (_ORDER[row.group], is_kept, row.label, -(row.age_s or 0), row.name.lower(), row.id.lower())


# -- the estate ----------------------------------------------------------------------------------------------------


def _causes(rows: Iterable[Row]) -> tuple[Cause, ...]:
    """What somebody must do, once for all servers that it helps: lost backups first, then what helps most."""
    found: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.group is Group.ACT:
            found[row.verdict, row.fix].append(row)
    ordered = sorted(found.items(), key=lambda one: (one[0][0] not in _LOST, -len(one[1]), one[0]))
    return tuple(
        Cause(verdict, label(verdict), fix, len(alike), tuple(row.name for row in alike[:MOST_NAMED]))
        for (verdict, fix), alike in ordered
    )


def _moves(changes: Iterable[Change]) -> tuple[Move, ...]:
    """Changes that are alike as one line, the newest first."""
    found: defaultdict[tuple[str, str], list[Change]] = defaultdict(list)
    for one in changes:
        found[_said(one.was, one.tier_was, one.tier), _said(one.verdict, one.tier, one.tier_was)].append(one)
    moves = (
        Move(
            legible(before) or "new",
            legible(after),
            group_of(alike[0].verdict),
            len(alike),
            tuple(legible(_last(one.id)) for one in alike[:MOST_NAMED]),
            max(one.at for one in alike),
        )
        for (before, after), alike in found.items()
    )
    return tuple(sorted(moves, key=lambda one: (-one.at.timestamp(), _ORDER[one.group], -one.count)))[:MOST_MOVES]


def _said(verdict: str, tier: str, other: str) -> str:
    """A verdict, and the tier where that is what has changed."""
    return f"{label(verdict)} ({tier or 'no tier'})" if verdict and tier != other else label(verdict)


def _tiers(snapshot: Snapshot) -> tuple[TierLine, ...]:
    asking = Counter(one.tier for one in snapshot.servers if group_of(one.verdict) is not Group.OUT)
    protected = Counter(one.tier for one in snapshot.servers if one.verdict == Kind.PROTECTED)
    return tuple(
        TierLine(name, tier, schedule(tier_meaning(tier)), str(tier.max_age), protected[name], asking[name])
        for name, tier in snapshot.tiers.items()
    )


def _last(place: str) -> str:
    """What people call a thing: the end of its id."""
    return place.rsplit("/", 1)[-1]


def _open(incidents: Iterable[Incident]) -> tuple[Open, ...]:
    """Those that are open and that somebody should hear of, the most severe first, and the oldest of these."""
    found = [one for one in incidents if one.closed_at is None and one.severity is not Severity.EXPECTED]
    ordered = sorted(found, key=lambda one: (list(Severity).index(one.severity), one.opened_at, one.key))
    return tuple(
        Open(
            severity=one.severity.value,
            title=legible(one.title),
            names=tuple(legible(_last(subject)) for subject, _ in one.shown[:MOST_NAMED])
            or (legible(_last(one.place)),),
            words=legible(one.words),
            fix=legible(one.fix),
            owner=legible(one.owner),
            since=one.opened_at,
            count=max(1, len(one.subjects)),
            link=one.link if one.link.startswith("https://") else "",
        )
        for one in ordered
    )
