"""Text directives fit the quote and no other place of the article."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.records import Span
from qa.fragments import text_directive


def directive(text: str, quote: str, *, nth: int = 0) -> str:
    at = -1
    for _ in range(nth + 1):
        at = text.index(quote, at + 1)
    return text_directive(text, Span(at, at + len(quote)))


def test_words_that_stand_once_need_no_context() -> None:
    assert directive(
        "It rained. The bridge-keeper, he said, left.", "The bridge-keeper, he said"
    ) == ("The%20bridge%2Dkeeper%2C%20he%20said")


def test_words_that_stand_twice_are_told_apart() -> None:
    text = "Rain fell on Monday. He left. Snow fell on Tuesday. He left. Nobody saw it."
    assert directive(text, "He left.") == "fell%20on%20Monday.-,He%20left.,-Snow%20fell%20on"
    second = directive(text, "He left.", nth=1)
    assert second == "fell%20on%20Tuesday.-,He%20left.,-Nobody%20saw%20it."


def test_long_quote_is_named_by_its_ends() -> None:
    quote = " ".join(f"word{n}" for n in range(20))
    assert unquote(directive(f"Before. {quote} After.", quote)) == (
        "word0 word1 word2 word3 word4 word5,word14 word15 word16 word17 word18 word19"
    )


def test_case_and_line_breaks_do_not_tell_places_apart() -> None:
    text = "HE\nLEFT early. Later he left."
    assert directive(text, "he left").startswith(
        "HE%20LEFT%20early.%20Later-,".replace("HE%20", "")
    )


@pytest.mark.parametrize("text", ["a a a a a a", "He left. He left. He left."])
def test_what_nothing_tells_apart_still_gets_a_link(text: str) -> None:
    assert text_directive(text, Span(0, 1))


@given(st.text(min_size=1, max_size=60), st.data())
def test_any_quote_has_a_directive_of_safe_characters(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    found = text_directive(text, Span(start, end))
    assert found.isascii()
    assert not set(found) & set(" <>\"'#&")
