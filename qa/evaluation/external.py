"""Judge a ranking that another system made: a TREC run in place of an archive's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qa.evaluation.failure import Failure, FailureKind
from qa.evaluation.gold import GoldQuestion
from qa.evaluation.judging import SHOWN_PASSAGES, Judged
from qa.evaluation.measures import first_rank
from qa.evaluation.run import Evaluation
from qa.evaluation.slicing import slices_of
from qa.evaluation.summary import summarise_kinds, summarise_slices, summarise_with_standalone


def evaluate_run(gold: Sequence[GoldQuestion], run: Mapping[str, Sequence[str]]) -> Evaluation:
    """Measure a ranking of articles by question id; a question that it lacks returned nothing.

    Measures of passages, quotes and abstention are undefined: a run says nothing of them.
    """
    rows = tuple(_judged(question, tuple(run.get(question.id, ()))) for question in gold)
    known = {question.id for question in gold}
    strangers = [name for name in run if name not in known]
    warnings = (f"{len(strangers)} questions of the run are not in gold",) if strangers else ()
    return Evaluation(
        measures=summarise_with_standalone(rows),
        by_kind=summarise_kinds(rows),
        rows=rows,
        reliability=(),
        warnings=warnings,
        slices=summarise_slices(rows),
    )


def _judged(gold: GoldQuestion, ranked: tuple[str, ...]) -> Judged:
    grades = gold.grades
    labelled = {*grades, *gold.rejected}
    hits = tuple(article in grades for article in ranked)
    return Judged(
        id=gold.id,
        question=gold.question,
        kind=gold.kind,
        standalone=gold.standalone,
        answerable=gold.answerable,
        answered=bool(ranked),
        confidence=0.0,
        quote=None,
        quote_hit=False,
        answers=gold.answers,
        articles=ranked,
        article_hits=hits,
        passage_hits=(),
        relevant_articles=len(grades),
        tokens=(),
        grades=tuple(sorted(grades.values(), reverse=True)),
        ranked_grades=tuple(grades.get(article, 0) for article in ranked),
        judged=tuple(article in labelled for article in ranked),
        slices=slices_of(gold, None),
        failure=_failure(gold, hits),
        articles_only=True,
    )


def _failure(gold: GoldQuestion, hits: Sequence[bool]) -> Failure | None:
    """Return how a ranking missed: the first article is what an answer would have come from."""
    rank = first_rank(hits)
    if not gold.answerable:
        return Failure(FailureKind.WRONGLY_ANSWERED, "ranks articles") if hits else None
    if rank is None:
        return Failure(FailureKind.NOT_CANDIDATE, f"not among the {len(hits)} ranked")
    if rank > SHOWN_PASSAGES:
        return Failure(FailureKind.RANKED_BELOW, f"at rank {rank}")
    return Failure(FailureKind.OUTRANKED, f"at rank {rank}") if rank > 1 else None
