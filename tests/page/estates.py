"""Snapshots to look at: a usual estate of any size, and one in which everybody who may write a tag is hostile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cli.demo.estate import RULES as DEMO_RULES
from shared import rules_file
from shared.core.alert import Severity
from shared.core.changes import Change
from shared.core.incidents import Incident
from shared.core.last_jobs import LastJob
from shared.core.policy import tier_meaning
from shared.core.retention_time import slots
from shared.core.snapshot import Entry, Snapshot, counts, coverage
from shared.core.verdict import FIXES, Kind

NOW = datetime(2026, 11, 23, 8, 22, tzinfo=UTC)  # a Monday morning
AT = NOW - timedelta(minutes=12)
RULES = rules_file.parse(DEMO_RULES)
TIERS = RULES.tiers
SUBSCRIPTIONS = {
    "5b1f8c1e-0d3a-4a57-9a3e-0e6f5d2c7a10": "shop-production",
    "9d0f5a1c-77f2-4a43-8b56-3d1f5b0c1e22": "shop-test",
    "c2a4e7b0-1f7d-4d8e-a3b9-6c5d4e3f2a11": "data-platform",
}
WORDS = [
    "orders",
    "catalog",
    "invoices",
    "payments",
    "search",
    "reports",
    "crm",
    "archive",
    "stock",
    "pricing",
    "carts",
    "users",
    "mail",
    "audit",
    "events",
]
OWNERS = ("shop-core", "data-platform", "finance", "", "crm-team", "search@example.com")
REGIONS = ("westeurope", "northeurope", "swedencentral", "germanywestcentral")
# Every hundred servers: so many of each verdict, and why.
USUAL = (
    (Kind.OVERDUE, 1, "its newest recovery point is 11 days old (2026-11-12), its tier allows 8 days"),
    (Kind.UNKNOWN_TIER, 1, "tag backup-tier is 'glod'; valid: gold, silver, bronze, none; did you mean gold?"),
    (Kind.NO_VAULT, 2, "no vault of the rules file is in swedencentral and serves gold"),
    (Kind.PROTECTION_ERROR, 1, "ProtectionError: UserErrorDatasourceNotAuthorized: the vault's identity lacks a role"),
    (Kind.CONFIGURING, 2, "Azure Backup is busy with it (ConfiguringProtection)"),
    (Kind.FIRST_BACKUP_PENDING, 2, "protected; its first backup runs"),
    (Kind.NOT_OPTED_IN, 5, "it carries no tag backup-tier, and no default fits it"),
    (Kind.EXEMPT, 2, "exempt until 2027-03-31: rebuilt nightly"),
    (Kind.PROTECTED, 84, "ProtectionConfigured under a policy that means its tier"),
)
HOSTILE = (
    "<script>document.title='owned'</script>",
    "\"><img src=x onerror=\"document.title='owned'\">",
    "'; document.title='owned'; '",
    "</style></script><svg onload=document.title='owned'>",
    "{{ 7 * 7 }}{% raw %}",
    "=cmd|' /C calc'!A0",
    "+1+1|@SUM(1)",
    "\u202egold\u2066\u200e",
    "a\u0000b\x1b[31mred\r\nX-Header: 1",
    "x" * 5000,
    "javascript:document.title='owned'",
    "\U0001f600\ud800",
    "&lt;b&gt; &amp;amp;",
)  # fmt: skip


def usual(servers: int = 240, **changes: object) -> Snapshot:
    """An estate as they are: mostly protected, some of everything else."""
    kinds = [(kind, reason) for kind, count, reason in USUAL for _ in range(count)]
    return snapshot_of([_entry(number, *kinds[number * 37 % 100]) for number in range(servers)], **changes)


def well(servers: int = 240, **changes: object) -> Snapshot:
    """Everybody is protected."""
    return snapshot_of([_entry(number, Kind.PROTECTED, USUAL[-1][2]) for number in range(servers)], **changes)


def hostile() -> Snapshot:
    """Every text that a stranger may write is one of HOSTILE."""
    entries = [
        replace(_entry(number, Kind.UNKNOWN_TIER, text), name=text, owner=text, fix=text, tier=text, region=text)
        for number, text in enumerate(HOSTILE)
    ]
    changes = tuple(Change(AT, f"/{text}", "protected", "overdue", text, text, text) for text in HOSTILE)
    names = dict.fromkeys(SUBSCRIPTIONS, HOSTILE[0])
    return snapshot_of(entries, incomplete=HOSTILE, changes=changes, subscriptions=names, plan_hash=HOSTILE[0])


def snapshot_of(entries: list[Entry], **changes: object) -> Snapshot:
    """The snapshot of these servers."""
    found = counts(entries)
    protected, eligible, asking = coverage(found)
    made = Snapshot(
        at=AT, rules_hash="4f6a1c0d9b3e2a57", counts=found, protected=protected, eligible=eligible, asking=asking,
        enqueued=0, healed=0, waiting=0, plan_hash="", incomplete=(), servers=tuple(entries), changes=_changes(entries),
        tiers=TIERS, subscriptions=SUBSCRIPTIONS,
    )  # fmt: skip
    return replace(made, **changes)


def jobs_of(snapshot: Snapshot) -> dict[str, LastJob]:
    """A last job for every server that has a point; it failed where the point is too old."""
    found = {}
    for one in snapshot.servers:
        if one.verdict == Kind.OVERDUE:
            found[one.id.lower()] = LastJob("Failed", AT - timedelta(hours=7), "UserErrorAuthFailure")
        elif one.latest_point:
            found[one.id.lower()] = LastJob("Completed", one.latest_point + timedelta(minutes=19))
    return found


def incidents() -> tuple[Incident, ...]:
    """Two that are open, one that is over, and one that nobody needs to hear of."""
    vault = (
        "/subscriptions/x/resourceGroups/rg-backup/providers/Microsoft.DataProtection/backupVaults/bvault-westeurope"
    )
    failed = _incident(
        "backup_failed", Severity.HIGH, 9, title="Backups fail: the vault may not sign in to the server",
        words="the scheduled backup failed: UserErrorAuthFailure", fix="give the vault's identity its role again",
        place=vault, owner="shop-core", link="https://portal.azure.com/#resource/subscriptions/x", most=3,
        subjects={"a": 1, "b": 2, "c": 3}, shown=tuple((f"{vault}/x/pg-{name}", "why") for name in WORDS[:3]),
    )  # fmt: skip
    unread = _incident(
        "vault_unread", Severity.NORMAL, 1, title="A vault cannot be read", words="AuthorizationFailed",
        fix="give the app its role in the vault's group", place=vault,
    )  # fmt: skip
    over = replace(failed, key="over", closed_at=AT)
    return (unread, over, replace(failed, key="expected", severity=Severity.EXPECTED), failed)


def _incident(kind: str, severity: Severity, hours: int, **others: object) -> Incident:
    opened = AT - timedelta(hours=hours)
    return Incident(
        key=kind, kind=kind, source="jobs", severity=severity, opened_at=opened, seen_at=AT, said_at=AT, **others
    )  # fmt: skip


def _entry(number: int, kind: Kind, reason: str) -> Entry:
    subscription = list(SUBSCRIPTIONS)[number % 3]
    word, tier = WORDS[number % len(WORDS)], list(TIERS)[number // 3 % 3]
    name = f"pg-{word}-{number:03d}"
    has_tier = kind not in (Kind.NOT_OPTED_IN, Kind.EXEMPT, Kind.UNKNOWN_TIER)
    has_point = kind in (Kind.PROTECTED, Kind.OVERDUE, Kind.PROTECTION_ERROR)
    coming = next(slots(tier_meaning(TIERS[tier]), AT, AT + timedelta(days=8)))
    age = timedelta(days=11) if kind is Kind.OVERDUE else NOW - (coming - timedelta(days=7))
    return Entry(
        id=f"/subscriptions/{subscription}/resourceGroups/rg-{word}/providers/Microsoft.DBforPostgreSQL/"
        f"flexibleServers/{name}",
        name=name, subscription=subscription, region=REGIONS[number % 4], tier=tier if has_tier else "",
        verdict=kind.value, reason=reason, fix=FIXES[kind], owner=OWNERS[number % len(OWNERS)], vault="", policy="",
        instance="", latest_point=NOW - age if has_point else None, changed_since=AT - timedelta(hours=number % 300),
        next_backup=coming if has_point or kind is Kind.FIRST_BACKUP_PENDING else None,
    )  # fmt: skip


def _changes(entries: list[Entry]) -> tuple[Change, ...]:
    """The last day of it: a few went wrong, a few came good, one is new."""
    before = {Kind.OVERDUE: "protected", Kind.CONFIGURING: "waiting_for_roles", Kind.PROTECTED: "first_backup_pending"}
    picked = [one for one in entries if one.verdict in before][:18]
    return tuple(
        Change(
            AT - timedelta(hours=place), one.id, before[Kind(one.verdict)], one.verdict, one.tier, one.tier, one.reason
        )
        for place, one in enumerate(picked)
    )
