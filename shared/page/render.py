"""Writes the status page: one HTML file that asks nothing of anybody, whatever the names and tags of an estate hold.

The template escapes everything that is put into it. Style and script stand in the page and are allowed by their hash.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from shared.core.policy import tier_meaning
from shared.page.compose import STALE, group_of, is_quiet, label
from shared.page.model import Group, Page, Row
from shared.page.retention_picture import drawn

HERE = Path(__file__).parent
CHUNK = 50  # rows that a browser lays out at once
MOST_CAUSES, MOST_INCIDENTS, MOST_MISSING = 8, 10, 20
WORDS = {
    Group.ACT: "need somebody",
    Group.WAIT: "on their way",
    Group.GOOD: "protected",
    Group.OUT: "not asked for, or exempt",
}
_STRIP = 1000
SHIELD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">'
    '<path fill="#0f766e" d="M12 2 4 5v6c0 5 3.4 9.4 8 11 4.6-1.6 8-6 8-11V5z"/>'
    '<path fill="none" stroke="#fff" stroke-width="2.2" d="m8.5 12 2.6 2.6 4.6-5"/></svg>'
)


def render(page: Page) -> str:
    """The page as HTML."""
    return _template().render(
        page=page,
        headline=headline(page),
        mood="good" if is_quiet(page) else "act",
        behind=_behind(page),
        strip=_strip(page.groups),
        pictures={one.name: _safe(drawn(one.name, tier_meaning(one.tier), page.at.date())) for one in page.tiers},
    )


def policy(*, in_page: bool = False) -> str:
    """The Content-Security-Policy of the page. in_page: without what only a header may say."""
    said = ["default-src 'none'", f"style-src {_hash(_text('style.css'))}", f"script-src {_hash(_text('script.js'))}"]
    said += ["img-src data:", "base-uri 'none'", "form-action 'none'"]
    return "; ".join(said if in_page else [*said, "frame-ancestors 'none'"])


def headline(page: Page) -> str:
    """The one sentence that somebody reads who has no time."""
    need = page.groups[Group.ACT]
    if page.is_stale:
        return f"Nothing is known of the last {span(page.age_s)}"
    if need:
        return f"{need:,} server needs somebody" if need == 1 else f"{need:,} servers need somebody"
    if page.missing:
        return "Not everything could be read"
    if page.incidents:
        return "1 incident is open" if len(page.incidents) == 1 else f"{len(page.incidents):,} incidents are open"
    if page.percent is not None and page.percent < page.target:
        return "Coverage is below its target"
    return "Nobody has anything to do"


def span(seconds: int) -> str:
    """A length of time as people say it: the two largest units, "3 d 4 h"."""
    minutes = seconds // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{rest} min" if rest and not days else ""]
    return " ".join(filter(None, parts)) or "0 min"


def _behind(page: Page) -> str:
    """How many servers the target asks for that are not protected."""
    wanted = -(-page.target * page.eligible // 100) - page.protected
    return f", {wanted:,} to go" if wanted > 0 and page.is_complete else ""


def _strip(groups: Mapping[Group, int]) -> Markup:
    """All servers as one bar. Nobody who needs somebody is too few to be seen."""
    total = max(1, sum(groups.values()))
    least = {group: 6 if count else 0 for group, count in groups.items()}
    free = _STRIP - sum(least.values())
    parts, x = [], 0.0
    for group, count in groups.items():
        if count:
            width = least[group] + free * count / total
            parts.append(f'<rect class="{group}" x="{x:.1f}" width="{width - 2:.1f}" height="14"/>')
            x += width
    look = f'class="strip" viewBox="0 0 {_STRIP} 14" preserveAspectRatio="none" aria-hidden="true"'
    return _safe(f"<svg {look}>{''.join(parts)}</svg>")


# -- the template --------------------------------------------------------------------------------------------------


@cache
def _template() -> Template:
    folder = FileSystemLoader(HERE)
    made = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"span": span, "moment": _moment, "iso": _iso, "number": _number, "groups": _groups, "code": _code}
    made.globals |= {
        "policy": policy(in_page=True),
        "style": _safe(_text("style.css")),
        "script": _safe(_text("script.js")),
        "shield": _safe(SHIELD),
        "icon": _safe(f"data:image/svg+xml,{quote(SHIELD)}"),
        "words": WORDS,
        "label": label,
        "group_of": group_of,
        "stale_s": int(STALE.total_seconds()),
        "chunk_size": CHUNK,
        "most_causes": MOST_CAUSES,
        "most_incidents": MOST_INCIDENTS,
        "most_missing": MOST_MISSING,
    }
    return made.get_template("status.html.jinja")


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _safe(text: str) -> Markup:
    """Text of our own, which the template must not escape."""
    return Markup(text)  # noqa: S704 - never given what strangers wrote, but escaped  # nosec B704


def _code(text: str) -> Markup:
    """A text of ours or of strangers; what stands between backticks is set as code."""
    parts = str(escape(text)).split("`")
    last = len(parts) - 1
    return _safe("".join(f"<code>{one}</code>" if at % 2 and at < last else one for at, one in enumerate(parts)))


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "\N{EN DASH}"


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _number(count: int) -> str:
    return f"{count:,}"


def _groups(rows: Iterable[Row]) -> Iterator[tuple[Group, list[Row]]]:
    """Rows that stand together by how soon somebody must look at them."""
    for group, found in groupby(rows, key=lambda row: row.group):
        yield group, list(found)
