"""Whatever is put into an element is text there, and data for the script come back as they were."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from sweeps.page import elements
from sweeps.page.elements import MOST_ROWS, code, data, definitions, section, table

NASTY = st.text(st.sampled_from("<>&\"'/=scriptx é\n\u2028😀-!"), max_size=40)


class Seen(HTMLParser):
    """The tags and the text of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(NASTY)
def test_text_stays_text(text: str) -> None:
    for made, tags in (
        (code(text), ["pre", "code"]),
        (elements.paragraph(text), ["p"]),
        (elements.trial_link(text), ["a"]),
        (definitions({"x": text + "."}), ["dl", "dt", "dd"]),
        (elements.folded(text, text), ["details", "summary"]),
    ):
        seen = Seen(made)
        assert seen.tags == tags
        assert text in seen.text


@given(st.dictionaries(NASTY, st.lists(NASTY)))
def test_data_come_back_and_cannot_end_their_element(content: dict[str, list[str]]) -> None:
    made = data("data", content)
    inner = re.fullmatch(r'<script type="application/json" id="data">(.*)</script>\n', made, re.S)
    assert inner
    assert "<" not in inner[1]
    assert json.loads(inner[1]) == content


def test_a_number_that_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        data("data", float("nan"))


def test_a_column_of_numbers_is_set_right_and_a_long_table_says_what_is_left() -> None:
    made = table(("a", "b", "c"), [("x", 1.5, "1,000"), ("y", None, "n")] * MOST_ROWS)
    assert made.count('class="n"') == 1 + MOST_ROWS
    assert f"… and {MOST_ROWS} more rows" in made
    assert "<b>bold</b>" in table(("a", "b"), [("x", Markup("<b>bold</b>"))])


def test_a_section_without_content_is_none() -> None:
    assert section("x", "X", "", Markup("")) == ""
    assert 'aria-labelledby="x-h"' in section("x", "X", "text")
