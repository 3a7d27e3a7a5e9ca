"""Question -> the outlets that it attributes to, and the question without them.

An outlet counts only where the question attributes something to it: "according to the BBC", "what
did the Gazette report", "in Ferrow FM's piece". A question about an outlet ("Who owns the
Gazette?") is searched for like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from corpus.records import Span

LONGEST_NAME = 6
"""Words: longer names of outlets ("The Frankfurt General Newspaper for Germany") are cut there."""

SHORTEST_PART = 4
"""Letters of a name's last word that stands for the whole: "Gazette", not "Sun" or "FM"."""

WORDS = 4_096
"""Words of questions and outlets whose letters are kept: most questions have the same ones."""

_HOST_END = re.compile(r"(?:\.(?:com|co|org|net|info|news|gov|edu|[a-z]{2}))+\Z")
_STRAY = re.compile(r" (?=[,.;:?!])|[,;:] ?(?=[.?!,;:]|\Z)")
"""A space in front of a mark, and a comma at the end of a clause that is gone."""

_WORD = re.compile(r"[^\W_]+(?:[.&'’-][^\W_]+)*", re.UNICODE)
_GENERIC = frozenset(
    "am channel daily digital fm international live magazine media network news newspaper online"
    " press radio report reports television today tv uk us usa website week weekly world".split()
)
"""Last words that do not tell one outlet from another."""

_ORDINARY = frozenset(
    "atlantic express fortune globe guardian herald hill independent mail metro mirror money nation"
    " nature observer people post record science slate standard star sun telegraph time times today"
    " variety voice week wired world".split()
)
"""Names of outlets that are words of their own: in small letters they are taken for those words."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """The outlets that a question attributes to, in its order, and the question without that."""

    outlets: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class _Mention:
    outlets: tuple[str, ...]
    span: Span


def attributed(text: str, outlets: Sequence[str]) -> Attribution:
    """Return the outlets that a question attributes to; where none, its text as it is."""
    mentions = list(_names_of(tuple(outlets)).find(text))
    found: dict[str, None] = {}
    cuts: list[Span] = []
    for group in _joined(mentions, text):
        cut = _attribution(text, Span(group[0].span.start, group[-1].span.end))
        if cut is not None:
            found |= dict.fromkeys(name for mention in group for name in mention.outlets)
            cuts.append(cut)
    return Attribution(tuple(found), without(text, cuts) if found else text)


def without(text: str, cuts: Iterable[Span]) -> str:
    """Return a text without some of its spans, its spaces and commas closed up."""
    left = text
    for cut in sorted(cuts, key=lambda span: span.start, reverse=True):
        left = f"{left[: cut.start]} {left[cut.end :]}"
    left = _STRAY.sub("", " ".join(left.split()))
    return left.lstrip(" ,.;:?!-–—").strip()


# Which words name an outlet


class OutletNames:
    """The ways in which the outlets of an archive may be named in a question."""

    def __init__(self, outlets: Sequence[str]) -> None:
        self._exact = _by_key((key, outlet) for outlet in outlets for key in _full_keys(outlet))
        parts = _by_key((key, outlet) for outlet in outlets for key in _part_keys(outlet))
        self._parts = {key: names for key, names in parts.items() if len(names) == 1}
        initials = _by_key((key, name) for name in outlets for key in _initials(name))
        self._initials = {key: names for key, names in initials.items() if len(names) == 1}
        keys = {*self._exact, *self._parts, *self._initials}
        self._starts = {key[:end] for key in keys for end in range(1, len(key) + 1)} | {"the"}

    def find(self, text: str) -> Iterator[_Mention]:
        """Yield the mentions in a text from left to right, the longest at each place."""
        words = list(_WORD.finditer(text))
        at = 0
        while at < len(words):
            length, outlets = 0, tuple[str, ...]()
            if self._may_start(words[at][0]):
                length, outlets = self._longest(text, words[at : at + LONGEST_NAME + 1])
            if outlets:
                yield _Mention(outlets, Span(words[at].start(), words[at + length - 1].end()))
            at += max(length, 1)

    def _may_start(self, word: str) -> bool:
        """Tell whether a name may start with a word; most words are done with here."""
        return "." in word or squeezed(_without_possessive(word)) in self._starts

    def _longest(self, text: str, words: Sequence[re.Match[str]]) -> tuple[int, tuple[str, ...]]:
        """Return how many of the words name an outlet, and which; 0 where none does."""
        for length in range(len(words), 0, -1):
            said = text[words[0].start() : words[length - 1].end()]
            outlets = self._named(_without_possessive(said))
            if outlets:
                return length, outlets
        return 0, ()

    def _named(self, said: str) -> tuple[str, ...]:
        key = squeezed(said)
        bare = squeezed(_without_the(said))
        if key in self._exact or bare in self._exact:
            is_word = bare in _ORDINARY or _host_base(said) in _ORDINARY
            if is_word and said == said.lower() and "." not in said:
                return ()
            return self._exact.get(key) or self._exact[bare]
        if said.isupper() and key in self._initials:
            return self._initials[key]
        base = _host_base(said)
        if base and base in self._exact:
            return self._exact[base]
        takes_part = bare != key and not (bare in _ORDINARY and said == said.lower())
        return self._parts.get(bare, ()) if takes_part else ()


@lru_cache(maxsize=4)
def _names_of(outlets: tuple[str, ...]) -> OutletNames:
    return OutletNames(outlets)


@lru_cache(maxsize=WORDS)
def squeezed(name: str) -> str:
    """Return a name's letters and digits, lower case: "USA Today" and "usatoday" become one."""
    return "".join(filter(str.isalnum, name.casefold()))


def _by_key(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for key, outlet in pairs:
        if key:
            found.setdefault(key, {})[outlet] = None
    return {key: tuple(names) for key, names in found.items()}


def _full_keys(outlet: str) -> Iterator[str]:
    """Yield an outlet's whole name, without "The", without "www." and ".com"."""
    yield squeezed(outlet)
    yield squeezed(_without_the(outlet))
    base = _host_base(outlet)
    yield base
    yield base.removeprefix("the") if len(base) > SHORTEST_PART + 3 else ""
    words = outlet.split()
    core = [word for word in words if word.casefold() not in _GENERIC]
    if len(core) == 1 < len(words) and core[0].isupper():
        yield squeezed(core[0])


def _part_keys(outlet: str) -> Iterator[str]:
    """Yield the last word of a name where it can stand for the whole: "the Gazette"."""
    words = _without_the(outlet).split()
    last = squeezed(words[-1]) if len(words) > 1 else ""
    if len(last) >= SHORTEST_PART and last not in _GENERIC:
        yield last


def _initials(outlet: str) -> Iterator[str]:
    """Yield the capitals that a name of three words and more goes by: "NYT"."""
    words = _without_the(outlet).split()
    if len(words) >= 3:
        yield "".join(word[0] for word in words).casefold()


def _host_base(name: str) -> str:
    """Return what a host name is about: "usatoday" of "www.usatoday.com"; else nothing."""
    if "." not in name or " " in name.strip():
        return ""
    host = name.strip().casefold().removeprefix("www.")
    base = _HOST_END.sub("", host)
    return squeezed(base) if base != host else ""


def _without_the(name: str) -> str:
    return name[4:] if name[:4].casefold() == "the " else name


def _without_possessive(name: str) -> str:
    return name[:-2] if name[-2:] in {"'s", "’s"} else name


# Which mentions attribute

_JOINING = re.compile(r"\s*(?:,|,? and|,? or|&)\s+(?:the )?", re.IGNORECASE)
WINDOW = 40
"""Characters beside a mention that are read for what attributes; the longest phrase has 32."""

_ACCOUNTS = (
    r"(?:account|article|coverage|column|correction|count|editorial|estimate|figures?|headline"
    r"|interview|obituary|piece|report|reporting|review|stor(?:y|ies)|version|words|front page)s?"
)
_PEOPLE = r"(?:writers?|reporters?|correspondents?|journalists?|columnists?|reviewers?|critics?)"
_SAYING = (
    r"(?:say|said|says|report(?:s|ed)?|prints?|printed|writes?|wrote|mention(?:s|ed)?"
    r"|publish(?:es|ed)?|reveal(?:s|ed)?|note[sd]?|talk(?:s|ed)? about|cover(?:s|ed)?)"
)
_JUDGING = (
    r"(?:claim(?:s|ed)?|quotes?|quoted|describe[sd]?|call(?:s|ed)?|estimate[sd]?|reckon(?:s|ed)?"
    r"|explain(?:s|ed)?|list(?:s|ed)?|tells?|told|put (?:on|at)|give for|gave for|find|found"
    r"|interview(?:ed)?|correct(?:s|ed)?|speak to|spoke to)"
)
_ADVERB = r"(?:(?:first|originally|initially|also|actually|later|each|both|itself|then|now|have) )?"

_BEFORE = re.compile(
    r"(?:^|[\s,;:(\[\"“‘'])(?:according to|going by|(?:as )?(?:reported|told|printed|published"
    r"|quoted|described|covered|written|said|given|claimed|carried) (?:by|in|to|on)"
    r"|per|as per|says|said"
    r"|(?:talk(?:ed|ing)? to|sp(?:eak|oke|eaking) to|interview with|interviewed"
    r" by|stor(?:y|ies) (?:in|by|from|on)|articles? (?:in|by|from|on)|reports? (?:in|by|from|on)"
    r"|(?:read|reading|news) (?:in|from|on)|coverage (?:in|by|from|on)))(?: the)?\s\Z",
    re.IGNORECASE,
)
_PLACED = re.compile(r"(?:^|[\s,;:(])(?:in|on)(?: the)?\s\Z", re.IGNORECASE)
_TELLING = re.compile(r"\b(?:tells?|told|telling|said to)(?: the)?\s\Z", re.IGNORECASE)
_ASKING = re.compile(
    r"\b(?:did|does|do|has|have|had|is|was|as|what|how)(?: the)?\s\Z", re.IGNORECASE
)
_AUXILIARY = re.compile(r"\b(?:did|does|do|has|have|had|as)(?: the)?\s\Z", re.IGNORECASE)
_THE = re.compile(r"\bthe\s\Z", re.IGNORECASE)
_AFTER_ACCOUNT = re.compile(
    rf"(?:['’]s?)?\s(?:own |first |latest )?(?:{_ACCOUNTS}|{_PEOPLE})\b"
    r"(?:\s(?:of|on|about|that|says?)\b)?",
    re.IGNORECASE,
)
_AFTER_SAYING = re.compile(rf"\s{_ADVERB}{_SAYING}\b(?: (?:about|on|that)\b)?", re.IGNORECASE)
_AFTER_JUDGING = re.compile(rf"\s{_ADVERB}{_JUDGING}\b", re.IGNORECASE)
_EDGE = re.compile(r"\s*(?:[,.;:?!)\"”]|\Z)")
_NAME_GOES_ON = re.compile(r",\s[A-Z][\w’'-]+ of (?:the )?[A-Z]")
"""What makes a place of "in the Superior Court of California, County of Alameda"."""


def _joined(mentions: Sequence[_Mention], text: str) -> Iterator[list[_Mention]]:
    """Yield the mentions, those that are joined by "and" or a comma together."""
    group: list[_Mention] = []
    for mention in mentions:
        if group and not _JOINING.fullmatch(text, group[-1].span.end, mention.span.start):
            yield group
            group = []
        group.append(mention)
    if group:
        yield group


def _attribution(text: str, span: Span) -> Span | None:
    """Return the words that attribute to the outlet(s) at `span`, or None where none do."""
    start = max(0, span.start - WINDOW)
    before = text[start : span.start]
    if text[span.end - 2 : span.end] in {"'s", "’s"}:
        return _owning(text, span, before)
    return (
        _asking(text, span, before) or _owning(text, span, before) or _opening(text, span, before)
    )


def _asking(text: str, span: Span, before: str) -> Span | None:
    """Find "did the Gazette say", "the Gazette reported"."""
    saying = _AFTER_SAYING.match(text, span.end)
    if not (saying or _AFTER_JUDGING.match(text, span.end)):
        return None
    if not (_ASKING.search(before) or _THE.search(before) or not before.strip()):
        return None
    opening = _AUXILIARY.search(before) or _THE.search(before)
    return Span(_start(opening, before, span), saying.end() if saying else span.end)


def _owning(text: str, span: Span, before: str) -> Span | None:
    """Find "in the Gazette's report of", "the Gazette writer"."""
    account = _AFTER_ACCOUNT.match(text, span.end)
    if account is None:
        return None
    opening = _BEFORE.search(before) or _PLACED.search(before) or _THE.search(before)
    return Span(_start(opening, before, span), account.end())


def _opening(text: str, span: Span, before: str) -> Span | None:
    """Find "according to the Gazette", "told the Gazette", and "in the Gazette" before a comma."""
    if _TELLING.search(before):
        return Span(_start(_THE.search(before), before, span), span.end)
    opening = _BEFORE.search(before)
    goes_on = _NAME_GOES_ON.match(text, span.end)
    if opening is None and _EDGE.match(text, span.end) and not goes_on:
        opening = _PLACED.search(before)
    return Span(_start(opening, before, span), span.end) if opening else None


def _start(opening: re.Match[str] | None, before: str, span: Span) -> int:
    """Return where the attributing words begin; a first blank or bracket is left standing."""
    if opening is None:
        return span.start
    skipped = 0 if opening[0][:1].isalpha() else 1
    return span.start - len(before) + opening.start() + skipped
