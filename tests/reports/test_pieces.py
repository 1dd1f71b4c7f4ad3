"""What comes from data is text, whatever it is: in every piece of a page, whatever the text."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.reports import pieces
from workbench.reports.making.rendering import _css, byline, colophon
from workbench.reports.pieces import Column
from workbench.reports.wording import counted, listed, sentence

from .conftest import HOSTILE

SHOWN = ["text", "name", "number", "verdict", "time", "day", "links"]
TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from([HOSTILE, "</table><script>", "https://a.example/x<b>", "'\"><iframe srcdoc=x>"]),
)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.said += data


def read(html: str) -> _Tags:
    found = _Tags()
    found.feed(html)
    found.close()
    return found


@given(text=TEXTS)
def test_no_text_becomes_markup(text: str) -> None:
    columns = [Column(shown, text, shown) for shown in SHOWN]
    page = (
        pieces.opening(text, text, [text]) + pieces.section(text, text) + pieces.paragraph(text) + pieces.items([text])
        + pieces.counts([(text, text), (text, 1)]) + pieces.bars(text, [(text, 1)]) + pieces.table(columns, [dict.fromkeys(SHOWN, text)])
        + pieces.figure(text, "", text) + pieces.attachment(text, "eA==", "text/plain", text) + colophon([(text, text)]) + byline(text)
    )  # fmt: skip
    found = read(page)
    allowed = {"header", "p", "h1", "h2", "div", "ul", "li", "b", "span", "table", "caption", "tbody", "thead", "tr", "th", "td", "i",
               "colgroup", "col", "figure", "iframe", "figcaption", "a", "footer", "dl", "dt", "dd"}  # fmt: skip
    assert set(found.tags) <= allowed
    assert found.tags.count("iframe") == 1
    assert not [name for name in found.attributes if name.startswith("on")]
    assert set(found.attributes) <= {"class", "style", "scope", "srcdoc", "title", "sandbox", "height", "download", "href", "rel"}  # fmt: skip


@given(text=TEXTS)
def test_a_title_in_the_head_of_a_printed_page_stays_a_string(text: str) -> None:
    written = _css(text)
    assert written[0] == written[-1] == '"'
    assert not set(written[1:-1]) & set("\"<>{}\n\r'&")


@pytest.mark.parametrize(
    ("number", "said"), [(0, "no exits"), (1, "one exit"), (12, "twelve exits"), (13, "13 exits"), (1234, "1,234 exits")]
)  # fmt: skip
def test_small_numbers_are_words(number: int, said: str) -> None:
    assert counted(number, "exit") == said


def test_names_are_listed_as_in_a_sentence() -> None:
    assert listed([]) == ""
    assert listed("a") == "a"
    assert listed("ab") == "a and b"
    assert listed("abcd") == "a, b, c and d"
    assert listed("abcdef") == "a, b, c and 3 more"
    assert sentence(" all is well ") == "All is well."
