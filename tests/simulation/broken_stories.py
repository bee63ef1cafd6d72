"""Backups on demand and alerts, broken on purpose: what `mutants.py` tries beside converge and sweep."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shared import tell
from shared.core import due, findings, incidents, job_findings, on_demand
from shared.core.alert import Severity
from shared.core.verdict import Kind


def _always_late(*_: Any) -> due.Due:
    return due.Due(due.LATE, "it is always late")


def _no_answer(wanted: Any, _instance: Any, _observed: Any, _rules: Any, _wish: Any, memory: Any) -> on_demand.Step:
    return on_demand.Step(on_demand._verdict(wanted, memory), (), memory)


def _endless(real: Callable[..., Any]) -> Callable[..., Any]:
    """There is always somebody left, so that nothing is ever over."""

    def spoken(row: Any, *more: Any) -> Any:
        return replace(real(replace(row, subjects=row.subjects or {"somebody": 0}), *more), subjects=row.subjects)

    return spoken


def _told_first(real: Callable[..., Any]) -> Callable[..., Any]:
    def told(alert: Any, cloud: Any, ledger: Any, now: Any) -> Any:
        tell.publish(cloud, tell.event_grid_topic.render(replace(alert, opened_at=now)))
        return real(alert, cloud, ledger, now)

    return told


def _of_nobody(real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **more: replace(real(*args, **more), owner="team-nobody")


_GROUNDLESS = findings._OF_VERDICT | {Kind.PROTECTED: findings._Said(Severity.LOW, "All is well")}

# Name; what is broken; the invariants that may notice; targets below `shared` and their stand-ins.
STORIES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("forgotten_window", "asks for a backup whenever it looks, however young the points are", "I5", {
        "core.due._wanted": _always_late, "core.due.hindered": lambda *_: "", "core.on_demand._refused": lambda *_: "",
    }),
    ("deaf", "takes a wish for a backup and does nothing", "I13", {
        "core.on_demand._wished": _no_answer, "look.Look._answer": lambda *_: None,
    }),
    ("endless", "never closes an incident", "I18", {"core.incidents._spoken": _endless(incidents._spoken)}),
    ("amnesiac", "does not know the incidents that are open", "I11 I18", {"watch._known": lambda *_: {}}),
    ("hasty", "tells before the incident is in the ledger", "I18 I11", {
        "look.tell_once": _told_first(tell.tell_once), "poison.tell_once": _told_first(tell.tell_once),
        "tell.tell_once": _told_first(tell.tell_once), "sweep.tell_once": _told_first(tell.tell_once),
    }),
    ("groundless", "calls what is protected a trouble", "I18", {"core.findings._OF_VERDICT": _GROUNDLESS}),
    ("wrong_owner", "tells somebody else", "I17", {
        "core.job_findings._failed": _of_nobody(job_findings._failed),
        "core.findings._finding": _of_nobody(findings._finding),
    }),
    ("numb", "hears of no failed backup", "I11 I18", {"watch.job_findings": lambda *_: iter(())}),
    ("shy", "tells nothing that the watch has found", "I11", {"watch.deliver": lambda *_: 0}),
)  # fmt: skip
