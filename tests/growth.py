"""Large archives made in a minute: random unit vectors, words as frequent as words are."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from corpus.records import Article, Passage, Span
from embeddings.derived import publish_indices
from embeddings.encoder import EncoderSettings, PassageText, PassageVectors, Vectors, unit
from embeddings.rows import EncodedPassage
from embeddings.store import Store
from tests.fakes import make_article

DIMENSION = 384
PASSAGES = 5
"""Passages of an article."""

SENTENCES, WORDS = 6, 14
"""Sentences of a passage, and words of a sentence."""

VOCABULARY = 50_000


class RandomEncoder:
    """An Encoder whose vectors are random, the same for the same text, at no cost to speak of.

    `seconds` is what encoding took.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    @property
    def settings(self) -> EncoderSettings:
        return EncoderSettings("random", "digest of random", DIMENSION, "none", 120)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        for index, passage in enumerate(passages):
            started = time.perf_counter()
            vectors = _vectors(passage.text, 1 + len(passage.sentences))
            self.seconds += time.perf_counter() - started
            yield index, PassageVectors(vectors[0], vectors[1:])

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        return np.concatenate([_vectors(question, 1) for question in questions])


def _vectors(text: str, count: int) -> Vectors:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    chance = np.random.default_rng(int.from_bytes(digest, "little"))
    return unit(chance.standard_normal((count, DIMENSION), dtype=np.float32))


def grown_articles(count: int, *, first: int = 0) -> Iterator[tuple[Article, list[EncodedPassage]]]:
    """Yield articles with their passages and random vectors; words follow Zipf's law."""
    for n in range(first, first + count):
        chance = np.random.default_rng(n)
        words = np.minimum(chance.zipf(1.2, (PASSAGES * SENTENCES, WORDS)), VOCABULARY)
        sentences = [" ".join(f"w{word}" for word in row).capitalize() + "." for row in words]
        ends = np.cumsum([len(sentence) + 1 for sentence in sentences]) - 1
        spans = [
            Span(int(end) - len(sentence), int(end))
            for end, sentence in zip(ends, sentences, strict=True)
        ]
        article = make_article(
            f"grown-{n}",
            " ".join(sentences),
            title=f"Grown {n}",
            source=f"Outlet {n % 20}",
            published=f"20{n % 25:02d}-{n % 12 + 1:02d}-{n % 28 + 1:02d}",
        )
        vectors = unit(chance.standard_normal((PASSAGES, 1 + SENTENCES, DIMENSION), np.float32))
        passages = []
        for p in range(PASSAGES):
            inside = tuple(spans[p * SENTENCES : (p + 1) * SENTENCES])
            passage = Passage(article.id, p, inside[0].start, inside[-1].end, inside, 84)
            key = hashlib.blake2b(f"{n} {p}".encode(), digest_size=16).digest()
            passages.append(
                EncodedPassage(passage, key, PassageVectors(vectors[p, 0], vectors[p, 1:]))
            )
        yield article, passages


def grow(directory: Path, passages: int, *, at_once: int = 2_000) -> Store:
    """Make an archive of so many passages, indices included."""
    directory.mkdir(parents=True, exist_ok=True)
    store = Store(directory, create=True)
    for first in range(0, passages // PASSAGES, at_once):
        with store.transaction():
            if store.encoder is None:
                store.put_encoder(RandomEncoder().settings)
            count = min(at_once, passages // PASSAGES - first)
            for article, encoded in grown_articles(count, first=first):
                store.put_article(article, encoded)
    publish_indices(store)
    store.empty_log()
    return store
