"""Passages -> their words as numbers, by stem and by form, with what each sentence looks like.

Nothing here depends on a question, so it is worked out when a passage is indexed, and stored with
its vectors. Passages of plain English are taken all at once, by arrays; others one by one, by the
index's analyzer.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from struct import Struct
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from corpus.languages import LOOKED_AT, SURE
from corpus.tokens import ASKS, CAPITAL, DIGIT, ODD, QUOTE, Tokens, are_known, codes, tokens
from embeddings.sparse import LONGEST_TERM, analyze, has_own_stems
from embeddings.verbs import base_forms
from embeddings.vocabulary import COMMON, Stems, Vocabulary

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

Item = TypeVar("Item")
Result = TypeVar("Result")

Text = tuple[str, tuple[tuple[int, int], ...]]
"""A passage, and the offsets of its sentences in it."""

RULES = 1
"""Number of the rules by which words are worked out. Raise it with any change to what comes out, a
newer tantivy's stems among them: words that other rules made stay stored, and are not used."""

LOOKS = 6
"""What is told of each sentence's looks."""

LONGEST_PLAIN = LONGEST_TERM // 2 - 1
"""Letters of a word up to which the index's analyzer keeps it, though each took two bytes."""

_END = Struct("<IIH")
_WORD = re.compile(r"[^\W_]+")
_SPEECH = re.compile(r"[\"“”]|\b(?:said|says|told)\b")
_TOLD = frozenset({"said", "says", "told"})
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

_REFERRING = "he she they his her their both the".split()
_TAKING = "in this that it we the".split()
"""First words of sentences in which `_REFERS` and `_TAKES_BACK` may find something."""

_VOCABULARY = Vocabulary([_TOLD, _PRONOUNS, _REFERRING, _TAKING])
_IS_TOLD, _IS_PRONOUN, _IS_REFERRING, _IS_TAKING = (np.uint64(COMMON + 1 << at) for at in range(4))
"""The bits of these words."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a passage, side by side through all its sentences.

    `stems` and `forms` (lower case) are int64 (words,), each word's code (`corpus.tokens`), and
    `capital` (words,) marks capitals inside a sentence: names, mostly. `looks` is float64
    (sentences, LOOKS): words, names, figures, opens with a pronoun, holds speech or quotation
    marks, asks. `refers` (sentences,) marks those that open with a word for people named before
    ("He", "The two"); `withdrawn` (sentences,) those that repeat what a report said and that the
    next sentence takes back. Irregular verb forms are brought to their verb's stem.
    """

    stems: Ints
    forms: Ints
    capital: Flags
    looks: Floats
    refers: Flags
    withdrawn: Flags


def pack(wording: Wording) -> bytes:
    """Return the words of a passage as bytes: some 17 a word.

    Stems and forms (int64), looks (uint32), capitals, what refers and what is withdrawn (a byte
    each), all little-endian; then how many words and sentences (uint32), and RULES (uint16).
    """
    codes_of = (wording.stems.astype("<i8"), wording.forms.astype("<i8"))
    flags = (wording.capital, wording.refers, wording.withdrawn)
    parts = (*codes_of, wording.looks.astype("<u4"), *(part.astype(np.uint8) for part in flags))
    end = _END.pack(len(wording.stems), len(wording.looks), RULES)
    return b"".join([*(part.tobytes() for part in parts), end])


def unpack(packed: bytes) -> Wording | None:
    """Return the words that `pack` made bytes of; None where other rules made them, or nothing."""
    if len(packed) < _END.size:
        return None
    words, sentences, rules = _END.unpack_from(packed, len(packed) - _END.size)
    if rules != RULES:
        return None
    looks = 16 * words
    flags = looks + 4 * LOOKS * sentences
    of_sentences = flags + words
    return Wording(
        stems=np.frombuffer(packed, "<i8", words),
        forms=np.frombuffer(packed, "<i8", words, 8 * words),
        capital=np.frombuffer(packed, np.bool_, words, flags),
        looks=np.frombuffer(packed, "<u4", LOOKS * sentences, looks)
        .reshape(sentences, LOOKS)
        .astype(np.float64),
        refers=np.frombuffer(packed, np.bool_, sentences, of_sentences),
        withdrawn=np.frombuffer(packed, np.bool_, sentences, of_sentences + sentences),
    )


def wordings_of(texts: Sequence[Text]) -> list[Wording]:
    """Return the words of passages, in their order."""
    lines = _Lines.of([[text[start:end] for start, end in inside] for text, inside in texts])
    if lines is None:
        return _parted(texts, [are_known(text) for text, _ in texts], wordings_of, _apart)
    stems, plain = _looked_up(lines)
    looks = _Looks(lines, stems, texts)
    return [
        looks.wording(number) if plain[number] else _apart(text)
        for number, text in enumerate(texts)
    ]


def stems_of(texts: Sequence[str]) -> list[Ints]:
    """Return the codes of the terms of texts, as `analyze` has them, int64 (words,) each."""
    lines = _Lines.of([[text] for text in texts])
    if lines is None:
        return _parted(texts, [*map(are_known, texts)], stems_of, _stems_alone)
    stems, plain = _looked_up(lines)
    return [
        stems.stems[lines.words_of(number)].copy() if plain[number] else _stems_alone(text)
        for number, text in enumerate(texts)
    ]


def _parted(
    items: Sequence[Item],
    known: Sequence[bool],
    together: Callable[[Sequence[Item]], list[Result]],
    alone: Callable[[Item], Result],
) -> list[Result]:
    """Work on the items whose letters are known together, and on the others one by one."""
    found = iter(together([item for item, is_known in zip(items, known, strict=True) if is_known]))
    return [
        next(found) if is_known else alone(item)
        for item, is_known in zip(items, known, strict=True)
    ]


def _stems_alone(text: str) -> Ints:
    return codes(analyze(text))


def _looked_up(lines: _Lines) -> tuple[Stems, Flags]:
    """Return the stems of words, and which passages they are right for: plain English ones."""
    plain = lines.plain
    try:
        stems = _VOCABULARY.look_up(lines.whole, lines.found, lines.of_words(plain))
    except ValueError:  # the index splits a word otherwise: no article is to stop an answer
        none = np.zeros_like(plain)
        return _VOCABULARY.look_up(lines.whole, lines.found, lines.of_words(none)), none
    return stems, plain & lines.in_english(stems)


class _Lines:
    """The sentences of some passages, joined by line ends, and the words in them.

    `bounds` (sentences + 1,) are the sentences' offsets, `firsts` (sentences + 1,) their first
    words, `passages` (passages + 1,) each passage's first sentence; `plain` (passages,) marks those
    that any splitting parts alike.
    """

    def __init__(self, whole: str, found: Tokens, sentences: Sequence[Sequence[str]]) -> None:
        self.whole, self.found = whole, found
        sizes = [len(sentence) + 1 for passage in sentences for sentence in passage]
        self.bounds = np.array([*accumulate(sizes, initial=0)])
        self.firsts = np.searchsorted(found.starts, self.bounds)
        self.passages = np.array([*accumulate(map(len, sentences), initial=0)])
        self.plain = self._plain()

    @classmethod
    def of(cls, sentences: Sequence[Sequence[str]]) -> _Lines | None:
        """Join sentences, a list a passage; None where they have letters that are not known."""
        whole = "\n".join(chain.from_iterable(sentences))
        found = tokens(whole)
        return None if found is None else cls(whole, found, sentences)

    def _plain(self) -> Flags:
        """Tell which passages have neither odd letters nor words that may be too long."""
        plain = np.ones(len(self.passages) - 1, dtype=np.bool_)
        odd = np.flatnonzero(self.found.letters & ODD)
        long = self.found.starts[self.found.ends - self.found.starts > LONGEST_PLAIN]
        edges = self.bounds[self.passages]
        plain[np.searchsorted(edges, np.concatenate([odd, long]), side="right") - 1] = False
        return plain

    def of_words(self, values: Flags) -> Flags:
        """Spread a value a passage over its words."""
        firsts = self.firsts[self.passages]
        return np.repeat(values, firsts[1:] - firsts[:-1])

    def words_of(self, number: int) -> slice:
        """Return where the words of a passage are."""
        first, last = self.passages[number], self.passages[number + 1]
        return slice(int(self.firsts[first]), int(self.firsts[last]))

    def in_english(self, stems: Stems) -> Flags:
        """Tell which plain passages have no stems but English ones, as `analyze` finds out."""
        edges = self.bounds[self.passages]
        firsts = self.firsts[self.passages]
        words = firsts[1:] - firsts[:-1]
        looked_at = self.found.ends <= np.repeat(edges[:-1] + LOOKED_AT, words)
        held = np.zeros(len(looked_at) + 1, dtype=np.uint64)
        np.bitwise_and(stems.bits, np.uint64(COMMON), out=held[:-1], where=looked_at)
        seen = np.bitwise_or.reduceat(held, firsts[:-1])
        seen[words == 0] = 0
        english = np.bitwise_count(seen) >= SURE
        for number in np.flatnonzero(self.plain & ~english).tolist():
            text = self.whole[edges[number] : max(edges[number + 1] - 1, 0)]
            english[number] = not has_own_stems(text)
        return np.asarray(english, dtype=np.bool_)


class _Looks:
    """What sentences look like, all passages' side by side."""

    def __init__(self, lines: _Lines, stems: Stems, texts: Sequence[Text]) -> None:
        self._lines, self._stems, self._texts = lines, stems, texts
        self._firsts = lines.passages.tolist()
        found, firsts = lines.found, lines.firsts
        lengths = firsts[1:] - firsts[:-1]
        count = len(lengths)
        self._sentence = np.repeat(np.arange(count), lengths)
        opening = firsts[:-1][lengths > 0]
        inside = np.ones(len(found.starts), dtype=np.bool_)
        inside[opening] = False
        head = found.letters[found.starts]
        self._capital = ((head & CAPITAL) > 0) & inside
        self._looks = np.zeros((count, LOOKS))
        self._looks[:, 0] = lengths
        self._looks[:, 1] = np.bincount(self._sentence, self._capital, count)
        self._looks[:, 2] = np.bincount(self._sentence, (head & DIGIT) > 0, count)
        self._looks[self._opening_with(opening, _IS_PRONOUN), 3] = 1
        self._looks[self._speaking(), 4] = 1
        ends = lines.bounds[1:] - 2  # a line end is behind each sentence
        self._looks[(ends >= 0) & ((found.letters[ends] & ASKS) > 0), 5] = 1
        self._refers = np.zeros(count, dtype=np.bool_)
        referring = self._opening_with(opening, _IS_REFERRING).tolist()
        self._refers[[at for at in referring if self._refers_back(at)]] = True
        self._withdrawn = np.zeros(count, dtype=np.bool_)
        taking = self._opening_with(opening, _IS_TAKING).tolist()
        self._withdrawn[[at - 1 for at in taking if self._takes_back(at)]] = True

    def _opening_with(self, opening: Ints, words: np.uint64) -> Ints:
        """Return the sentences whose first word, of those at `opening`, is one of some words."""
        return self._sentence[opening[(self._stems.bits[opening] & words) > 0]]

    def _refers_back(self, at: int) -> bool:
        """Tell whether `_refers` holds for a sentence."""
        number, place = self._place(at)
        text, sentences = self._texts[number]
        return _refers(text, sentences[place][0])

    def _takes_back(self, at: int) -> bool:
        """Tell whether a sentence takes back the one before it in its passage."""
        number, place = self._place(at)
        text, sentences = self._texts[number]
        return place > 0 and _is_withdrawn(text, sentences[place - 1], sentences[place])

    def _place(self, at: int) -> tuple[int, int]:
        """Return the passage of a sentence, and its number in it."""
        number = bisect_right(self._firsts, at) - 1
        return number, at - self._firsts[number]

    def _speaking(self) -> Ints:
        """Return the sentences that `_SPEECH` finds something in."""
        lines, found = self._lines, self._lines.found
        quotes = np.flatnonzero(found.letters & QUOTE)
        told = np.flatnonzero(self._stems.bits & _IS_TOLD).tolist()
        words = [at for at in told if lines.whole[found.starts[at] : found.ends[at]] in _TOLD]
        quoted = np.searchsorted(lines.bounds, quotes, side="right") - 1
        return np.concatenate([quoted, self._sentence[words]])

    def wording(self, number: int) -> Wording:
        """Return the words of a passage of plain English."""
        first, last = self._firsts[number : number + 2]
        words = self._lines.words_of(number)
        return Wording(
            stems=self._stems.bases[words].copy(),
            forms=self._lines.found.codes[words].copy(),
            capital=self._capital[words].copy(),
            looks=self._looks[first:last].copy(),
            refers=self._refers[first:last].copy(),
            withdrawn=self._withdrawn[first:last].copy(),
        )


def _apart(item: Text) -> Wording:
    """Return the words of one passage in any language and script."""
    text, sentences = item
    found = [_WORD.findall(text, start, end) for start, end in sentences]
    words = list(chain.from_iterable(found))
    lengths = np.array([len(part) for part in found])
    number = np.repeat(np.arange(len(found)), lengths)
    inside = np.diff(number, prepend=-1) == 0
    firsts = [word[0] for word in words]
    capital = np.array([*map(str.isupper, firsts)], dtype=np.bool_) & inside
    figures = np.array([*map(str.isdigit, firsts)], dtype=np.bool_)
    looks = np.empty((len(found), LOOKS))
    looks[:, 0] = lengths
    looks[:, 1] = np.bincount(number, capital, len(found))
    looks[:, 2] = np.bincount(number, figures, len(found))
    looks[:, 3] = [bool(part) and part[0].lower() in _PRONOUNS for part in found]
    looks[:, 4] = [_SPEECH.search(text, start, end) is not None for start, end in sentences]
    looks[:, 5] = [text[start:end].endswith("?") for start, end in sentences]
    return Wording(
        stems=codes(base_forms(_stems_apart(item, found))),
        forms=codes(map(str.lower, words)),
        capital=capital,
        looks=looks,
        refers=np.array([_refers(text, start) for start, _ in sentences]),
        withdrawn=np.array([*(_is_withdrawn(text, *two) for two in pairwise(sentences)), False]),
    )


def _stems_apart(item: Text, found: list[list[str]]) -> list[str]:
    """Return a stem a word; where the analyzer cuts otherwise, word by word."""
    text, sentences = item
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


def _refers(text: str, start: int) -> bool:
    """Tell whether a sentence opens with a word for people named before."""
    return _REFERS.match(text, start) is not None


def _is_withdrawn(text: str, claim: tuple[int, int], after: tuple[int, int]) -> bool:
    """Tell whether a sentence repeats what the one after it takes back."""
    takes = _TAKES_BACK.match(text, after[0]) is not None
    return takes and _CLAIMS.search(text, *claim) is not None
