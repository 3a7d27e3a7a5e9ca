"""Stores and archives that tests build and look into."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from corpus.passages import PassageSettings, split_passages
from corpus.records import Article, Span
from embeddings.encoder import Encoder, PassageText
from embeddings.rows import EncodedPassage
from embeddings.store import Store
from tests.fakes import HashingEncoder, make_article, stories

ROOT = Path(__file__).parent.parent


def encoded(article: Article, encoder: Encoder | None = None) -> list[EncodedPassage]:
    """Return an article's passages with vectors."""
    encoder = encoder or HashingEncoder()
    settings = PassageSettings(encoder.settings.max_tokens)
    passages = split_passages(article, settings, encoder.count_tokens)
    texts = [
        PassageText(
            article.title,
            passage.span.of(article.text),
            tuple(Span(s.start - passage.start, s.end - passage.start) for s in passage.sentences),
        )
        for passage in passages
    ]
    vectors = dict(encoder.encode_passages(texts))
    return [
        EncodedPassage(passage, texts[n].key(), vectors[n]) for n, passage in enumerate(passages)
    ]


def some_articles(count: int, *, first: int = 0) -> list[Article]:
    """Return the articles of `stories`."""
    return [
        make_article(str(s["id"]), str(s["text"]), title=s["title"], source=s["source"],
                     published=s["published"], url=s["url"])
        for s in stories(count, first=first)
    ]  # fmt: skip


def put(store: Store, articles: Iterable[Article]) -> None:
    """Store articles with their passages in one commit."""
    with store.transaction():
        if store.encoder is None:
            store.put_encoder(HashingEncoder().settings)
        for article in articles:
            store.put_article(article, encoded(article))


def run_python(
    code: str, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start Python on a piece of code that can import this project and its tests."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )


def finish(process: subprocess.Popen[str], timeout: float = 60) -> str:
    """Wait for a process that has to succeed; return what it printed."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    return out


def files_below(directory: Path) -> dict[str, bytes]:
    """Return every file's bytes by its path in the directory."""
    return {
        file.relative_to(directory).as_posix(): file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }


def flip(path: Path, at: int, bit: int = 0) -> None:
    """Turn one bit of a file around."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(bytes(data))


def texts_of(spans: Sequence[Span], text: str) -> list[str]:
    """Return what spans cover."""
    return [span.of(text) for span in spans]
