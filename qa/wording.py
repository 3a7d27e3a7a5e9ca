"""Candidates -> the words of their passages as numbers, and what they hold of a kind of answer.

Nothing here depends on a question, so what is worked out is noted with the passage and the article,
for as long as these are kept. Words are stored with the passage; those of archives from before are
worked out here.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from embeddings.analysis import Flags, Floats, Ints, Text, Wording, stems_of, unpack, wordings_of
from qa.kinds import Kind, find_in
from qa.retrieval import Candidate

__all__ = [
    "Flags",
    "Floats",
    "Ints",
    "Singles",
    "Wording",
    "Words",
    "lead_stems",
    "next_cosines",
    "of_kind",
    "sentence_starts",
    "wordings",
]

LEAD = 400
"""Characters at the head of an article whose words count as what it is about."""

Singles = npt.NDArray[np.float32]

_WORDING, _LEAD, _STARTS, _NEXT = "wording", "lead", "starts", "next"
"""Names under which things are noted."""


class Words:
    """The words of some passages, side by side: arrays over words, as `Wording` has them.

    `sentence` counts on through all passages; `opens` marks each passage's first word. `lengths`
    are the words of each sentence of all passages.
    """

    def __init__(self, wordings: Sequence[Wording], lengths: Ints) -> None:
        self.stems = np.concatenate([item.stems for item in wordings])
        self.forms = np.concatenate([item.forms for item in wordings])
        self.capital = np.concatenate([item.capital for item in wordings])
        counts = np.array([len(item.stems) for item in wordings])
        self.sentence = np.repeat(np.arange(len(lengths)), lengths)
        self.opens = np.zeros(len(self.stems), dtype=np.bool_)
        firsts = np.cumsum(counts) - counts
        self.opens[firsts[firsts < len(self.opens)]] = True


def wordings(candidates: Sequence[Candidate]) -> list[Wording]:
    """Return the words of candidates' passages, in their order."""
    for item in candidates:
        if _WORDING not in item.notes and (stored := unpack(item.vectors.words)):
            item.notes[_WORDING] = stored
    new = [item for item in candidates if _WORDING not in item.notes]
    if new:
        for item, found in zip(new, wordings_of([_text(item) for item in new]), strict=True):
            item.notes[_WORDING] = found
    return [cast("Wording", item.notes[_WORDING]) for item in candidates]


def of_kind(candidates: Sequence[Candidate], kind: Kind) -> list[list[tuple[int, str]]]:
    """Return what candidates' passages hold of a kind: (number of the sentence, words found)."""
    new = [item for item in candidates if kind not in item.notes]
    texts = [_text(item) for item in new]
    spans = find_in(kind, [text for text, _ in texts])
    for item, (text, sentences), found in zip(new, texts, spans, strict=True):
        ends = [end for _, end in sentences]
        item.notes[kind] = [(bisect(ends, span.start), span.of(text)) for span in found]
    return [cast("list[tuple[int, str]]", item.notes[kind]) for item in candidates]


def sentence_starts(candidates: Sequence[Candidate]) -> list[Ints]:
    """Return where each passage's sentences start in its article, int64 (sentences,) each."""
    for item in candidates:
        if _STARTS not in item.notes:
            item.notes[_STARTS] = np.array([span.start for span in item.stored.sentences])
    return [cast("Ints", item.notes[_STARTS]) for item in candidates]


def next_cosines(candidates: Sequence[Candidate]) -> list[Singles]:
    """Compare each sentence's vector with the next one's in its passage, float32 (sentences,) each.

    The last of a passage has 0.
    """
    for item in candidates:
        if _NEXT not in item.notes:
            vectors = item.vectors.sentences
            cosines = np.zeros(len(vectors), dtype=np.float32)
            np.einsum("ij,ij->i", vectors[:-1], vectors[1:], out=cosines[:-1])
            item.notes[_NEXT] = cosines
    return [cast("Singles", item.notes[_NEXT]) for item in candidates]


def lead_stems(candidates: Sequence[Candidate]) -> list[Ints]:
    """Return the codes of the stems of candidates' articles' headlines and first lines."""
    new = [item for item in candidates if _LEAD not in item.told.notes]
    if new:
        articles = [item.article for item in new]
        leads = [f"{article.title or ''} {article.text[:LEAD]}" for article in articles]
        for item, stems in zip(new, stems_of(leads), strict=True):
            item.told.notes[_LEAD] = stems
    return [cast("Ints", item.told.notes[_LEAD]) for item in candidates]


def _text(candidate: Candidate) -> Text:
    """Return a candidate's passage and the offsets of its sentences in it."""
    span = candidate.stored.span
    inside = tuple([(s.start - span.start, s.end - span.start) for s in candidate.stored.sentences])
    return span.of(candidate.article.text), inside
