"""What the jobs of a vault say: which backups failed, why, what is made good, and what had to fail."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.alert import Severity
from shared.core.finding import Finding
from shared.core.job_findings import JobLog, job_findings
from shared.core.observed import Job
from shared.core.snapshot import Entry
from tests.core.samples import INSTANCE, NOW, SERVER, SUBSCRIPTION, VAULT, job

TYPES = frozenset({"microsoft.dbforpostgresql/flexibleservers"})
DISK = SERVER.replace("Microsoft.DBforPostgreSQL/flexibleServers", "Microsoft.Compute/disks")
HOUR = timedelta(hours=1)


def entry(**changes: Any) -> Entry:
    """What the sweep said of the one server."""
    one = Entry(SERVER, "pg-orders", SUBSCRIPTION, "westeurope", "gold", "protected", "", "", "shop", VAULT, "",
                INSTANCE, None, NOW)  # fmt: skip
    return replace(one, **changes)


def found(*jobs: Job, known: Entry | None = None) -> list[Finding]:
    """The findings of a vault that has these jobs."""
    log = JobLog(TYPES, NOW)
    for one in jobs:
        log.add(one)
    return list(job_findings(log, {SERVER.lower(): known} if known else {}))


@pytest.mark.parametrize(
    "other",
    [
        job("Completed"),
        job("InProgress"),
        job("Cancelled"),
        job("Failed", category="Restore"),
        job("Failed", server_id=DISK),
        job("Failed", server_id="nonsense"),
        job("Failed", server_id=""),
    ],
)
def test_only_failed_backups_of_ours_are_found(other: Job):
    """Other ends, other kinds of jobs and other kinds of resources are nobody's alert."""
    ours = job("FAILED", id="/x", name="x", category="BACKUP", server_id=SERVER.upper())
    assert [one.occurrence for one in found(replace(other, started_at=NOW - HOUR), ours)] == [f"{VAULT}/x".lower()]


def test_a_job_that_is_listed_twice_or_in_capitals_is_one():
    """Vaults list jobs twice, late, and in capitals: it is one failure all the same."""
    one = job("Failed")
    assert len(found(one, one, replace(one, id=one.id.upper(), name=one.name.upper()))) == 1


def test_a_finding_names_cause_server_job_and_next_step():
    """Whoever is told needs no GUID: the words say what it means, the details say where to look."""
    (one,) = found(job("Failed", codes=("X", "AuthorizationFailed"), message="m"), known=entry())
    assert (one.subject, one.owner, one.cause) == (SERVER, "shop", "AuthorizationFailed")
    assert "the on-demand backup failed: the vault's identity lacks a role (X, AuthorizationFailed)" in one.words
    assert "assign the two roles" in one.fix
    assert one.details == {"job": job().id, "vault": VAULT, "instance": INSTANCE, "message": "m"}


@pytest.mark.parametrize(
    ("code", "place", "severity"),
    [
        ("PostgreSQLFlexServerError", "westeurope", Severity.NORMAL),
        ("CloudDosTimeboudLimitReached", "westeurope", Severity.NORMAL),
        ("AuthorizationFailed", VAULT.lower(), Severity.HIGH),
        ("BackupAgentPluginHostValidateProtectionError", VAULT.lower(), Severity.HIGH),
        ("ResourceNotFound", VAULT.lower(), Severity.HIGH),
        ("NobodyKnows", "westeurope", Severity.NORMAL),
    ],
)
def test_the_service_fails_in_a_region_and_rights_in_a_vault(code: str, place: str, severity: Severity):
    """What the service does to everybody is one message for a region; what a vault lacks is one for the vault."""
    (one,) = found(job("Failed", codes=(code,), location="westeurope"))
    assert (one.place, one.severity) == (place, severity)


@pytest.mark.parametrize("status", ["Completed", "CompletedWithWarnings"])
@pytest.mark.parametrize(("after_h", "is_over"), [(1, True), (-72, False)])
def test_a_later_good_backup_makes_it_good(status: str, after_h: int, is_over: bool):
    """A failure is over when a good backup began after it, and not when one began before."""
    good = job(status, id="/good", name="good", started_at=NOW + after_h * HOUR)
    (one,) = (one for one in found(job("Failed"), good) if one.kind.startswith("backup_failed"))
    assert one.is_over == is_over


def test_a_newer_recovery_point_makes_it_good():
    """The sweep's record may know a point whose job no list shows yet."""
    assert found(job("Failed"), known=entry(latest_point=NOW + HOUR))[0].is_over
    assert not found(job("Failed"), known=entry(latest_point=NOW - HOUR))[0].is_over


@pytest.mark.parametrize(
    ("days", "codes", "kind"),
    [
        (2, ("WeeklyBackupLimitReached",), "backup_failed_as_expected"),
        (2, (), "backup_failed_as_expected"),
        (2, ("AuthorizationFailed",), "backup_failed"),
        (8, ("WeeklyBackupLimitReached",), "backup_failed"),
    ],
)
def test_a_second_backup_of_a_week_is_expected_to_fail(days: int, codes: tuple[str, ...], kind: str):
    """Azure makes one backup a week: what fails after it, for no known cause, is told to nobody."""
    friday = NOW - timedelta(days=NOW.weekday()) + timedelta(days=4)
    good = job("Completed", id="/good", name="good", started_at=friday - timedelta(days=days))
    failed = job("Failed", codes=codes, started_at=friday, user_triggered=False)
    (one,) = (one for one in found(good, failed) if one.occurrence)
    assert one.kind == kind
    assert (one.severity is Severity.EXPECTED) == (kind != "backup_failed")


def test_a_partial_backup_is_told_until_a_whole_one_came():
    """A backup that ended with warnings is a finding while it is the newest."""
    partial = job("CompletedWithWarnings")
    assert [one.kind for one in found(partial)] == ["point_partial"]
    assert found(partial, job("Completed", id="/next", name="next", started_at=NOW + HOUR)) == []
