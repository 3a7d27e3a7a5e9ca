"""A small network that reads a question against the words of passages: a score for each sentence.

The encoder's pass leaves a vector of each token; a narrow image of it, in bytes, is kept with the
passage. Here the question's tokens meet the passages' ("late interaction": Khattab and Zaharia
2020, "ColBERT", arXiv:2004.12832; the encoder's work is done beforehand as in MacAvaney et al.
2020, "PreTTR", arXiv:2004.14255), one attention and one small network deep. It computes with numpy
alone, some 0.2 ms a passage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any
from zipfile import BadZipFile
from zlib import crc32

import numpy as np
import numpy.typing as npt

from embeddings.encoder import EncoderSettings, TokenVectors, Vectors, unit
from embeddings.models import DEFAULT_MODEL

WEIGHTS = "reader.npz"
"""File in embeddings/: the network, and the digest of the model whose vectors it reads."""

SCALE = 24.0
"""What a narrow vector is multiplied by before it is rounded to bytes: 5.3 is the most it holds."""

FLOOR = -6.0
"""What the network sees where a sentence has no token of its own."""

EPSILON = 1e-5
"""Added to a variance before it divides."""

TINY = 1e-12
"""Least square of a state's length, which divides."""

LOUD = 10.0
"""What a token's best similarity is multiplied by where it is put into its vector."""

PLAIN = 5.0
"""What a sentence's similarities are multiplied by where the last layer takes them."""

LAYERS = 3
"""Layers of the encoder whose states are read: the last, what goes into the first, the middle."""

Flags = npt.NDArray[np.bool_]
Weights = Mapping[str, npt.NDArray[np.float32]]


class Reader:
    """Reads the vectors of one model; `weights` are those of `qa.evaluation.train_reader`."""

    def __init__(self, weights: Weights, heads: int, number: int) -> None:
        self.number = number
        """Checksum of the weights: what they make of tokens is of use to them alone."""
        self._weights = weights
        self._heads = heads
        inputs, self.width = weights["passage.map"].shape
        even = (np.eye(self.width) - 1 / self.width).astype(np.float32)  # takes the mean away
        self._query = even @ weights["query"]
        self._inner = np.ascontiguousarray((even @ weights["inner"]).T)
        self._outer = np.ascontiguousarray(weights["outer"].T)
        self.dimension = inputs // LAYERS
        """Numbers in a layer's state of a token."""
        self._maps = {name: self._even_map(name) for name in ("passage", "question")}

    @property
    def name(self) -> str:
        """Return what identifies the reader, 8 hex digits."""
        return f"{self.number:08x}"

    def of_passage(self, states: Vectors, inside: Flags) -> TokenVectors:
        """Return the narrow vectors of a passage's tokens, sentence by sentence.

        `states` are the encoder's, float32 (tokens, LAYERS * dimension); `inside` tells which
        tokens stand in which sentence, bool (sentences, tokens). Tokens of none are left out.
        """
        chosen = np.flatnonzero(inside.any(axis=0))
        narrow = self._narrow(_rows(states, chosen), "passage") * SCALE
        values = np.rint(np.clip(narrow, -127, 127)).astype(np.int8)
        sentence = inside[:, chosen].argmax(axis=0)
        return TokenVectors(values, np.bincount(sentence, minlength=len(inside)), self.number)

    def of_question(self, states: Vectors) -> Vectors:
        """Return the narrow vectors of a question's tokens, float32 (tokens, width)."""
        return self._narrow(states, "question")

    def _narrow(self, states: Vectors, name: str) -> Vectors:
        """Map the states of tokens as `even_layers` makes them, which takes no copy of them here.

        (x - mean) / length @ map is x @ even map / length.
        """
        given = states.reshape(len(states), LAYERS, self.dimension)
        mapped = given.transpose(1, 0, 2) @ self._maps[name]
        mapped /= _lengths(given).T[:, :, None]
        return _normed(np.add.reduce(mapped) + self._weights[f"{name}.shift"])

    def _even_map(self, name: str) -> Vectors:
        """Return the map of each layer's state with its mean away, (LAYERS, dimension, width)."""
        found = self._weights[f"{name}.map"].reshape(LAYERS, self.dimension, self.width)
        return np.asarray(found - found.mean(axis=1, keepdims=True), dtype=np.float32)

    def scores(
        self, question: Vectors, passages: Sequence[TokenVectors], chosen: Flags | None = None
    ) -> Vectors:
        """Return what is made of each sentence, float32 (sentences, 4), in the order of `passages`.

        Of their sentences those that are `chosen`, bool (sentences,), are read, where it is given:
        the others might as well not be there. At least one of a passage's is.

        First the log odds, about, that it answers, then what they come from: the mean similarity
        of the question's tokens to the sentence's nearest ones, the same to the passage's, and
        what its best token says by itself. `question` is what `of_question` returned.
        """
        weights = self._weights
        counts = np.concatenate([passage.counts for passage in passages])
        given = np.concatenate([passage.values for passage in passages])
        sizes = np.array([len(passage.counts) for passage in passages])
        if chosen is not None:
            given, counts = given[np.repeat(chosen, counts)], counts[chosen]
            sizes = np.add.reduceat(chosen, np.cumsum(sizes) - sizes, dtype=np.int64)
        tokens = np.ascontiguousarray(given.T).astype(np.float32)  # a column a token: see `_inform`
        tokens /= np.float32(SCALE)
        told = counts > 0
        starts = (np.cumsum(counts) - counts)[told]

        def best(values: Vectors, floor: float, shift: Vectors) -> Vectors:
            found = np.full((len(values), len(counts)), floor, dtype=np.float32)
            highest = np.maximum.reduceat(values, starts, axis=1) + shift[:, None]
            found[:, told] = np.maximum(highest, floor)
            return found.T

        similar, share = self._similarities(question, tokens)
        met = best(similar, -1, np.zeros(len(question), dtype=np.float32))
        self._inform(question, tokens, (similar * share[:, None]).max(axis=0, initial=0))
        last = weights["outer.shift"]  # is the same for all tokens, so it can be added late
        spoken = (weights["alone"] @ tokens)[None]
        own = weights["alone.shift"] + weights["alone"] @ last
        alone = best(spoken, FLOOR, own[None])[:, 0]
        return self._judged(best(tokens, FLOOR, last), alone, met, share, sizes)

    def _similarities(self, question: Vectors, tokens: Vectors) -> tuple[Vectors, Vectors]:
        """Return the cosines of all pairs, (L, tokens), and what each of the question's counts."""
        weights = self._weights
        similar = unit(question @ weights["match"]) @ tokens
        lengths = np.sqrt(np.einsum("ij,ij->j", tokens, tokens))
        similar /= np.maximum(lengths, EPSILON)
        share = _sigmoid(question @ weights["share"] + weights["share.shift"])
        return similar, share / max(float(share.sum()), 1e-6)

    def _inform(self, question: Vectors, tokens: Vectors, best: Vectors) -> None:
        """Let each token gather from the question's, and think it over, but for the last shift.

        `tokens` (width, tokens) are changed in place. A column a token, all sums but the products
        of matrices run along memory, which halves their time; so does it that vectors are made even
        by the maps that take them, not by themselves: (x - mean) / deviation @ map is
        (x @ even map) / deviation.
        """
        weights, heads = self._weights, self._heads
        tokens += (LOUD * weights["best"])[:, None] * best
        tokens += weights["best.shift"][:, None]
        keys = np.concatenate([weights["no key"], question @ weights["key"] + weights["key.shift"]])
        held = question @ weights["value"] + weights["value.shift"]
        values = np.concatenate([weights["no value"], held])
        size, length = self.width // heads, len(keys)
        keys = keys.reshape(length, heads, size).transpose(1, 0, 2) * np.float32(size**-0.5)
        values = values.reshape(length, heads, size).transpose(1, 0, 2)
        # the maps of query and output are joined to the question's side, head by head
        sought = keys @ self._query.reshape(self.width, heads, size).transpose(1, 2, 0)
        shift = keys @ weights["query.shift"].reshape(heads, size, 1)
        given = values @ weights["output"].reshape(heads, size, self.width)
        attention = sought.reshape(heads * length, self.width) @ tokens
        attention *= _deviations(tokens)
        attention += shift.reshape(heads * length, 1)
        np.exp(np.clip(attention, -30, 30, out=attention), out=attention)
        by_head = attention.reshape(heads, length, tokens.shape[1])
        by_head /= by_head.sum(axis=1, keepdims=True)
        tokens += given.reshape(heads * length, self.width).T @ attention
        tokens += weights["output.shift"][:, None]
        inner = self._inner @ tokens
        inner *= _deviations(tokens)
        inner += weights["inner.shift"][:, None]
        tokens += self._outer @ np.maximum(inner, 0, out=inner)

    def _judged(
        self,
        sentences: Vectors,
        alone: Vectors,
        met: Vectors,
        share: Vectors,
        sizes: npt.NDArray[np.int64],
    ) -> Vectors:
        """Score sentences by themselves, their neighbours and their passages, (sentences, 4)."""
        weights = self._weights
        passage = np.repeat(np.arange(len(sizes)), sizes)
        starts = np.cumsum(sizes) - sizes
        same = (passage[1:] == passage[:-1])[:, None]
        before, after = np.zeros_like(sentences), np.zeros_like(sentences)
        before[1:] = sentences[:-1] * same
        after[:-1] = sentences[1:] * same
        best = np.maximum.reduceat(sentences, starts)[passage]
        own = met @ share
        whole = (np.maximum.reduceat(met, starts) @ share)[passage]
        told = np.column_stack([PLAIN * own, PLAIN * whole, alone])
        seen = np.concatenate([sentences, before, after, best, told], axis=1, dtype=np.float32)
        inner = np.maximum(seen @ weights["judge"] + weights["judge.shift"], 0)
        scores = inner @ weights["verdict"] + weights["verdict.shift"]
        added = weights["plain"]
        scores += added[0] * own + added[1] * whole + added[2] + added[3] * alone
        return np.column_stack([scores, own, whole, alone]).astype(np.float32, copy=False)


def reader_of(settings: EncoderSettings) -> Reader | None:
    """Return the reader of a model, None where there is none.

    The bundled model by another name has none: its export has no states for it.
    """
    found, known = _bundled()
    return found if (settings.model, settings.digest) == (DEFAULT_MODEL, known) else None


def bundled_reader() -> Reader:
    """Return the reader that comes with the project, of the bundled model."""
    return _bundled()[0]


@cache
def _bundled() -> tuple[Reader, str]:
    """Return the reader and the digest of its model."""
    return load_reader(files("embeddings").joinpath(WEIGHTS).read_bytes())


def load_reader(content: bytes) -> tuple[Reader, str]:
    """Return the reader in a file's content and the digest of its model.

    Raises ValueError where they are no reader's weights.
    """
    try:
        with np.load(BytesIO(content), allow_pickle=False) as stored:
            told = {name: stored[name] for name in stored.files}
        digest, heads = str(told.pop("model")), int(told.pop("heads"))
        weights = {name: np.asarray(array, dtype=np.float32) for name, array in told.items()}
        return Reader(weights, heads, crc32(content)), digest
    except (AttributeError, EOFError, KeyError, OSError, BadZipFile) as error:
        raise ValueError(f"no weights of a reader: {error}") from error


def even_layers(states: Vectors) -> Vectors:
    """Scale each layer's state of a token to mean 0 and length 1, (tokens, LAYERS * dimension)."""
    given = states.reshape(len(states), LAYERS, states.shape[1] // LAYERS)
    layers = given - np.add.reduce(given, axis=2, keepdims=True) / np.float32(given.shape[2])
    layers /= _lengths(given)[:, :, None]
    return np.asarray(layers.reshape(states.shape), dtype=np.float32)


def _lengths(given: Vectors) -> Vectors:
    """Return the length of each layer's state without its mean, (tokens, LAYERS)."""
    states = given.reshape(-1, given.shape[2])
    sums = states @ np.ones(states.shape[1], dtype=np.float32)  # a product takes half of a sum
    squares = np.vecdot(states, states) - sums * sums / np.float32(states.shape[1])
    return np.asarray(np.sqrt(np.maximum(squares, TINY)).reshape(given.shape[:2]), dtype=np.float32)


def _rows(states: Vectors, chosen: npt.NDArray[np.intp]) -> Vectors:
    """Return the chosen rows; no copy where they follow each other, as a passage's own do."""
    start, end = (int(chosen[0]), int(chosen[-1]) + 1) if len(chosen) else (0, 0)
    return states[start:end] if end - start == len(chosen) else states[chosen]


def _normed(vectors: npt.NDArray[Any]) -> Vectors:
    """Scale each vector to mean 0 and variance 1 (Ba et al. 2016, "Layer Normalization")."""
    width = np.float32(vectors.shape[1])
    centred = vectors - np.add.reduce(vectors, axis=1, keepdims=True) / width
    variance = np.einsum("ij,ij->i", centred, centred) / width
    centred *= (1 / np.sqrt(variance + EPSILON))[:, None]
    return np.asarray(centred, dtype=np.float32)


def _deviations(columns: Vectors) -> Vectors:
    """Return 1 / the standard deviation of each column."""
    width = np.float32(len(columns))
    means = np.add.reduce(columns, axis=0) / width
    variances = np.einsum("ij,ij->j", columns, columns) / width - means * means
    return np.asarray(1 / np.sqrt(variances + EPSILON), dtype=np.float32)


def _sigmoid(values: Vectors) -> Vectors:
    return np.asarray(1 / (1 + np.exp(-values)), dtype=np.float32)
