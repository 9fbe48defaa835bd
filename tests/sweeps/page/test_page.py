"""The page does in a real browser what it promises, whatever the texts on it hold."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.findings.finding import Certainty, Topic
from sweeps.formatting import duration
from sweeps.page.page import page
from sweeps.page.report_file import reviewed_of
from sweeps.page.reviewed import Reviewed
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import Moment, State
from tests.sweeps.page.chromium import Tab
from tests.sweeps.page.conftest import BAD, TRIALS
from tests.sweeps.waiting import until

HIGHLIGHTED = "document.querySelectorAll('svg .over.{}:not(.halo)').length"


def drawings_of(tab: Tab, trial: str) -> int:
    """How many elements a trial has in the drawings."""
    found = tab.js(f"document.querySelectorAll('main svg [data-t=\"{trial}\"]').length")
    assert isinstance(found, int)
    return found


def nothing_wrong(tab: Tab) -> None:
    """Nothing was printed, asked for or run that is not the page's own."""
    assert tab.messages == []
    assert [one for one in tab.requests if not one.startswith(("file:", "data:", "about:"))] == []
    assert tab.js("document.title") == "a"


def test_a_click_highlights_a_trial_everywhere_and_shows_it(tab: Tab, address: str) -> None:
    tab.open(address)
    tab.click("#sheet-table tr[data-t='0001'] th a")
    assert tab.js(HIGHLIGHTED.format("one")) == drawings_of(tab, "0001") > 0
    assert tab.js("document.querySelector('tr.one').dataset.t") == "0001"
    strip = tab.js("document.querySelector('#strip').innerText")
    assert "0001" in strip
    assert "optimizer" in strip
    assert BAD in strip, "its remark, as text"
    assert tab.js("location.hash") == "#t=0001"
    tab.press("Escape")
    assert tab.js(HIGHLIGHTED.format("one")) == 0
    assert tab.js("document.querySelector('tr.one')") is None
    nothing_wrong(tab)


def test_a_click_on_a_drawing_chooses_and_a_second_one_compares(tab: Tab, address: str) -> None:
    tab.open(address)
    x, y, trial = tab.js(
        "(() => { const e = document.querySelector('svg path.t.best');"
        "e.closest('figure').scrollIntoView();"
        "const p = e.getPointAtLength(e.getTotalLength() / 2);"
        "const m = e.getScreenCTM(); return [p.x * m.a + m.e, p.y * m.d + m.f, e.dataset.t]; })()"
    )
    tab.at(x, y)
    assert tab.js("location.hash") == f"#t={trial}"
    tab.click("#sheet-table tr[data-t='0000'] td", shift=True)
    assert tab.js("location.hash") == f"#t={trial},0000"
    assert tab.js(HIGHLIGHTED.format("two")) == drawings_of(tab, "0000")
    shown = "[...document.querySelectorAll('[data-h]:not([hidden])')].map((e) => e.dataset.h)"
    assert set(tab.js(shown)) == {trial, "0000"}
    nothing_wrong(tab)


def test_hover_tells_values(tab: Tab, address: str) -> None:
    tab.open(address)
    tab.click("svg circle.t, svg path.t.best", click=False)
    until(lambda: tab.js("!document.querySelector('#tip').hidden"))
    assert re.search(r"\d{4}", tab.js("document.querySelector('#tip').textContent"))


def test_the_strip_covers_no_figure(tab: Tab, address: str) -> None:
    for width, height in ((1280, 900), (390, 844)):
        tab.size(width, height, phone=width < 500)
        tab.open("about:blank")
        tab.open(f"{address}#t=0001")
        box = "JSON.stringify(document.querySelector('{}').getBoundingClientRect())"
        strip, main = (json.loads(tab.js(box.format(of))) for of in ("#strip", "main"))
        assert strip["left"] >= main["right"] or strip["top"] >= main["bottom"] - 0.5
        assert strip["height"] > 0
        assert tab.js("document.documentElement.scrollWidth") <= width, "nothing sticks out"


def test_the_address_keeps_what_is_chosen_and_links_to_a_finding(
    tab: Tab, address: str, reviewed: Reviewed
) -> None:
    finding = next(one for one in reviewed.findings.statements if one.trials)
    tab.open(f"{address}#t=0001,0002&f={finding.id}")
    assert tab.js("document.querySelector('tr.two').dataset.t") == "0002"
    linked = "document.querySelector('.findings li.linked')"
    assert tab.js(f"{linked}.id") == f"f={finding.id}"
    assert tab.js(f"{linked}.getBoundingClientRect().top") < 900, "it is seen"
    assert tab.js("document.querySelectorAll('tr.some').length") == len(set(finding.trials))
    tab.open("about:blank")
    tab.open(f"{address}#t=9999&f=no-such")
    assert tab.js("document.querySelector('tr.one')") is None
    nothing_wrong(tab)


def test_a_link_to_a_folded_finding_opens_it(tab: Tab, address: str, reviewed: Reviewed) -> None:
    unclear = [
        one for one in reviewed.findings.about(Topic.EFFECT) if one.certainty is Certainty.OPEN
    ]
    finding = unclear[0]
    tab.open(f"{address}#f={finding.id}")
    assert tab.js("document.querySelector('.findings li.linked').checkVisibility()")
    nothing_wrong(tab)


def test_the_sheet_sorts_and_filters(tab: Tab, address: str) -> None:
    tab.open(address)
    column = (
        "[...document.querySelectorAll('#sheet-table tbody tr')].filter((r) => !r.hidden)"
        ".map((r) => r.cells[{}].textContent)"
    )
    scores = column.format(1)
    tab.click("#sheet-table thead th:nth-child(2) button")
    told = [float(text) for text in tab.js(scores) if text]
    assert told == sorted(told, reverse=True)
    assert tab.js(scores)[-1] == "", "what has no score is last"
    tab.click("#sheet-table thead th:nth-child(2) button")
    assert [float(text) for text in tab.js(scores) if text] == told[::-1]
    tab.click("#filter")
    tab.type("optimizer=sgd lr<0.01")
    rows = tab.js("[...document.querySelectorAll('#sheet-table tbody tr:not([hidden])')].length")
    assert 0 < rows < TRIALS
    assert tab.js("document.querySelector('#count').textContent") == f"{rows} of {TRIALS} trials"
    found = tab.js("document.querySelector('#sheet-table tbody tr:not([hidden])').innerText")
    assert "sgd" in found
    nothing_wrong(tab)


def test_dark_is_dark_and_print_has_whole_figures(tab: Tab, address: str) -> None:
    tab.open(address)
    color = "getComputedStyle(document.body).backgroundColor"
    light = tab.js(color)
    tab.prefer("dark")
    assert tab.js(color) != light
    pdf = tab.pdf()
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", pdf)) > 1
    nothing_wrong(tab)


def test_it_reads_without_script(tab: Tab, address: str) -> None:
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.ask("Page.navigate", url=address)
        seen: list[str] = []

        def there() -> bool:
            tree = tab.ask("Accessibility.getFullAXTree")["nodes"]
            seen[:] = [str(node.get("name", {}).get("value", "")) for node in tree]
            return "How this was made" in seen

        until(there)
        assert {"Findings", "The sheet", "Figures", "0001"} <= set(seen)
        assert "Show trials with" not in seen, "what needs the script is not shown"
    finally:
        tab.ask("Emulation.setScriptExecutionDisabled", value=False)


def test_nothing_foreign_is_taken_for_html(text: str) -> None:
    assert "<img" not in text
    assert text.count("<script") == 2
    assert "default-src &#39;none&#39;" in text
    assert "unsafe" not in text


def test_the_same_record_makes_the_same_page(recorded: RecordedSweep, text: str) -> None:
    assert page([reviewed_of(recorded)]) == text


def test_several_sweeps_share_a_page(recorded: RecordedSweep, tab: Tab, tmp_path: Path) -> None:
    both = [reviewed_of(recorded, "a/"), reviewed_of(recorded, "b/")]
    path = tmp_path / "both.html"
    path.write_text(page(both), encoding="utf-8")
    tab.open(f"{path.as_uri()}#t=b/0001")
    assert tab.js("document.querySelectorAll('#sheet-table tbody tr').length") == 2 * TRIALS
    assert tab.js("document.querySelector('tr.one').dataset.t") == "b/0001"
    assert tab.js(HIGHLIGHTED.format("one")) == drawings_of(tab, "b/0001") > 0
    ids = tab.js("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    tab.js("scrollTo(0, 0)")
    tab.js("document.querySelector('nav a[href=\"#b/figure-curves\"]').click()")
    top = "document.getElementById('b/figure-curves').getBoundingClientRect().top"
    assert abs(tab.js(top)) < 900, "the link of a figure leads there"
    assert tab.messages == []


@pytest.mark.skipif("AXE" not in os.environ, reason="AXE names no axe.min.js (npm pack axe-core)")
@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
)
def test_everybody_can_use_it(tab: Tab, address: str, width: int, scheme: str) -> None:
    tab.size(width, 900, phone=width < 500)
    tab.prefer(scheme)
    tab.open(f"{address}#t=0001")
    tab.js(Path(os.environ["AXE"]).read_text(encoding="utf-8") + ";0")
    rules = "{rules: {'target-size': {enabled: true}}}"  # of WCAG 2.2: axe has it off by itself
    found = tab.js(f"axe.run({rules}).then((r) => JSON.stringify(r.violations))")
    wrong = [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"][:5]])
        for one in json.loads(found)
    ]
    assert wrong == []


def test_a_sweep_that_goes_on_says_so_at_the_top(reviewed: Reviewed) -> None:
    sweep = reviewed.sweep
    first, *others = sweep.trials
    going = replace(sweep, trials=(replace(first, state=State.RUNNING), *others))
    for one, said in ((sweep, False), (going, True)):
        header, _, _ = page([replace(reviewed, sweep=one)]).partition("</header>")
        assert ("still running, or was interrupted" in header) is said


def test_the_head_tells_the_wall_time_and_that_between_the_epochs(recorded: RecordedSweep) -> None:
    moments = [
        {e: Moment(1.8e9 + 30 * n + e, "me", "a") for e in one.epochs}
        for n, one in enumerate(recorded.trials)
    ]
    trials = [replace(one, moments=at) for one, at in zip(recorded.trials, moments, strict=True)]
    review = reviewed_of(replace(recorded, wall_s=600.0, trials=tuple(trials)))
    made = page([review])
    span = review.sweep.epochs_span
    assert 0 < span < 600
    told = f"wall time 10:00, of that {duration(span)} from the first epoch to the last"
    assert told in made
    assert f"{duration(span)} from the first epoch to the last; training took" in made
    killed = page([replace(review, sweep=replace(review.sweep, wall_s=span / 2))])
    assert "of that" not in killed.partition("</header>")[0], "it is not part of so little"


def test_beside_other_sweeps_the_wall_time_is_called_so(reviewed: Reviewed) -> None:
    made = page([replace(reviewed, prefix="a/"), replace(reviewed, prefix="b/")])
    assert '<th scope="col">wall time</th>' in made
