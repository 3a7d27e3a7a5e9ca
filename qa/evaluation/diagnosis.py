"""Say why a question was missed: walk the line and name the first stage that lost the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from corpus.records import Article, Span, iter_gaps
from qa.evaluation.checks import Articles, find_article
from qa.evaluation.failure import STAGES, Excerpt, Failure, FailureKind
from qa.evaluation.gold import GoldQuestion, Relevant
from qa.evaluation.inside import Place
from qa.evaluation.judging import SHOWN_PASSAGES, Judged
from qa.evaluation.overlap import holds, words
from qa.records import Answer
from qa.words import content_terms

EXCERPT = 420
"""Characters of a passage that are kept around what matters in it: the sentence and two more."""

FEWEST_SHARED = 2
SHARE_SHARED = 0.5
"""Terms of the question, and share of them, that another story's passage must hold before its
answer string counts as an answer: "Tuesday" stands in every story. Chosen on the misses of newsqa,
56 of which were read for it: with one term, "how many integrated it?" met any sentence of "two"."""


@dataclass(frozen=True, slots=True)
class Case:
    """One missed question with all that is known of it. `places` is None without a look inside."""

    gold: GoldQuestion
    answer: Answer
    row: Judged
    archive: Articles
    places: Mapping[str, Place] | None


def diagnose(case: Case) -> Failure:
    """Return why the question was missed: exactly one kind."""
    if not case.gold.answerable:
        return _invented(case)
    if not case.gold.relevant:
        detail = "gold calls it answerable, but names no article"
        return Failure(FailureKind.GOLD_DOUBTFUL, detail, instead=_first(case))
    found = [_walk(case, item) for item in case.gold.relevant]
    farthest = max(found, key=lambda failure: STAGES.index(failure.kind))
    return _doubted(case, farthest) or farthest


def refused(reason: str) -> Failure:
    """Return the failure of a question that the archive would not take."""
    return Failure(FailureKind.REFUSED, reason)


def _invented(case: Case) -> Failure:
    """Return why an unanswerable question got an answer: by mistake, or because gold is wrong."""
    instead = _first(case)
    answer = _answer_held(case)
    if answer is not None:
        detail = f"gold calls it unanswerable, but the quote holds “{answer}”"
        return Failure(FailureKind.GOLD_DOUBTFUL, detail, instead=instead)
    detail = f"confidence {case.row.confidence:.2f}"
    return Failure(FailureKind.WRONGLY_ANSWERED, detail, instead=instead)


def _walk(case: Case, item: Relevant) -> Failure:
    """Return the stage at which the line lost one right article."""
    article = find_article(case.archive, item.article)
    if article is None:
        detail = f"no article {item.article!r}"
        return Failure(FailureKind.NOT_INDEXED, detail, instead=_first(case))
    if item.span is not None and item.span.end > len(article.text):
        detail = f"gold's span ends at {item.span.end}, the text at {len(article.text)}"
        return Failure(FailureKind.GOLD_DOUBTFUL, detail, instead=_first(case))
    place = case.places.get(item.article) if case.places is not None else None
    kind, detail = (None, "") if place is None else _before_ranking(article, item, place)
    if kind is None:
        kind, detail = _ranking(case, item, place)
    return Failure(
        kind,
        detail,
        _missed_by(item, place) if kind in (FailureKind.NOT_CANDIDATE, *_RANKED) else (),
        _wanted(case, article, item, place),
        _first(case),
    )


_RANKED = (FailureKind.RANKED_BELOW, FailureKind.OUTRANKED)


def _before_ranking(
    article: Article, item: Relevant, place: Place
) -> tuple[FailureKind | None, str]:
    """Return how cleaning, splitting or the question's limits lost an answer, if they did."""
    if not place.passages or _is_furniture(article, item.span):
        return FailureKind.CLEANED_AWAY, "not in the part of the text that is searched"
    holding = [span for span in place.passages if _has(item, span)]
    if not holding:
        return FailureKind.SPLIT, f"{_parts(item, place)} passages share it"
    if not set(holding) & set(place.reachable):
        told = ", ".join(filter(None, (article.source, article.published))) or "no date"
        return FailureKind.FILTERED_OUT, f"the article is of {told}"
    return None, ""


def _ranking(case: Case, item: Relevant, place: Place | None) -> tuple[FailureKind, str]:
    """Return how ranking, reading or the confidence lost an answer."""
    hits = case.answer.hits
    rank = next(
        (hit.rank for hit in hits if item.held_by(hit.article_id, Span(hit.start, hit.end))), None
    )
    if case.row.quote_hit:
        return FailureKind.WRONGLY_ABSTAINED, f"confidence {case.row.confidence:.2f}"
    if rank is None:
        candidates = place.faiss | place.bm25 if place else frozenset()
        if any(_has(item, span) for span in candidates):
            return FailureKind.RANKED_BELOW, f"below rank {len(hits)}"
        return FailureKind.NOT_CANDIDATE, "found by neither FAISS nor BM25"
    if rank > SHOWN_PASSAGES:
        return FailureKind.RANKED_BELOW, f"at rank {rank}"
    if rank > 1:
        return FailureKind.OUTRANKED, f"at rank {rank}"
    given = "given" if case.row.answered else "withheld"
    return FailureKind.WRONG_SENTENCE, f"{given} at confidence {case.row.confidence:.2f}"


def _missed_by(item: Relevant, place: Place | None) -> tuple[str, ...]:
    """Return the retrievers among whose candidates no passage with the answer is."""
    if place is None:
        return ()
    found = {"FAISS": place.faiss, "BM25": place.bm25}
    return tuple(
        name for name, spans in found.items() if not any(_has(item, span) for span in spans)
    )


def _doubted(case: Case, failure: Failure) -> Failure | None:
    """Return gold as the reason where the quote holds gold's answer at another place."""
    if failure.kind in (FailureKind.NOT_INDEXED, FailureKind.WRONGLY_ABSTAINED):
        return None
    answer = _answer_held(case)
    if answer is None:
        return None
    detail = f"the quote holds “{answer}” too; else: {failure.kind.value}"
    return Failure(
        FailureKind.GOLD_DOUBTFUL, detail, failure.missed_by, failure.wanted, failure.instead
    )


def _answer_held(case: Case) -> str | None:
    """Return gold's answer that the quote holds, where the quote may well answer with it.

    In a story that gold names the string is enough. In another one, the passage must be about the
    question too.
    """
    citation = case.answer.citations[0] if case.answer.citations else None
    if citation is None:
        return None
    if citation.article_id not in case.gold.grades:
        terms = set(content_terms(case.answer.query.text))
        shared = terms & set(content_terms(citation.passage))
        if len(shared) < max(FEWEST_SHARED, SHARE_SHARED * len(terms)):
            return None
    held = (text for text in _answers(case) if _tells(text) and holds(citation.quote, text))
    return next(held, None)


def _answers(case: Case) -> Iterator[str]:
    """Yield gold's answers in words, or, where it gives none, what its spans cover."""
    yield from case.gold.answers
    for item in case.gold.relevant if not case.gold.answers else ():
        article = find_article(case.archive, item.article)
        if article is not None and item.span is not None:
            yield item.span.of(article.text)


def _tells(answer: str) -> bool:
    """Tell whether an answer is more than a word or two that any sentence may hold."""
    return any(len(word) > 1 for word in words(answer)) and bool(content_terms(answer))


def _has(item: Relevant, span: Span) -> bool:
    return item.span is None or span.contains(item.span)


def _is_furniture(article: Article, span: Span | None) -> bool:
    """Tell whether part of a gold span lies between the kept spans, in more than blanks."""
    if span is None:
        return not article.kept
    gaps = iter_gaps(article.kept, len(article.text))
    lost = (Span(max(gap.start, span.start), min(gap.end, span.end)) for gap in gaps)
    return any(part.start < part.end and part.of(article.text).strip() for part in lost)


def _parts(item: Relevant, place: Place) -> int:
    """Return the number of passages that a gold span reaches into."""
    span = item.span or Span(0, 0)
    return sum(part.start < span.end and span.start < part.end for part in place.passages)


def _wanted(case: Case, article: Article, item: Relevant, place: Place | None) -> Excerpt:
    """Return the passage that gold points at: the best ranked one, else the first that holds it."""
    ranked: Sequence[Span] = [
        Span(hit.start, hit.end) for hit in case.answer.hits if hit.article_id == item.article
    ]
    passages = (*ranked, *(place.passages if place else ()))
    whole = Span(0, len(article.text))
    passage = next((span for span in passages if _has(item, span)), whole)
    return excerpt(article, passage, item.span)


def _first(case: Case) -> Excerpt | None:
    """Return the passage that was ranked first, with its quote."""
    if not case.answer.citations:
        return None
    citation = case.answer.citations[0]
    article = find_article(case.archive, citation.article_id)
    if article is None:
        return None
    start = citation.passage_start
    passage = Span(start, start + len(citation.passage))
    return excerpt(article, passage, Span(citation.start, citation.end))


def excerpt(article: Article, passage: Span, mark: Span | None) -> Excerpt:
    """Return a passage of an article, cut to `EXCERPT` characters around what is marked in it."""
    mark = mark or Span(passage.start, passage.start)
    mark = Span(mark.start, min(mark.end, mark.start + EXCERPT))
    room = EXCERPT - len(mark)
    start = max(passage.start, mark.start - room // 2)
    end = max(mark.end, min(passage.end, mark.end + room - (mark.start - start)))
    if start > passage.start:
        start = _next_blank(article.text, start, mark.start)
    if end < passage.end:
        end = _last_blank(article.text, mark.end, end)
    return Excerpt(
        article=article.id,
        title=article.title,
        source=article.source,
        published=article.published,
        text=article.text[start:end],
        start=mark.start - start,
        end=mark.end - start,
        cut_before=start > passage.start,
        cut_after=end < passage.end,
    )


def _next_blank(text: str, start: int, limit: int) -> int:
    """Return where a cut does not go through a word: behind the next blank before `limit`."""
    found = text.find(" ", start, limit)
    return start if found < 0 else found + 1


def _last_blank(text: str, limit: int, end: int) -> int:
    """Return where a cut does not go through a word: at the last blank behind `limit`."""
    found = text.rfind(" ", limit, end)
    return end if found < 0 else found
