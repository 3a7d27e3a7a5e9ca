"""Words by number -> their English stems by number, remembered for the words that were met lately.

A few thousand words make most of any text, so that a text's words are stemmed by looking them up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from corpus.languages import ENGLISH
from corpus.tokens import Codes, Tokens, codes
from embeddings.sparse import english_stems
from embeddings.verbs import base_forms

ROOM_BITS = 19
"""Words that are remembered, as a power of two: 524,288 in 16 MB. With a quarter of that, the words
of 9,000 passages push each other out four times as often."""

COMMON = (1 << len(ENGLISH)) - 1
"""The bits of the common words of English, which tell the language; those of classes are above."""


@dataclass(frozen=True, slots=True)
class Stems:
    """Of each word its stem's code, its verb's stem's (`base_form`), and bits of what it is.

    int64 (words,), int64 (words,) and uint64 (words,): a bit for each common word, and a bit for
    each class that it is in (`Vocabulary`).
    """

    stems: Codes
    bases: Codes
    bits: npt.NDArray[np.uint64]


class Vocabulary:
    """Remembers words, each in the one place that its code gives it; the last to come has it.

    `classes` are lists of words; the first has the bit `COMMON + 1`. Several threads may share one.
    """

    def __init__(self, classes: Sequence[Iterable[str]] = (), room_bits: int = ROOM_BITS) -> None:
        self._shift = np.uint64(64 - room_bits)
        self._rows = np.zeros((1 << room_bits, 4), dtype=np.int64)
        """Word, stem, base and bits, side by side: memory is slow, and one look brings all four."""
        self._lock = Lock()
        self._told: dict[str, int] = {}
        for bit, words in enumerate([*([word] for word in sorted(ENGLISH)), *classes]):
            for word in words:
                self._told[word] = self._told.get(word, 0) | 1 << bit

    def look_up(self, text: str, found: Tokens, chosen: npt.NDArray[np.bool_]) -> Stems:
        """Return the stems of those of a text's words that are chosen; 0 for the others.

        Those must be what `english_stems` takes.
        """
        places = (found.codes.view(np.uint64) >> self._shift).view(np.int64)
        with self._lock:
            rows = self._rows.take(places, axis=0)
            new = np.flatnonzero(chosen & (rows[:, 0] != found.codes))
            if len(new):
                rows[new] = self._rows[places[new]] = self._learned(text, found, new)
        known = Stems(rows[:, 1], rows[:, 2], rows[:, 3].view(np.uint64))
        if not chosen.all():
            for column in (known.stems, known.bases, known.bits):
                column[~chosen] = 0
        return known

    def _learned(self, text: str, found: Tokens, new: Codes) -> Codes:
        """Stem the new words (positions); return their rows, int64 (new, 4)."""
        where = zip(found.starts[new].tolist(), found.ends[new].tolist(), strict=True)
        words = [text[start:end].lower() for start, end in where]
        number = {word: at for at, word in enumerate(dict.fromkeys(words))}
        which = np.array([number[word] for word in words])
        stems = english_stems([*number])
        of_stems = of_bases = codes(stems)
        bases = [*base_forms(stems)]
        if bases != stems:
            of_bases = codes(bases)
        bits = np.array([self._told.get(word, 0) for word in number], dtype=np.uint64)
        rows = np.empty((len(new), 4), dtype=np.int64)
        columns = found.codes[new], of_stems[which], of_bases[which], bits.view(np.int64)[which]
        for column, values in zip(rows.T, columns, strict=True):
            column[:] = values
        return rows
