"""Question + turns before it -> how far it leans on them, and what it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

from qa.periods import MONTHS, WEEKDAYS
from qa.records import History
from qa.words import COMMON, content_terms

MAX_CONTEXT = 4_000
"""Characters of the conversation that are read, from its end."""

MAX_TURNS = 40
"""Turns of the conversation that are read, from its end."""

FEW_TERMS = 2
"""Content words up to which a question cannot stand alone: "How much are tickets?"."""

SHARED = 0.25
"""Share of a question's content words that were said before, from which on it is about the same."""

MOST_POINTING = 8
"""Pronouns of a question that are looked at; the first ones tell."""

TOPICS = 4
"""Names or words that are shown as what a follow-up is about."""


class Kind(Enum):
    """How a question stands to the conversation before it.

    One that leans points at it or goes on from it ("and where was she born?"), one that shares
    names something that was spoken of, and one with a subject of its own starts a new topic.
    """

    LEANS = auto()
    SHARES = auto()
    NEW = auto()


CONTEXT_WEIGHT = 0.5
"""Weight of all that was asked before beside a question of weight 1, with qa.retrieval's
CONTEXT_TERMS.

Tuned on shared/bench/followups with sample and newsqa questions behind an unrelated conversation as
the other side (tests/quality/followups.py). Given to new topics too, it costs every tenth of them.
"""

ANSWER_WEIGHT = 0.2
"""Weight of the last answer's words, likewise: it says much that nobody asked about. Where they
weigh .5 too, three follow-ups in 150 less find their article first."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What a question takes from the conversation: its weighted text, and what is talked of.

    One that starts a new topic would take it, were it none.
    """

    kind: Kind
    context: tuple[tuple[str, float], ...]
    topic: tuple[str, ...]


def follow_up(text: str, history: History, *, held: bool = False) -> FollowUp | None:
    """Return what a question takes from the turns before it; None where there are none.

    `text` is the question without control characters, as are the turns' contents. Where the topic
    is `held`, no question starts a new one.
    """
    asked = [turn["content"] for turn in history[-MAX_TURNS:] if turn.get("role") == "user"]
    answers = [turn["content"] for turn in history[-MAX_TURNS:] if turn.get("role") == "assistant"]
    said = " ".join([*asked, *answers[-1:]])[-MAX_CONTEXT:].strip()
    if not any(map(str.isalnum, said)):
        return None
    kind = kind_of(text, said)
    if kind is Kind.NEW and held:
        kind = Kind.SHARES
    nearest_first = [*asked[-1:], *answers[-1:], *asked[-2::-1]]
    parts = ((" ".join(asked), CONTEXT_WEIGHT), (answers[-1] if answers else "", ANSWER_WEIGHT))
    context = [(part[-MAX_CONTEXT:].strip(), weight) for part, weight in parts]
    told = tuple((part, weight) for part, weight in context if any(map(str.isalnum, part)))
    return FollowUp(kind, told, _topic(nearest_first, text))


def kind_of(text: str, said: str) -> Kind:
    """Tell how a question stands to what was said before it."""
    if leans(text):
        return Kind.LEANS
    own = telling(text)
    shared = own.intersection(content_terms(said))
    shares = len(own) <= FEW_TERMS or len(shared) >= SHARED * len(own)
    return Kind.SHARES if shares else Kind.NEW


def leans(text: str) -> bool:
    """Tell whether a question points at something outside of it, or goes on from something."""
    return bool(_GOES_ON.match(text) or _ADDS.search(text)) or _points(text)


def telling(text: str) -> frozenset[str]:
    """Return the stems of a text that could tell its subject: no stop words, no common ones."""
    return frozenset(content_terms(text)) - COMMON


def names_in(text: str) -> list[str]:
    """Return the words with a capital inside the sentences of a text."""
    return _NAME.findall(text)


# Words that point outside of the question

_POINTING = re.compile(
    r"\b(?:it|its|itself|they|them|their|theirs|he|him|his|she|her|hers|ones?|those|these|this"
    r"|that|such|same|others?|another|else|both|the latter|the former|instead|besides)\b",
    re.IGNORECASE,
)
_POINTING_NOWHERE = re.compile(
    r"\b(?:these days|(?:this|that) (?!(?:is|was|are|were|ones?|means?|happen\w*|day|time|way|place"
    r"|sort|kind|type|has|had|does|did)\b)(?=\w)|one of|(?:those|these) (?:who|whose|\w+ing)"
    r"|the same|no one|one (?:day|year|month|week|million|hundred)|all (?:that|this) time)",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\W*(?:(?:ok|okay|yes|no|oh|hm+|i see|thanks?|thank you|got it|sorry)\b[\s,.!]*){0,3}"
    r"(?:and|but|then|or|so|oops|what about|how about|what else|who else|i meant?"
    r"|which (?:is|are|was|one))\b",
    re.IGNORECASE,
)
_ADDS = re.compile(
    r"\b(?:also|too|as well|anything|anyone|somewhere|the other|further"
    r"|more (?:about|info\w*|details?|specific|concrete))\b",
    re.IGNORECASE,
)
_LOOKS_AHEAD = re.compile(
    r"\W*(?:after|at|before|by|during|for|from|in|on|since|until|with)"
    r"(?: [\w’'-]+){0,3} (?:its|his|her|their)(?: [\w’'-]+){1,3}, (?=\w)",
    re.IGNORECASE,
)
"""What opens a question with somebody whom the rest may name: "In its heyday, how many ..."."""

_CLAUSE = re.compile(r"[.?!;]\s|,\s(?:but|and)\s")
_NAME = re.compile(r"(?<=[^\s.?!] )(?!I\b)[^\W\d_a-z][\w’'-]*")
"""A capital inside a sentence."""


def _points(text: str) -> bool:
    """Tell whether a pronoun has nothing in its own clause to stand for.

    "Why did Ayliffe say he would go?" says who he is; "what did she leave to the museum?" does not.
    """
    opening = _LOOKS_AHEAD.match(text)
    if opening and telling(text[opening.end() :]):
        text = text[opening.end() :]
    bare = _POINTING_NOWHERE.sub(lambda match: " " * len(match[0]), text)
    for match in islice(_POINTING.finditer(bare), MOST_POINTING):
        before = text[: match.start()]
        if match[0].lower() == "that" and _joins_a_clause(before):
            continue
        clause = _CLAUSE.split(before)[-1]
        has_name = _NAME.search(before) is not None and bool(telling(before))
        if len(telling(clause)) < FEW_TERMS and not has_name:
            return True
    return False


def _joins_a_clause(before: str) -> bool:
    """Tell "the cat that was taken" from "what is that?" by the word in front."""
    return bool(content_terms(before.rsplit(maxsplit=1)[-1])) if before.strip() else False


# What the conversation is about

_CALENDAR = frozenset([*MONTHS, *WEEKDAYS])
_NAMES = re.compile(r"(?:[^\W\d_a-z][\w’'&-]*)(?:\s(?:of |the |and )?[^\W\d_a-z][\w’'&-]*){0,4}")


def _topic(texts: Sequence[str], question: str) -> tuple[str, ...]:
    """Return the names, nearest first, that a follow-up may stand on; without names, the words."""
    own = telling(question)
    names: dict[str, None] = {}
    for text in texts:
        for match in _NAMES.finditer(text):
            name = _without_possessive(match[0])
            terms = telling(name)
            if terms and not terms <= own and not _is_no_name(text, match):
                names[name] = None
    if not names:
        names = dict.fromkeys(_words(texts[0], own))
    return tuple(names)[:TOPICS]


def _is_no_name(text: str, match: re.Match[str]) -> bool:
    """Tell whether a single word is a day or month, or has its capital from opening a sentence."""
    if match[0].casefold() in _CALENDAR:
        return True
    opens = match.start() == 0 or text[: match.start()].rstrip()[-1:] in set(".?!:“\"'")
    return opens and " " not in match[0]


def _words(text: str, own: frozenset[str]) -> list[str]:
    return [
        word
        for word in re.findall(r"[^\W_][\w’'-]*", text)
        if (terms := telling(word)) and not terms <= own
    ]


def _without_possessive(name: str) -> str:
    return name[:-2] if name[-2:] in {"'s", "’s"} else name.rstrip("'’")
