"""What the sweep's record, deleted backups and the app itself give cause for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.alert import REFUSALS, Severity, braked, over_budget, refused
from shared.core.finding import Finding
from shared.core.findings import (
    _OF_VERDICT,
    channel_findings,
    dead_letter_findings,
    deleted_findings,
    exempt_until,
    silent_findings,
    snapshot_findings,
)
from shared.core.intent import LeaveAlone, read_intent
from shared.core.names import instance_name
from shared.core.sizes import is_small, with_newest
from shared.core.snapshot import Snapshot
from shared.core.verdict import Kind, Verdict
from tests.core.samples import NOW, RULES, SERVER, VAULT, deleted, server
from tests.core.test_job_findings import entry

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUIET = {Kind.PROTECTED, Kind.NOT_OPTED_IN, Kind.EXEMPT, Kind.GONE, Kind.OBSERVE_ONLY}
NOTHING: frozenset[str] = frozenset()


def record(*entries: Any, **changes: Any) -> Snapshot:
    """A sweep's record with these servers."""
    made = Snapshot(NOW, "hash", {}, 0, 0, 0, 0, 0, 0, "", (), tuple(entries))
    return replace(made, **changes)


def found(*entries: Any, failing: frozenset[str] = NOTHING, suspended: frozenset[str] = NOTHING) -> list[Finding]:
    return list(snapshot_findings(record(*entries), RULES, NOW, failing, suspended))


def said(kind: Kind, age: timedelta = 30 * DAY, **changes: Any) -> Any:
    return entry(verdict=kind.value, reason=f"because of {kind}", changed_since=NOW - age, **changes)


@pytest.mark.parametrize("kind", Kind)
def test_every_verdict_is_a_finding_or_is_quiet(kind: Kind):
    """Each verdict that stands for a month is one finding with its reason and a next step, unless nothing is wrong."""
    findings = found(said(kind))
    assert len(findings) == (kind not in QUIET)
    assert all(one.words == f"because of {kind}" and one.fix and one.subject == SERVER for one in findings)
    assert (kind in _OF_VERDICT) == (kind not in QUIET)


@pytest.mark.parametrize(
    ("kind", "age"),
    [
        (Kind.CONFIGURING, 3 * HOUR),
        (Kind.WAITING_FOR_ROLES, 3 * HOUR),
        (Kind.FIRST_BACKUP_PENDING, 23 * HOUR),
        (Kind.STOPPED, 23 * HOUR),
        (Kind.NOT_READY, 23 * HOUR),
    ],
)
def test_what_passes_by_itself_is_given_time(kind: Kind, age: timedelta):
    """A verdict that usually passes is a finding only when it has stood for hours."""
    assert found(said(kind, age)) == []
    assert len(found(said(kind, 5 * DAY))) == 1


def test_a_first_backup_that_waits_for_its_schedule_may_be_a_week_late():
    """With first_backup: schedule nobody is told before the tier's own age."""
    slow = next(name for name, tier in RULES.tiers.items() if tier.first_backup == "schedule")
    assert found(said(Kind.FIRST_BACKUP_PENDING, 5 * DAY, tier=slow)) == []
    assert len(found(said(Kind.FIRST_BACKUP_PENDING, 20 * DAY, tier=slow))) == 1


@pytest.mark.parametrize("kind", [Kind.OVERDUE, Kind.FIRST_BACKUP_PENDING])
def test_one_cause_is_told_once(kind: Kind):
    """That a server is overdue is not told beside its failed backups, which are why."""
    assert found(said(kind), failing=frozenset({SERVER.lower()})) == []
    assert found(said(Kind.SOFT_DELETED), suspended=frozenset({SERVER.lower()})) == []


@pytest.mark.parametrize("kind", sorted(REFUSALS))
def test_a_refusal_has_the_key_under_which_it_was_told_at_once(kind: Kind):
    """What a look told at once is the incident that the record goes on with."""
    alert = refused(Verdict.of(kind, "no"), server().id, NOW)
    (one,) = found(said(kind))
    assert alert
    assert one.key == alert.key


def test_the_budget_and_the_brake_have_the_keys_under_which_they_were_told():
    """So are changes over the budget of events, and the plan that the sweep holds back; the plan counts for all."""
    (budget,) = found(said(Kind.OVER_BUDGET))
    assert budget.key == over_budget(entry().subscription, 3, NOW, NOW).key
    waiting = record(said(Kind.OVER_BUDGET), plan_hash="abc", counts={"blocked_over_budget": 1})
    (plan,) = snapshot_findings(waiting, RULES, NOW, NOTHING)
    assert plan.key == braked("abc", 1, "", NOW).key


def test_a_removed_tag_is_a_finding_where_our_backup_goes_on():
    """A server without a tag is told only when a backup instance of ours goes on; another's is another's business."""
    ours = f"{VAULT}/backupInstances/{instance_name(server().id)}"
    (one,) = found(said(Kind.NOT_OPTED_IN, instance=ours))
    assert (one.kind, one.place) == ("tag_removed", VAULT.lower())
    assert found(said(Kind.NOT_OPTED_IN, instance=f"{VAULT}/backupInstances/other")) == []


@pytest.mark.parametrize(
    ("until", "days"), [("2026-11-25", 2.5), ("2026-11-25T18:00Z", None), ("2026-11-23", 0.5), ("2027-03-01", None)]
)
def test_an_exemption_that_ends_soon_is_told(until: str, days: float | None):
    """The end is read from the verdict's own sentence, as the sweep writes it."""
    tags = {"backup-tier": "none", "backup-exempt-until": until, "backup-exempt-reason": "test"}
    intent = read_intent(tags, RULES, NOW, server().id)
    assert isinstance(intent, LeaveAlone)
    ends = exempt_until(intent.reason)
    assert ends
    told = found(entry(verdict="exempt", reason=intent.reason))
    assert bool(told) == (ends - NOW < 7 * DAY)
    if days:
        assert ends - NOW == timedelta(days=days)


@pytest.mark.parametrize("reason", ["", "exempt by tag until soon: x", "exempt by tag until 2026-99-99: x", "other"])
def test_a_sentence_without_an_end_has_none(reason: str):
    """Words that hold no date make no finding and raise nothing."""
    assert exempt_until(reason) is None


def test_what_the_sweep_could_not_read_is_one_finding():
    """However much is missing, it is one finding that names the first of it."""
    missing = tuple(f"subscription {number}" for number in range(9))
    (one,) = snapshot_findings(record(incomplete=missing), RULES, NOW, NOTHING)
    assert one.words == "subscription 0; subscription 1; subscription 2; and 6 more"


def test_deleted_backups_are_told_with_the_days_that_are_left():
    """A deleted instance is a finding until Azure has purged it."""
    (one,) = deleted_findings([deleted()], {SERVER.lower(): entry()}, NOW)
    assert (one.owner, one.severity) == ("shop", Severity.HIGH)
    assert "purges its points in 14 days, on 2026-12-07" in one.words
    assert list(deleted_findings([deleted()], {}, NOW + 15 * DAY)) == []
    assert list(deleted_findings([deleted(gone_at=None)], {}, NOW)) == []


@pytest.mark.parametrize(("name", "age", "count"), [
    ("sweep_estate", 2 * HOUR, 0), ("sweep_estate", 4 * HOUR, 1), ("watch_jobs", 2 * HOUR, 1),
])  # fmt: skip
def test_a_timer_that_is_silent_is_told(name: str, age: timedelta, count: int):
    """A timer may miss a run or two; then somebody hears of it."""
    findings = list(silent_findings({name: NOW - age}, NOW))
    assert len(findings) == count


def test_dead_letters_and_channels_are_findings():
    """Events that were put aside are counted; a channel that fails is told by its name."""
    (letters,) = dead_letter_findings(3, NOW)
    assert "3 blobs" in letters.words
    assert list(dead_letter_findings(0, None)) == []
    failing = list(channel_findings({"shop": "it answered 500", "duty": "no"}, NOW))
    assert [one.cause for one in failing] == ["duty", "shop"]


@pytest.mark.parametrize(
    ("sizes", "small"),
    [((), False), ((100, 10), False), ((100, 100, 49), True), ((100, 100, 50), False), ((10, 1000, 1000, 400), True)],
)
def test_a_backup_that_shrinks_is_noticed(sizes: tuple[int, ...], small: bool):
    """A backup of less than half of what is usual is small; two before it are needed to know what is usual."""
    assert is_small(sizes) == small


def test_few_sizes_are_kept():
    """Only the last few sizes are remembered, the newest last."""
    sizes: tuple[int, ...] = ()
    for size in range(20):
        sizes = with_newest(sizes, size)
    assert sizes == (15, 16, 17, 18, 19)


def test_times_are_kept():
    """A finding begins when the verdict did, so that an incident says since when."""
    assert found(said(Kind.OVERDUE, 3 * DAY))[0].since == NOW - 3 * DAY
