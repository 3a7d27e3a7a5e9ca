"""Judge one answer against its gold question: which ranks are relevant, is the quote right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from corpus.records import Span
from qa.evaluation.gold import GoldQuestion
from qa.evaluation.measures import first_rank
from qa.records import Answer

# Passages a person sees of an answer: the five of `k=5`. `passage.tokens` is taken over them.
SHOWN_PASSAGES = 5

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

    @property
    def score(self) -> float:
        """Return the confidence in the quote, or -inf where there is none that could be given."""
        return float("-inf") if self.quote is None else self.confidence

    @property
    def verdict(self) -> str:
        """Return the outcome in words, one of `VERDICTS`."""
        if not self.answerable:
            return INVENTED if self.answered else REFUSED
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
            "quote_hit": self.quote_hit,
            "quote": self.quote,
            "answers": list(self.answers),
            "articles": list(self.articles),
        }


def judge(gold: GoldQuestion, answer: Answer | None) -> Judged:
    """Judge an answer; None stands for a question that returned nothing. Unanswerable: no hits."""
    relevant = gold.relevant if gold.answerable else ()
    wanted = {item.article for item in relevant}
    passages = [(hit.article_id, Span(hit.start, hit.end)) for hit in answer.hits] if answer else []
    cited = answer.citations[0] if answer and answer.citations else None
    articles = tuple(_ranked_articles(answer))

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
    )


def _ranked_articles(answer: Answer | None) -> Iterator[str]:
    """Yield each article once, in the order of its first passage; then cited ones without a hit."""
    if answer is None:
        return
    hits = [hit.article_id for hit in answer.hits]
    yield from dict.fromkeys(hits + [citation.article_id for citation in answer.citations])
