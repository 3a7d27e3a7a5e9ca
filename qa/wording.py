"""Passage -> its words as numbers, by stem and by form, with what each sentence looks like.

Nothing here depends on a question, so it is kept for the passages that were looked at last.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

from embeddings.sparse import analyze
from qa.kinds import Kind, find
from qa.retrieval import Candidate
from qa.verbs import base_forms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CACHED = 16_384
"""Passages whose words are kept in memory, some 5 kB each."""

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
    """The words of a passage, side by side through all its sentences.

    `stems` and `forms` (lower case) are int64 (words,), each word's `code`; `sentence` (words,)
    says which sentence a word is in; `capital` (words,) marks capitals inside a sentence: names,
    mostly. `looks` is float64 (sentences, 6): words, names, figures, opens with a pronoun, holds
    speech or quotation marks, asks. `refers` (sentences,) marks those that open with a word for
    people named before ("He", "The two"); `withdrawn` (sentences,) those that repeat what a report
    said and that the next sentence takes back. Irregular verb forms are brought to their verb's
    stem.
    """

    stems: Ints
    forms: Ints
    sentence: Ints
    capital: npt.NDArray[np.bool_]
    looks: Floats
    refers: npt.NDArray[np.bool_]
    withdrawn: npt.NDArray[np.bool_]


def code(word: str) -> int:
    """Return the number that stands for a word in this process: its hash, 64 bits."""
    return hash(word)


def codes(words: Iterable[str]) -> Ints:
    """Return the codes of words, int64 (words,)."""
    return np.array([*map(hash, words)], dtype=np.int64)


class Words:
    """The words of some passages, side by side: arrays over words, as `Wording` has them.

    `sentence` counts on through all passages; `opens` marks each passage's first word.
    """

    def __init__(self, wordings: Sequence[Wording], starts: Ints) -> None:
        self.stems = np.concatenate([item.stems for item in wordings])
        self.forms = np.concatenate([item.forms for item in wordings])
        self.capital = np.concatenate([item.capital for item in wordings])
        self.sentence = np.concatenate(
            [start + item.sentence for start, item in zip(starts, wordings, strict=True)]
        )
        self.opens = np.zeros(len(self.stems), dtype=np.bool_)
        firsts = np.cumsum([0, *(len(item.stems) for item in wordings[:-1])])
        self.opens[firsts[firsts < len(self.opens)]] = True


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
    found = [_WORD.findall(text, start, end) for start, end in sentences]
    words = list(chain.from_iterable(found))
    lengths = np.array([len(part) for part in found])
    number = np.repeat(np.arange(len(found)), lengths)
    inside = np.diff(number, prepend=-1) == 0
    firsts = [word[0] for word in words]
    capital = np.array([*map(str.isupper, firsts)], dtype=np.bool_) & inside
    figures = np.array([*map(str.isdigit, firsts)], dtype=np.bool_)
    looks = np.empty((len(found), 6))
    looks[:, 0] = lengths
    looks[:, 1] = np.bincount(number, capital, len(found))
    looks[:, 2] = np.bincount(number, figures, len(found))
    looks[:, 3] = [bool(part) and part[0].lower() in _PRONOUNS for part in found]
    looks[:, 4] = [_SPEECH.search(text, start, end) is not None for start, end in sentences]
    looks[:, 5] = [text[start:end].endswith("?") for start, end in sentences]
    return Wording(
        stems=codes(base_forms(_stems_of(text, sentences, found))),
        forms=codes(map(str.lower, words)),
        sentence=number,
        capital=capital,
        looks=looks,
        refers=np.array([_REFERS.match(text, start) is not None for start, _ in sentences]),
        withdrawn=np.array([*_withdrawn(text, sentences), False]),
    )


def _withdrawn(text: str, sentences: tuple[tuple[int, int], ...]) -> Iterator[bool]:
    """Tell of each sentence but the last whether it repeats what the next one takes back."""
    for (start, end), (after, _) in pairwise(sentences):
        claims = _CLAIMS.search(text, start, end) is not None
        yield claims and _TAKES_BACK.match(text, after) is not None


@lru_cache(maxsize=CACHED)
def _of_kind(
    text: str, sentences: tuple[tuple[int, int], ...], kind: Kind
) -> tuple[tuple[int, str], ...]:
    ends = [end for _, end in sentences]
    return tuple((bisect(ends, span.start), span.of(text)) for span in find(kind, text))


def _stems_of(
    text: str, sentences: tuple[tuple[int, int], ...], found: list[list[str]]
) -> list[str]:
    """Return a stem a word; where the analyzer cuts otherwise, word by word."""
    stems = analyze("\n".join([text[start:end] for start, end in sentences]))
    if len(stems) == sum(map(len, found)):
        return stems
    apart: list[str] = []
    for (start, end), words in zip(sentences, found, strict=True):
        stems = analyze(text[start:end])
        if len(stems) != len(words):
            stems = [" ".join(analyze(word)) for word in words]
        apart += stems
    return apart
