"""Why there is no answer, in one sentence, and what comes nearest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from corpus.records import Article
from embeddings.sparse import analyze
from qa.days import readable_date
from qa.kinds import Kind, answer_spans, asked_kind
from qa.ranking import Ranked
from qa.records import Query
from qa.topic import names_a_topic
from qa.words import ASKED, COMMON, STOP_WORDS

EMPTY = "The archive holds no articles yet."

FOLDED = 1_024
"""Articles whose text is kept without capitals."""

SUBJECTS = 4
"""Names and nouns of a question that are looked up; a longer question has them all first."""

MOST_CAPITALS = 0.6
"""Share of capitalised words from which on capitals mark no names: "WHO IS THE MAYOR"."""

GIVES = {
    Kind.PERCENTAGE: "give a percentage",
    Kind.MONEY: "give an amount of money",
    Kind.DURATION: "give an age or a length of time",
    Kind.NUMBER: "give a number",
    Kind.DATE: "give a date",
    Kind.PLACE: "name a place",
    Kind.PERSON: "give a name",
    Kind.ORGANISATION: "name an organisation",
    Kind.CAUSE: "give a reason",
}
"""What a sentence does that holds something of a kind."""

_NAME = re.compile(
    r"[A-Z][\w.-]*(?:[’'](?!s\b)\w+)?(?: (?:(?:of|the|and|&|de|van|von|al|bin) )?[A-Z][\w.-]*)*"
)
_NOUN = re.compile(r"(?:\b(?:the|an?|his|her|their|its)|\w[’']s) ((?:[a-z][\w-]+ )?[a-z][\w-]+)")
_WORD = re.compile(r"[^\W_]+")

_USUAL = STOP_WORDS | COMMON

Together = Callable[[Sequence[str]], bool]
"""Tells whether an article of the archive holds all of some stems."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a search came to: the query as it was understood and as it was searched, the ranking.

    `wider` is the ranking without the limits of `searched`, best first, empty where there are none.
    `asked` differs from `searched` where a limit gave way because it left no article.
    """

    asked: Query
    searched: Query
    ranked: Sequence[Ranked]
    wider: Sequence[Ranked] = ()
    max_error: float | None = None


def explain(search: Search, together: Together) -> str:
    """Say in one sentence why there is no answer: the most telling reason that holds."""
    for reason in (_no_topic, _nothing_named, _outside, _never_together, _nothing_of_the_kind):
        sentence = reason(search, together)
        if sentence:
            return sentence
    return _unsure(search)


def _no_topic(search: Search, _: Together) -> str | None:
    """Say that a question names an outlet or a time and no topic, so that no sentence answers."""
    limits = _limits(search.searched)
    if not limits or not search.ranked or search.searched.context:
        return None
    if names_a_topic(search.searched):
        return None
    return (
        f"The question names no topic, so no one sentence answers it: name one, or look through"
        f" the articles{limits}{_nearest(search.ranked)}."
    )


def _nothing_named(search: Search, together: Together) -> str | None:
    """Say that a name of the question is in no article."""
    for name in _names(search.searched.text):
        if not all(together([stem]) for stem in analyze(name)):
            return f"No article mentions “{name}”{_nearest(search.ranked)}."
    return None


def _outside(search: Search, _: Together) -> str | None:
    """Say that the limits leave out what comes nearest, and of when and from whom it is."""
    asked, searched = search.asked, search.searched
    if asked.period is not None and searched.period is None:
        return f"No article{_from(asked)} is {asked.period.label}{_nearest(search.ranked)}."
    limits = _limits(searched)
    if not limits:
        return None
    if not search.ranked:
        return f"No article{limits} has anything to do with this question{_nearest(search.wider)}."
    if search.wider and not _within(searched, search.wider[0].candidate.article):
        return f"No article{limits} answers this surely enough{_nearest(search.wider)}."
    return None


def _never_together(search: Search, together: Together) -> str | None:
    """Say that two things which the question names never stand in one article."""
    text = search.searched.text
    names = [_told_as(name, search) for name in _names(text)]
    subjects = list(dict.fromkeys([*names, *_nouns(text)]))[:SUBJECTS]
    if not names or len(subjects) < 2:  # so no article need be looked through
        return None
    present = [
        (subject, analyze(subject))
        for subject in subjects
        if _occurs(subject, search) and together(analyze(subject))
    ]
    for (one, first), (other, second) in combinations(present, 2):
        if one in names and not set(first) & set(second) and not together([*first, *second]):
            return f"The articles mention “{one}” and “{other}”, but never together."
    return None


def _nothing_of_the_kind(search: Search, _: Together) -> str | None:
    """Say that what comes nearest in the nearest article holds nothing of the kind asked for."""
    question = search.searched.question
    kind = asked_kind(question)
    if kind not in GIVES or not search.ranked:
        return None
    nearest = search.ranked[0].candidate.article
    quotes = [
        item.quote.of(nearest.text)
        for item in search.ranked
        if item.candidate.article_id == nearest.id
    ]
    if any(answer_spans(question, quote) for quote in quotes):
        return None
    named = _named(nearest)
    where = f", in {named}," if named else ""
    return f"What comes nearest{where} does not {GIVES[kind]}."


def _unsure(search: Search) -> str:
    where = _limits(search.searched) or " in these articles"
    if not search.ranked:
        return f"Nothing{where} has anything to do with this question."
    enough = "surely enough"
    if search.max_error is not None:
        enough += f" for an error rate of {search.max_error:.0%}"
    return f"No sentence{where} answers this {enough}{_nearest(search.ranked)}."


def _nearest(ranked: Sequence[Ranked]) -> str:
    """Return the half-sentence that names the nearest article, or nothing where there is none."""
    if not ranked:
        return ""
    return f"; the nearest is {_named(ranked[0].candidate.article) or 'the first below'}"


def _named(article: Article) -> str:
    """Return an article's headline with outlet and day, as far as they are known."""
    told = ", ".join(filter(None, (article.source, readable_date(article.published or ""))))
    if not article.title:
        return f"an article ({told})" if told else ""
    return f"“{article.title}” ({told})" if told else f"“{article.title}”"


def _within(query: Query, article: Article) -> bool:
    """Tell whether an article is inside a query's limits."""
    published = article.published or ""
    return (
        (not query.sources or article.source in query.sources)
        and (query.since is None or published >= query.since)
        and (query.until is None or (bool(published) and published <= query.until))
    )


def _limits(query: Query) -> str:
    """Return a query's outlets and dates in words, with a space in front; nothing without."""
    return _from(query) + _when(query)


def _from(query: Query) -> str:
    return f" from {' or '.join(query.sources)}" if query.sources else ""


def _when(query: Query) -> str:
    if query.period is not None and (query.since or query.until):
        return f" {query.period.label}"
    since, until = readable_date(query.since or ""), readable_date(query.until or "")
    if since and until:
        return f" of {since}" if since == until else f" from {since} to {until}"
    if since:
        return f" since {since}"
    return f" until {until}" if until else ""


@lru_cache(maxsize=ASKED)
def _names(text: str) -> tuple[str, ...]:
    """Return the capitalised names in a question, without words that only open it."""
    words = _WORD.findall(text)
    if sum(word[0].isupper() for word in words) > MOST_CAPITALS * len(words):
        return ()
    return tuple(_capitalised(text))


def _capitalised(text: str) -> Iterator[str]:
    """Yield what has capitals in a question and names something."""
    for match in _NAME.finditer(text):
        name = match[0].rstrip(".")
        if match.start() == 0:
            first, _, rest = name.partition(" ")
            name = rest if STOP_WORDS.issuperset(analyze(first)) else name
        if not _USUAL.issuperset(analyze(name)):
            yield name


def _nouns(text: str) -> Iterator[str]:
    """Yield what stands behind an article or a possessive in a question: "the flood barrier"."""
    for match in _NOUN.finditer(text):
        words = [word for word in match[1].split() if not _USUAL.issuperset(analyze(word))]
        if words and match[1].startswith(words[0]):
            yield " ".join(words)


def _told_as(name: str, search: Search) -> str:
    """Return a name, or its last word where no article found has all of it."""
    last = name.rsplit(maxsplit=1)[-1]
    return name if last == name or _occurs(name, search) else last


def _occurs(subject: str, search: Search) -> bool:
    """Tell whether one of the articles found holds these very words."""
    sought = subject.casefold()
    seen: set[str] = set()
    for candidate in (item.candidate for item in search.ranked):
        if candidate.told.id not in seen:
            seen.add(candidate.told.id)
            if sought in _folded(candidate.article.text):
                return True
    return False


@lru_cache(maxsize=FOLDED)
def _folded(text: str) -> str:
    return text.casefold()
