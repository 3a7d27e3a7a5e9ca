"""Judge one answer against its gold question: which ranks are relevant, is the quote right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from corpus.records import Span
from qa.evaluation.failure import Failure
from qa.evaluation.gold import GoldQuestion, Relevant
from qa.evaluation.measures import first_rank
from qa.evaluation.overlap import best_f1
from qa.records import Answer, Citation

# Passages a person sees of an answer: the five of `k=5`. `passage.tokens` is taken over them.
SHOWN_PASSAGES = 5

MARKS = " \n\t.!?,;:\"'”’)"
"""What a quote may have behind a gold span and still be exactly that span."""

RIGHT = "right"
WITHHELD = "right quote, withheld"
WRONG = "wrong quote given"
MISSED = "no answer, but there is one"
INVENTED = "answered, but nothing answers it"
REFUSED = "rightly no answer"
# Worst first: a wrong answer harms more than none; the report shows the verdicts in this order.
VERDICTS = (INVENTED, WRONG, MISSED, WITHHELD, REFUSED, RIGHT)


@dataclass(frozen=True, slots=True)
class Judged:
    """One question of the run, judged.

    `article_hits` and `passage_hits` tell for each rank whether what stands there is relevant;
    `relevant_articles` counts the distinct gold articles, in the archive or not. `quote` is the
    first citation's, whether or not the answer was given; `quote_hit` says that it holds a gold
    span; `answers` are gold's, for a person to compare. `tokens` are the lengths in word pieces
    of the shown passages.

    `grades` are those of the relevant articles, best first; `ranked_grades` tell for each rank of
    `articles` the grade, 0 for one that is not relevant, and `judged` whether gold says anything
    of it. `quote_f1` is the best token F1 of the quote against gold's answers, `quote_exact` says
    that the quote is a gold span and nothing more; each is None where gold has no such thing.
    `slices` names the parts of the run that the question belongs to, `failure` why it was missed.
    `articles_only`: a ranking of articles was judged, which has neither passages nor quotes.
    """

    id: str
    question: str
    kind: str | None
    standalone: bool | None
    answerable: bool
    answered: bool
    confidence: float
    quote: str | None
    quote_hit: bool
    answers: tuple[str, ...]
    articles: tuple[str, ...]
    article_hits: tuple[bool, ...]
    passage_hits: tuple[bool, ...]
    relevant_articles: int
    tokens: tuple[int, ...]
    grades: tuple[int, ...] = ()
    ranked_grades: tuple[int, ...] = ()
    judged: tuple[bool, ...] = ()
    quote_f1: float | None = None
    quote_exact: bool | None = None
    slices: tuple[tuple[str, str], ...] = ()
    failure: Failure | None = None
    articles_only: bool = False

    @property
    def is_miss(self) -> bool:
        """Tell whether the outcome was wrong: a failure of some kind stands behind it."""
        return self.verdict not in (RIGHT, REFUSED)

    @property
    def score(self) -> float:
        """Return the confidence in the quote, or -inf where there is none that could be given."""
        return float("-inf") if self.quote is None else self.confidence

    @property
    def verdict(self) -> str:
        """Return the outcome in words, one of `VERDICTS`."""
        if not self.answerable:
            return INVENTED if self.answered else REFUSED
        if self.articles_only:
            return RIGHT if any(self.article_hits[:1]) else WRONG
        if self.quote_hit:
            return RIGHT if self.answered else WITHHELD
        return WRONG if self.answered else MISSED

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain JSON types; a rank is null where nothing relevant was found."""
        return {
            "id": self.id,
            "question": self.question,
            "kind": self.kind,
            "standalone": self.standalone,
            "answerable": self.answerable,
            "answered": self.answered,
            "confidence": self.confidence,
            "verdict": self.verdict,
            "article_rank": first_rank(self.article_hits),
            "passage_rank": first_rank(self.passage_hits),
            "failure": None if self.failure is None else self.failure.kind.value,
            "detail": None if self.failure is None else self.failure.detail,
            "missed_by": [] if self.failure is None else list(self.failure.missed_by),
            "quote_hit": self.quote_hit,
            "quote": self.quote,
            "answers": list(self.answers),
            "articles": list(self.articles),
            "slices": dict(self.slices),
        }


def judge(gold: GoldQuestion, answer: Answer | None) -> Judged:
    """Judge an answer; None stands for a question that returned nothing. Unanswerable: no hits."""
    relevant = gold.relevant if gold.answerable else ()
    wanted = {item.article for item in relevant}
    passages = [(hit.article_id, Span(hit.start, hit.end)) for hit in answer.hits] if answer else []
    cited = answer.citations[0] if answer and answer.citations else None
    articles = tuple(_ranked_articles(answer))
    grades = gold.grades
    labelled = {*grades, *gold.rejected}
    has_answers = gold.answerable and bool(gold.answers)
    has_spans = any(item.span for item in relevant)

    def is_hit(article: str, span: Span) -> bool:
        return any(item.held_by(article, span) for item in relevant)

    return Judged(
        id=gold.id,
        question=gold.question,
        kind=gold.kind,
        standalone=gold.standalone,
        answerable=gold.answerable,
        answered=answer is not None and answer.answered,
        confidence=answer.confidence if answer else 0.0,
        quote=cited.quote if cited else None,
        quote_hit=cited is not None and is_hit(cited.article_id, Span(cited.start, cited.end)),
        answers=gold.answers,
        articles=articles,
        article_hits=tuple(article in wanted for article in articles),
        passage_hits=tuple(is_hit(article, span) for article, span in passages),
        relevant_articles=len(wanted),
        tokens=tuple(hit.tokens for hit in answer.hits[:SHOWN_PASSAGES]) if answer else (),
        grades=tuple(sorted(grades.values(), reverse=True)),
        ranked_grades=tuple(grades.get(article, 0) for article in articles),
        judged=tuple(article in labelled for article in articles),
        quote_f1=best_f1(cited.quote if cited else "", gold.answers) if has_answers else None,
        quote_exact=_is_exact(relevant, cited) if has_spans else None,
    )


def _is_exact(relevant: Sequence[Relevant], cited: Citation | None) -> bool:
    """Tell whether a quote is a gold span, but for blanks and a mark at its end."""
    return cited is not None and any(
        item.article == cited.article_id
        and item.span is not None
        and item.span.start == cited.start
        and cited.end >= item.span.end
        and not cited.quote[len(item.span) :].strip(MARKS)
        for item in relevant
    )


def _ranked_articles(answer: Answer | None) -> Iterator[str]:
    """Yield each article once, in the order of its first passage; then cited ones without a hit."""
    if answer is None:
        return
    hits = [hit.article_id for hit in answer.hits]
    yield from dict.fromkeys(hits + [citation.article_id for citation in answer.citations])
