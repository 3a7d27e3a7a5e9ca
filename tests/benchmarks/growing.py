"""Archives of any size whose vectors and words are like real ones, made without a model.

Vectors are those of real passages and sentences, each mixed with another and with noise, so that
they are as crowded as real ones; words come as often as in real articles, and where the real
archive has tokens for a reader, sentences have as many, cut out of those. So what is measured on a
million passages is what a million passages would cost.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus.records import Article, Passage, Span, whole
from embeddings.derived import publish_indices
from embeddings.encoder import EncoderSettings, PassageVectors, TokenVectors, Vectors, unit
from embeddings.rows import EncodedPassage
from embeddings.store import Store
from embeddings.writing import packed_words, text_of

PASSAGES, SENTENCES, WORDS = 8, 7, 20
"""Passages of an article, sentences of a passage, words of a sentence: as in real archives."""

OTHER, NOISE = 0.5, 0.4
"""Lengths of the other real vector and of the noise that are added to a real one."""

AT_ONCE = 500
"""Articles in a commit."""

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Material:
    """What archives are grown from: real unit vectors, words, and how often each comes (summed).

    `tokens` are those of all real passages as if they were one's, None where they have none.
    """

    settings: EncoderSettings
    vectors: Vectors
    words: npt.NDArray[np.str_]
    often: npt.NDArray[np.float64]
    tokens: TokenVectors | None = None


def material_of(store: Store) -> Material:
    """Take vectors and words from an archive of real articles."""
    keys = [key for _, key in store.article_ids()]
    passages = store.passages_of(keys)
    found = store.vectors([passage.key for passage in passages])
    vectors = np.concatenate([np.vstack([v.passage, v.sentences]) for v in found.values()])
    counts: Counter[str] = Counter()
    for article in store.articles_by_key(keys).values():
        counts.update(_WORD.findall(article.text))
    words, numbers = zip(*counts.most_common(), strict=True)
    often = np.cumsum(np.array(numbers, dtype=np.float64))
    settings = store.encoder
    assert settings is not None
    read = [v.tokens for v in found.values() if v.tokens is not None]
    return Material(settings, unit(vectors), np.array(words), often / often[-1], _joined(read))


def _joined(read: list[TokenVectors]) -> TokenVectors | None:
    if not read:
        return None
    values = np.concatenate([tokens.values for tokens in read])
    return TokenVectors(values, np.concatenate([tokens.counts for tokens in read]), read[0].reader)


def mixed(material: Material, count: int, chance: np.random.Generator) -> Vectors:
    """Return new unit vectors, float32 (count, dimension), each near a real one."""
    real = material.vectors
    one, other = real[chance.integers(len(real), size=(2, count))]
    noise = unit(chance.standard_normal((count, real.shape[1]), dtype=np.float32))
    return unit(one + np.float32(OTHER) * other + np.float32(NOISE) * noise)


def grown_articles(
    material: Material, first: int, count: int
) -> Iterator[tuple[Article, list[EncodedPassage]]]:
    """Yield new articles with passages and vectors; the same number gives the same article."""
    chance = np.random.default_rng(first)
    drawn = chance.random((count, PASSAGES * SENTENCES, WORDS))
    texts = material.words[np.searchsorted(material.often, drawn).clip(max=len(material.words) - 1)]
    shape = (count, PASSAGES, 1 + SENTENCES, -1)
    vectors = mixed(material, count * PASSAGES * (1 + SENTENCES), chance).reshape(shape)
    tokens = _tokens(material.tokens, count * PASSAGES, chance)
    for n in range(count):
        sentences = [" ".join(row) + "." for row in texts[n]]
        ends = np.cumsum([len(sentence) + 1 for sentence in sentences]) - 1
        spans = [
            Span(int(end) - len(sentence), int(end))
            for end, sentence in zip(ends, sentences, strict=True)
        ]
        own = tokens[n * PASSAGES : (n + 1) * PASSAGES]
        yield _article(first + n, " ".join(sentences), spans, vectors[n], own)


def _tokens(
    real: TokenVectors | None, passages: int, chance: np.random.Generator
) -> list[TokenVectors | None]:
    """Return tokens of so many passages: a run of real ones each, for sentences of real lengths."""
    if real is None:
        return [None] * passages
    counts = chance.choice(real.counts, (passages, SENTENCES))
    sizes = counts.sum(1)
    starts = chance.integers(len(real.values), size=passages)
    return [
        TokenVectors(
            real.values.take(range(start, start + size), axis=0, mode="wrap"), own, real.reader
        )
        for own, start, size in zip(counts, starts, sizes, strict=True)
    ]


def _article(
    number: int,
    text: str,
    spans: list[Span],
    vectors: Vectors,
    tokens: list[TokenVectors | None],
) -> tuple[Article, list[EncodedPassage]]:
    article = Article(
        id=f"grown-{number}",
        text=text,
        title=text[:50],
        source=f"Outlet {number % 20}",
        published=f"20{number % 25:02d}-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
        kept=whole(text),
    )
    passages = []
    for n in range(PASSAGES):
        inside = tuple(spans[n * SENTENCES : (n + 1) * SENTENCES])
        size = SENTENCES * WORDS
        passages.append(Passage(article.id, n, inside[0].start, inside[-1].end, inside, size))
    words = packed_words([text_of(article, passage) for passage in passages])
    encoded = []
    for n, passage in enumerate(passages):
        key = hashlib.blake2b(f"{number} {n}".encode(), digest_size=16).digest()
        found = PassageVectors(vectors[n, 0], vectors[n, 1:], tokens[n], words[n])
        encoded.append(EncodedPassage(passage, key, found))
    return article, encoded


def grow(directory: Path, material: Material, passages: int) -> None:
    """Make an archive of about so many passages, its indices included."""
    directory.mkdir(parents=True, exist_ok=True)
    store = Store(directory, create=True)
    articles = max(passages // PASSAGES, 1)
    for first in range(0, articles, AT_ONCE):
        with store.transaction():
            if store.encoder is None:
                store.put_encoder(material.settings)
            for article, encoded in grown_articles(material, first, min(AT_ONCE, articles - first)):
                store.put_article(article, encoded)
    publish_indices(store)
    store.empty_log()
    store.close()
