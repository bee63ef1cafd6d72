"""Everything else that people should hear of: what the sweep said of each server, deleted backups, and the app itself.

Pure. Verdicts that pass by themselves become findings only when they have stood for too long.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.core import names, resource_id
from shared.core.alert import REFUSALS, Severity
from shared.core.finding import Finding
from shared.core.observed import Deleted
from shared.core.rules import Rules
from shared.core.snapshot import Entry, Snapshot
from shared.core.verdict import FIXES, Kind

CHANNEL_FAILING = "channel_failing"
SOON = timedelta(days=7)  # an exemption that ends within this time is told
SILENT = {
    "sweep_estate": timedelta(hours=3),
    "back_up_due": timedelta(hours=3),
    "watch_jobs": timedelta(hours=1),
    "keep_evidence": timedelta(hours=26),
}
_HIGH, _NORMAL, _LOW, _ = Severity
_AT_ONCE, _HOURS, _DAY = timedelta(), timedelta(hours=4), timedelta(days=1)
_UNTIL = re.compile(
    r"exempt by tag until ([0-9Tt:Zz+-]+): "
)  # the sentence is `core/intent.py`'s; a test holds them together


@dataclass(frozen=True, slots=True)
class _Said:
    """How a verdict becomes a finding: how severe, from what age on, in which words; is_platforms: it has no owner."""

    severity: Severity
    title: str
    after: timedelta = _AT_ONCE
    is_platforms: bool = False


_OF_VERDICT: dict[Kind, _Said] = {
    Kind.CONFIGURING: _Said(_NORMAL, "Protection has been configuring for hours", _HOURS),
    Kind.WAITING_FOR_ROLES: _Said(_NORMAL, "Roles have not become effective for hours", _HOURS),
    Kind.FIRST_BACKUP_PENDING: _Said(_HIGH, "The first backup never came", _DAY),
    Kind.DRIFTED: _Said(_NORMAL, "The backup does not follow the tier"),
    Kind.ORPHANED: _Said(_LOW, "The server is gone, its backups are still billed"),
    Kind.WRONG_VAULT: _Said(_LOW, "The backups are in another vault than the rules say"),
    Kind.OVERDUE: _Said(_HIGH, "The newest backup is too old"),
    Kind.NOT_READY: _Said(_LOW, "The server has not been Ready for a day", _DAY),
    Kind.STOPPED: _Said(_LOW, "The server is stopped, so it gets no backup", _DAY),
    Kind.REPLICA: _Said(_LOW, "A replica asks for a backup, which Azure does not make"),
    Kind.ELASTIC_CLUSTER: _Said(_LOW, "An elastic cluster asks for a backup, which Azure does not make"),
    Kind.NO_VAULT: _Said(_NORMAL, "There is no vault for the region", is_platforms=True),
    Kind.VAULT_IDENTITY: _Said(_NORMAL, "The vault has no identity", is_platforms=True),
    Kind.VAULT_NOT_ADMITTED: _Said(_NORMAL, "A vault has the tag and is not admitted", is_platforms=True),
    Kind.VAULT_FULL: _Said(_NORMAL, "The vaults of the region are full", is_platforms=True),
    Kind.VAULT_NOT_READY: _Said(_NORMAL, "The vault does not work", _HOURS, is_platforms=True),
    Kind.UNKNOWN_TIER: _Said(_NORMAL, "The tag names no tier"),
    Kind.EXEMPTION_INVALID: _Said(_NORMAL, "The exemption does not hold"),
    Kind.PROTECTED_ELSEWHERE: _Said(_LOW, "It is protected in a vault that the rules do not name"),
    Kind.PROTECTION_ERROR: _Said(_HIGH, "Protection is in error"),
    Kind.STOPPED_BY_SOMEONE: _Said(_HIGH, "Somebody stopped or suspended protection"),
    Kind.UNKNOWN_STATE: _Said(_NORMAL, "The backup is in a state that this version does not know"),
    Kind.POLICY_TAMPERED: _Said(_HIGH, "A policy of ours has other content"),
    Kind.CANNOT_ASSIGN_ROLES: _Said(_HIGH, "The app may not assign the vault's roles"),
    Kind.ROLES_MISSING: _Said(_HIGH, "The vault's roles are missing"),
    Kind.ROLES_INEFFECTIVE: _Said(_HIGH, "The vault's roles are assigned and do not work"),
    Kind.VALIDATION_FAILED: _Said(_NORMAL, "Azure Backup refuses the server"),
    Kind.SOFT_DELETED: _Said(_HIGH, "Backups were deleted"),
    Kind.CONTESTED: _Said(_NORMAL, "Somebody else keeps changing the policy"),
    Kind.POLICY_MISSING: _Said(_NORMAL, "There is no policy for the tier", is_platforms=True),
    Kind.RESOURCE_GUARD: _Said(_NORMAL, "A Resource Guard wants an approval"),
    Kind.SCOPE_LOCKED: _Said(_HIGH, "A lock keeps the app from protecting servers"),
    Kind.AZURE_POLICY: _Said(_HIGH, "Azure Policy keeps the app from protecting servers"),
    Kind.PROVIDER: _Said(_HIGH, "A resource provider is not registered"),
    Kind.APP_RIGHTS: _Said(_HIGH, "The app lacks a right"),
    Kind.OVER_BUDGET: _Said(_NORMAL, "Changes wait for an approval", is_platforms=True),
    Kind.AZURE_UNREACHABLE: _Said(_HIGH, "Azure has not answered for a day", is_platforms=True),
}


def snapshot_findings(
    snapshot: Snapshot, rules: Rules, now: datetime, failing: frozenset[str], suspended: frozenset[str] = frozenset()
) -> Iterator[Finding]:
    """What the sweep's record gives cause for.

    failing: servers whose failed backups are told already, by lower-case id: that they are overdue has the same cause.
    suspended: servers whose deleted backups are told already.
    """
    for entry in snapshot.servers:
        if entry.verdict not in Kind:
            continue  # a later version of the app made the record
        key, kind = entry.id.lower(), Kind(entry.verdict)
        told = (key in failing and kind in (Kind.OVERDUE, Kind.FIRST_BACKUP_PENDING)) or (
            key in suspended and kind is Kind.SOFT_DELETED
        )
        if not told and not (kind is Kind.OVER_BUDGET and snapshot.plan_hash):  # the plan is told as a whole
            yield from _of_entry(entry, kind, rules, now)
    if snapshot.plan_hash:
        yield _waiting_plan(snapshot)
    if snapshot.incomplete:
        yield _incomplete(snapshot)


def _of_entry(entry: Entry, kind: Kind, rules: Rules, now: datetime) -> Iterator[Finding]:
    since = entry.changed_since or now
    if said := _OF_VERDICT.get(kind):
        after = _first_backup_after(entry, rules) if kind is Kind.FIRST_BACKUP_PENDING else said.after
        if now - since >= after:
            yield _finding(entry, kind, said, since)
    if kind is Kind.EXEMPT and (ends := exempt_until(entry.reason)) and ends - now < SOON:
        said = _Said(_LOW, "The exemption ends soon")
        yield _finding(
            entry, kind, said, since, name="exemption_ends", fix="application team: extend it, or use a tier"
        )
    if kind is Kind.NOT_OPTED_IN and entry.instance and _is_ours(entry):
        said = _Said(_NORMAL, "The tag was removed; nothing was stopped")
        yield _finding(entry, kind, said, since, name="tag_removed", fix="application team: set the tag again")


def _finding(entry: Entry, kind: Kind, said: _Said, since: datetime, name: str = "", fix: str = "") -> Finding:
    is_refusal = kind in REFUSALS
    kind_name = name or ("refused" if is_refusal else kind.value.removeprefix("blocked_"))
    by_subscription = is_refusal or kind is Kind.OVER_BUDGET
    return Finding(
        kind=kind_name,
        source="snapshot",
        subject=entry.id,
        severity=said.severity,
        title=said.title,
        words=entry.reason,
        fix=fix or entry.fix or FIXES[kind],
        since=since,
        cause=kind.value if is_refusal else "",
        place=entry.subscription if by_subscription else (entry.vault or entry.region).lower(),
        owner="" if by_subscription or said.is_platforms else entry.owner,
        details={
            "verdict": entry.verdict,
            "subscription": entry.subscription,
            "tier": entry.tier,
            "vault": entry.vault,
        },
    )


def _first_backup_after(entry: Entry, rules: Rules) -> timedelta:
    """One that waits for its schedule may be as late as any backup of its tier."""
    tier = rules.tiers.get(entry.tier)
    return tier.max_age.longest if tier and tier.first_backup == "schedule" else _DAY


def _is_ours(entry: Entry) -> bool:
    server = resource_id.parse(entry.id)
    return server is not None and names.is_ours(entry.instance.rsplit("/", 1)[-1], {}, server)


def exempt_until(reason: str) -> datetime | None:
    """When the exemption ends that a verdict speaks of: after the last day, or at the moment; None if it says none."""
    found = _UNTIL.match(reason)
    try:
        moment = datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
    if moment is None or found is None:
        return None
    ends = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return ends + timedelta(days=1) if "T" not in found[1].upper() else ends


def _waiting_plan(snapshot: Snapshot) -> Finding:
    waiting = snapshot.counts.get(Kind.OVER_BUDGET, 0)
    return Finding(
        kind="brake",
        source="snapshot",
        subject=f"plan {snapshot.plan_hash}",
        severity=_NORMAL,
        title="The sweep waits for an approval",
        words=f"{waiting} servers would change at once",
        fix=f"look at it with `flexguard plan`; `flexguard approve {snapshot.plan_hash}` lets it go",
        since=snapshot.at,
        cause=snapshot.plan_hash,
        details={"plan": snapshot.plan_hash},
    )


def _incomplete(snapshot: Snapshot) -> Finding:
    shown, more = snapshot.incomplete[:3], len(snapshot.incomplete) - 3
    return Finding(
        kind="snapshot_incomplete",
        source="sweep",
        subject="the last sweep",
        severity=_NORMAL,
        title="The sweep could not read everything",
        words="; ".join(shown) + (f"; and {more} more" if more > 0 else ""),
        fix="platform team: give the app the right to read what is named, or look at Azure's health",
        since=snapshot.at,
    )


def deleted_findings(deleted: Iterable[Deleted], entries: Mapping[str, Entry], now: datetime) -> Iterator[Finding]:
    """Backups that somebody deleted: they are there until Azure purges them. entries: by lower-case server id."""
    for gone in deleted:
        if gone.gone_at is None or gone.gone_at <= now:
            continue
        days, entry = (gone.gone_at - now).days, entries.get(gone.server_id.lower())
        yield Finding(
            kind="soft_deleted",
            source="vault",
            subject=gone.server_id or gone.id,
            severity=_HIGH,
            title="Backups were deleted",
            words=f"{gone.name} was deleted; Azure purges its points in {days} days, on {gone.gone_at:%Y-%m-%d}",
            fix="platform team: undelete it in the portal if it was not meant, before that day",
            since=now,
            place=gone.vault_id.lower(),
            owner=entry.owner if entry else "",
            details={"instance": gone.id, "vault": gone.vault_id},
        )


def silent_findings(last_ran: Mapping[str, datetime], now: datetime) -> Iterator[Finding]:
    """Timers of the app that have not run for too long. last_ran: by the function's name; one without is not judged."""
    for name, at in sorted(last_ran.items()):
        if now - at > SILENT[name]:
            yield Finding(
                kind="timer_silent",
                source="timers",
                subject=name,
                severity=_HIGH,
                title=f"{name} has been silent",
                words=f"its last complete run was at {at:%Y-%m-%d %H:%M} UTC",
                fix="platform team: look for its exceptions in the app's log, and whether the app runs at all",
                since=at,
                cause=name,
            )


def dead_letter_findings(count: int, newest: datetime | None) -> Iterator[Finding]:
    """Events that Event Grid could not deliver within a day. newest: when the last one was put aside."""
    if count and newest:
        yield Finding(
            kind="dead_letters",
            source="dead_letters",
            subject="dead letters",
            severity=_NORMAL,
            title="Events could not be delivered",
            words=f"{count} blobs of events that were not delivered; the sweep looks at their servers all the same",
            fix="platform team: look at the event subscription's metrics and at the app's log",
            since=newest,
            details={"blobs": str(count)},
        )


def channel_findings(failed: Mapping[str, str], now: datetime) -> Iterator[Finding]:
    """Channels that did not take what they were sent. failed: by name, in words without secrets."""
    for name, reason in sorted(failed.items()):
        yield Finding(
            kind=CHANNEL_FAILING,
            source="channels",
            subject=name,
            severity=_HIGH,
            title=f"Channel {name} takes no alerts",
            words=reason,
            fix=f"platform team: look at the app setting of {name} and at its service; what it missed comes again",
            since=now,
            cause=name,
        )
