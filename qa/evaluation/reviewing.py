"""Show a candidate with the passage that its answer stands in, for a person to judge."""

from __future__ import annotations

from collections.abc import Iterator

from corpus.records import Span
from qa.evaluation.checks import Articles, find_article
from qa.evaluation.diagnosis import excerpt
from qa.evaluation.failure import Excerpt
from qa.evaluation.queue import Candidate

AROUND = 600
"""Characters on either side of the answer that are looked at for the passage."""


def passage_of(archive: Articles, candidate: Candidate) -> Excerpt | None:
    """Return the passage around a candidate's answer, or None where there is none.

    None too where the article is gone, or has no longer the answer at its place.
    """
    if candidate.article is None:
        return None
    article = find_article(archive, candidate.article)
    span = Span(candidate.start, candidate.end)
    if article is None or span.end > len(article.text):
        return None
    if candidate.answer and span.of(article.text) != candidate.answer:
        return None
    around = Span(max(0, span.start - AROUND), min(len(article.text), span.end + AROUND))
    return excerpt(article, around, span)


def lines_of(candidate: Candidate, passage: Excerpt | None) -> Iterator[str]:
    """Yield what a terminal shows of a candidate."""
    yield f"{candidate.id}  {candidate.state}  {candidate.kind}"
    yield f"  {candidate.question}"
    if passage is None:
        gone = "nothing answers it" if candidate.article is None else "its article has changed"
        yield f"  ({gone})"
        return
    before, marked, after = passage.parts
    shown = f"{before}[{marked}]{after}"
    told = " · ".join(filter(None, (passage.source, passage.published, passage.title)))
    yield f"  {told or candidate.article}"
    yield f"  {' '.join(shown.split())}"
