"""Check what a run rests on: that gold fits the articles, and that every citation slices back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from corpus.errors import UsageError
from corpus.records import Article
from qa.evaluation.gold import GoldQuestion, Relevant
from qa.records import Answer, Citation


class Articles(Protocol):
    """Where articles are looked up by id; an unknown id raises `UsageError` or `KeyError`."""

    def article(self, article_id: str) -> Article:
        """Return the article of that id."""
        ...


def check_gold(archive: Articles, gold: Iterable[GoldQuestion]) -> tuple[str, ...]:
    """Return a warning for each gold judgement that the archive cannot meet.

    All of them count as misses: an answerable question without a relevant article, a relevant
    article that is not in the archive, and a gold span that reaches outside its article's text.
    """
    return tuple(
        f"line {question.line}, question {question.id!r}: {problem}"
        for question in gold
        if question.answerable
        for problem in _gold_problems(archive, question)
    )


def _gold_problems(archive: Articles, question: GoldQuestion) -> Iterator[str]:
    """Yield what is wrong with the judgements of one answerable question."""
    if not question.relevant:
        yield 'answerable, but "relevant" names no article; counts as a miss'
    for relevant in question.relevant:
        article = find_article(archive, relevant.article)
        if article is None:
            yield f"article {relevant.article!r} is not in the archive; counts as a miss"
        elif _reaches_out(relevant, article):
            yield (
                f"its span ends at {relevant.span.end if relevant.span else 0}, but article "
                f"{relevant.article!r} has {len(article.text)} characters; counts as a miss "
                "(was gold written for another version of the text?)"
            )


def _reaches_out(relevant: Relevant, article: Article) -> bool:
    """Tell whether a gold span ends behind the text of its article."""
    return relevant.span is not None and relevant.span.end > len(article.text)


def check_offsets(archive: Articles, answers: Iterable[Answer | None]) -> Iterator[str]:
    """Yield a complaint for every citation whose quote or passage is not the article's own text."""
    for answer in answers:
        for citation in answer.citations if answer else ():
            problem = _offset_problem(citation, find_article(archive, citation.article_id))
            if problem:
                yield f"{citation.article_id} [{citation.start}:{citation.end}]: {problem}"


def _offset_problem(citation: Citation, article: Article | None) -> str | None:
    """Return what is wrong with the offsets of one citation, or None."""
    if article is None:
        return "cites an article that is not in the archive"
    if min(citation.start, citation.passage_start) < 0:
        return "an offset is negative"
    if article.text[citation.start : citation.end] != citation.quote:
        return "the quote is not the text at its offsets"
    end = citation.passage_start + len(citation.passage)
    if article.text[citation.passage_start : end] != citation.passage:
        return "the passage is not the text at its offset"
    return None


def find_article(archive: Articles, article_id: str) -> Article | None:
    """Return an article, or None where the archive has none of that id."""
    try:
        return archive.article(article_id)
    except (UsageError, KeyError):
        return None
