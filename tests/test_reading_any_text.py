"""Whatever a text holds, in whichever format: all that is kept is found in passages, exactly."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.cleaning import clean
from corpus.errors import ReadError
from corpus.passages import PassageSettings, split_passages
from corpus.readers import dispatch
from corpus.readers.formats import Format
from corpus.records import Article
from tests import article_files as files

SETTINGS = PassageSettings(max_tokens=12)
PIECES = st.sampled_from(
    [
        *("The council voted on Monday to close the old bridge. ", "Share", "Image caption", "\n"),
        *("\n\n", "By Jane Doe", "2 March 2023", "14:05 GMT", "Related topics", "Mr. ", "£4.5m. "),
        *(
            "“He said so.” ",
            "市议会投票。",
            "परिषद ने बंद किया। ",
            "صوت المجلس؟ ",
            "😀",
            "e\u0301",
            "\u200f",
        ),
        *(
            "\x00",
            "\ud800",
            "\ufeff",
            "\r\n",
            "\u2028",
            "\x85",
            "\u00ad",
            "<p>",
            "&amp;",
            "](x)",
            "---\n",
        ),
        *(
            "Subscribe to continue reading",
            "{",
            '"',
            "\\",
            ",",
            "\t",
            "x" * 300,
            " " * 50,
            "…",
            "»",
        ),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=20), max_size=25).map("".join)


def _csv(text: str) -> str:
    return 'title,text\nT,"' + text.replace('"', '""') + '"\n'


def _rtf(text: str) -> str:
    letters = (f"\\u{ord(c)}?" if c > "~" or c in "\\{}" else c for c in text)
    return "{\\rtf1 " + "".join(letters).replace("\n", "\\par\n") + "}"


FORMATS: dict[Format, Callable[[str], str]] = {
    Format.TEXT: str,
    Format.MARKDOWN: str,
    Format.HTML: lambda text: f"<html><body><p>{html.escape(text)}</p></body></html>",
    Format.JSON: lambda text: json.dumps([{"text": text}]),
    Format.JSON_LINES: lambda text: json.dumps({"text": text}),
    Format.CSV: _csv,
    Format.RTF: _rtf,
    Format.MAIL: lambda text: f"From: a@b.example\nSubject: T\n\n{text}",
    Format.FEED: lambda text: (
        f"<rss><channel><item><description>{html.escape(text)}</description></item></channel></rss>"
    ),
    Format.MAILBOX: lambda text: f"From a\nFrom: a@b.example\n\n{text}\n",
}


def check(article: Article) -> None:
    """Fail where cleaning or cutting loses, moves or changes what the article holds."""
    cleaned = clean(article)
    text = cleaned.text
    assert text == article.text
    text.encode("utf-8")
    passages = split_passages(cleaned, SETTINGS, lambda texts: [len(t.split()) for t in texts])
    found = "".join(passage.span.of(text) for passage in passages)
    kept = "".join(span.of(text) for span in cleaned.kept)
    assert "".join(found.split()) == "".join(kept.split())
    for passage in passages:
        assert text[passage.start : passage.end] == passage.span.of(text)
        inner = [sentence.of(text) for sentence in passage.sentences]
        assert passage.span.of(text).startswith(inner[0])
        assert passage.span.of(text).endswith(inner[-1])
        assert "".join("".join(inner).split()) == "".join(passage.span.of(text).split())


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(text=TEXTS)
def test_any_text_is_covered_by_passages(kind: Format, text: str) -> None:
    """Each format brings articles whose passages cover them, or a reason of our own."""
    data = FORMATS[kind](text).encode("utf-8", "surrogatepass")
    path = Path("/news/a")
    try:
        if kind is Format.MAILBOX:
            messages = [m.data for m in dispatch.opener_of(kind)(path, data)]
            articles = [a for m in messages for a in dispatch.parse(Format.MAIL, path, m).articles]
        else:
            articles = list(dispatch.parse(kind, path, data).articles)
    except ReadError:
        return
    for article in articles:
        check(article)


@given(TEXTS)
def test_records_keep_every_character(text: str) -> None:
    """The text of a record stays as it came, but for what no file may hold."""
    data = json.dumps({"text": text}).encode()
    found = dispatch.parse(Format.JSON_LINES, Path("/news/a"), data)
    for article in found.articles:
        assert len(article.text) == len(text)
        pairs = zip(article.text, text, strict=True)
        assert all(b in {a, "\x00"} or "\ud800" <= b <= "\udfff" for a, b in pairs)
    assert bool(found.articles) == bool(text.strip())


@pytest.mark.parametrize("name", files.WRITERS)
def test_real_files_are_covered_by_passages(name: str, tmp_path: Path) -> None:
    """The passages of a real file of every format cover its article."""
    from corpus.readers import read_file

    (tmp_path / name).write_bytes(files.WRITERS[name]())
    articles = read_file(tmp_path / name).articles
    assert articles
    for article in articles:
        check(article)
