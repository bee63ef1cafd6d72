"""Draws what a policy keeps, years at a glance, as an SVG: a band per rule, a line per recovery point while it is kept.

Text in, text out, and the same for the same points: the picture in the README is checked by drawing it again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from html import escape

from shared.core.meaning import Duration, Meaning
from shared.core.retention import Count, Kept, planned, steady_state, timeline
from shared.core.retention_time import schedule

WIDTH, LEFT, RIGHT = 1200.0, 190.0, 1030.0
TOP, BAND, EMPTY, GAP, TOTAL, FOOT = 104.0, 92.0, 54.0, 14.0, 96.0, 66.0
COLOURS = ("#7c3aed", "#2563eb", "#0d9488", "#d97706", "#be185d", "#4d7c0f")
INK, SOFT, FAINT, PAPER, PANEL = "#111827", "#6b7280", "#e5e7eb", "#ffffff", "#f8fafc"
FONT = "'Segoe UI', 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"
_DOTS = 150  # more points than that are too close for a dot each
_LANES, _LONGEST_NAME = 16, 14


@dataclass(frozen=True, slots=True)
class Band:
    """One rule: its name, what stands below it, its points, and how many are kept at any time."""

    name: str
    below: str
    points: Sequence[Kept]
    count: str
    empty: str = ""

    @property
    def height(self) -> float:
        return BAND if self.points else EMPTY


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn, from `start` to `end`."""

    title: str
    subtitle: str
    bands: Sequence[Band]
    count: str
    start: datetime
    end: datetime

    @property
    def points(self) -> list[Kept]:
        return [point for band in self.bands for point in band.points]

    def x(self, moment: datetime) -> float:
        share = (moment - self.start) / (self.end - self.start)
        return LEFT + (RIGHT - LEFT) * min(1.0, max(0.0, share))


def picture(name: str, meaning: Meaning, start: datetime, end: datetime) -> Picture:
    """What a policy keeps of the backups that its schedule makes from `start` to `end`, each one successful."""
    points, steady = planned(meaning, start, end), steady_state(meaning, start)
    bands = []
    for rule, count in steady.rules:
        mine = [point for point in points if point.rule is rule]
        empty = "" if mine else "no scheduled backup: other rules fit them all; on-demand ones are kept by it"
        bands.append(Band(rule.name, str(rule.keep), mine, _about(count), empty))
    kept = f"{len(points):,} backups from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
    return Picture(f"What {name} keeps", f"{schedule(meaning)} · {kept}", bands, _about(steady.total), start, end)


@lru_cache(maxsize=64)
def drawn(name: str, meaning: Meaning, day: date) -> str:
    """The picture of the ten years from a day on."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return draw(picture(name, meaning, start, Duration.parse("P10Y").after(start)))


def _about(count: Count) -> str:
    """The number that is shown large, and the span below it, where it is one."""
    span = str(count)
    return f"{count.mean:.0f}|{span if ' ' in span else ''}"


def draw(picture: Picture) -> str:
    """The picture as the text of an SVG file."""
    foot = TOP + sum(band.height + GAP for band in picture.bands) + TOTAL
    height = foot + FOOT
    size = f'viewBox="0 0 {_n(WIDTH)} {_n(height)}" width="{_n(WIDTH)}" height="{_n(height)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}" role="img">',
        f"<title>{escape(picture.title)}</title>",
        f'<rect width="100%" height="100%" rx="12" fill="{PAPER}"/>',
        _text(32, 46, picture.title, 25, weight=700),
        _text(32, 74, picture.subtitle, 15, SOFT),
        _text(RIGHT + 24, 74, "kept at any time", 13, SOFT),
    ]
    top = TOP
    for number, band in enumerate(picture.bands):
        parts += _band(picture, band, top, COLOURS[number % len(COLOURS)])
        top += band.height + GAP
    parts += [*_total(picture, foot), *_years(picture, foot), "</svg>"]
    return "\n".join(parts) + "\n"


def _band(picture: Picture, band: Band, top: float, colour: str) -> Iterable[str]:
    middle = top + band.height / 2
    number, _, span = band.count.partition("|")
    yield _panel(top, band.height)
    yield f'<rect x="{_n(LEFT - 158)}" y="{_n(middle - 20)}" width="5" height="40" rx="2.5" fill="{colour}"/>'
    name = band.name if len(band.name) <= _LONGEST_NAME else f"{band.name[: _LONGEST_NAME - 1]}…"
    yield _text(LEFT - 142, middle - 3, name, 17, weight=600)
    yield _text(LEFT - 142, middle + 18, band.below, 14, SOFT)
    yield _text(RIGHT + 24, middle + (4 if span else 9), number, 26, colour if band.points else SOFT, weight=700)
    yield _text(RIGHT + 24, middle + 24, span, 13, SOFT)
    if not band.points:
        yield _text((LEFT + RIGHT) / 2, middle + 5, band.empty, 14, SOFT, anchor="middle")
    yield from _lines(picture, band, top, colour)


def _lines(picture: Picture, band: Band, top: float, colour: str) -> Iterable[str]:
    """The points' lives: those that are over by the end are pale, those that remain have the full colour."""
    lanes = min(_LANES, max((count for _, count in timeline(band.points)), default=1))
    step = (BAND - 20) / max(1, lanes)
    width = min(5.0, max(1.6, step * 0.55))
    gone: list[str] = []
    there: list[str] = []
    dots: list[str] = []
    for number, point in enumerate(band.points):
        y = top + 10 + step * (number % lanes + 0.5)
        begin, until = picture.x(point.time), picture.x(point.expiry)
        (there if point.expiry > picture.end else gone).append(f"M{_n(begin)} {_n(y)}H{_n(max(until, begin + 1.5))}")
        dots.append(f'<circle cx="{_n(begin)}" cy="{_n(y)}" r="{_n(min(4.0, width * 0.9))}"/>')
    for paths, opacity in ((gone, "0.38"), (there, "1")):
        if paths:
            yield (
                f'<path d="{"".join(paths)}" stroke="{colour}" stroke-width="{_n(width)}" stroke-opacity="{opacity}" '
                f'fill="none"/>'
            )
    if len(dots) <= _DOTS:
        yield f'<g fill="{colour}">{"".join(dots)}</g>'


def _total(picture: Picture, foot: float) -> Iterable[str]:
    """How many points there are, all rules together, over the years."""
    top = foot - TOTAL
    steps = [(moment, count) for moment, count in timeline(picture.points) if moment <= picture.end]
    most = max((count for _, count in steps), default=1)
    base, scale = foot - 12, (TOTAL - 34) / most
    path = f"M{_n(LEFT)} {_n(base)}"
    for moment, count in steps:
        path += f"H{_n(picture.x(moment))}V{_n(base - count * scale)}"
    yield _panel(top, TOTAL)
    yield f'<path d="{path}H{_n(RIGHT)}V{_n(base)}Z" fill="{INK}" fill-opacity="0.16" stroke="none"/>'
    yield f'<path d="{path}H{_n(RIGHT)}" fill="none" stroke="{INK}" stroke-opacity="0.65" stroke-width="1.4"/>'
    yield _text(LEFT - 142, top + 46, "All points", 17, weight=600)
    yield _text(LEFT - 142, top + 67, "of all rules", 14, SOFT)
    number, _, span = picture.count.partition("|")
    yield _text(RIGHT + 24, top + 52, number, 26, weight=700)
    yield _text(RIGHT + 24, top + 72, span, 13, SOFT)


def _years(picture: Picture, foot: float) -> Iterable[str]:
    """The scale below, and a thin line through everything at the turn of each year."""
    years = range(picture.start.year, picture.end.year + 2)
    every = max(1, (len(years) + 11) // 12)
    for year in years[::every]:
        turn = datetime(year, 1, 1, tzinfo=UTC)
        if picture.start <= turn <= picture.end:
            x = _n(picture.x(turn))
            yield f'<path d="M{x} {_n(TOP - 4)}V{_n(foot + 4)}" stroke="{INK}" stroke-opacity="0.10"/>'
            yield _text(float(x), foot + 24, str(year), 14, SOFT, anchor="middle")
    key = "each line is a recovery point, from its backup until it expires; full colour: still there at the end"
    yield _text((LEFT + RIGHT) / 2, foot + 48, key, 13, SOFT, anchor="middle")


def _panel(top: float, height: float) -> str:
    size = f'width="{_n(RIGHT - LEFT)}" height="{_n(height)}"'
    return f'<rect x="{_n(LEFT)}" y="{_n(top)}" {size} rx="6" fill="{PANEL}" stroke="{FAINT}"/>'


def _text(
    x: float, y: float, text: str, size: int, colour: str = INK, *, weight: int = 400, anchor: str = "start"
) -> str:
    look = f'font-size="{size}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text x="{_n(x)}" y="{_n(y)}" {look}>{escape(text)}</text>'


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
