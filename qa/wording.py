"""Passage -> its words, indexed by stem and by form, with what each sentence looks like.

Nothing here depends on a question, so it is kept for the passages that were looked at last.
"""

from __future__ import annotations

import re
from bisect import bisect
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from embeddings.sparse import analyze
from qa.kinds import Kind, find
from qa.retrieval import Candidate
from qa.verbs import base_form

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CACHED = 4_096
"""Passages whose words are kept in memory, some 40 kB each."""

LEAD = 400
"""Characters at the head of an article whose words count as what it is about."""

_WORD = re.compile(r"[^\W_]+")
_SPEECH = re.compile(r"[\"“”]|\b(?:said|says|told)\b")
_PRONOUNS = frozenset("he she it they his her their this that these those its".split())
_REFERS = re.compile(
    r"[\"“]?(?:he|she|they|his|her|their|both|the (?:two|pair|three|men|women))\b", re.IGNORECASE
)


_CLAIMS = re.compile(
    r"\b(?:(?:our|an?|the) (?:report|article|story|item|caption|headline|column|review)\b.{0,120}"
    r"\b(?:said|stated|gave|named|described|reported|wrongly|incorrectly)"
    r"|we (?:said|wrote|reported|stated|printed))\b",
    re.IGNORECASE | re.DOTALL,
)
_TAKES_BACK = re.compile(
    r"in fact\b|(?:this|that|it) (?:is|was) (?:in fact|wrong|incorrect|an error|a mistake|untrue"
    r"|false|not (?:so|true|correct|the case))\b|we should have said\b|the correct\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a passage. Positions count them from 0, on through all its sentences.

    `stems` and `forms` (lower case) map to positions, ascending; `sentence` (words,) says which
    sentence a word is in; `capital` (words,) marks capitals inside a sentence: names, mostly.
    `looks` is float64 (sentences, 6): words, names, figures, opens with a pronoun, holds speech or
    quotation marks, asks. `refers` (sentences,) marks those that open with a word for people named
    before ("He", "The two"); `withdrawn` (sentences,) those that repeat what a report said and
    that the next sentence takes back. Irregular verb forms are brought to their verb's stem.
    """

    stems: dict[str, list[int]]
    forms: dict[str, list[int]]
    sentence: list[int]
    capital: list[bool]
    looks: Floats
    refers: npt.NDArray[np.bool_]
    withdrawn: npt.NDArray[np.bool_]


def wording(candidate: Candidate) -> Wording:
    """Return the words of a candidate's passage."""
    return _wording(*_text(candidate))


def of_kind(candidate: Candidate, kind: Kind) -> tuple[tuple[int, str], ...]:
    """Return what a candidate's passage holds of a kind: (number of the sentence, words found)."""
    return _of_kind(*_text(candidate), kind)


def _text(candidate: Candidate) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return a candidate's passage and the offsets of its sentences in it."""
    span = candidate.stored.span
    inside = tuple([(s.start - span.start, s.end - span.start) for s in candidate.stored.sentences])
    return span.of(candidate.article.text), inside


def lead_stems(candidate: Candidate) -> frozenset[str]:
    """Return the stems of an article's headline and first lines."""
    return _lead_stems(candidate.article.title, candidate.article.text[:LEAD])


@lru_cache(maxsize=CACHED)
def _lead_stems(title: str | None, lead: str) -> frozenset[str]:
    return frozenset(analyze(f"{title or ''} {lead}"))


@lru_cache(maxsize=CACHED)
def _wording(text: str, sentences: tuple[tuple[int, int], ...]) -> Wording:
    stems: dict[str, list[int]] = {}
    forms: dict[str, list[int]] = {}
    capital: list[bool] = []
    lengths: list[int] = []
    looks = np.empty((len(sentences), 6))
    for number, (start, end) in enumerate(sentences):
        sentence = text[start:end]
        words = _WORD.findall(sentence)
        at = len(capital)
        _index(stems, [base_form(stem) for stem in _stems_of(sentence, words)], at)
        _index(forms, [word.lower() for word in words], at)
        capitals = [word[0].isupper() for word in words]
        capital += [False, *capitals[1:]] if words else []
        lengths.append(len(words))
        looks[number] = (
            len(words),
            sum(capitals[1:]),
            sum(word[0].isdigit() for word in words),
            bool(words) and words[0].lower() in _PRONOUNS,
            _SPEECH.search(sentence) is not None,
            sentence.endswith("?"),
        )
    sentence_of = np.repeat(np.arange(len(sentences)), lengths).tolist()
    refers = np.array([_REFERS.match(text, start) is not None for start, _ in sentences])
    withdrawn = [
        _CLAIMS.search(text, start, end) is not None and _TAKES_BACK.match(text, after) is not None
        for (start, end), (after, _) in pairwise(sentences)
    ]
    marks = np.array([*withdrawn, False])
    return Wording(stems, forms, sentence_of, capital, looks, refers, marks)


@lru_cache(maxsize=CACHED)
def _of_kind(
    text: str, sentences: tuple[tuple[int, int], ...], kind: Kind
) -> tuple[tuple[int, str], ...]:
    ends = [end for _, end in sentences]
    return tuple((bisect(ends, span.start), span.of(text)) for span in find(kind, text))


def _stems_of(sentence: str, words: list[str]) -> list[str]:
    """Return a stem a word; where the analyzer cuts otherwise, word by word."""
    stems = analyze(sentence)
    if len(stems) == len(words):
        return stems
    return [" ".join(analyze(word)) for word in words]


def _index(positions: dict[str, list[int]], words: list[str], at: int) -> None:
    for position, word in enumerate(words, start=at):
        positions.setdefault(word, []).append(position)
