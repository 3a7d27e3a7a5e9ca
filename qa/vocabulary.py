"""Words by number -> their English stems by number, remembered for the words that were met lately.

A few thousand words make most of any text, so that a text's words are stemmed by looking them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from corpus.languages import ENGLISH
from corpus.tokens import Codes, Tokens, codes
from embeddings.sparse import english_stems
from qa.verbs import base_forms

ROOM_BITS = 17
"""Words that are remembered, as a power of two: 131,072 in 4 MB."""

_COMMON = dict(zip(codes(sorted(ENGLISH)).tolist(), range(len(ENGLISH)), strict=True))


@dataclass(frozen=True, slots=True)
class Stems:
    """Of each word its stem's code, its verb's stem's (`base_form`), and a bit a common word.

    int64 (words,), int64 (words,) and uint64 (words,).
    """

    stems: Codes
    bases: Codes
    common: npt.NDArray[np.uint64]


class Vocabulary:
    """Remembers words, each in the one place that its code gives it; the last to come has it.

    Several threads may share one.
    """

    def __init__(self, bits: int = ROOM_BITS) -> None:
        self._shift = np.uint64(64 - bits)
        self._words = np.zeros(1 << bits, dtype=np.int64)
        self._stems = np.zeros(1 << bits, dtype=np.int64)
        self._bases = np.zeros(1 << bits, dtype=np.int64)
        self._common = np.zeros(1 << bits, dtype=np.uint64)
        self._lock = Lock()

    def look_up(self, text: str, found: Tokens, chosen: npt.NDArray[np.bool_]) -> Stems:
        """Return the stems of those of a text's words that are chosen; 0 for the others.

        Those must be what `english_stems` takes.
        """
        places = (found.codes.view(np.uint64) >> self._shift).astype(np.int64)
        with self._lock:
            new = np.flatnonzero(chosen & (self._words[places] != found.codes))
            known = Stems(self._stems[places], self._bases[places], self._common[places])
            if len(new):
                self._learn(text, found, places, new, known)
        for column in (known.stems, known.bases, known.common):
            column[~chosen] = 0
        return known

    def _learn(self, text: str, found: Tokens, places: Codes, new: Codes, known: Stems) -> None:
        """Stem the new words (positions), and put that into `known` and into their places."""
        words, first, which = np.unique(found.codes[new], return_index=True, return_inverse=True)
        stems, bases = _stemmed(
            [text[found.starts[at] : found.ends[at]].lower() for at in new[first]]
        )
        bits = [1 << _COMMON[word] if word in _COMMON else 0 for word in words.tolist()]
        common = np.array(bits, dtype=np.uint64)
        known.stems[new], known.bases[new], known.common[new] = (
            column[which] for column in (stems, bases, common)
        )
        own = places[new[first]]
        self._words[own], self._stems[own], self._bases[own] = words, stems, bases
        self._common[own] = common


def _stemmed(words: Sequence[str]) -> tuple[Codes, Codes]:
    """Return the codes of the stems of words, and of their verbs' stems."""
    stems = english_stems(words)
    return codes(stems), codes(base_forms(stems))
