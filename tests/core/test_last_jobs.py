"""The last job of each server: the newest that has ended, good or bad, with its code, whatever order they come in."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.core.job_findings import JobLog
from shared.core.last_jobs import last_jobs
from shared.core.observed import Job

NOW = datetime(2026, 11, 23, 8, 15, tzinfo=UTC)
VAULT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DataProtection/backupVaults/bv"
SERVER = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/"
    "Microsoft.DBforPostgreSQL/flexibleServers/Pg-One"
)
TYPE = "microsoft.dbforpostgresql/flexibleservers"


def job(name, hours, status="Completed", codes=(), **others):
    began = NOW - timedelta(hours=hours)
    return Job(**{
        "id": name, "name": name, "instance_id": "i", "server_id": SERVER, "vault_id": VAULT, "status": status,
        "category": "Backup", "user_triggered": False, "started_at": began, "ended_at": began + timedelta(minutes=9),
        "codes": codes, **others,
    })  # fmt: skip


def told(*jobs):
    log = JobLog(frozenset({TYPE}), NOW)
    for one in jobs:
        log.add(one)
    return {server: (one.status, one.code) for server, one in last_jobs(log).servers.items()}


GOOD, BAD = job("good", 30), job("bad", 6, "Failed", ("UserErrorAuthFailure",))


@pytest.mark.parametrize(
    ("jobs", "said"),
    [
        ([GOOD, BAD], ("Failed", "UserErrorAuthFailure")),
        ([BAD, GOOD], ("Failed", "UserErrorAuthFailure")),
        ([BAD, job("later", 1, "CompletedWithWarnings")], ("CompletedWithWarnings", "")),
        ([GOOD, job("runs", 1, "InProgress")], ("Completed", "")),
        ([GOOD, job("restore", 1, category="Restore")], ("Completed", "")),
    ],
)
def test_the_newest_that_has_ended(jobs, said):
    """By time, not by the order in which they are listed; what runs, and what is no backup, is passed over."""
    assert told(*jobs) == {SERVER.lower(): said}


def test_nobody_has_a_job_of_others():
    """A server without jobs has no entry, and what was not read is carried along."""
    log = JobLog(frozenset({TYPE}), NOW)
    assert last_jobs(log, (VAULT,)).servers == {}
    assert last_jobs(log, (VAULT,)).unread == (VAULT,)
