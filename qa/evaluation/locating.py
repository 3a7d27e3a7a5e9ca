"""Find in an archive what a table names loosely: articles by headline, answers by their words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from corpus.records import Article, Span
from qa.evaluation.gold import GoldQuestion, Relevant

MOST_PLACES = 50
"""Places of one answer in an article that count as right; a single letter would have thousands."""


def locate(
    questions: Sequence[GoldQuestion], articles: Iterable[Article]
) -> tuple[tuple[GoldQuestion, ...], tuple[str, ...]]:
    """Return the questions with articles by id and answers by span, and what was not found.

    An article is named by id, address, headline or file; each place where the answer's words stand
    in it is right. Where they stand nowhere, the article alone is the judgement.
    """
    wanted = {_plain(item.article) for question in questions for item in question.relevant}
    named: dict[str, Article] = {}
    for article in articles:
        for name in filter(None, (article.id, article.url, article.title, article.path)):
            if _plain(name) in wanted:
                named.setdefault(_plain(name), article)
    problems: list[str] = []
    return tuple(_located(question, named, problems) for question in questions), tuple(problems)


def _located(
    question: GoldQuestion, named: dict[str, Article], problems: list[str]
) -> GoldQuestion:
    relevant: list[Relevant] = []
    for item in question.relevant:
        article = named.get(_plain(item.article))
        if article is None:
            relevant.append(item)
            continue
        spans = [span for answer in question.answers for span in places(answer, article.text)]
        if question.answers and not spans:
            problems.append(
                f"line {question.line}, question {question.id!r}: the answer"
                f" {question.answers[0]!r} does not stand in {article.id!r}; any quote of the"
                " article counts"
            )
        relevant += [Relevant(article.id, span) for span in spans] or [Relevant(article.id)]
    return replace(question, relevant=tuple(relevant))


def places(answer: str, text: str) -> list[Span]:
    """Return where the words of an answer stand in a text, whole, in any case and spacing."""
    return list(_places(answer, text))


def _places(answer: str, text: str) -> Iterator[Span]:
    words = answer.split()
    if not words:
        return
    pattern = r"\s+".join(re.escape(word) for word in words)
    sought = re.compile(rf"(?<!\w){pattern}(?!\w)", re.IGNORECASE)
    for number, match in enumerate(sought.finditer(text)):
        if number == MOST_PLACES:
            return
        yield Span(match.start(), match.end())


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
