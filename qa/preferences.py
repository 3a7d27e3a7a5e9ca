"""Ranked passages -> ranked as the query prefers: its period first, newer ones, outlets in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from qa.periods import Period
from qa.ranking import Ranked
from qa.records import Query
from qa.retrieval import Candidates

OTHER_TIME = 2.0
"""Nats that a passage loses for being of another time than the question names: it comes first only
where it is seven times as likely to answer."""

NEWER = 4.0
"""What the newest of the passages that come into question gains on the oldest, as a logarithm of
odds; tuned on the samples' developing questions."""

PLAUSIBLE = 3.0
"""Nats below the best passage down to which a passage comes into question."""


def prefer(query: Query, ranked: Sequence[Ranked]) -> list[Ranked]:
    """Return passages in the order that a query prefers; `ranked` has the best first."""
    if query.period is not None:
        ordered = period_first(ranked, query.period)
    else:
        ordered = newest_first(ranked, query.recency)
    return in_turn(ordered, query.sources)


def of_period(candidates: Candidates) -> Candidates:
    """Return those candidates by which an answer is judged: of the query's period, if it has one.

    Passages that look back on a period by name count as its own.
    """
    period = candidates.query.period
    if period is None or not period.relative:
        return candidates
    inside = tuple(item for item in candidates.found if period.covers(item.article.published))
    return replace(candidates, found=inside or candidates.found)


def period_first(ranked: Sequence[Ranked], period: Period) -> list[Ranked]:
    """Return passages with those of another time lowered.

    Where the period is relative, all of them go below its best passage: "this week" is answered by
    this week, however well an older article fits.
    """
    inside = [period.covers(item.candidate.article.published) for item in ranked]
    within = [item.score for item, is_inside in zip(ranked, inside, strict=True) if is_inside]
    most = max(within) if within and period.relative else math.inf
    weighed = [
        item if is_inside else replace(item, score=min(item.score - OTHER_TIME, most))
        for item, is_inside in zip(ranked, inside, strict=True)
    ]
    order = sorted(range(len(ranked)), key=lambda at: (-weighed[at].score, not inside[at]))
    return [weighed[at] for at in order]


def newest_first(ranked: Sequence[Ranked], recency: float) -> list[Ranked]:
    """Return passages best first, each raised by how new it is among those that may answer.

    The newest gains `recency` times NEWER, the oldest nothing, the others by their place among the
    dates; a passage without a date counts as the oldest. Ties keep their order.
    """
    if not recency or not ranked:
        return list(ranked)
    best = ranked[0].score
    close = [item for item in ranked if item.score >= best - PLAUSIBLE]
    dates = sorted({_day(item) for item in close})
    gains = {when: place / max(1, len(dates) - 1) for place, when in enumerate(dates)}
    raised = [
        replace(item, score=item.score + recency * NEWER * gains[_day(item)]) for item in close
    ]
    raised.sort(key=lambda item: -item.score)
    return raised + list(ranked[len(close) :])


def _day(item: Ranked) -> str:
    return item.candidate.article.published or ""


def in_turn(ranked: Sequence[Ranked], outlets: Sequence[str]) -> list[Ranked]:
    """Return passages so that each of several outlets has its best article in turn.

    Outlets come in the order of their best passages; no score is above the one before it.
    """
    if len(outlets) < 2:
        return list(ranked)
    turns: dict[str, int] = {}
    turn_of: dict[str, int] = {}
    for item in ranked:
        article = item.candidate.article
        if article.id not in turn_of:
            outlet = article.source or ""
            turn_of[article.id] = turns[outlet] = turns.get(outlet, -1) + 1
    ordered = sorted(ranked, key=lambda item: turn_of[item.candidate.article_id])
    least = accumulate((item.score for item in ordered), min)
    return [replace(item, score=score) for item, score in zip(ordered, least, strict=True)]
