"""A hundred thousand hostile characters cost every pattern of reading less than a second."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from corpus.cleaning import clean
from corpus.errors import ReadError
from corpus.languages import language_of
from corpus.readers import dispatch, stubs
from corpus.readers.formats import Format
from corpus.records import Article
from corpus.sentences import split_sentences
from embeddings.sparse import analyze
from tests.pace import within

SIZE = 100_000
UNITS = [
    *("subscribe to ", "to continue ", "this article is only ", "read your ", "only ", "are you "),
    *("please enable ", "java script is ", "verify ", "。", "」", "。」", "।", "한", "é", "\u200d"),
    *("1 h ", "14:05 ", "2 March 14:05 ", "By A ", "A and ", "From CNN's A ", "am 3.", "the "),
    *("\n\nFrom ", "\n\nFrom x\n", ">", "Title: x\n", "Link: x\n", "'", "1.", "Mr. "),
]


@pytest.mark.parametrize("unit", UNITS)
def test_hostile_texts_cost_little(unit: str) -> None:
    """Repeated beginnings of what patterns look for make none of them slow."""
    text = (unit * SIZE)[:SIZE]
    lines = "\n".join([(unit * 99)[:99]] * (SIZE // 100))
    for work in (
        lambda: clean(Article(id="a", text=text)),
        lambda: clean(Article(id="a", text=lines)),
        lambda: split_sentences(text),
        lambda: language_of(text),
        lambda: analyze(text),
        lambda: stubs.check_whole(text[:800], [text]),
        lambda: stubs.check_no_notice(text[:300], text),
        lambda: dispatch.parse(Format.TEXT, Path("/a"), text.encode()),
        lambda: list(dispatch.opener_of(Format.MAILBOX)(Path("/a"), text.encode())),
    ):
        with within(1), contextlib.suppress(ReadError):
            work()
