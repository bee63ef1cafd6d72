"""Timers: when they fire, what they missed, what they remember, and who of two hosts fires them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apps import LockedTransport, until
from scripted import AzureClock, ScriptedInvoker, fail

from host.listeners.timer import TimerListener
from host.ncrontab import read_schedule
from host.payloads import Datum
from host.schedule import ScheduleStatus, after_firing, at_start, is_monitored
from host.schedule_store import BlobStore, LocalStore, ScheduleStore
from simulator.azure import LocalAzure

HOURLY = read_schedule("0 0 * * * *")
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)

# -- rules -----------------------------------------------------------------------------------------------------


def test_first_start() -> None:
    """A timer that nobody knows has missed nothing; its next time is kept, so that it can be missed."""
    assert at_start(HOURLY, NINE - MINUTE, None) == (ScheduleStatus(None, NINE, NINE - MINUTE), False)


def test_missed_time() -> None:
    """A time that passed while nobody listened is past due, once, also before the first firing ever."""
    fired = ScheduleStatus(NINE, NINE + HOUR, NINE)
    assert at_start(HOURLY, NINE + HOUR / 2, fired) == (fired, False)
    assert at_start(HOURLY, NINE + 5 * HOUR, fired) == (fired, True)
    never = ScheduleStatus(None, NINE, NINE - MINUTE)
    assert at_start(HOURLY, NINE + MINUTE, never) == (never, True)


def test_changed_schedule() -> None:
    """A schedule that was changed has missed nothing; what is kept is what holds now."""
    fired = ScheduleStatus(NINE, NINE + HOUR, NINE)
    quarterly = read_schedule("0 */15 * * * *")
    assert at_start(quarterly, NINE + 5 * HOUR, fired) == (
        ScheduleStatus(None, NINE + 5 * HOUR + 15 * MINUTE, NINE),
        False,
    )


def test_early_firing() -> None:
    """A timer that fires a moment early counts as on time, so that the same time does not come twice."""
    before = ScheduleStatus(None, NINE, NINE - HOUR)
    early = after_firing(HOURLY, NINE - timedelta(milliseconds=5), before, scheduled=True)
    assert early == ScheduleStatus(NINE, NINE + HOUR, NINE)


def test_monitor() -> None:
    """Nothing is kept of timers more frequent than a minute, nor where the trigger says so."""
    assert is_monitored(HOURLY, NINE, wanted=True)
    assert not is_monitored(HOURLY, NINE, wanted=False)
    assert not is_monitored(read_schedule("*/10 * * * * *"), NINE, wanted=True)


# -- the listener ----------------------------------------------------------------------------------------------


class Stand:
    """A timer, and the azure whose clock it goes by."""

    def __init__(self, body: Any, azure: LocalAzure, store: ScheduleStore, **trigger: Any) -> None:
        self.azure, self.invoker = azure, ScriptedInvoker(body)
        clock = AzureClock(azure)
        self.listener = TimerListener(trigger, "sweep", HOURLY, self.invoker, clock, store)  # type: ignore[arg-type]


@asynccontextmanager
async def timer(azure: LocalAzure, store: ScheduleStore, body: Any = None, **trigger: Any) -> AsyncIterator[Stand]:
    made = Stand(body or (lambda *_: asyncio.sleep(0)), azure, store, **trigger)
    made.listener.start()
    try:
        yield made
    finally:
        await made.listener.stop()


def to_nine(azure: LocalAzure) -> None:
    azure.advance_to(azure.now.replace(hour=8, minute=59, second=30) + timedelta(days=1))


def test_fires_at_its_times() -> None:
    """It fires when its time comes, not before, and an hour later; a failure stops nothing and is not repeated."""
    azure = LocalAzure()
    to_nine(azure)

    async def run() -> None:
        async with timer(azure, LocalStore(), fail) as t:
            await asyncio.sleep(0.03)
            assert t.invoker.started == 0
            for expected in (1, 2):
                azure.advance(30 if expected == 1 else 3600)
                await until(lambda n=expected: t.invoker.ended == n)
                await asyncio.sleep(0.02)
                assert t.invoker.started == expected

    asyncio.run(run())


def test_past_due_and_status() -> None:
    """A host that comes back after its time fires once at once, says so, and hands over what was kept."""
    azure, store, got = LocalAzure(), LocalStore(), list[Any]()
    to_nine(azure)

    async def keep(payload: Datum, _: Any) -> None:
        got.append(json.loads(payload.value))

    async def run() -> None:
        async with timer(azure, store, keep):
            await until(lambda: store.read("sweep"))
        azure.advance(3 * 3600)
        async with timer(azure, store, keep):
            await until(lambda: len(got) == 1)
        assert got[0]["IsPastDue"]
        assert got[0]["ScheduleStatus"]["Last"].startswith("0001-01-01T00:00:00")
        kept = store.read("sweep")
        assert kept
        assert kept.next == kept.last.replace(minute=0, second=0, microsecond=0) + HOUR if kept.last else False

    asyncio.run(run())


def test_run_on_startup() -> None:
    """A trigger may ask to be fired when the host starts; that is not past due. Without monitor there is no status."""
    got = list[Any]()

    async def keep(payload: Datum, _: Any) -> None:
        got.append(json.loads(payload.value))

    async def run() -> None:
        async with timer(LocalAzure(), LocalStore(), keep, runOnStartup=True, useMonitor=False):
            await until(lambda: got)
        assert got == [{"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}]

    asyncio.run(run())


def test_one_at_a_time() -> None:
    """A run that takes longer than the interval is followed by one run at once, never accompanied."""
    azure, gate = LocalAzure(), asyncio.Event()
    to_nine(azure)

    async def wait(*_: Any) -> None:
        await gate.wait()

    async def run() -> None:
        async with timer(azure, LocalStore(), wait) as t:
            await asyncio.sleep(0.02)
            azure.advance(30)
            await until(lambda: t.invoker.started == 1)
            azure.advance(2.5 * 3600)
            await asyncio.sleep(0.03)
            assert t.invoker.started == 1
            gate.set()
            await until(lambda: t.invoker.ended == 2)
            await asyncio.sleep(0.03)
            assert (t.invoker.started, t.invoker.most_at_once) == (2, 1)

    asyncio.run(run())


# -- where it is kept ------------------------------------------------------------------------------------------


def blobs(azure: LocalAzure) -> BlobStore:
    endpoint = "https://flexguard.blob.core.windows.net"
    return BlobStore(endpoint, azure.credential("operator"), "app-1", LockedTransport(azure))


def test_blobs() -> None:
    """Statuses are blobs where and as Azure keeps them; the container is made when it is missing."""
    azure = LocalAzure()
    store, status = blobs(azure), ScheduleStatus(NINE, NINE + HOUR, NINE)
    assert store.read("sweep") is None
    store.write("sweep", status)
    assert store.read("sweep") == status
    store.write("sweep", replace(status, last=None))
    kept = azure.blobs.containers["azure-webjobs-hosts"].blobs["timers/app-1/Host.Functions.sweep/status"]
    assert json.loads(kept.data) == {
        "Last": "0001-01-01T00:00:00",
        "Next": "2026-11-23T10:00:00+00:00",
        "LastUpdated": "2026-11-23T09:00:00+00:00",
    }


def test_singleton() -> None:
    """Of two hosts one has the timer; the other gets it when that one lets go, or is silent for a minute."""
    azure = LocalAzure()
    one, two = blobs(azure), blobs(azure)
    assert (one.claim("sweep"), two.claim("sweep"), one.claim("sweep")) == (True, False, True)
    one.release("sweep")
    assert (two.claim("sweep"), one.claim("sweep")) == (True, False)
    azure.advance(61)
    assert one.claim("sweep")
    assert not two.claim("sweep")


def test_store_outage() -> None:
    """Without its storage account a host knows no status and claims nothing, and goes on."""
    azure = LocalAzure()
    store = blobs(azure)
    store.write("sweep", ScheduleStatus(NINE, NINE + HOUR, NINE))
    azure.world.faults.add("unavailable", "blob", times=20)
    assert store.read("sweep") is None
    assert not store.claim("sweep")


def test_folder(tmp_path: Path) -> None:
    """A folder keeps statuses beyond the process, and a broken file counts as none."""
    status = ScheduleStatus(None, NINE, NINE)
    LocalStore(tmp_path / "timers").write("sweep", status)
    assert LocalStore(tmp_path / "timers").read("sweep") == status
    (tmp_path / "timers" / "sweep.json").write_text("{")
    assert LocalStore(tmp_path / "timers").read("sweep") is None
