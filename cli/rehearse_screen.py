"""Shows people what came of a rehearsal: sentences, tables, and a bar for every day on which backups ran."""

import textwrap
from collections.abc import Iterable
from datetime import datetime

from rich.text import Text

from cli.output import WIDTH, Output
from cli.rehearse_outcome import Day, Outcome, Waits
from shared.core.price import Prices, sentences

MOST_DAYS, MOST_SHOWN, BAR = 42, 20, 36
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def show(output: Output, what: Outcome, prices: Prices | None) -> None:
    """The whole outcome, a screen or two."""
    lasted = spoken((what.ended - what.began).total_seconds())
    output.say(
        f"{what.servers:,} servers, {lasted} from {what.began:%A %Y-%m-%d %H:%M} UTC."
        f" {what.calls['all']:,} calls to Azure, {what.calls['writes']:,} of them writes,"
        f" {what.calls['throttled']:,} throttled.",
        style="bold",
    )
    output.say()
    kinds = dict.fromkeys((*what.after, *what.before))
    output.table(
        "Verdicts",
        ["verdict", "at the start", "at the end"],
        ([kind, what.before.get(kind, 0), what.after.get(kind, 0)] for kind in kinds),
    )
    output.say()
    _show_waits(output, what)
    _show_days(output, what.days)
    _show_incidents(output, what)
    _show_findings(output, what)
    _show_price(output, what, prices)
    _show_oddities(output, what)


def spoken(seconds: float) -> str:
    """A length of time for people: 48 s, 12 min, 1.5 h, 3.2 days."""
    for unit_s, name in ((_DAY_S, "days"), (_HOUR_S, "h")):
        if seconds >= 2 * unit_s or (name == "h" and seconds >= unit_s):
            return f"{round(seconds / unit_s, 1):g} {name}"
    return f"{seconds / _MINUTE_S:.0f} min" if seconds >= 2 * _MINUTE_S else f"{seconds:.0f} s"


def _show_waits(output: Output, what: Outcome) -> None:
    named = (("protected", what.protected), ("first recovery point", what.pointed))
    waits = [(name, one) for name, one in named if one]
    if not waits:
        output.say("No server came under protection.\n")
        return
    columns = ["until", "servers", "the first", "half of them", "95 %", "the last"]
    output.table(
        "Waits, since the app was deployed", columns, ([name, one.servers, *_times(one)] for name, one in waits)
    )
    output.say()


def _times(one: Waits) -> list[str]:
    return [spoken(each) for each in (one.first_s, one.half_s, one.most_s, one.last_s)]


def _show_days(output: Output, days: tuple[Day, ...]) -> None:
    if not days:
        output.say("No backup ran.\n")
        return
    most = max(day.scheduled + day.on_demand for day in days)
    peak = max(days, key=lambda day: day.busiest)
    output.table(
        f"Backups by day (UTC); the peak is {peak.busiest:,} in the hour from {peak.hour:02}:00 on {peak.date}",
        ["day", "scheduled", "on demand", "failed", "busiest hour", ""],
        ([*_day(day), _bar(day, most)] for day in days[:MOST_DAYS]),
    )
    _say_more(output, len(days) - MOST_DAYS)
    output.say()


def _day(day: Day) -> list[str | int]:
    return [
        f"{datetime.fromisoformat(day.date):%a} {day.date}",
        day.scheduled,
        day.on_demand,
        day.failed,
        f"{day.busiest:,} from {day.hour:02}:00",
    ]


def _bar(day: Day, most: int) -> Text:
    """As long as there were backups; what failed stands at its end, and in red where there are colours."""
    every = day.scheduled + day.on_demand
    length = max(1, round(BAR * every / most))
    failed = min(length, -(-length * day.failed // every))
    return Text.assemble(("█" * (length - failed), "green"), ("▒" * failed, "red"))


def _show_incidents(output: Output, what: Outcome) -> None:
    if not what.incidents:
        output.say("Nobody would have got a message.\n", style="green")
        return
    output.table(
        "Messages to people",
        ["kind", "messages", "why, and what to do"],
        ([one.kind, one.messages, _with_fix(one.reason, one.fix)] for one in what.incidents[:MOST_SHOWN]),
    )
    _say_more(output, len(what.incidents) - MOST_SHOWN)
    output.say()


def _show_findings(output: Output, what: Outcome) -> None:
    if not what.findings:
        output.say("Nobody has anything to do.\n", style="green")
        return
    output.table(
        "Somebody has something to do",
        ["verdict", "servers", "for example, why, and what to do"],
        (
            [one.verdict, one.servers, _with_fix(f"{_named(one.names, one.servers)}: {one.reason}", one.fix)]
            for one in what.findings
        ),
    )
    output.say()


def _with_fix(reason: str, fix: str) -> str:
    return f"{reason}\n→ {fix}" if fix else reason


def _named(names: Iterable[str], servers: int) -> str:
    first = next(iter(names))
    return first if servers == 1 else f"{first} and {servers - 1:,} more"


def _show_price(output: Output, what: Outcome, prices: Prices | None) -> None:
    if prices is None or what.tiers is None or what.change is None:
        output.say("No price: there is no prices.yaml here; --prices names another.\n", style="dim")
        return
    output.table(
        f"Price, an estimate in {prices.currency}",
        ["tier", "servers before", "a month before", "servers after", "a month after", "no price"],
        (
            [one.tier or "none", one.now.servers, float(one.now.monthly), one.then.servers, float(one.then.monthly),
             one.change.unpriced]
            for one in what.tiers
        ),
    )  # fmt: skip
    output.say()
    first, *others = sentences(what.change, prices)
    for sentence in (f"The change: {first}", *others):
        output.say("\n".join(textwrap.wrap(sentence, WIDTH, subsequent_indent="  ")))
    output.say()


def _show_oddities(output: Output, what: Outcome) -> None:
    """What else has to be known: approvals that were given, deaths of the process, errors, what could not be played."""
    if what.approvals:
        output.say(f"Times that the brake stopped the app, and its plan was approved: {what.approvals:,}")
    if what.crashes:
        output.say(f"Times that the app's process died and was started again: {what.crashes:,}")
    for title, found in (("A function of the app raised", what.errors), ("Could not be rehearsed", what.left_out)):
        for one in found[:MOST_SHOWN]:
            output.warn(f"{title}: {one}")
        if len(found) > MOST_SHOWN:
            output.warn(f"{title}: {len(found) - MOST_SHOWN:,} more; --json has all")


def _say_more(output: Output, more: int) -> None:
    if more > 0:
        output.say(f"and {more:,} more; --json has all")
