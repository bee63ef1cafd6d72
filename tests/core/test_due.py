"""Whose backup is due, and every reason for which it is not: tables over one server, and properties over all."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import due
from shared.core.due import CADENCE, FAILED, FIRST, LATE, PERSON, ROLES, Backups, hindered, judge
from shared.core.intent import NotAsked, Protect
from shared.core.observed import Job
from shared.core.rules import Span, Starts, Tier
from shared.core.tiers import Dates, OnDemand, Window
from shared.datasources.postgresql_flexible import DATASOURCE
from tests.core.samples import BRONZE, GOLD, GOLD_ASKED, NOW, instance, job, server

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FRESH, STALE = NOW - 2 * DAY, NOW - 9 * DAY  # NOW is a Monday: both points are of earlier weeks
ONE_A_WEEK, TRIES = Starts(), Starts(second_in_week="try")


def of(tier: Tier = GOLD, limits: Starts = ONE_A_WEEK, **known: Any) -> due.Due:
    """What is due for the one server. known: members of Backups; or `state`, `server`, `intent`."""
    state, asked = known.pop("state", "ProtectionConfigured"), known.pop("intent", replace(GOLD_ASKED, tier=tier))
    found = known.pop("server", server())
    known = {"latest_point": FRESH, **known}
    return judge(found, DATASOURCE, asked, Backups(instance(state), **known), NOW, limits)


def failed(hours: float = 1, *codes: str, scheduled: bool = True, status: str = "Failed") -> Job:
    """A backup that failed so many hours ago."""
    at = NOW - timedelta(hours=hours)
    number = f"{job().id}-{hours}"
    codes = codes or ("PostgreSQLFlexServerError", "InternalServerError")
    return job(status, id=number, started_at=at - HOUR / 4, ended_at=at, codes=codes, user_triggered=not scheduled)


def with_on_demand(**keys: Any) -> Tier:
    return replace(GOLD, on_demand=OnDemand(**keys))


@pytest.mark.parametrize(
    ("known", "why", "said"),
    [
        ({}, "", "young enough"),
        ({"latest_point": STALE}, LATE, "its tier allows 8 days"),
        ({"latest_point": NOW - 8 * DAY}, "", "young enough"),
        ({"latest_point": None}, FIRST, "no recovery point, and its tier wants the first one at once"),
        ({"latest_point": None, "tier": BRONZE}, "", "comes with the schedule"),
        ({"latest_point": None, "tier": BRONZE, "waiting_since": NOW - 8 * DAY}, "", "comes with the schedule"),
        ({"latest_point": None, "tier": BRONZE, "waiting_since": NOW - 9 * DAY}, FIRST, "since 2026-11-14"),
        ({"latest_point": STALE, "jobs": (job(),)}, "", "a backup is running since 2026-11-23 12:00 UTC"),
        ({"latest_point": STALE, "jobs": (job("Paused"),)}, "", "a backup is running"),
        ({"latest_point": STALE, "jobs": (job(category="Restore"),)}, LATE, "its tier allows"),
        ({"latest_point": STALE, "state": "ProtectionError"}, "", "instance is ProtectionError"),
        ({"latest_point": STALE, "server": server(state="Stopped")}, "", "the server is Stopped, not Ready"),
        ({"latest_point": STALE, "intent": NotAsked("nobody asks")}, "", "nobody asks"),
    ],
)
def test_who_is_due(known: dict[str, Any], why: str, said: str):
    """Late, never had a first one, or not due: each with a sentence."""
    found = of(**known)
    assert (found.why, said in found.reason) == (why, True), found.reason


@pytest.mark.parametrize(
    ("jobs", "why", "said"),
    [
        ((failed(0.4),), "", "failed once (PostgreSQLFlexServerError); it is tried again after 2026-11-23 12:06 UTC"),
        ((failed(0.6),), FAILED, "failed once"),
        ((failed(3), failed(0.6)), "", "failed 2 times in a row"),
        ((failed(3), failed(1.1)), FAILED, "failed 2 times in a row"),
        (tuple(failed(6 + 19 * n) for n in range(1, 10)), FAILED, "9 times in a row"),
        ((*(failed(20 * n) for n in range(2, 10)), failed(23.9)), "", "it is tried again after"),
        ((failed(0.6, "CloudDosTimeboudLimitReached"),), "", "it is tried again after"),
        ((failed(2.1, "CloudDosTimeboudLimitReached"),), FAILED, "once"),
        ((failed(1, "PostgreSQLFlexOperationFailedUserError", "AuthorizationFailed"),), ROLES, "AuthorizationFailed"),
        ((failed(1, "BMSUserErrorInvalidInput"),), "", "only a person can mend that"),
        ((failed(1, "PostgreSQLFlexOperationFailedUserError", "ResourceNotFound"),), "", "only a person can mend"),
        ((failed(1, "PostgreSQLFlexOperationFailedUserError", "ServerNotReadyForLongTermBackup"),), FAILED, "once"),
        ((failed(1, status="Cancelled"),), "", "young enough"),
        ((failed(8 * 24 + 1),), "", "young enough"),
        ((failed(15 * 24),), "", "young enough"),
        ((failed(1, scheduled=False),), FAILED, "once"),
    ],
)
def test_what_failed_is_healed_by_its_cause(jobs: tuple[Job, ...], why: str, said: str):
    """What passes is tried again, later each time; a lack of roles after they are seen to; a mistake never.

    What failed before the newest good point, or longer ago than jobs are listed, does not count.
    """
    found = of(jobs=jobs, latest_point=NOW - 8 * DAY)
    assert (found.why, said in found.reason) == (why, True), found.reason


@pytest.mark.parametrize(
    ("scheduled", "limits", "why"), [(True, Starts(), ""), (True, TRIES, FAILED), (False, Starts(), FAILED)]
)
def test_a_schedule_that_fails_in_a_week_that_had_its_backup(limits: Starts, why: str, *, scheduled: bool):
    """Only the first backup of a week runs, so the schedule's failure after another good one is no failure."""
    point, later = NOW - 2 * DAY, failed(30, scheduled=scheduled)
    assert of(limits=limits, latest_point=point, jobs=(later,)).why == why


@pytest.mark.parametrize(
    ("tier", "limits", "why", "said"),
    [
        (with_on_demand(every=Span(2, "day")), TRIES, CADENCE, "asks for one every 2 days"),
        (with_on_demand(every=Span(3, "day")), TRIES, "", "young enough"),
        (with_on_demand(every=Span(2, "day")), Starts(), "", "makes this week's backup at 2026-11-29 00:30 UTC"),
        (with_on_demand(every=Span(2, "day"), window=Window.parse("14:00-05:00")), TRIES, "", "but the rules start"),
        (with_on_demand(every=Span(2, "day"), window=Window.parse("13:00-13:01")), TRIES, CADENCE, "every 2 days"),
        (with_on_demand(every=Span(2, "day"), window=Window.parse("12:00-13:00")), TRIES, "", "Europe/Berlin"),
        (with_on_demand(every=Span(2, "day"), blackout=(Dates.parse("2026-11-22..2026-11-23"),)), TRIES, "", "none on"),
        (with_on_demand(every=Span(2, "day"), blackout=(Dates.parse("2026-11-24"),)), TRIES, CADENCE, "every 2 days"),
    ],
)
def test_cadence_window_and_dates(tier: Tier, limits: Starts, why: str, said: str):
    """A tier's own cadence, where its clock (13:00 in Berlin) allows it; a week's one backup is the schedule's."""
    found = of(tier, limits)
    assert (found.why, said in found.reason) == (why, True), found.reason


def test_a_week_that_has_its_backup():
    """The app starts no second one in a week unless the rules say try; a person may."""
    today, every = NOW - 9 * HOUR, with_on_demand(every=Span(6, "hour"))
    assert "this week has its recovery point" in hindered(every, LATE, today, NOW, ONE_A_WEEK)
    assert of(every, TRIES, latest_point=today).why == CADENCE
    assert hindered(every, PERSON, today, NOW, ONE_A_WEEK) == ""


jobs = st.builds(
    failed,
    st.floats(0, 400),
    st.sampled_from(("PostgreSQLFlexServerError", "AuthorizationFailed", "BMSUserErrorInvalidInput", "New", "")),
    scheduled=st.booleans(),
    status=st.sampled_from(("Failed", "failed", "Completed", "Cancelled")),
)
ages = st.none() | st.floats(0, 400).map(lambda hours: NOW - timedelta(hours=hours))


@given(st.sampled_from((GOLD, BRONZE)), st.lists(jobs, max_size=6), ages, ages, st.sampled_from((Starts(), TRIES)))
def test_every_answer_has_a_reason_and_no_retry_is_too_soon(
    tier: Tier, found: list[Job], point: Any, since: Any, limits: Starts
):
    """Whatever happened: one sentence; with a backup running never; no retry within half an hour of a failure."""
    known = Backups(instance(), point, found, since)
    asked = Protect("tier", tier, "tag")
    said = judge(server(), DATASOURCE, asked, known, NOW, limits)
    assert said.reason
    assert said.why in ("", *due.BECAUSE)
    assert judge(server(), DATASOURCE, asked, replace(known, jobs=[*found, job()]), NOW, limits).why == ""
    if said.why in (FAILED, ROLES):
        ends = [one.ended_at for one in found if one.status.lower() == "failed" and one.ended_at]
        assert NOW - max(ends) >= due.GAP
