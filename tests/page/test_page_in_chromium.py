"""The status page in a real browser: inert, accessible, sorted, on a phone, in the dark, on paper, and large."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.page.estates import HOSTILE, NOW, hostile, usual, well

PHONE = {"viewport": {"width": 360, "height": 740}}
DARK = {"color_scheme": "dark"}
VISIBLE = "[...document.querySelectorAll('tbody tr:not(.head)')].filter(row => row.checkVisibility()).length"


def test_nothing_is_asked_of_anybody(show):
    """The page is one file: no other request is made, and the browser complains of nothing."""
    seen = show(usual())
    assert [url.rsplit("/", 1)[-1] for url in seen.requests] == ["status.html"]
    assert seen.complaints == []


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}])
def test_what_strangers_write_stays_text(show, options):
    """Scripts, quotes, HTML and turned reading direction in every field: nothing runs, nothing is an element."""
    seen = show(hostile(), **options)
    assert seen.tab.title().endswith("Flexguard")
    assert seen.complaints == []
    if options:
        return
    assert seen.all("document.scripts.length") == 1
    assert seen.all("document.querySelectorAll('img, iframe, object, embed, base, form[action]').length") == 0
    assert seen.all("[...document.querySelectorAll('*')].every(e => [...e.attributes].every(a => !/^on/.test(a.name)))")
    assert seen.names()[0].startswith(HOSTILE[1][:5]) or HOSTILE[0] in seen.names()
    assert seen.all("!/[\\u202a-\\u202e\\u2066-\\u2069]/.test(document.body.textContent)")


def test_the_policy_refuses_what_is_not_ours(show):
    """A script or style that gets into the page all the same does not run: its hash is not in the policy."""
    seen = show(well(3))
    seen.all("""() => {
        const script = document.createElement('script');
        script.textContent = "document.title = 'owned'";
        document.body.append(script);
        document.body.setAttribute('style', 'display: none');
        document.body.insertAdjacentHTML('beforeend', '<img src="https://example.com/x.png">');
    }""")
    assert seen.tab.title() != "owned"
    assert seen.all("getComputedStyle(document.body).display") == "block"
    assert len(seen.complaints) == 3
    assert all("Content Security Policy" in complaint for complaint in seen.complaints)


@pytest.mark.parametrize("options", [{}, DARK, PHONE, PHONE | DARK], ids=["light", "dark", "phone", "dark phone"])
@pytest.mark.parametrize("snapshot", [usual(40), hostile()], ids=["usual", "hostile"])
def test_axe_finds_nothing(show, options, snapshot):
    """axe-core, all its rules, every section open: no violation, of whatever impact."""
    seen = show(snapshot, **options)
    seen.all("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = Axe().run(seen.tab)
    assert found.violations_count == 0, found.generate_report()


def test_the_table_is_a_table_for_assistive_technology(show):
    """Although rows are laid out as grids, the browser tells of a table, its heads, rows and cells."""
    seen = show(well(4))
    roles = seen.tab.locator("#estate").aria_snapshot()
    assert "- table" in roles
    assert roles.count("- row ") >= 5
    assert '- columnheader "Newest good point"' in roles
    assert '- rowheader "pg-' in roles


def test_without_a_script_everything_is_there(show):
    """No script: every server is shown, the most urgent first, and no control is there that would do nothing."""
    seen = show(usual(120), java_script_enabled=False)
    rows = seen.tab.locator("tbody tr:not(.head)")
    assert rows.count() == 120
    assert seen.tab.locator("h3").all_text_contents() == [
        "Need somebody 7", "On their way 5", "Protected 100", "Not asked for, or exempt 8",
    ]  # fmt: skip
    assert not seen.tab.locator(".filter").is_visible()
    assert seen.tab.locator("thead button").count() == 0
    assert rows.first.text_content().find("overdue") > 0


def test_finding(show):
    """Words are found in whatever a row says, all of them, in any case; a group narrows them; nothing left is said."""
    seen = show(usual())
    seen.tab.fill("#find", "OVERDUE gold")
    expect(seen.tab.locator("#shown")).to_contain_text(" of 240")
    assert seen.names()
    assert all("overdue" in text for text in seen.tab.locator("tbody tr").all_text_contents())
    assert seen.tab.inner_text("#shown") == f"{len(seen.names())} of 240 servers"
    seen.tab.check("input[value=good]")
    assert seen.tab.inner_text("#shown") == "0 of 240 servers"
    seen.tab.fill("#find", "")
    seen.tab.check("input[name=group][value='']")
    assert seen.tab.inner_text("#shown") == "240 servers"
    seen.tab.click(".kinds a:has-text('no vault in region')")
    assert set(seen.tab.locator("tbody tr td b").all_text_contents()) == {"no vault in region"}


def test_sorting(show):
    """A head sorts up, then down, then not at all; ages by number, and what has none stands last either way."""
    seen = show(usual())
    urgent, ages = seen.names(), "[...document.querySelectorAll('td[data-v]')].map(cell => cell.dataset.v)"
    button = seen.tab.locator("thead button", has_text="Newest good point")
    for direction, is_down in (("ascending", False), ("descending", True)):
        button.click()
        assert seen.tab.locator("th[aria-sort]").get_attribute("aria-sort") == direction
        told = seen.all(ages)
        known = [int(age) for age in told if age]
        assert known == sorted(known, reverse=is_down)
        assert "".join(told[len(known) :]) == ""
    button.click()
    assert seen.tab.locator("th[aria-sort]").count() == 0
    assert seen.names() == urgent
    assert seen.tab.locator("tr.head").count() == 4


def test_by_keyboard(show):
    """Tab reaches the link past everything first, and a head of the table is a button that can be seen in focus."""
    seen = show(usual(12))
    seen.tab.keyboard.press("Tab")
    assert seen.all("document.activeElement.textContent") == "Skip to the servers"
    seen.tab.locator("thead button").first.focus()
    seen.tab.keyboard.press("Enter")
    assert seen.tab.locator("th[aria-sort=ascending]").inner_text() == "Server"


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1280, 1920])
def test_it_fits_every_width(show, width):
    """From a small phone to a wide screen nothing is cut off, and nothing but a picture scrolls sideways."""
    seen = show(hostile(), viewport={"width": width, "height": 700})
    assert seen.all("document.documentElement.scrollWidth") <= width
    assert seen.all(VISIBLE) == len(HOSTILE)


def test_light_and_dark(show):
    """The page follows the system's choice, pictures too."""
    light, dark = show(well(3)), show(well(3), **DARK)
    paper = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).reduce((a, b) => +a + +b)"
    title = "getComputedStyle(document.querySelector('.picture svg text')).fill.match(/[0-9]+/g).map(Number)[0]"
    assert light.all(paper) > 700
    assert dark.all(paper) < 100
    assert light.all(title) < 60
    assert dark.all(title) > 200


def test_on_paper(show):
    """Print is a table with its head on every page, all rows, all sections, and no control."""
    seen = show(usual(240))
    seen.tab.emulate_media(media="print")
    assert seen.all("getComputedStyle(document.querySelector('#estate thead')).display") == "table-header-group"
    assert seen.all("getComputedStyle(document.querySelector('tbody tr')).display") == "table-row"
    assert seen.all(VISIBLE) == 240
    assert not seen.tab.locator(".filter").is_visible()
    assert seen.all("document.querySelector('.picture svg').getBoundingClientRect().height") > 100
    # Chromium does not repeat what stands in a box of its own, such as a button.
    assert seen.all("getComputedStyle(document.querySelector('thead button')).display") == "contents"
    assert 10 <= seen.tab.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") <= 20


def test_a_file_of_yesterday_says_so(show):
    """A page that was fresh when it was made, opened a day later: its age is told, and loudly."""
    seen = show(well(3), at=NOW + timedelta(days=1))
    assert seen.tab.inner_text("#age") == "1 d 0 h old"
    assert seen.tab.locator("#stale").is_visible()
    assert not show(well(3)).tab.locator("#stale").is_visible()


def test_ten_thousand_servers(show):
    """Of 10,000 rows the browser lays out what is near the window; finding one and sorting all work as with ten."""
    seen = show(usual(10_000))
    is_laid_out = "row.checkVisibility({contentVisibilityAuto: true})"
    skipped = f"[...document.querySelectorAll('tbody tr')].filter(row => !{is_laid_out}).length"
    assert seen.all(skipped) > 9_500
    seen.tab.locator("thead button", has_text="Newest good point").click()
    seen.tab.locator("thead button", has_text="Newest good point").click()
    assert "overdue" in seen.tab.locator("tbody tr").first.text_content()
    seen.tab.fill("#find", "pg-reports-9995")
    expect(seen.tab.locator("#shown")).to_have_text("1 of 10,000 servers")
    assert seen.names() == ["pg-reports-9995"]
