"""The measures, against numbers by hand, ir_measures and scikit-learn."""

from __future__ import annotations

import random

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR, Qrel, R, ScoredDoc, Success
from sklearn.metrics import roc_auc_score

from qa.evaluation.measures import (
    Bin,
    auroc,
    coverage_at_precision,
    expected_calibration_error,
    first_rank,
    mean,
    paired_randomisation_p,
    recall_at,
    reciprocal_rank_at,
    reliability,
    risk_at,
    success_at,
)

CONFIDENCES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])


def test_ranking_measures_by_hand() -> None:
    """The first relevant item at rank 3 is no success at 1, one at 5, and a third by RR."""
    relevance = [False, False, True, False, True]
    assert first_rank(relevance) == 3
    assert success_at(relevance, 1) == 0
    assert success_at(relevance, 3) == 1
    assert reciprocal_rank_at(relevance, 10) == pytest.approx(1 / 3)
    assert reciprocal_rank_at(relevance, 2) == 0
    assert recall_at(relevance, 10, relevant=4) == 0.5
    assert recall_at(relevance, 3, relevant=4) == 0.25


def test_nothing_returned_is_zero_not_an_error() -> None:
    """A ranking of nothing scores 0 everywhere; a mean of no questions is undefined."""
    assert first_rank([]) is None
    assert success_at([], 5) == reciprocal_rank_at([], 10) == recall_at([], 10, 3) == 0
    assert recall_at([False], 10, relevant=0) == 0
    assert mean([]) is None


def _random_run(seed: int) -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """Return rankings and relevant documents of 40 queries, some of which returned nothing."""
    generator = random.Random(seed)  # noqa: S311  # a seeded test
    documents = [f"d{n}" for n in range(30)]
    names = [f"q{n}" for n in range(40)]
    relevant = {name: set(generator.sample(documents, generator.randint(1, 14))) for name in names}
    ranked = {name: generator.sample(documents, generator.randint(0, 25)) for name in names}
    return ranked, relevant


@pytest.mark.parametrize("seed", range(5))
def test_ranking_measures_equal_ir_measures(seed: int) -> None:
    """Success@k, RR@k and R@k are those of ir_measures, queries without results counted."""
    ranked, relevant = _random_run(seed)
    qrels = [Qrel(name, doc, 1) for name, docs in relevant.items() for doc in docs]
    run = [
        ScoredDoc(name, doc, 1 / rank)
        for name, docs in ranked.items()
        for rank, doc in enumerate(docs, start=1)
    ]
    theirs = ir_measures.calc_aggregate([Success @ 1, Success @ 5, RR @ 10, R @ 10], qrels, run)
    hits = {name: [doc in relevant[name] for doc in docs] for name, docs in ranked.items()}
    ours = {
        Success @ 1: mean([success_at(row, 1) for row in hits.values()]),
        Success @ 5: mean([success_at(row, 5) for row in hits.values()]),
        RR @ 10: mean([reciprocal_rank_at(row, 10) for row in hits.values()]),
        R @ 10: mean([recall_at(row, 10, len(relevant[name])) for name, row in hits.items()]),
    }
    assert ours == pytest.approx(theirs)


def test_auroc_by_hand() -> None:
    """Of 2 x 3 pairs, 4 are won and 1 is tied: 4.5 / 6; without a side there is no value."""
    assert auroc([0.9, 0.4], [0.4, 0.1, 0.5]) == pytest.approx(4.5 / 6)
    assert auroc([0.5], [0.5]) == 0.5
    assert auroc([], [0.1]) is None
    assert auroc([0.1], []) is None


@given(st.lists(CONFIDENCES, min_size=1), st.lists(CONFIDENCES, min_size=1))
def test_auroc_equals_scikit_learn(positive: list[float], negative: list[float]) -> None:
    """AUROC with ties is the one of scikit-learn."""
    labels = [1] * len(positive) + [0] * len(negative)
    expected = roc_auc_score(labels, positive + negative)
    assert auroc(positive, negative) == pytest.approx(expected)


def test_coverage_stops_where_precision_falls() -> None:
    """19 right and 1 wrong keep 95 of 100; the next wrong one does not, and is not answered."""
    right = [True] * 10 + [False] + [True] * 9 + [False] * 5
    confidence = np.linspace(1, 0.1, len(right))
    assert coverage_at_precision(confidence, right, [True] * 25) == pytest.approx(20 / 25)


def test_coverage_counts_given_answers_to_unanswerable_questions_as_wrong() -> None:
    """An unanswerable question above the threshold spoils the precision and covers nothing."""
    confidence = [0.9, 0.8, 0.7]
    assert coverage_at_precision(confidence, [True, False, True], [True, False, True]) == 0.5
    assert coverage_at_precision([0.9, 0.8], [True, False], [True, False]) == 1.0
    assert coverage_at_precision([0.8, 0.9], [True, False], [True, False]) == 0.0


def test_coverage_may_pass_through_a_bad_start() -> None:
    """The best threshold is searched for: a wrong answer on top is made good by 19 right ones."""
    right = [False] + [True] * 19
    assert coverage_at_precision(np.linspace(1, 0.5, 20), right, [True] * 20) == 1.0


def test_coverage_gives_equal_confidences_together() -> None:
    """A wrong answer tied with a right one cannot be left out by luck of the order."""
    for right in ([True, True, False], [True, False, True]):
        got = coverage_at_precision([0.9, 0.5, 0.5], right, [True] * 3)
        assert got == pytest.approx(1 / 3)


def test_coverage_of_questions_without_a_quote() -> None:
    """A question with nothing to give (-inf) is never answered; no answerable one: undefined."""
    assert coverage_at_precision([0.9, -np.inf], [True, True], [True, True]) == 0.5
    assert coverage_at_precision([0.9], [False], [False]) is None


@given(st.lists(st.tuples(CONFIDENCES, st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_coverage_equals_trying_every_threshold(rows: list[tuple[float, bool, bool]]) -> None:
    """The sorted sweep finds what trying each confidence as a threshold finds."""
    rows = [(score, hit and answerable, answerable) for score, hit, answerable in rows]
    total = sum(answerable for _, _, answerable in rows)
    best = 0.0
    for threshold in {score for score, _, _ in rows}:
        above = [row for row in rows if row[0] >= threshold]
        if sum(hit for _, hit, _ in above) >= 0.95 * len(above) and total:
            best = max(best, sum(answerable for _, _, answerable in above) / total)
    expected = best if total else None
    scores, hits, answerable = zip(*rows, strict=True)
    assert coverage_at_precision(scores, hits, answerable) == pytest.approx(expected)


def test_risk_is_the_share_of_wrong_answers_given() -> None:
    """At .5, three answers are given and one is wrong; above all of them nothing is risked."""
    confidence, right = [0.9, 0.6, 0.5, 0.1], [True, False, True, False]
    assert risk_at(confidence, right, 0.5) == pytest.approx(1 / 3)
    assert risk_at(confidence, right, 0.95) is None


def test_reliability_by_hand() -> None:
    """Four questions in two bins of equal mass, and the weighted gap between them."""
    table = reliability([0.9, 0.1, 0.7, 0.3], [True, False, False, False], bins=2)
    assert table == (Bin(2, 0.2, 0.0), Bin(2, 0.8, 0.5))
    assert expected_calibration_error(table) == pytest.approx(0.5 * 0.2 + 0.5 * 0.3)
    assert expected_calibration_error(()) is None


def _table(rows: list[tuple[float, bool]]) -> tuple[Bin, ...]:
    return reliability([confidence for confidence, _ in rows], [right for _, right in rows])


@given(st.lists(st.tuples(CONFIDENCES, st.booleans()), min_size=1), st.randoms())
def test_reliability_does_not_depend_on_order(
    rows: list[tuple[float, bool]], shuffler: random.Random
) -> None:
    """Shuffled questions give the same bins, which hold every question exactly once."""
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    table, again = (_table(order) for order in (rows, shuffled))
    assert sum(part.count for part in table) == len(rows)
    assert [part.count for part in table] == [part.count for part in again]
    assert expected_calibration_error(table) == pytest.approx(expected_calibration_error(again))


def test_randomisation_equals_counting_all_swaps() -> None:
    """On 8 pairs the p-value comes near the exact one over all 256 swaps."""
    first = np.array([1, 1, 1, 0.5, 1, 1, 0, 1])
    second = np.array([0, 0, 1, 0, 1, 0, 1, 0])
    difference = first - second
    signs = np.array([[1 if n >> bit & 1 else -1 for bit in range(8)] for n in range(256)])
    exact = (np.abs(signs @ difference) >= abs(difference.sum()) - 1e-9).mean()
    assert paired_randomisation_p(first, second) == pytest.approx(exact, abs=0.015)


def test_randomisation_is_repeatable_and_never_zero() -> None:
    """The same seed gives the same p; equal systems give 1; p stays above 0 however far apart."""
    far = paired_randomisation_p([1.0] * 60, [0.0] * 60)
    assert far == paired_randomisation_p([1.0] * 60, [0.0] * 60) == pytest.approx(1 / 10_001)
    assert paired_randomisation_p([1, 0, 1], [1, 0, 1]) == 1.0
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        paired_randomisation_p([1, 0], [1, 0, 1])
