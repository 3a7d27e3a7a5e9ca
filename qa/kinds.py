"""The kind of answer that a question asks for, and where a text holds something of that kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from corpus.records import Span
from qa.openings import matches, opening


class Kind(StrEnum):
    """What a question asks for; OTHER where its words do not tell."""

    PERCENTAGE = "percentage"
    MONEY = "money"
    DURATION = "duration"
    NUMBER = "number"
    DATE = "date"
    PLACE = "place"
    PERSON = "person"
    ORGANISATION = "organisation"
    CAUSE = "cause"
    QUOTE = "quote"
    OTHER = "other"


_ASKED = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (Kind.PERCENTAGE, r"\bper ?cent|\b(?:what|which) (?:share|proportion|fraction)\b"),
        (
            Kind.MONEY,
            r"\bhow much (?:money|will|does|did|do|is|was|were|has|have|had|could|would|of a fine)\b"
            r"|\bhow much\b.{0,80}\b(?:pay|paid|cost|costs|spend|spent|earn|earned|rais|owe|price|sell"
            r"|sold|win|won|donat|give|gave|fine|make|made|los[et]|charge|invest|worth)"
            r"|\bwhat (?:is|was|were|are) the (?:price|cost|fine|salary|bail|fee)\b"
            r"|\b(?:worth|salary)\b",
        ),
        (
            Kind.DURATION,
            r"\bhow (?:long|old)\b|\bwhat age\b|\bhow many (?:years|months|days|hours)\b",
        ),
        (
            Kind.NUMBER,
            r"\bhow (?:many|much|far|big|tall|high|large|fast|deep|often|heavy|wide|strong|late)\b"
            r"|\b(?:what|which) (?:number|amount|score|temperature|size|speed|magnitude|distance)\b"
            r"|\bwhat (?:is|was) the (?:number|total|score|death toll|population)\b",
        ),
        (
            Kind.DATE,
            r"\bwhen\b|\b(?:what|which) (?:year|day|date|month|time|week|season|decade|century)\b",
        ),
        (
            Kind.PLACE,
            r"\bwhere\b|\b(?:what|which) (?:\w+ )?(?:city|cities|country|countries|state|states|town"
            r"|village|place|location|area|region|county|continent|island|street|road|province|nation"
            r"|venue|stadium|airport)\b",
        ),
        (
            Kind.ORGANISATION,
            r"\b(?:what|which) (?:\w+ )?(?:team|club|company|companies|group|groups|organi[sz]ation"
            r"|agency|party|band|network|newspaper|magazine|airline|bank|firm|school|university|court"
            r"|store|website)\b|\bwho (?:owns|makes|made|manufactur\w+|publish\w+|operates)\b",
        ),
        (
            Kind.PERSON,
            r"\bwho(?:m|se|'s|’s)?\b|\b(?:what|which) (?:\w+ )?(?:person|man|woman|actor|actress|singer"
            r"|player|president|senator|artist|leader|director|author|athlete|coach|star|official"
            r"|minister|musician|celebrity|rapper|golfer|driver|name)\b|\bwhat (?:is|was) the name\b",
        ),
        (
            Kind.CAUSE,
            r"\bwhy\b|\bhow come\b|\bwhat (?:caused|causes|led|prompted|sparked|triggered)\b"
            r"|\b(?:reasons?|causes?)\b",
        ),
        (
            Kind.QUOTE,
            r"\bwhat (?:do|does|did|has|have|had|are|is|was)\b.{0,120}\b(?:say|says|said|saying|tell"
            r"|told|claim|claims|think|thinks|believe|call|called|warn|ask|urge|announce|state|deny"
            r"|describe|admit|argue)\b|\b(?:said|says) what\b",
        ),
    )
)
"""Tried in this order: the first whose words stand in the lower-cased question is the kind."""

_LONGEST_QUESTION = 2_000
"""Characters of a question that are looked at."""

_NUMBER_WORD = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    r"|hundreds?|thousands?|millions?|billions?|dozens?|half|third|quarter|twice|once|no one|none)"
)
_DIGITS = r"\d[\d,.]{0,14}\d|\d"
_FIGURE = rf"(?:{_DIGITS}|{_NUMBER_WORD})"
_SCALE = r"(?:[ -](?:hundred|thousand|million|billion|trillion|dozen))?"
_UNIT_OF_TIME = r"(?:years?|months?|weeks?|days?|hours?|minutes?|seconds?|decades?|centur(?:y|ies))"
_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan\.|Feb\.|Aug\.|Sept\.|Oct\.|Nov\.|Dec\.)"
)
_NAME = (
    r"[A-Z][\w’'-]{0,30}\.?(?: (?:(?:of|de|da|van|von|bin|al|the|and|&) )?[A-Z][\w’'-]{0,30}){0,4}"
)

_FOUND = {
    Kind.PERCENTAGE: re.compile(
        rf"\b{_FIGURE}(?:[ -]?(?:per ?cent|percentage points)\b| ?%)", re.IGNORECASE
    ),
    Kind.MONEY: re.compile(
        rf"(?:US|A|C)?[$£€¥] ?\d[\d,.]{{0,14}}{_SCALE}(?:[mbk]n?\b)?"
        rf"|\b{_FIGURE}{_SCALE} (?:\w{{1,12}} )?(?:dollars|pounds|euros|yen|cents|rupees|yuan|won|pence)\b",
        re.IGNORECASE,
    ),
    Kind.DURATION: re.compile(
        rf"\b{_FIGURE}{_SCALE}[ -](?:\w{{1,12}} )?{_UNIT_OF_TIME}(?:[ -]old)?\b"
        rf"|, \d{{1,3}},|\b(?:decades|centuries|years|months|weeks)\b",
        re.IGNORECASE,
    ),
    Kind.NUMBER: re.compile(rf"(?<![\w$£€])(?:{_DIGITS})|\b{_NUMBER_WORD}\b", re.IGNORECASE),
    Kind.DATE: re.compile(
        rf"\b(?:{_DAY}|{_MONTH})(?: \d{{1,2}}(?:st|nd|rd|th)?)?(?:,? \d{{4}})?\b"
        r"|\b(?:1[5-9]|20)\d\d(?:s\b|\b)|\b\d{1,2}(?:[:.]\d\d)? ?[ap]\.?m\b"
        r"|\b(?:[Ll]ast|[Nn]ext|[Tt]his|[Ee]arlier this) (?:week|month|year|night|spring|summer|fall"
        r"|autumn|winter|morning|afternoon|evening|weekend|season)\b"
        rf"|\b{_FIGURE} {_UNIT_OF_TIME} (?:ago|later|earlier|before)\b"
        r"|\b(?:[Yy]esterday|[Tt]oday|[Tt]onight|[Tt]omorrow|midnight|noon|dawn|morning|afternoon)\b"
    ),
    Kind.PLACE: re.compile(
        r"\b(?:in|In|at|At|from|From|near|Near|to|on|of|outside|across|into|around|off|through)"
        r" (?:(?:the|a|northern|southern|eastern|western|central|downtown|nearby) ){0,2}"
        rf"({_NAME}(?:, [A-Z]\w{{1,30}})?)"
    ),
    Kind.PERSON: re.compile(_NAME),
    Kind.ORGANISATION: re.compile(_NAME),
    Kind.CAUSE: re.compile(
        r"\b(?:because|due to|as a result of|so that|in order to|caused by|owing to|thanks to"
        r"|after|since|for fear of|over|blam\w{1,5} on|to avoid|to protest)\b[^.;!?\n]{0,120}",
        re.IGNORECASE,
    ),
    Kind.QUOTE: re.compile(
        r"“[^”\n]{1,600}”?|\"[^\"\n]{1,600}\"?|\b(?:said|says|told|according to)\b"
    ),
}

_NUMBER_WORDS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
    " hundred hundreds thousand thousands million millions billion billions dozen dozens"
    " half third quarter twice once no none"
)
_OPENINGS = {
    Kind.PERCENTAGE: opening(_NUMBER_WORDS, digits=True),
    Kind.MONEY: opening(
        _NUMBER_WORDS, digits=True, elsewhere=r"[$£€¥]|[AaCc][$£€¥]|[Uu][Ss][$£€¥]"
    ),
    Kind.DURATION: opening(
        f"{_NUMBER_WORDS} decades centuries years months weeks", digits=True, elsewhere=r", \d"
    ),
    Kind.NUMBER: opening(_NUMBER_WORDS, digits=True),
    Kind.DATE: opening(
        f"{_NUMBER_WORDS} monday tuesday wednesday thursday friday saturday sunday january february"
        " march april may june july august september october november december jan feb aug sept oct"
        " nov dec last next this earlier yesterday today tonight tomorrow midnight noon dawn"
        " morning afternoon",
        digits=True,
    ),
    Kind.PLACE: opening("in at from near to on of outside across into around off through"),
}
"""How what is found of a kind opens, where that is known of the patterns above."""

_NO_NAMES = frozenset(
    "The A An In On At He She It They We I But And This That These Those His Her Its Their Our My"
    " When While After Before As For If There What Who Where Why How You Also However By With From"
    " To Of So Then Now Not No Some Many Most One Two More Last Even Since Police Officials"
    " Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June"
    " July August September October November December CNN Mr Mrs Ms Dr".split()
)
"""Capitalised words that alone name nobody: sentence openers, days, months."""

_NAMED = frozenset({Kind.PERSON, Kind.PLACE, Kind.ORGANISATION})

_WORD = re.compile(r"[^\W_]+")


def asked_kind(question: str) -> Kind:
    """Return the kind of answer that a question's words ask for."""
    lowered = question[:_LONGEST_QUESTION].lower()
    return next((kind for kind, pattern in _ASKED if pattern.search(lowered)), Kind.OTHER)


def find(kind: Kind, text: str, known: frozenset[str] = frozenset()) -> list[Span]:
    """Return where `text` holds something of a kind, in order and disjoint.

    Names, of places too, count only where they hold a capitalised word whose lower case is not in
    `known`: what the question names itself does not answer it.
    """
    return find_in(kind, [text], known)[0]


def find_in(
    kind: Kind, texts: Sequence[str], known: frozenset[str] = frozenset()
) -> list[list[Span]]:
    """Return what `find` does of each text; many are looked through at once."""
    pattern, openings = _FOUND.get(kind), _OPENINGS.get(kind)
    if pattern is None:
        return [[] for _ in texts]
    if openings is None or len(texts) < 2:
        found: Sequence[Iterable[re.Match[str]]] = [pattern.finditer(text) for text in texts]
    else:
        found = matches(pattern, openings, texts)
    group = pattern.groups
    return [
        _kept(kind, text, [Span(*match.span(group)) for match in of_text], known)
        for text, of_text in zip(texts, found, strict=True)
    ]


def _kept(kind: Kind, text: str, spans: Sequence[Span], known: frozenset[str]) -> list[Span]:
    """Return the spans that say something, names without what opens them."""
    kept = [span for span in spans if answers(kind, span.of(text), known)]
    return [_without_opener(span, text) for span in kept] if kind in _NAMED else kept


def _without_opener(span: Span, text: str) -> Span:
    """Return a name without the words before it that name nobody: "Then Kit" is Kit."""
    words = _WORD.finditer(text, span.start, span.end)
    start = next((word.start() for word in words if word[0] not in _NO_NAMES), span.start)
    return Span(start, span.end)


def answers(kind: Kind, found: str, known: frozenset[str]) -> bool:
    """Tell whether words found of a kind say what the question's words in `known` do not."""
    return kind not in _NAMED or any(
        word[0].isupper() and word not in _NO_NAMES and word.lower() not in known
        for word in _WORD.findall(found)
    )


def answer_spans(question: str, quote: str) -> list[Span]:
    """Return the offsets in `quote` of the words of the kind that `question` asks for."""
    return find(asked_kind(question), quote, frozenset(words_of(question)))


def words_of(question: str) -> list[str]:
    """Return the words of a question in lower case, in order."""
    return _WORD.findall(question[:_LONGEST_QUESTION].lower())
