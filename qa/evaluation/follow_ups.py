"""Fit the weights of follow-ups: which article is meant, and which of its sentences is asked for.

The articles are ordered by weights that were fitted on single questions: made conversations tell
which article is meant more plainly than people do. The sentences of each are ordered by weights
that were fitted on conversations, within the articles that answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from qa.evaluation.examples import FOLDS, Example, Sets, articles_wanted, folds
from qa.evaluation.parts import UNREAD_FIGURES, Report
from qa.evaluation.ranker import Weights, figures, fit, fits, outcomes, read_by
from qa.evaluation.sureness import confidence_figures, signs_of
from qa.odds import Sureness
from qa.ranking import FOLLOW_UP, FOLLOW_UP_UNREAD
from qa.wording import Floats

IN_TALK = "{} in conversation"
"""Name of a set's conversations in the report."""

CONFIDENCE = "confidence, seen alone"
"""Name of how true the confidence is that has seen these questions by themselves."""


def train_follow_ups(
    single: Sets, talks: Sets, model: Sureness, report: Report
) -> dict[str, Weights]:
    """Report figures of conversations and return the weights of follow-ups by name.

    `single` are questions by themselves, without the reader. `model` is the confidence of those
    with it, by which conversations are judged too: it has seen the same questions alone.
    """
    fold = {
        name: _fold_of([*single.get(name, ()), *talks.get(name, ())])
        for name in dict.fromkeys([*single, *talks])
    }
    articles = _fits(single, fold)
    unread = _joined(articles, talks, fold)
    for name, examples in talks.items():
        found = outcomes(examples, _unseen(unread, examples, fold[name]))
        report.add(IN_TALK.format(name), UNREAD_FIGURES, figures(examples, found))
    read = {
        name: read_by(examples, _unseen(unread, examples, fold[name]))
        for name, examples in talks.items()
    }
    with_reader = _joined(articles, read, fold)
    for name, examples in read.items():
        weights = _unseen(with_reader, examples, fold[name])
        found = outcomes(examples, weights)
        report.add(IN_TALK.format(name), "cross-validated", figures(examples, found))
        signs = signs_of(examples, weights)
        told = confidence_figures(examples, signs, model.probability(signs.values))
        report.add(IN_TALK.format(name), CONFIDENCE, told)
    return {
        which: Weights(next(iter(sets.values()))[0].rows.names, fitted[-1])
        for which, sets, fitted in (
            (FOLLOW_UP, read, with_reader),
            (FOLLOW_UP_UNREAD, talks, unread),
        )
    }


def are_enough(talks: Sets) -> bool:
    """Tell whether conversations can be learned from: each fold may hold an article of them."""
    return len({e.group for examples in talks.values() for e in examples if e.is_list}) >= FOLDS


def _fold_of(examples: Sequence[Example]) -> dict[str, int]:
    """Return article -> its fold."""
    own = zip(examples, folds(examples).tolist(), strict=True)
    return {example.group: number for example, number in own}


def _fits(sets: Sets, fold: Mapping[str, Mapping[str, int]]) -> list[Floats]:
    """Return weights (2, features) that never saw a fold, fold by fold, and those that saw all."""
    pairs = [(e, fold[name][e.group]) for name, examples in sets.items() for e in examples]
    return [*fits(pairs, shifts=False), fit((example for example, _ in pairs), shifts=False)]


def _joined(
    articles: Sequence[Floats], talks: Sets, fold: Mapping[str, Mapping[str, int]]
) -> list[Floats]:
    """Return weights (4, features): the articles', and what conversations say of sentences.

    Features that the articles' weights do not know are the last ones, and say nothing of articles.
    """
    own = {name: [_narrowed(e) for e in found if e.is_list] for name, found in talks.items()}
    sentences = _fits(own, fold)
    added = sentences[0].shape[1] - articles[0].shape[1]
    return [
        np.concatenate([np.pad(first, ((0, 0), (0, added))), second])
        for first, second in zip(articles, sentences, strict=True)
    ]


def _narrowed(example: Example) -> Example:
    """Return an example with the rows of the articles that answer alone."""
    rows, wanted = example.rows, articles_wanted(example.gold)
    found = [example.candidates.found[row].article_id in wanted for row in rows.chosen.tolist()]
    chosen = np.array(found)
    kept = chosen[rows.passage]
    passage = (np.cumsum(chosen) - 1)[rows.passage[kept]]
    rows = replace(
        rows,
        values=rows.values[kept],
        passage=passage,
        starts=np.flatnonzero(np.diff(passage, prepend=-1)),
        chosen=rows.chosen[chosen],
        article=np.unique(rows.article[chosen], return_inverse=True)[1],
        withdrawn=rows.withdrawn[kept],
    )
    return replace(example, rows=rows, right=example.right[kept], without=None)


def _unseen(
    weights: Sequence[Floats], examples: Sequence[Example], fold: Mapping[str, int]
) -> list[Floats]:
    """Return for each example the weights that never saw its fold."""
    return [weights[fold[example.group]] for example in examples]
