"""Incidents: opened once for one cause, place and owner, repeated, closed when cured; a job is in exactly one."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.alert import Phase, Severity, braked, over_budget, poison, refused
from shared.core.evidence import Evidence
from shared.core.finding import Finding, fingerprint
from shared.core.incidents import MOST_REMEMBERED, SETTLED, Incident, alert_of, joined, opened_by, step
from shared.core.verdict import Kind, Verdict
from tests.core.samples import NOW, SERVER, VAULT, server

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def failed(name: str = "pg-orders", job: str = "1", **changes: Any) -> Finding:
    """A failed backup of a server."""
    one = Finding(
        kind="backup_failed",
        source="jobs",
        subject=SERVER.replace("pg-orders", name),
        severity=Severity.NORMAL,
        title="Backup failed",
        words="it failed",
        fix="mend it",
        since=NOW - HOUR,
        cause="X",
        place=VAULT.lower(),
        owner="shop",
        occurrence=f"{VAULT}/{name}/{job}",
    )
    return replace(one, **changes)


def seen(at: datetime = NOW, **changes: Any) -> Evidence:
    """A run that could read everything."""
    whole = {"watched": frozenset({VAULT.lower()}), "vaults": frozenset({VAULT.lower()}), "is_complete": True}
    return replace(Evidence(at, snapshot_at=at - timedelta(minutes=5)), **(whole | changes))


class Book:
    """A ledger of incidents, and the watch that writes it: everything is told the moment it is due."""

    def __init__(self) -> None:
        self.rows: dict[str, Incident] = {}
        self.said: list[tuple[Phase, str, int]] = []

    def run(self, found: Iterable[Finding], evidence: Evidence | None = None) -> list[Incident]:
        """One run; the incidents that changed."""
        changed = step(self.rows.values(), found, evidence or seen(), DAY)
        for row in changed:
            if not row.told:
                alert = alert_of(row)
                self.said.append((alert.phase, alert.summary, alert.count))
            self.rows[row.key] = replace(row, told=True, told_to=("log",))
        return changed

    @property
    def phases(self) -> list[str]:
        return [phase.value for phase, _, _ in self.said]


def test_one_cause_is_one_incident():
    """Ten servers of one owner that fail for one cause in one vault: one message that counts them."""
    book = Book()
    book.run(failed(f"pg-{number}") for number in range(10))
    assert book.said == [(Phase.OPENED, "Backup failed: 10 servers", 10)]


@pytest.mark.parametrize("other", [{"cause": "Y"}, {"place": "westeurope"}, {"owner": "billing"}, {"kind": "overdue"}])
def test_what_differs_is_another_incident(other: dict[str, str]):
    """Another cause, place, owner or kind is told on its own."""
    book = Book()
    book.run([failed(), failed("pg-two", **other)])
    assert len(book.rows) == 2


def test_case_and_blanks_make_no_difference():
    """Causes and owners are compared without case and outer blanks, places without case."""
    book = Book()
    book.run([failed(), failed("pg-two", cause="x", owner=" SHOP ", place=VAULT.upper())])
    assert len(book.rows) == 1


def test_it_is_told_once_while_it_lasts_and_again_after_a_day():
    """Runs every hour for two days: opened, and repeated once a day with the count of that time."""
    book = Book()
    for hour in range(49):
        found = [failed(f"pg-{number}", str(hour)) for number in range(1 + (hour >= 24))]
        book.run(found, seen(NOW + hour * HOUR))
    assert book.said == [
        (Phase.OPENED, "Backup failed: pg-0", 1),
        (Phase.REPEATED, "Still: Backup failed: 2 servers", 2),
        (Phase.REPEATED, "Still: Backup failed: 2 servers", 2),
    ]


def test_it_is_closed_when_all_are_well():
    """Cured subjects leave one by one; half an hour after the last there is a recovered message, and then silence."""
    book = Book()
    book.run([failed("pg-one"), failed("pg-two")])
    book.run([failed("pg-two")], seen(NOW + HOUR))
    book.run([], seen(NOW + HOUR + timedelta(minutes=15)))
    assert book.phases == ["opened"]
    book.run([], seen(NOW + HOUR + SETTLED))
    book.run([], seen(NOW + DAY))
    assert book.said[1:] == [(Phase.RECOVERED, "Recovered: Backup failed: 2 servers", 2)]


def test_a_job_belongs_to_one_incident_for_ever():
    """Late, twice, in capitals, with another cause or owner later, after recovery: no job is told a second time."""
    book = Book()
    book.run([failed(), failed(), failed(occurrence=failed().occurrence.upper())])
    book.run([failed(owner="billing", cause="Y")], seen(NOW + HOUR))
    book.run([], seen(NOW + 3 * HOUR))
    book.run([failed(), failed(owner="billing")], seen(NOW + 4 * HOUR))
    assert book.phases == ["opened", "recovered"]
    mark = fingerprint(failed().occurrence)
    assert [key for key, row in book.rows.items() if mark in row.occurrences] == [failed().key]


def test_a_new_failure_opens_it_again():
    """After recovery another job of the same cause is another incident with the same key, and another id."""
    book = Book()
    (first,) = book.run([failed()])
    book.run([], seen(NOW + HOUR))
    (again,) = book.run([failed(job="2")], seen(NOW + 2 * HOUR))
    assert book.phases == ["opened", "recovered", "opened"]
    assert alert_of(first).incident_id != alert_of(again).incident_id
    assert alert_of(first).key == alert_of(again).key


def test_what_was_cured_before_it_was_seen_is_one_message():
    """A failure that was made good before anybody looked is told once, as recovered, and belongs to an incident."""
    book = Book()
    (row,) = book.run([failed(is_over=True)])
    assert book.phases == ["recovered"]
    assert fingerprint(failed().occurrence) in row.occurrences


def test_what_was_expected_is_written_down_and_told_to_nobody():
    """A failure that had to come is in an incident of its own, and in no message."""
    book = Book()
    (row,) = book.run([failed(severity=Severity.EXPECTED, kind="backup_failed_as_expected", is_over=True)])
    assert row.occurrences
    assert book.said == []


@pytest.mark.parametrize(
    "blind",
    [
        {"vaults": frozenset()},
        {"watched": None, "vaults": frozenset()},
    ],
)
def test_what_is_not_read_is_not_cured(blind: dict[str, Any]):
    """A vault that could not be read ends no incident in it."""
    book = Book()
    book.run([failed()])
    book.run([], seen(NOW + 2 * HOUR, **blind))
    assert book.phases == ["opened"]


def test_a_vault_that_nobody_watches_ends_its_incidents():
    """A vault that was taken out of the rules has no open incidents."""
    book = Book()
    book.run([failed()])
    book.run([], seen(NOW + 2 * HOUR, watched=frozenset(), vaults=frozenset()))
    assert book.phases == ["opened", "recovered"]


def test_a_job_that_is_too_old_to_be_listed_is_not_cured_by_that():
    """After fourteen days a vault forgets its jobs: only a good backup, or the end of the server, closes it."""
    book, name = Book(), fingerprint(failed().subject)
    book.run([failed()])
    later = NOW + timedelta(days=15)
    book.run([], seen(later, servers=frozenset({name})))
    assert "recovered" not in book.phases
    good = {name: int(later.timestamp())}
    book.run([], seen(later + HOUR, servers=frozenset({name}), good=good))
    assert book.phases[-1] == "recovered"


@pytest.mark.parametrize(("complete", "servers", "phases"), [
    (True, frozenset(), ["opened", "recovered"]),
    (False, frozenset(), ["opened"]),
    (False, frozenset({fingerprint(SERVER)}), ["opened", "recovered"]),
])  # fmt: skip
def test_a_record_cures_only_what_it_has(complete: bool, servers: frozenset[str], phases: list[str]):
    """A verdict is over when a newer record has the server without it; an incomplete one says nothing of others."""
    book, verdict = Book(), failed(source="snapshot", kind="overdue", occurrence="")
    book.run([verdict])
    book.run([], seen(NOW + 2 * HOUR, is_complete=complete, servers=servers))
    assert book.phases == phases


def test_an_older_record_cures_nothing():
    """What was told at once, after the last sweep, is not ended by that sweep."""
    row = opened_by(over_budget("s", 3, NOW, NOW), NOW)
    assert step([row], [], seen(NOW + 2 * HOUR, snapshot_at=NOW - HOUR), DAY) == []


def test_losing_the_ledger_tells_twice_and_forgets_nothing():
    """With an empty ledger everything that goes on is opened again, under an id of its own."""
    first, second = Book(), Book()
    (one,), (other,) = first.run([failed()]), second.run([failed()], seen(NOW + HOUR))
    assert first.phases == second.phases == ["opened"]
    assert alert_of(one).id != alert_of(other).id


def test_the_same_message_has_the_same_id():
    """Sent again after a crash it can be folded; the next message has another id, and the same incident."""
    book = Book()
    (row,) = book.run([failed()])
    assert alert_of(row).id == alert_of(replace(row, told_to=("log", "shop"))).id
    (repeated,) = book.run([failed()], seen(NOW + DAY))
    assert alert_of(repeated).id != alert_of(row).id
    assert alert_of(repeated).incident_id == alert_of(row).incident_id


def test_a_region_fails_for_nine_thousand_servers():
    """Nine thousand servers of three owners in one region: one opened and one recovered message for each owner."""
    owners = ("shop", "billing", "search")
    servers = [(f"pg-{number}", owners[number % 3]) for number in range(9_000)]
    outage = [failed(name, owner=owner, place="westeurope") for name, owner in servers]
    book = Book()
    for quarter in range(16):  # the failures come in over two hours, and are made good over the next two
        begin, end = max(0, quarter - 8) * 1_125, min(9_000, (quarter + 1) * 1_125)
        book.run(outage[begin:end], seen(NOW + quarter * timedelta(minutes=15)))
    book.run([], seen(NOW + 5 * HOUR))
    assert sorted(book.phases) == ["opened"] * 3 + ["recovered"] * 3
    assert sum(len(row.occurrences) for row in book.rows.values()) == 9_000


def test_what_is_remembered_is_bounded():
    """More occurrences than a row can hold: the oldest are forgotten, and may be told again."""
    many = (failed(job=str(number), since=NOW - timedelta(seconds=number)) for number in range(MOST_REMEMBERED + 5))
    (row,) = Book().run(many)
    assert len(row.occurrences) == MOST_REMEMBERED
    assert fingerprint(failed(job=str(MOST_REMEMBERED + 4)).occurrence) not in row.occurrences


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=6), max_size=12))
def test_however_jobs_come_each_is_in_exactly_one_incident(runs: list[list[tuple[int, int, bool]]]):
    """Any jobs of any servers, in any order, cured or not, run after run: one incident each, none without cause."""
    book, happened = Book(), set()
    for number, jobs in enumerate(runs):
        found = [failed(f"pg-{name}", str(job), cause=f"c{job % 2}", is_over=over) for name, job, over in jobs]
        happened |= {fingerprint(one.occurrence) for one in found}
        book.run(found, seen(NOW + number * HOUR))
    kept = [mark for row in book.rows.values() for mark in row.occurrences]
    assert sorted(kept) == sorted(happened)


@pytest.mark.parametrize(
    "alert",
    [over_budget("s", 3, NOW, NOW), braked("abc", 12, "too many", NOW), poison("text", "m1", NOW)],
)
def test_what_is_told_at_once_is_an_incident(alert: Any):
    """What cannot wait for a watch is opened under the key under which the watch will find it."""
    row = opened_by(alert, NOW)
    assert (row.key, alert_of(row).summary.startswith(alert.summary)) == (alert.key, True)
    assert replace(alert, opened_at=NOW).id == alert_of(row).id


def test_a_refusal_is_one_incident_for_a_subscription():
    """Two servers, one cause: one key. A verdict that passes by itself is no alert."""
    verdict = Verdict.of(Kind.SCOPE_LOCKED, "a lock forbids it")
    first, second = (refused(verdict, replace(server().id, names=(name,)), NOW) for name in ("pg-one", "pg-two"))
    assert first
    assert second
    assert first.key == second.key
    assert refused(Verdict.of(Kind.CONFIGURING, ""), server().id, NOW) is None


def test_poison_is_one_incident_until_a_day_passed():
    """Many poisoned messages are one alert with a count; a day after the last one it is over."""
    row = opened_by(poison("a", "m1", NOW), NOW)
    for number in range(2, 5):
        row = joined(row, poison("b", f"m{number}", NOW + HOUR), NOW + HOUR)
    assert joined(row, poison("b", "M4", NOW + 2 * HOUR), NOW + 2 * HOUR) == row
    assert len(row.subjects) == 4
    told = replace(row, told=True)
    assert all(not one.closed_at for one in step([told], [], seen(NOW + DAY), 7 * DAY))
    (over,) = step([told], [], seen(NOW + DAY + 2 * HOUR), 7 * DAY)
    assert over.phase is Phase.RECOVERED
