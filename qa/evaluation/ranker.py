"""Fit the ranker and judge what it ranks, by weights that had not seen a question's article."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from corpus.errors import UsageError
from corpus.records import Span
from qa.evaluation.examples import FOLDS, Example, Sets, articles_wanted, folds, is_hit
from qa.evaluation.fitting import Lists, fit_ranker
from qa.evaluation.gold import GoldQuestion
from qa.features import Rows
from qa.odds import rounded
from qa.ranking import Shares, weighed
from qa.reading import can_read, first_of, read, with_reading
from qa.retrieval import Candidate, Candidates
from qa.wording import Floats, Ints

PENALTY = 10.0
"""Penalty on the ranker's weights: held-out loss is flat from 3 to 20 on newsqa."""

STANDALONE_WEIGHT = 4.0
"""Weight of a question that can be understood by itself against one that is vague over a whole
collection: the words of a vague one do not tell which article is meant. Figures are flat from 3 to
6; at 12 the few that stand alone in newsqa are learned by heart."""

FIRST = {"fused": 1.0, "share": 3.0, "cosine": 3.0}
"""A first score of sentences, by feature, to leave those out that teach nothing."""

KEPT = 150
"""Sentences of a question that are learned from, beside those that hold its answer: with all of
some 300, fitting takes twice as long for the same figures; with 60, passages are found .01 less."""

QUOTE_SHARE = 0.5
"""Share of the right sentences in the ranker's loss, their passages have the rest."""

HEADINGS = (
    "passage.Success@1",
    "passage.Success@5",
    "quote.Success@1",
    "article.Success@1",
    "article.R@10",
)
"""The measures of a ranking, in the order of the columns of `outcomes`."""

RETRIEVED = {
    "FAISS alone": lambda example: np.array([item.dense for item in example.candidates.found]),
    "BM25 alone": lambda example: np.array([item.bm25 for item in example.candidates.found]),
    "fused": lambda example: example.rows.fused,
}
"""What ranks all candidates without a ranker, by name: a score of each."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights as `qa.ranking.weighed` takes them, (2 or 4, features), and the features' names."""

    names: tuple[str, ...]
    values: Floats

    def shown(self) -> dict[str, list[float]]:
        """Return each feature's weights as they are written."""
        parts = [rounded(self.names, part) for part in self.values]
        return {name: [part[name] for part in parts] for name in self.names}


def fit(
    examples: Iterable[Example], columns: Sequence[int] | None = None, *, shifts: bool = True
) -> Floats:
    """Return the ranker's weights, (2, features), fitted on the examples that hold an answer.

    See `qa.ranking.weighed`. Columns that are not among `columns` weigh nothing; unless the weights
    are to shift with how specific a question is, nothing is added for that.
    """
    examples = [example for example in examples if example.is_list]
    if not examples:
        raise UsageError("no question has its answer among its candidates: check the gold sets")
    lists = Lists.of([_list(example, columns, shifts=shifts) for example in examples])
    found = fit_ranker(lists, PENALTY, QUOTE_SHARE)
    found = (found if shifts else np.concatenate([found, np.zeros_like(found)])).reshape(2, -1)
    if columns is None:
        return found
    weights = np.zeros((2, len(examples[0].rows.names)))
    weights[:, columns] = found
    return weights


def _list(
    example: Example, columns: Sequence[int] | None, *, shifts: bool
) -> tuple[Floats, Floats, Floats, float]:
    """Return (values, right, beside, weight) of the sentences that come into question.

    Values are of the columns chosen, and behind them what weights add for a specific question.
    """
    rows = example.rows
    held = np.maximum.reduceat(example.right, rows.starts)[rows.passage]
    first = sum(weight * rows.values[:, rows.names.index(name)] for name, weight in FIRST.items())
    kept = (held > 0) | (np.argsort(np.argsort(-first, kind="stable")) < KEPT)
    weight = STANDALONE_WEIGHT if example.gold.standalone else 1.0
    values = rows.values[kept] if columns is None else rows.values[kept][:, columns]
    if shifts:
        values = np.concatenate([values, rows.specific * values], axis=1)
    return values, example.right[kept], held[kept], weight


def weights_by_fold(sets: Sets, columns: Sequence[int] | None = None) -> dict[str, list[Floats]]:
    """Return for each example of each set weights that never saw its fold.

    A fold of all sets is left out at once: as many fits as there are folds, however many the sets.
    """
    fold = {name: folds(examples) for name, examples in sets.items()}
    pairs = [pair for name in sets for pair in zip(sets[name], fold[name], strict=True)]
    fitted = fits(pairs, columns)
    return {name: [fitted[at] for at in own] for name, own in fold.items()}


def fits(
    pairs: Sequence[tuple[Example, int]],
    columns: Sequence[int] | None = None,
    *,
    shifts: bool = True,
) -> list[Floats]:
    """Return for each fold weights that never saw it; `pairs` are examples, each with its fold."""
    return [
        fit((example for example, own in pairs if own != k), columns, shifts=shifts)
        for k in range(FOLDS)
    ]


def read_by(examples: Sequence[Example], weights: Sequence[Floats]) -> list[Example]:
    """Return examples with what a reader makes of the sentences that the weights put first.

    Those that cannot be read are left out. Raises UsageError where that leaves none.
    """
    pairs = zip(examples, weights, strict=True)
    read_ones = [_read_by(*pair) for pair in pairs if can_read(pair[0].candidates, pair[0].rows)]
    if not read_ones:
        raise UsageError(
            "the reader of the bundled model has read none of the articles: index them again"
        )
    return read_ones


def _read_by(example: Example, weights: Floats) -> Example:
    without = example.without
    if without is not None:
        without = (without[0], _read(*without, weights))
    rows = _read(example.candidates, example.rows, weights)
    return replace(example, rows=rows, without=without)


def _read(candidates: Candidates, rows: Rows, weights: Floats) -> Rows:
    chosen = first_of(weighed(rows, weights).sentences)
    return with_reading(rows, read(candidates, rows, chosen))


def retrieved(examples: Sequence[Example], by: Callable[[Example], Floats]) -> Floats:
    """Return `outcomes` of candidates in the order of a score, with their nearest sentences."""
    found = []
    for example in examples:
        if example.gold.answerable:
            order = np.argsort(-by(example), kind="stable")
            item = example.candidates.found[order[0]]
            quote = item.stored.sentences[example.rows.nearest[order[0]]]
            found.append(_told(example, order, holds_answer(example.gold, item, quote)))
    return np.array(found, dtype=np.float64)


def outcomes(examples: Sequence[Example], weights: Sequence[Floats]) -> Floats:
    """Return (answerable examples, HEADINGS): 1 where the example has a hit, for R@10 a share."""
    return np.array(
        [
            _outcome(example, weighed(example.rows, own))
            for example, own in zip(examples, weights, strict=True)
            if example.gold.answerable
        ],
        dtype=np.float64,
    )


def _outcome(example: Example, shares: Shares) -> tuple[float, ...]:
    rows = example.rows
    scores = rows.fused - rows.fused.max() - 1.0  # what was not looked at comes behind
    scores[rows.chosen] = shares.passages
    order = np.argsort(-scores, kind="stable")
    return _told(example, order, quote_is_right(example, shares))


def _told(example: Example, order: Ints, quoted: bool) -> tuple[float, ...]:
    """Return HEADINGS of candidates in some order, and whether the first one's quote is right."""
    gold = example.gold
    ranked = [example.candidates.found[at] for at in order.tolist()]
    hits = [is_hit(gold, item, item.stored.span) for item in ranked[:5]]
    wanted = articles_wanted(gold)
    articles = list(dict.fromkeys(item.article_id for item in ranked))
    recalled = len(wanted.intersection(articles[:10])) / (len(wanted) or 1)
    return hits[0], any(hits), quoted, articles[0] in wanted, recalled


def quote_is_right(example: Example, shares: Shares) -> bool:
    """Tell whether the first passage's quote answers, see `holds_answer`."""
    place = int(np.argmax(shares.passages))
    item = example.candidates.found[shares.rows.chosen[place]]
    first, last = shares.quote(place)
    start = int(shares.rows.starts[place])
    sentences = item.stored.sentences[first - start : last - start]
    return holds_answer(example.gold, item, Span(sentences[0].start, sentences[-1].end))


def holds_answer(gold: GoldQuestion, item: Candidate, quote: Span) -> bool:
    """Tell whether a quote holds a gold span, or an answer's words where gold has none.

    Stricter than the measure, which takes any quote of a relevant article where gold has no span:
    a confidence that learned from that would be sure of articles, not of quotes.
    """
    if not is_hit(gold, item, quote):
        return False
    if any(entry.span for entry in gold.relevant) or not gold.answers:
        return True
    words = quote.of(item.article.text).lower()
    return any(answer.lower() in words for answer in gold.answers)


def figures(examples: Sequence[Example], found: Floats) -> dict[str, float]:
    """Return the means of outcomes, those that stand alone apart."""
    result = dict(zip(HEADINGS, found.mean(axis=0).tolist(), strict=True))
    alone = np.array([bool(e.gold.standalone) for e in examples if e.gold.answerable])
    if alone.any() and not alone.all():
        part = zip(HEADINGS[:3], found[alone].mean(axis=0).tolist(), strict=False)
        result |= {f"standalone.{name}": value for name, value in part}
    return result
