"""Numbers in running text as values with a measure: money, percentages, and counts of something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from corpus.records import Span
from embeddings.sparse import analyze
from qa.words import STOP_WORDS

PERCENT = "%"
MONEY = frozenset("£$€¥")

UNIT_WORDS = 3
"""Words behind a number among which the name of what is counted is looked for: "60 new jobs"."""

LONGEST_SENTENCE = 2_000
"""Characters of a sentence that are read for numbers."""

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORD_VALUES = {word: float(value) for value, word in enumerate(_UNITS)} | {
    word: float(10 * value) for value, word in enumerate(_TENS, start=2)
}
_SCALES = {
    "k": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "bn": 1e9,
    "b": 1e9,
    "hundred": 1e2,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
}
_CURRENCIES = {
    "dollar": "$",
    "pound": "£",
    "euro": "€",
    "yen": "¥",
}

_WORDED = rf"(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_UNITS[1:10])}))?|{'|'.join(_UNITS[2:])}"

_QUANTITY = re.compile(
    rf"(?<![\w.,/:-])(?P<currency>(?:US|A|C|NZ)?[£$€¥] ?)?"
    rf"(?:(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d{{1,4}})?|\d{{1,12}}(?:\.\d{{1,4}})?)"
    rf"|(?P<words>\b(?:{_WORDED})\b))"
    rf"(?P<scale>(?:(?:k|mn?|bn?)\b)|[ -](?:hundred|thousand|million|billion|trillion)\b)?"
    rf"(?P<percent>[ -]?(?:per ?cent\b|percentage points\b)| ?%)?"
    r"(?![\d:/]|[.,]\d|-\d)",
    re.IGNORECASE,
)
_OF_US = re.compile(r" of us\b", re.IGNORECASE)
_AFTER = re.compile(r"[ -]([^\W\d_]+)")
_GATE_BEFORE = re.compile(r"\b(?:attendance|crowd|turnout|gate)\b[^,;.]{0,40}\Z", re.IGNORECASE)
_HIRED_BEFORE = re.compile(
    r"\b(?:t[ao]k(?:e|es|ing|en)? on|took on|hir\w{1,3}|recruit\w{0,3}|l(?:ay|aid|aying) off"
    r"|sack\w{0,3}|dismiss\w{0,3})(?: (?:up to|about|around|some|more than|over|nearly))? \Z",
    re.IGNORECASE,
)
_RATIO_BEHIND = re.compile(rf"(?: \w+)? (?:in|out of) (?:every )?(?:\d|(?:{_WORDED})\b)")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d\Z")
_MONTH_BEFORE = re.compile(
    r"\b(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}\.? $", re.IGNORECASE
)

_ALIKE = (
    "people person persons fans supporters spectators visitors protesters protestors demonstrators"
    " marchers revellers attendees attendance crowd turnout residents guests passengers onlookers",
    "homes houses properties households dwellings",
    "jobs posts roles positions vacancies",
    "vehicles cars motorists drivers",
    "deaths dead killed died fatalities",
    "injured wounded hurt injuries",
)
_CLASS = {stem: words.split()[0] for words in _ALIKE for stem in analyze(words)}
"""Stem -> the first of the words that count the same things."""

_NO_UNIT = STOP_WORDS | frozenset(
    analyze("new more other old further additional extra great big small million thousand local")
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text: what it is worth, of what it is the number, and where it stands.

    `measures` are a currency sign, "%", or stems of the words behind it, of which one names what is
    counted; of words that count the same things, the first (see `measure_of`).
    """

    value: float
    measures: frozenset[str]
    span: Span

    @property
    def tolerance(self) -> float:
        """Return how far off it may be if it was rounded: 300 to hundreds by 50, 4,112 by 0.5."""
        place = 1.0 if self.value == int(self.value) else 0.01
        while self.value and self.value % (10 * place) == 0:
            place *= 10
        return place / 2

    def agrees(self, other: Quantity) -> bool:
        """Tell whether both may be the same number, one of them rounded."""
        return abs(self.value - other.value) <= max(self.tolerance, other.tolerance)


def measure_of(word: str) -> frozenset[str]:
    """Return what a noun measures, as `Quantity.measures` names it; nothing for a stop word."""
    return frozenset(_CLASS.get(stem, stem) for stem in analyze(word) if stem not in _NO_UNIT)


@lru_cache(maxsize=4_096)
def quantities(text: str) -> tuple[Quantity, ...]:
    """Return the numbers of a sentence in order.

    Years, days of a month, clock times, "one" and "two in three" are left out.
    """
    return tuple(_quantities(text[:LONGEST_SENTENCE]))


def _quantities(text: str) -> Iterator[Quantity]:
    for match in _QUANTITY.finditer(text):
        digits, bare = match["digits"], not (match["currency"] or match["percent"])
        if bare and digits and not match["scale"] and _is_date(text, match):
            continue
        if _RATIO_BEHIND.match(text, match.end()):
            continue
        span = Span(*match.span())
        yield Quantity(_value(match), _measures(text, match), span)


def _is_date(text: str, match: re.Match[str]) -> bool:
    before = text[max(match.start() - 12, 0) : match.start()]
    return bool(_YEAR.match(match["digits"]) or _MONTH_BEFORE.search(before))


def _value(match: re.Match[str]) -> float:
    if match["digits"]:
        value = float(match["digits"].replace(",", ""))
    else:
        value = sum(_WORD_VALUES[word] for word in re.split("[- ]", match["words"].lower()))
    scale = (match["scale"] or "").strip(" -").lower()
    return round(value * _SCALES.get(scale, 1.0), 4)


def _measures(text: str, match: re.Match[str]) -> frozenset[str]:
    if match["currency"]:
        return frozenset(match["currency"].strip()[-1])
    if match["percent"]:
        return frozenset(PERCENT)
    if _OF_US.match(text, match.end()) or _GATE_BEFORE.search(text, 0, match.start()):
        return measure_of("people")
    if _HIRED_BEFORE.search(text, 0, match.start()):
        return measure_of("jobs")
    found = frozenset().union(*_words_behind(text, match.end()))
    return frozenset(_CURRENCIES[stem] for stem in found & _CURRENCIES.keys()) or found


def _words_behind(text: str, at: int) -> Iterator[frozenset[str]]:
    """Yield what the words behind a number measure, up to a stop word or a punctuation mark."""
    for _ in range(UNIT_WORDS):
        word = _AFTER.match(text, at)
        if word is None or STOP_WORDS.issuperset(analyze(word[1])):
            return
        yield measure_of(word[1])
        at = word.end()
