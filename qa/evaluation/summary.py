"""Sum judged questions up as the flat measures of the contract (DESIGN.md, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from qa.evaluation.judging import Judged
from qa.evaluation.measures import (
    Bin,
    area_under_risk_coverage,
    auroc,
    average_precision,
    coverage_at_precision,
    expected_calibration_error,
    judged_at,
    mean,
    ndcg_at,
    precision_at,
    recall_at,
    reciprocal_rank_at,
    reliability,
    risk_at,
    success_at,
)

Measures = dict[str, float | int | None]

STANDALONE = "standalone."
OFFSETS_WRONG = "offsets.wrong"
SECONDS = "seconds"

# Each is a mean over the answerable questions; a question that returned nothing counts as 0.
RANKING: dict[str, Callable[[Judged], float]] = {
    "article.Success@1": lambda row: success_at(row.article_hits, 1),
    "article.RR@10": lambda row: reciprocal_rank_at(row.article_hits, 10),
    "article.R@10": lambda row: recall_at(row.article_hits, 10, row.relevant_articles),
    "passage.Success@1": lambda row: success_at(row.passage_hits, 1),
    "passage.Success@5": lambda row: success_at(row.passage_hits, 5),
    "passage.RR@10": lambda row: reciprocal_rank_at(row.passage_hits, 10),
    "quote.Success@1": lambda row: float(row.quote_hit),
}
# Beyond the contract. P@k counts ranks, and few questions have five right articles: compare it
# between runs only. Judged@10 says how far the others can be trusted.
FURTHER: dict[str, Callable[[Judged], float]] = {
    "article.nDCG@10": lambda row: ndcg_at(row.ranked_grades, row.grades, 10),
    "article.AP": lambda row: average_precision(row.article_hits, row.relevant_articles),
    "article.P@5": lambda row: precision_at(row.article_hits, 5),
    "article.P@10": lambda row: precision_at(row.article_hits, 10),
    "article.Judged@10": lambda row: judged_at(row.judged, 10),
}
# Of a question whose gold has an answer in words, or a span; None else.
QUOTE: dict[str, Callable[[Judged], float | None]] = {
    "quote.F1": lambda row: row.quote_f1,
    "quote.exact": lambda row: None if row.quote_exact is None else float(row.quote_exact),
}
PER_QUESTION: dict[str, Callable[[Judged], float | None]] = {**RANKING, **FURTHER, **QUOTE}
"""Measures that are means over the answerable questions: what two runs can be compared by."""

ABSTENTION = ("abstention.AUROC", "abstention.coverage@95")
LOWER_IS_BETTER = ("abstention.ECE", "abstention.AURC", "passage.tokens")
# Measures of the contract of which more is better, so that a floor can stand under them.
HIGHER_IS_BETTER = (*RANKING, *ABSTENTION)

# Confidences at which the report shows what a threshold there would give.
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What answering from `threshold` up comes to.

    `coverage` is the share of answerable questions answered, `invented` the share of unanswerable
    ones, `risk` the share of the given answers that are wrong; None is a share of nothing.
    """

    threshold: float
    coverage: float | None
    invented: float | None
    risk: float | None


def summarise(rows: Sequence[Judged]) -> Measures:
    """Return the measures of some questions by name; None where one is undefined."""
    answerable = [row for row in rows if row.answerable]
    measures: Measures = {
        name: mean(
            [
                value
                for row in answerable
                if _is_defined(name, row) and (value := measure(row)) is not None
            ]
        )
        for name, measure in PER_QUESTION.items()
    }
    if rows and all(row.articles_only for row in rows):
        return measures | {"questions": len(rows)}
    measures |= _abstention(rows) | _answering(rows)
    # Over all shown passages of all questions: what a person is given to read, on average.
    measures["passage.tokens"] = mean(list(chain.from_iterable(row.tokens for row in rows)))
    measures["questions"] = len(rows)
    return measures


def summarise_with_standalone(rows: Sequence[Judged]) -> Measures:
    """Return the measures, and again behind `standalone.` for the questions marked so, if any."""
    measures = summarise(rows)
    marked = [row for row in rows if row.standalone]
    if marked:
        measures |= {STANDALONE + name: value for name, value in summarise(marked).items()}
    return measures


def summarise_kinds(rows: Sequence[Judged]) -> dict[str, Measures]:
    """Return the measures of each kind of question, by name; questions without a kind are out."""
    kinds = sorted({row.kind for row in rows if row.kind is not None})
    return {kind: summarise([row for row in rows if row.kind == kind]) for kind in kinds}


def summarise_slices(rows: Sequence[Judged]) -> dict[str, dict[str, Measures]]:
    """Return dimension -> part -> measures; a dimension of one part only says nothing, and is out.

    Parts come largest first.
    """
    parts: dict[str, dict[str, list[Judged]]] = {}
    for row in rows:
        for dimension, part in row.slices:
            parts.setdefault(dimension, {}).setdefault(part, []).append(row)
    return {
        dimension: {
            part: summarise(members)
            for part, members in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
        }
        for dimension, found in parts.items()
        if len(found) > 1
    }


def values_of(row: Judged) -> dict[str, float]:
    """Return a question's own value of each measure that has one; an unanswerable one has none."""
    if not row.answerable:
        return {}
    found = {name: measure(row) for name, measure in PER_QUESTION.items()}
    return {
        name: value for name, value in found.items() if value is not None and _is_defined(name, row)
    }


def _is_defined(name: str, row: Judged) -> bool:
    """Tell whether a measure means something for a row: a ranking of articles has no passages."""
    return not row.articles_only or name.startswith("article.")


def calibration(rows: Sequence[Judged]) -> tuple[Bin, ...]:
    """Return the reliability table of the quotes that there are: confidence against being right."""
    quoted = [row for row in rows if row.quote is not None]
    return reliability([row.confidence for row in quoted], [row.quote_hit for row in quoted])


def operating_points(rows: Sequence[Judged]) -> tuple[OperatingPoint, ...]:
    """Return what each of `THRESHOLDS` on the confidence would come to."""
    scores, right = [row.score for row in rows], [row.quote_hit for row in rows]
    return tuple(
        OperatingPoint(
            threshold,
            mean([float(row.score >= threshold) for row in rows if row.answerable]),
            mean([float(row.score >= threshold) for row in rows if not row.answerable]),
            risk_at(scores, right, threshold),
        )
        for threshold in THRESHOLDS
    )


def _abstention(rows: Sequence[Judged]) -> Measures:
    """Return how well confidence tells answerable questions and right quotes apart."""
    return {
        "abstention.AUROC": auroc(
            [row.confidence for row in rows if row.answerable],
            [row.confidence for row in rows if not row.answerable],
        ),
        "abstention.coverage@95": coverage_at_precision(
            [row.score for row in rows],
            [row.quote_hit for row in rows],
            [row.answerable for row in rows],
        ),
        "abstention.ECE": expected_calibration_error(calibration(rows)),
        "abstention.AURC": area_under_risk_coverage(
            [row.score for row in rows], [row.quote_hit for row in rows]
        ),
    }


def _answering(rows: Sequence[Judged]) -> Measures:
    """Return the share of all questions that got an answer, and how many of those were right."""
    answered = [row for row in rows if row.answered]
    return {
        "answered": mean([float(row.answered) for row in rows]),
        "answered.precision": mean([float(row.quote_hit) for row in answered]),
    }
