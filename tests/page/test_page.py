"""What the status page says: order, ages, coverage with its denominator, what is missing, and what is inert."""

import gzip
import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.judgement import percent_of
from shared.core.snapshot import Snapshot
from shared.core.verdict import Kind
from shared.page.compose import LONGEST, STEPS, group_of, is_quiet, legible, page_of
from shared.page.model import Group
from shared.page.render import headline, policy, render, span
from tests.page.estates import AT, HOSTILE, NOW, hostile, incidents, jobs_of, usual, well

UNREAD = ("subscription 00000000-0000-4000-8000-000000000001: not to be seen",)


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text of style and script."""

    def __init__(self, page):
        super().__init__()
        self.found, self.texts, self._in = [], {}, ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._in = tag

    def handle_data(self, data):
        if self._in in ("style", "script"):
            self.texts[self._in] = self.texts.get(self._in, "") + data

    def handle_endtag(self, _tag):
        self._in = ""


def shown(snapshot, now=NOW, **options):
    return page_of(snapshot, now, jobs_of(snapshot), **({"incidents": ()} | options))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_hundred_percent_is_all(one, other):
    """Whatever the numbers, 100 is said of all and of nothing less; of nothing there is no share."""
    part, whole = sorted((one, other))
    assert (percent_of(part, whole) == 100) == (part == whole and whole > 0)
    assert (percent_of(part, whole) is None) == (whole == 0)


def test_what_could_not_be_read_is_never_a_hundred_percent():
    """All that was read is protected, and one subscription was not read: no percentage, no calm, and it is named."""
    page = shown(well(incomplete=UNREAD))
    text = render(page)
    assert (page.percent, page.protected, page.eligible) == (None, 240, 240)
    assert not is_quiet(page)
    assert headline(page) == "Not everything could be read"
    assert "Coverage not known" in text
    assert "100 <" not in text
    assert "Nobody has anything to do" not in text
    assert UNREAD[0] in text


@pytest.mark.parametrize("what", [{"incidents": None}, {"missing": ["incidents: they could not be read"]}])
def test_incidents_that_could_not_be_read_are_not_none(what):
    """Nobody is told that nothing is open when nobody knows."""
    assert not is_quiet(shown(well(), **what))


def test_all_is_well():
    """Everybody is protected and everything was read: the page says so, with its denominator."""
    page = shown(well())
    assert (page.percent, headline(page), is_quiet(page)) == (100.0, "Nobody has anything to do", True)
    assert "<b>240 of 240</b> servers that could be protected are" in render(page)


@pytest.mark.parametrize(("target", "good"), [(85, True), (86, False)])
def test_the_target(target, good):
    """Coverage is held against the target of the rules."""
    page = shown(usual(target=target))
    assert page.percent == 85.5
    assert ('percent good"' in render(page)) == good
    assert ("to go" in render(page)) != good


@pytest.mark.parametrize(("age", "is_stale"), [(timedelta(minutes=119), False), (timedelta(minutes=121), True)])
def test_an_old_record_is_said_first(age, is_stale):
    """A record of more than two missed sweeps ago is the headline, whatever it says."""
    page = shown(well(), AT + age)
    assert page.is_stale == is_stale
    assert (headline(page) == "Nothing is known of the last 2 h 1 min") == is_stale
    assert ('id="stale" aria-label="Old" hidden' in render(page)) != is_stale


def test_nothing_to_protect():
    """An empty estate has no coverage, and an unread one has none either, for another reason."""
    assert "Nothing to protect" in render(shown(well(0)))
    assert "Coverage not known" in render(shown(well(0, incomplete=UNREAD)))


def test_the_most_urgent_first():
    """Who needs somebody, of these who has lost a backup; then who waits, the protected, and who asked for nothing."""
    rows = shown(usual()).rows
    groups = [row.group for row in rows]
    assert groups == sorted(groups, key=list(Group).index)
    assert [row.label for row in rows[:5]] == ["overdue"] * 3 + ["protection error"] * 2
    assert [one.label for one in shown(usual()).causes] == [
        "overdue", "protection error", "no vault in region", "unknown tier",
    ]  # fmt: skip


def test_every_verdict_has_its_place():
    """Protected is good, and whatever no version has heard of needs somebody."""
    assert group_of(Kind.PROTECTED) is Group.GOOD
    assert group_of("blocked_by_the_future") is Group.ACT
    assert {group_of(kind) for kind in Kind} == set(Group)


@pytest.mark.parametrize(
    ("age", "step"),
    [(timedelta(), 1), (timedelta(days=4), STEPS // 2), (timedelta(days=8), STEPS), (timedelta(days=8, seconds=1), 21)],
)
def test_the_bar(age, step):
    """An age is a share of what the tier allows; at the limit the bar is full, beyond it is another one."""
    snapshot = well(1)
    snapshot = replace(snapshot, servers=(replace(snapshot.servers[0], latest_point=NOW - age),))
    assert shown(snapshot).rows[0].step == step


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 min"), (59, "0 min"), (3540, "59 min"), (3660, "1 h 1 min"), (694_800, "8 d 1 h")]
)
def test_lengths_of_time(seconds, words):
    """The two largest units."""
    assert span(seconds) == words


def test_changes_that_are_alike_are_one_line():
    """A bulk edit is one line with a count; tiers are named where they are what has changed."""
    before = well(30)
    one = usual().changes[0]
    moved = tuple(replace(one, id=f"/s/pg-{at}", was="protected", verdict="protected", tier_was="gold", tier="silver")
                  for at in range(30))  # fmt: skip
    (move,) = shown(replace(before, changes=moved)).moves
    assert (move.before, move.after, move.count) == ("protected (gold)", "protected (silver)", 30)
    assert move.names == ("pg-0", "pg-1", "pg-2")


def test_open_incidents():
    """What is over, or expected, is not open; the most severe first, with the names that it is about."""
    told = shown(well(), incidents=incidents())
    assert [one.severity for one in told.incidents] == ["high", "normal"]
    assert told.incidents[0].names == ("pg-orders", "pg-catalog", "pg-invoices")
    assert told.incidents[1].names == ("bvault-westeurope",)
    assert headline(told) == "2 incidents are open"
    assert not is_quiet(told)


def test_an_older_record_is_shown():
    """A record of the first version, without tiers, changes and next backups, is a page all the same."""
    old = json.loads(msgspec.json.encode(usual()))
    for name in ("changes", "target", "tiers", "subscriptions"):
        del old[name]
    for server in old["servers"]:
        del server["next_backup"]
    page = shown(msgspec.json.decode(json.dumps(old | {"schema": 1}), type=Snapshot))
    assert len(page.rows) == 240
    assert "pg-orders-000" in render(page)


def test_a_record_survives_being_kept():
    """What is kept as JSON and read again is the same, tiers and all."""
    assert msgspec.json.decode(msgspec.json.encode(usual()), type=Snapshot) == usual()


def test_nothing_that_strangers_write_is_an_element():
    """Hostile names, tags, reasons and errors add no element, no attribute that acts, and no address."""
    usual_tags = {tag for tag, _ in Elements(render(shown(usual(), incidents=incidents()))).found}
    told = Elements(
        render(
            shown(
                hostile(), incidents=[replace(incidents()[-1], link="javascript:x", title=HOSTILE[0], words=HOSTILE[1])]
            )
        )
    )
    assert {tag for tag, _ in told.found} <= usual_tags
    assert [tag for tag, _ in told.found].count("script") == 1
    for _, attributes in told.found:
        assert not [
            name for name in attributes if name.startswith("on") or name in ("style", "src", "action", "srcdoc")
        ]
        assert attributes.get("href", "#").startswith(("#", "data:image/svg+xml,%3Csvg"))


def test_the_policy_has_the_hashes_of_what_is_in_the_page():
    """Style and script are allowed by hash alone, and the page says the same as the header."""
    page = Elements(render(shown(usual(3))))
    for name in ("style", "script"):
        digest = b64encode(sha256(page.texts[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy()
    said = [attributes["content"] for tag, attributes in page.found if attributes.get("http-equiv")]
    assert said == [policy(in_page=True)]
    assert policy().startswith("default-src 'none'; ")
    assert "unsafe" not in policy()
    assert policy().replace("; frame-ancestors 'none'", "") == policy(in_page=True)


@given(st.text())
def test_legible(text):
    """Whatever was written is one line that can be seen, with no turned direction, and no longer than can be read."""
    told = legible(text)
    assert told.isprintable()
    assert len(told) <= LONGEST + 1


def test_ten_thousand_servers_are_a_page_of_some_megabytes():
    """The bytes of a large page are limited: raw for the browser, compressed for the way there."""
    text = render(shown(usual(10_000))).encode()
    assert len(text) < 4_500_000
    assert len(gzip.compress(text, 3)) < 400_000
