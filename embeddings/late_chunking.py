"""Vectors of a passage and of its sentences from one pass of a model.

The model reads headline and passage together; its token vectors are pooled over the passage's own
words, and again over each sentence ("late chunking", Günther et al. 2024, arXiv:2409.04701).
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Encoding, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

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

COUNTED = 300_000
"""Word pieces of counted sentences that are kept at least, and at most twice as many, some 70 bytes
each: those of 1,024 passages, which wait together to be encoded."""

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
    """Tokenises questions and passages for a model that reads at most `limit` word pieces.

    Where no word's pieces depend on other words, those of a passage are put together from those of
    its sentences, as they were counted before: that takes less than half of the time.
    """

    def __init__(self, tokenizer: Tokenizer, limit: int, prompt: str = "") -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._limit = limit
        self._prompt = prompt
        self.room = limit - len(tokenizer.encode(prompt).ids)
        self._ends = None if prompt else _ends(tokenizer)
        self._counted: dict[str, Tokens] = {}
        self._before: dict[str, Tokens] = {}
        self._pieces = 0

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of word pieces in each text, special tokens not counted."""
        cleaned = [clean(text) for text in texts]
        if self._ends is None:
            encodings = self._tokenizer.encode_batch_fast(cleaned, add_special_tokens=False)
            return [len(encoding.ids) for encoding in encodings]
        encodings = self._tokenizer.encode_batch(cleaned, add_special_tokens=False)
        sizes = [len(encoding.ids) for encoding in encodings]
        if (more := sum(sizes)) <= COUNTED:
            self._keep(texts, encodings, more)
        return sizes

    def _keep(self, texts: Sequence[str], encodings: Sequence[Encoding], pieces: int) -> None:
        """Keep what was counted; what was counted longest ago makes room for it."""
        if self._pieces + pieces > COUNTED:
            self._before, self._counted, self._pieces = self._counted, {}, 0
        self._pieces += pieces
        self._counted.update(
            (text, _tokens(encoding, 0)) for text, encoding in zip(texts, encodings, strict=True)
        )

    def _known(self, text: str) -> Tokens | None:
        """Return the word pieces of a text as they were counted, None where they are not kept."""
        return self._counted.get(text) or self._before.get(text)

    def question(self, text: str) -> list[int]:
        """Return the ids of a question; what lies beyond the limit is cut off."""
        ids = self._tokenizer.encode(clean(text)).ids
        return list(ids) if len(ids) <= self._limit else [*ids[: self._limit - 1], ids[-1]]

    def passage(self, passage: PassageText) -> Tokens:
        """Tokenise prompt, headline and passage as one text; leave out a headline too many."""
        headline = self._headline(passage.title)
        found = self._joined(passage, headline)
        if len(found.ids) > self._limit and headline:
            found = self._joined(passage, "")
        room = self._limit
        return Tokens(found.ids[:room], found.starts[:room], found.body[:room])

    def _headline(self, title: str | None) -> str:
        """Return as much of the headline as its share of the limit allows."""
        if not title:
            return ""
        allowed = int(self.room * MAX_HEADLINE_SHARE)
        counted = self._known(title)
        if counted and len(counted.ids) <= allowed:
            return title
        title = clean(title)
        encoding = self._tokenizer.encode(title, add_special_tokens=False)
        return title if len(encoding.ids) <= allowed else title[: encoding.offsets[allowed - 1][1]]

    def _joined(self, passage: PassageText, headline: str) -> Tokens:
        """Return prompt, headline and passage as one text, however long."""
        if parts := self._parts(passage, headline):
            return _put_together(parts)
        lead = self._prompt + (clean(headline) + "\n" if headline else "")
        return _tokens(self._tokenizer.encode(lead + clean(passage.text)), len(lead))

    def _parts(self, passage: PassageText, headline: str) -> list[Tokens] | None:
        """Return what a passage is put together from, None where not all of it was counted."""
        if self._ends is None or not _are_apart(passage):
            return None
        counted = [self._known(span.of(passage.text)) for span in passage.sentences]
        lead = self._known(headline) if headline else _NOTHING
        found = [tokens for tokens in counted if tokens]
        if lead is None or len(found) < len(counted):
            return None
        before, after = self._ends
        body = [
            Tokens(tokens.ids, tokens.starts + span.start, tokens.body)
            for tokens, span in zip(found, passage.sentences, strict=True)
        ]
        return [_apart(before), _apart(lead.ids), *body, _apart(after)]


def _ends(tokenizer: Tokenizer) -> tuple[list[int], list[int]] | None:
    """Return the ids before and after any text; None where a word's depend on other words."""
    added: Mapping[int, AddedToken] = tokenizer.get_added_tokens_decoder()
    if (
        not isinstance(tokenizer.normalizer, BertNormalizer)
        or not isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
        or not isinstance(tokenizer.model, WordPiece)
        or any(map(_takes_space, added.values()))
    ):
        return None
    encoding = tokenizer.encode("a")
    special = encoding.special_tokens_mask
    first, behind = special.index(0), len(special) - special[::-1].index(0)
    return encoding.ids[:first], encoding.ids[behind:]


def _takes_space(token: AddedToken) -> bool:
    """Tell whether a token may reach over the whitespace between two sentences."""
    return token.lstrip or token.rstrip or token.content.split() != [token.content]


def _tokens(encoding: Encoding, lead: int) -> Tokens:
    """Return a tokenised text of which the first `lead` characters are not the passage's own."""
    offsets = np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    special = np.asarray(encoding.special_tokens_mask, dtype=bool)
    body = ~special & (offsets[:, 1] > lead)
    return Tokens(encoding.ids, np.maximum(offsets[:, 0] - lead, 0), body)


def _apart(ids: list[int]) -> Tokens:
    """Return tokens that are not the passage's own."""
    return Tokens(ids, np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.bool_))


_NOTHING = _apart([])


def _put_together(parts: Sequence[Tokens]) -> Tokens:
    """Return the tokens of all parts, one behind the other."""
    return Tokens(
        ids=[token for part in parts for token in part.ids],
        starts=np.concatenate([part.starts for part in parts]),
        body=np.concatenate([part.body for part in parts]),
    )


def _are_apart(passage: PassageText) -> bool:
    """Tell whether plain whitespace, and nothing else, parts the sentences of a passage."""
    at = None
    for span in passage.sentences:
        gap = passage.text[at : span.start] if at is not None else "\n"
        if (at is None and span.start) or not gap or gap.strip(" \n\r\t"):
            return False
        at = span.end
    return at == len(passage.text)


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
