"""Incidents: which failed jobs are told, in which words, and under which key."""

from datetime import timedelta

import pytest

from shared.core.incidents import failed_backups, poison
from shared.core.observed import Job
from tests.core.samples import NOW, SERVER, job

TYPES = frozenset({"microsoft.dbforpostgresql/flexibleservers"})
DISK = SERVER.replace("Microsoft.DBforPostgreSQL/flexibleServers", "Microsoft.Compute/disks")


@pytest.mark.parametrize(
    "other",
    [
        job("Completed"),
        job("InProgress"),
        job("Failed", category="Restore"),
        job("Failed", server_id=DISK),
        job("Failed", server_id="nonsense"),
        job("Failed", server_id=""),
    ],
)
def test_only_failed_backups_of_ours_are_told(other: Job):
    """Other ends, other kinds of jobs and other kinds of resources are nobody's alert."""
    ours = job("FAILED", category="BACKUP", server_id=SERVER.upper())
    assert len(failed_backups([other, ours], TYPES, NOW)) == 1


@pytest.mark.parametrize(
    ("codes", "meaning"),
    [
        (("PostgreSQLFlexServerError", "InternalServerError"), "failed to make the backup"),
        (("InternalServerError", "AuthorizationFailed"), "lacks a role"),
        (("SERVERNOTREADYFORLONGTERMBACKUP",), "was not ready"),
        (("InternalServerError",), "the database service failed"),
        (("SomethingElse", "ResourceNotFound", "NoInnerErrorFrom1PException"), "the server is gone"),
        (("SomethingElse",), "does not know"),
        ((), "does not know"),
    ],
)
def test_the_most_specific_known_cause_is_named(codes: tuple[str, ...], meaning: str):
    """Of all codes in a job the innermost known one says what happened; a mere internal error gives way."""
    alert = failed_backups([job("Failed", codes=codes)], TYPES, NOW)[0]
    assert meaning in alert.reason
    assert alert.fix


def test_each_job_is_an_incident_of_its_own():
    """The same job has the same key and id for ever; another job has others."""
    first, again, other = (
        failed_backups([one], TYPES, NOW + timedelta(days=day))[0]
        for day, one in enumerate((job("Failed"), job("Failed"), job("Failed", id="/other", name="other")))
    )
    assert (first.key, first.id) == (again.key, again.id)
    assert other.key != first.key
    assert other.id != first.id


def test_the_oldest_comes_first():
    """Alerts are told in the order in which the jobs began, those without a time last."""
    jobs = [
        job("Failed", id=f"/{name}", name=name, started_at=at)
        for name, at in (("b", NOW - timedelta(days=1)), ("c", None), ("a", NOW - timedelta(days=2)))
    ]
    assert [alert.details["job"] for alert in failed_backups(jobs, TYPES, NOW)] == ["/a", "/b", "/c"]


def test_a_poisoned_message_is_told_in_short():
    """A message that nobody could work on is one incident per message, and shows no more than its beginning."""
    alert = poison("x" * 100_000, "ABC-1", NOW)
    assert (alert.key, len(alert.subject)) == ("poison/abc-1", 200)
    assert alert.id == poison("other text", "abc-1", NOW).id
