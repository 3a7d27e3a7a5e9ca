"""Passages and questions -> the numbers that a reader is trained on, by the encoder's own pass.

What the encoder makes of a token, 3 * 384 numbers, is too much to keep of two million tokens. The
INPUTS directions in which a sample of tokens varies most (principal components) are kept instead;
they stand between the encoder and the first layer of the network, and are joined to it in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embeddings.analysis import Flags, Ints
from embeddings.encoder import TokenVectors, Vectors, default_threads, unit
from embeddings.late_chunking import (
    Batch,
    body_of,
    inside_of,
    length_batches,
    side_by_side,
)
from embeddings.onnx import BATCH_TOKENS, OnnxEncoder
from embeddings.reader import LAYERS, Reader, even_layers
from qa.evaluation.reader_texts import Texts, Watch

INPUTS = 128
"""Numbers kept of a token's state."""

SPREAD = INPUTS**0.5
"""What they are multiplied by: layers whose weights begin as is usual expect spreads near 1."""

SAMPLED_PASSAGES = 300
SAMPLED_QUESTIONS = 1_500
"""Texts whose tokens tell the directions: some 50,000 and 20,000 tokens."""

NEAR = 40
"""Passages like a question, its own paragraph's left out, among which wrong ones are drawn."""

SAME_FILE = 0.2
"""What a passage of the same file counts more, in cosine: other files' are too easily told."""

SCANNED = 1_024
"""Questions that are compared with all passages at once: 50 MB for 12,000."""

Half = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Basis:
    """Where states lie and how they vary: `mean` (states,), `axes` (states, INPUTS)."""

    mean: Vectors
    axes: Vectors

    @classmethod
    def of(cls, states: Vectors) -> Basis:
        """Find them in a sample, (tokens, states), made even by `even_layers`."""
        mean = states.mean(axis=0)
        centred = states - mean
        _, axes = np.linalg.eigh(
            (centred.T @ centred).astype(np.float64)
        )  # the least of values come first
        return cls(mean, np.asarray(axes[:, ::-1][:, :INPUTS] * SPREAD, dtype=np.float32))

    def project(self, states: Vectors) -> Half:
        """Return what is kept of tokens' states as the encoder gives them, (tokens, INPUTS)."""
        return np.asarray((even_layers(states) - self.mean) @ self.axes, dtype=np.float16)


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of tokens, one row after the other: `values` (tokens, INPUTS), where each begins."""

    values: Half
    starts: Ints

    @classmethod
    def of(cls, rows: Sequence[Half]) -> Ragged:
        """Put rows together."""
        return cls(np.concatenate(rows), np.cumsum([0, *map(len, rows)]))

    @property
    def lengths(self) -> Ints:
        """Return the number of tokens in each row, (rows,)."""
        return np.diff(self.starts)

    def places(self, rows: Ints) -> tuple[Ints, Flags]:
        """Return where the tokens of some rows stand, (rows, longest), and which are theirs."""
        lengths = self.lengths[rows]
        ahead = np.arange(int(lengths.max(initial=0)))
        own = ahead < lengths[:, None]
        return np.where(own, self.starts[rows][:, None] + ahead, 0), own


@dataclass(frozen=True, slots=True)
class Examples:
    """What a reader is trained on.

    `tokens` are those of each passage that stand in a sentence, `sentence` (tokens,) in which;
    `sentences` (passages,) tells how many there are. `asked` are the questions' tokens, `answered`
    (questions,) the passage of each, `right` (questions, most sentences) marks the sentences there
    that answer; `near` (questions, up to NEAR) are passages that look as if they did, the nearest
    first; `held_out` (questions,) are not to be learned from.
    """

    tokens: Ragged
    sentence: Ints
    sentences: Ints
    asked: Ragged
    answered: Ints
    right: Flags
    near: Ints
    held_out: Flags


@dataclass(frozen=True, slots=True)
class Known:
    """What a reader that is in use makes of the same passages and of the questions held out."""

    reader: Reader
    tokens: Sequence[TokenVectors]
    asked: dict[int, Vectors]


@dataclass(frozen=True, slots=True)
class _Passage:
    """A passage's tokens, how many are of which sentence, its vector, a known reader's tokens."""

    tokens: Half
    counts: Ints
    whole: Vectors
    known: TokenVectors | None


def encoded(
    texts: Texts,
    encoder: OnnxEncoder,
    reader: Reader | None,
    random: np.random.Generator,
    watch: Watch,
) -> tuple[Basis, Examples, Known | None]:
    """Encode passages and questions, and what `reader` makes of them where there is one.

    `random` chooses the sample in which the basis is found.
    """
    basis = _basis(texts, encoder, random, watch)
    held_out = texts.held_out()
    passages = _passages(texts, encoder, basis, reader, watch)
    asked, wholes, known_asked = _questions(texts, encoder, basis, reader, watch)
    counts = np.concatenate([passage.counts for passage in passages])
    sentences = np.array([len(passage.counts) for passage in passages])
    numbers = np.concatenate([np.arange(size) for size in sentences])
    right = np.zeros((len(texts.asked), int(sentences.max())), dtype=np.bool_)
    for row, question in enumerate(texts.asked):
        right[row, list(question.sentences)] = True
    examples = Examples(
        tokens=Ragged.of([passage.tokens for passage in passages]),
        sentence=np.repeat(numbers, counts),
        sentences=sentences,
        asked=asked,
        answered=texts.answered,
        right=right,
        near=_near(texts, np.stack([passage.whole for passage in passages]), wholes, watch),
        held_out=held_out,
    )
    known = [passage.known for passage in passages if passage.known]
    return basis, examples, Known(reader, known, known_asked) if reader else None


def _basis(texts: Texts, encoder: OnnxEncoder, random: np.random.Generator, watch: Watch) -> Basis:
    """Find the basis in a sample of passages and questions."""
    chosen = random.permutation(len(texts.passages))[:SAMPLED_PASSAGES]
    asked = random.permutation(len(texts.asked))[:SAMPLED_QUESTIONS]
    rows = [encoder.tokenizer.passage(texts.passages[place]).ids for place in chosen]
    rows += [encoder.tokenizer.question(texts.asked[place].question) for place in asked]
    batches = list(length_batches([len(row) for row in rows], BATCH_TOKENS))
    found = side_by_side(
        lambda batch: np.concatenate(encoder.states([rows[place] for place in batch])),
        batches,
        default_threads(),
    )
    sample = []
    for states in found:
        sample.append(even_layers(states))
        watch("sampling tokens", len(sample), len(batches))
    return Basis.of(np.concatenate(sample))


def _passages(
    texts: Texts, encoder: OnnxEncoder, basis: Basis, reader: Reader | None, watch: Watch
) -> list[_Passage]:
    def computed(batch: Batch) -> list[tuple[int, _Passage]]:
        found = encoder.states([item.tokens.ids for item in batch])
        return [
            (item.index, _passage(states, body_of(item.tokens), inside, basis, reader))
            for item, states in zip(batch, found, strict=True)
            for inside in [inside_of(item.sentences, item.tokens)]
        ]

    passages: dict[int, _Passage] = {}
    total = len(texts.passages)
    for part in side_by_side(computed, encoder.batches(texts.passages), default_threads()):
        passages.update(part)
        watch("encoding passages", len(passages), total)
    return [passages[index] for index in range(total)]


def _passage(
    states: Vectors, body: Flags, inside: Flags, basis: Basis, reader: Reader | None
) -> _Passage:
    """Keep of a passage's states what is trained on; `inside` is (sentences, tokens)."""
    chosen = np.flatnonzero(inside.any(axis=0))
    counts = np.bincount(inside[:, chosen].argmax(axis=0), minlength=len(inside))
    known = reader.of_passage(states, inside) if reader else None
    return _Passage(basis.project(states[chosen]), counts, _whole(states[body]), known)


def _questions(
    texts: Texts, encoder: OnnxEncoder, basis: Basis, reader: Reader | None, watch: Watch
) -> tuple[Ragged, Vectors, dict[int, Vectors]]:
    """Return the questions' tokens, their vectors, and a reader's tokens of those held out."""
    rows = [encoder.tokenizer.question(asked.question) for asked in texts.asked]
    held_out = texts.held_out()

    def computed(batch: list[int]) -> list[tuple[int, Half, Vectors, Vectors | None]]:
        return [
            (
                place,
                basis.project(states),
                _whole(states),
                reader.of_question(states) if reader and held_out[place] else None,
            )
            for place, states in zip(batch, encoder.states([rows[n] for n in batch]), strict=True)
        ]

    tokens: dict[int, Half] = {}
    known: dict[int, Vectors] = {}
    wholes: dict[int, Vectors] = {}
    batches = length_batches([len(row) for row in rows], BATCH_TOKENS)
    for part in side_by_side(computed, batches, default_threads()):
        for place, own, whole, read in part:
            tokens[place], wholes[place] = own, whole
            if read is not None:
                known[place] = read
        watch("encoding questions", len(tokens), len(rows))
    order = range(len(rows))
    return Ragged.of([tokens[n] for n in order]), np.stack([wholes[n] for n in order]), known


def _whole(states: Vectors) -> Vectors:
    """Return the unit vector of a text from its tokens' states, as the encoder's."""
    return unit(states[:, : states.shape[1] // LAYERS].mean(axis=0))


def _near(texts: Texts, passages: Vectors, questions: Vectors, watch: Watch) -> Ints:
    """Return for each question the NEAR passages most like it, but for its own paragraph's."""
    paragraphs, files, answered = np.array(texts.paragraphs), np.array(texts.files), texts.answered
    count = min(NEAR, texts.others)
    found = np.zeros((len(questions), count), dtype=np.int64)
    for at in range(0, len(questions), SCANNED):
        own = answered[at : at + SCANNED]
        alike = questions[at : at + SCANNED] @ passages.T
        alike += SAME_FILE * (files == files[own][:, None])
        alike[paragraphs == paragraphs[own][:, None]] = -np.inf
        best = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(alike, best, axis=1), axis=1, kind="stable")
        found[at : at + SCANNED] = np.take_along_axis(best, order, axis=1)
        watch("finding near misses", at + len(own), len(questions))
    return found
