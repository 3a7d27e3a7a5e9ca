"""Vectors of a passage and of its sentences from one pass of a model.

The model reads headline and passage together; its token vectors are pooled over the passage's own
words, and again over each sentence ("late chunking", Günther et al. 2024, arXiv:2409.04701).
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from corpus.passages import MAX_HEADLINE_SHARE
from corpus.records import Span
from embeddings.encoder import PassageText, PassageVectors, QuestionVectors, Vectors, unit
from embeddings.reader import Reader

BATCH_TOKENS = 8_192
"""Word pieces in a batch, padding counted: some 32 passages of full length, for torch."""

AHEAD = 256
"""Passages that are tokenised and sorted together while others are being encoded."""

POOLING = "mean over the passage's words"
"""Names this module's way in an archive's settings."""

_SURROGATE = re.compile("[\ud800-\udfff]")

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokenised text: ids, where each token starts in the passage, which are its own."""

    ids: list[int]
    starts: npt.NDArray[np.int64]
    body: npt.NDArray[np.bool_]


Forward = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], Vectors]
"""Takes ids and attention mask, int64 (n, length); returns token vectors (n, length, dimension).

For a reader, the states of other layers follow each token's vector: (n, length, 3 * dimension)."""


class PassageTokenizer:
    """Tokenises questions and passages for a model that reads at most `limit` word pieces."""

    def __init__(self, tokenizer: Tokenizer, limit: int, prompt: str = "") -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._limit = limit
        self._prompt = prompt
        self.room = limit - len(tokenizer.encode(prompt).ids)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of word pieces in each text, special tokens not counted."""
        cleaned = [clean(text) for text in texts]
        encodings = self._tokenizer.encode_batch_fast(cleaned, add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    def question(self, text: str) -> list[int]:
        """Return the ids of a question; what lies beyond the limit is cut off."""
        ids = self._tokenizer.encode(clean(text)).ids
        return list(ids) if len(ids) <= self._limit else [*ids[: self._limit - 1], ids[-1]]

    def passage(self, passage: PassageText) -> Tokens:
        """Tokenise prompt, headline and passage as one text; leave out a headline too many."""
        headline = self._headline(passage.title)
        lead = self._prompt + (headline + "\n" if headline else "")
        encoding = self._tokenizer.encode(lead + clean(passage.text))
        if len(encoding.ids) > self._limit and headline:
            lead = self._prompt
            encoding = self._tokenizer.encode(lead + clean(passage.text))
        offsets = np.asarray(encoding.offsets, dtype=np.int64)
        special = np.asarray(encoding.special_tokens_mask, dtype=bool)
        body = ~special & (offsets[:, 1] > len(lead))
        return Tokens(
            ids=encoding.ids[: self._limit],
            starts=np.maximum(offsets[: self._limit, 0] - len(lead), 0),
            body=body[: self._limit],
        )

    def _headline(self, title: str | None) -> str:
        """Return as much of the headline as its share of the limit allows."""
        if not title:
            return ""
        title = clean(title)
        encoding = self._tokenizer.encode(title, add_special_tokens=False)
        allowed = int(self.room * MAX_HEADLINE_SHARE)
        return title if len(encoding.ids) <= allowed else title[: encoding.offsets[allowed - 1][1]]


def encode_passages(
    tokenizer: PassageTokenizer,
    forward: Forward,
    passages: Sequence[PassageText],
    pad: int,
    reader: Reader | None = None,
) -> Iterator[tuple[int, PassageVectors]]:
    """Yield (index, vectors) for every passage, batches sorted by length, longest first."""
    for batch in tokenised_batches(tokenizer, passages):
        yield from encode_batch(forward, batch, pad, reader)


@dataclass(frozen=True, slots=True)
class Tokenised:
    """A passage of a batch: its place among those asked for, its sentences, its tokens."""

    index: int
    sentences: tuple[Span, ...]
    tokens: Tokens


Batch = list[Tokenised]
"""Passages that go through the model together. Their vectors' last bits depend on which they are,
so whoever computes a batch elsewhere takes it whole."""


def tokenised_batches(
    tokenizer: PassageTokenizer,
    passages: Sequence[PassageText],
    budget: int = BATCH_TOKENS,
    pairs: float = math.inf,
) -> Iterator[Batch]:
    """Yield the batches in which passages are encoded, those of like length together.

    `budget` and `pairs` bound a batch, see `length_batches`.
    """
    order = sorted(range(len(passages)), key=lambda index: (-len(passages[index].text), index))
    for at in range(0, len(order), AHEAD):
        portion = order[at : at + AHEAD]
        tokens = [tokenizer.passage(passages[index]) for index in portion]
        for batch in length_batches([len(item.ids) for item in tokens], budget, pairs):
            yield [
                Tokenised(portion[place], passages[portion[place]].sentences, tokens[place])
                for place in batch
            ]


def encode_batch(
    forward: Forward, batch: Batch, pad: int, reader: Reader | None = None
) -> list[tuple[int, PassageVectors]]:
    """Return (index, vectors) for the passages of one batch, those of tokens for a reader."""
    vectors = forward(*padded([item.tokens.ids for item in batch], pad))
    return [
        (
            item.index,
            pool(item.sentences, item.tokens, vectors[row, : len(item.tokens.ids)], reader),
        )
        for row, item in enumerate(batch)
    ]


def side_by_side(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """Yield the results of `work` in the order of the items, computed by threads of their own.

    Items are taken as threads come free. What has begun is finished when the caller stops early.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="qa-encode") as pool_of_threads:
        begun: deque[Future[Result]] = deque()
        try:
            for item in items:
                begun.append(pool_of_threads.submit(work, item))
                if len(begun) > 2 * threads:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()


def encode_questions(
    tokenizer: PassageTokenizer,
    forward: Forward,
    questions: Sequence[str],
    pad: int,
    budget: int = BATCH_TOKENS,
    reader: Reader | None = None,
) -> list[QuestionVectors]:
    """Return questions' vectors: the mean of their tokens', scaled to length 1, and a reader's."""
    encoded = [tokenizer.question(question) for question in questions]
    found: dict[int, QuestionVectors] = {}
    for batch in length_batches([len(ids) for ids in encoded], budget):
        ids, mask = padded([encoded[index] for index in batch], pad)
        vectors = forward(ids, mask)
        for row, index in enumerate(batch):
            own = vectors[row, : len(encoded[index])]
            tokens = reader.of_question(own) if reader else None
            found[index] = QuestionVectors(unit(_last(own, reader).mean(axis=0)), tokens)
    return [found[index] for index in range(len(encoded))]


def pool(
    sentences: Sequence[Span], encoded: Tokens, vectors: Vectors, reader: Reader | None = None
) -> PassageVectors:
    """Pool token vectors, as `Forward` has them, over the passage's words and each sentence's.

    A sentence in which no token starts has the passage's vector. A reader gets tokens themselves.
    """
    body = body_of(encoded)
    inside = inside_of(sentences, encoded)
    tokens = reader.of_passage(vectors, inside) if reader else None
    inside = np.where(inside.any(axis=1, keepdims=True), inside, body)
    shares = np.concatenate([body[None, :], inside]).astype(np.float32)
    means = (shares @ _last(vectors, reader)) / shares.sum(axis=1, keepdims=True)
    found = unit(means)
    return PassageVectors(found[0], found[1:], tokens)


def body_of(encoded: Tokens) -> npt.NDArray[np.bool_]:
    """Tell which tokens are the passage's own, (tokens,); all of them where none is."""
    return encoded.body if encoded.body.any() else np.ones_like(encoded.body)


def inside_of(sentences: Sequence[Span], encoded: Tokens) -> npt.NDArray[np.bool_]:
    """Tell which of the passage's own tokens start in which sentence, (sentences, tokens)."""
    starts = np.array([sentence.start for sentence in sentences])[:, None]
    ends = np.array([sentence.end for sentence in sentences])[:, None]
    inside = body_of(encoded) & (encoded.starts >= starts) & (encoded.starts < ends)
    return np.asarray(inside, dtype=np.bool_)


def _last(states: Vectors, reader: Reader | None) -> Vectors:
    """Return the last layer's states, (tokens, dimension), without what follows for a reader."""
    return states[:, : reader.dimension] if reader else states


def padded(
    rows: Sequence[Sequence[int]], pad: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return ids, filled up with `pad` to the longest row, and their attention mask."""
    width = max(map(len, rows))
    ids = np.full((len(rows), width), pad, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for row, values in enumerate(rows):
        ids[row, : len(values)] = values
        mask[row, : len(values)] = 1
    return ids, mask


def length_batches(
    lengths: Sequence[int], budget: int = BATCH_TOKENS, pairs: float = math.inf
) -> Iterator[list[int]]:
    """Yield batches of indices, longest first, with padding each within `budget` tokens.

    `pairs` limits the pairs of tokens that attend to each other; a text by itself may exceed both.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batch: list[int] = []
    for index in order:
        longest, count = lengths[batch[0]] if batch else 0, len(batch) + 1
        if batch and (longest * count > budget or longest**2 * count > pairs):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def clean(text: str) -> str:
    """Replace lone surrogates, which no tokenizer takes, by a character of the same width."""
    return _SURROGATE.sub("?", text)
