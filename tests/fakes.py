"""Small deterministic stand-ins: an encoder without a model, and articles to put into archives."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from corpus.records import Article, whole
from embeddings.encoder import EncoderSettings, PassageText, PassageVectors, Vectors, unit

DIMENSION = 64
_WORD = re.compile(r"\w+")


class HashingEncoder:
    """An Encoder that adds up one hashed direction a word; equal words make similar vectors.

    Tokens are words. `passages_encoded` and `calls` tell a test what was asked of it.
    """

    def __init__(self, *, model: str = "hashing", max_tokens: int = 60) -> None:
        self._settings = EncoderSettings(model, f"digest of {model}", DIMENSION, "sum", max_tokens)
        self.passages_encoded = 0
        self.calls = 0

    @property
    def settings(self) -> EncoderSettings:
        return self._settings

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        self.calls += 1
        for index in sorted(range(len(passages)), key=lambda n: -len(passages[n].text)):
            passage = passages[index]
            sentences = [words_vector(span.of(passage.text)) for span in passage.sentences]
            self.passages_encoded += 1
            yield index, PassageVectors(words_vector(passage.text), np.stack(sentences))

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        return np.stack([words_vector(question) for question in questions])


def words_vector(text: str) -> Vectors:
    """Return the unit vector of a bag of words, float32 (DIMENSION,)."""
    vector = np.zeros(DIMENSION, dtype=np.float32)
    for word in _WORD.findall(text.lower()) or [text]:
        digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
        generator = np.random.default_rng(int.from_bytes(digest, "little"))
        vector += generator.standard_normal(DIMENSION).astype(np.float32)
    return unit(vector)


def make_article(article_id: str, text: str, **fields: object) -> Article:
    """Return an article of which everything is kept."""
    return Article(id=article_id, text=text, kept=whole(text), **fields)  # type: ignore[arg-type]


def write_articles(path: Path, articles: Sequence[Mapping[str, object]]) -> Path:
    """Write articles as JSON lines and return the path."""
    path.write_text("".join(json.dumps(article) + "\n" for article in articles), "utf-8")
    return path


TOPICS = ("bridge", "harbour", "school", "museum", "railway", "market", "hospital", "orchard")
VERBS = ("opened", "closed", "flooded", "burned", "moved", "doubled", "shrank", "paused")


def stories(count: int, *, first: int = 0) -> list[dict[str, object]]:
    """Return `count` short articles as records; each has a name and a figure that no other has."""
    return [
        {
            "id": f"story-{n}",
            "title": f"The {TOPICS[n % 8]} of ward {n}",
            "source": ("Post", "Echo", "Herald")[n % 3],
            "published": f"2025-{n % 12 + 1:02d}-{n % 28 + 1:02d}",
            "url": f"https://news.example/{n}",
            "text": (
                f"The {TOPICS[n % 8]} in ward {n} {VERBS[n // 8 % 8]} on Tuesday, officials said."
                f" Keeper Name{n}son counted {1000 + 7 * n} visitors before the gates were shut."
                f"\n\nNobody was hurt, and the council meets about case {n} on Friday."
                f" A spokesman for the {TOPICS[(n + 3) % 8]} declined to comment on figure {n}."
            ),
        }
        for n in range(first, first + count)
    ]
