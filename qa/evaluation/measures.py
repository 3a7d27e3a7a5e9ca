"""Compute the measures: pure functions over relevance, confidence and correctness.

Names and meaning of the ranking measures are those of ir_measures (https://ir-measur.es), which
takes them from trec_eval. Ranks start at 1. A measure without a value (no question of the kind
that it needs) is None, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Bins of the calibration error: with the 50 questions of a small gold file, 5 a bin; the number is
# the one that the literature reports (Naeini et al. 2015 and after), so that values compare.
CALIBRATION_BINS = 10
# "95 of 100 given answers are right", the contract's point of operation.
COVERAGE_PRECISION = 0.95
# Sign flips of the randomisation test: the standard error of p = .05 is then .002.
FLIPS = 10_000
# Flips drawn at once: 500 x 2,000 questions are 8 MB, where all at once would be 160 MB.
FLIPS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability table: how sure the answers in it were, and how many were right."""

    count: int
    confidence: float
    accuracy: float


def first_rank(relevance: Sequence[bool]) -> int | None:
    """Return the rank of the first relevant item of a ranking, or None where there is none."""
    return next((rank for rank, hit in enumerate(relevance, start=1) if hit), None)


def success_at(relevance: Sequence[bool], k: int) -> float:
    """Return Success@k: 1 where one of the first `k` items is relevant, else 0."""
    return float(any(relevance[:k]))


def reciprocal_rank_at(relevance: Sequence[bool], k: int) -> float:
    """Return RR@k: 1 / rank of the first relevant item, 0 where it is not among the first `k`.

    Kantor and Voorhees 2000, "The TREC-5 Confusion Track", Information Retrieval 2.
    """
    rank = first_rank(relevance[:k])
    return 0.0 if rank is None else 1.0 / rank


def recall_at(relevance: Sequence[bool], k: int, relevant: int) -> float:
    """Return R@k: the share of all `relevant` items that stand among the first `k`.

    The items of a ranking must be distinct. 0 where nothing is relevant, as in trec_eval.
    """
    return sum(relevance[:k]) / relevant if relevant else 0.0


def precision_at(relevance: Sequence[bool], k: int) -> float:
    """Return P@k: the share of `k` ranks that hold something relevant; a missing rank does not."""
    return sum(relevance[:k]) / k


def average_precision(relevance: Sequence[bool], relevant: int) -> float:
    """Return AP: the mean, over all `relevant` items, of the precision at each one's rank.

    An item that is not in the ranking counts 0; so does a question without relevant items.
    Buckley and Voorhees 2000, "Evaluating evaluation measure stability", SIGIR.
    """
    precisions = [
        found / rank
        for found, rank in enumerate(
            (rank for rank, hit in enumerate(relevance, start=1) if hit), start=1
        )
    ]
    return sum(precisions) / relevant if relevant else 0.0


def ndcg_at(gains: Sequence[float], ideal: Sequence[float], k: int) -> float:
    """Return nDCG@k: the discounted gain of a ranking over that of the best possible one.

    `gains` are those of the ranked items, 0 where one is not relevant; `ideal` those of all
    relevant items. The gain is linear and the discount log2(rank + 1), as in trec_eval. Jaervelin
    and Kekaelaeinen 2002, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20.
    """
    best = _discounted(sorted(ideal, reverse=True)[:k])
    return _discounted(gains[:k]) / best if best else 0.0


def _discounted(gains: Sequence[float]) -> float:
    discounts = np.log2(np.arange(2, len(gains) + 2, dtype=np.float64))
    return float(np.sum(np.asarray(gains, dtype=np.float64) / discounts))


def judged_at(judged: Sequence[bool], k: int) -> float:
    """Return Judged@k: the share of the first `k` items, or of fewer where there are, with a label.

    A low value says that gold does not know most of what was found, so that misses may be none.
    """
    first = judged[:k]
    return sum(first) / len(first) if first else 0.0


def mean(values: Sequence[float]) -> float | None:
    """Return the arithmetic mean, or None of nothing."""
    return float(np.mean(values)) if len(values) else None


def auroc(positive: ArrayLike, negative: ArrayLike) -> float | None:
    """Return the area under the ROC curve: how often a positive outscores a negative, ties half.

    That is U / (m n) of Mann and Whitney 1947, "On a test of whether one of two random variables
    is stochastically larger than the other"; the equality with the area is shown by Hanley and
    McNeil 1982, Radiology 143. None where either side is empty.
    """
    above = np.asarray(positive, dtype=np.float64)
    below = np.sort(np.asarray(negative, dtype=np.float64))
    if not above.size or not below.size:
        return None
    smaller = np.searchsorted(below, above, side="left")
    not_larger = np.searchsorted(below, above, side="right")
    return float((smaller + not_larger).sum() / (2 * above.size * below.size))


def coverage_at_precision(
    confidence: ArrayLike,
    right: ArrayLike,
    answerable: ArrayLike,
    precision: float = COVERAGE_PRECISION,
) -> float | None:
    """Return the largest share of answerable questions answered at `precision` or better.

    All questions, the unanswerable too, are sorted by confidence. A threshold gives the answers
    at or above it, so equal confidences are given together or not at all. Its precision is
    right / given; its coverage the answerable questions among the given over all answerable
    ones (rightly answered or not: the words are "questions answered"). The result is the best
    coverage over all thresholds that keep the precision, 0 where none does, None where no
    question is answerable. A question that has no answer to give has confidence -inf.

    The selective-prediction curve of El-Yaniv and Wiener 2010 (JMLR 11), read at a fixed risk.
    """
    scores = np.asarray(confidence, dtype=np.float64)
    wanted = np.asarray(answerable, dtype=np.bool_)
    if not wanted.any():
        return None
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    given = np.arange(1, len(order) + 1)
    correct = np.cumsum(np.asarray(right, dtype=np.bool_)[order])
    covered = np.cumsum(wanted[order]) / wanted.sum()
    ends_tie = np.append(scores[1:] != scores[:-1], True) & (scores > -np.inf)
    kept = covered[ends_tie & (correct >= precision * given - 1e-9)]
    return float(kept.max()) if kept.size else 0.0


def risk_at(confidence: ArrayLike, right: ArrayLike, threshold: float) -> float | None:
    """Return the share of wrong answers among those at or above `threshold`; None without any."""
    given = np.asarray(confidence, dtype=np.float64) >= threshold
    return float(1 - np.asarray(right, dtype=np.bool_)[given].mean()) if given.any() else None


def risk_coverage(confidence: ArrayLike, right: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the risk-coverage curve: two float64 rows, coverage (0..1, rising) and risk (0..1).

    A point stands for each number of given answers, surest first: how many of all questions are
    answered, and what share of those answers is wrong. Inside a tie of confidences the wrong ones
    are spread evenly, so the curve does not depend on the order of the questions. El-Yaniv and
    Wiener 2010, "On the foundations of noise-free selective classification", JMLR 11.
    """
    scores = np.asarray(confidence, dtype=np.float64)
    if not scores.size:
        return np.empty(0), np.empty(0)
    order = np.argsort(-scores, kind="stable")
    wrong = 1.0 - np.asarray(right, dtype=np.float64)[order]
    _, group = np.unique(-scores[order], return_inverse=True)
    wrong = (np.bincount(group, weights=wrong) / np.bincount(group))[group]
    given = np.arange(1, scores.size + 1)
    return given / scores.size, np.cumsum(wrong) / given


def area_under_risk_coverage(confidence: ArrayLike, right: ArrayLike) -> float | None:
    """Return AURC: the mean risk over all coverages, 0 for a system that is never wrong.

    Geifman, Uziel and El-Yaniv 2019, "Bias-reduced uncertainty estimation for deep neural
    classifiers", ICLR. Lower is better. None without questions.
    """
    _, risk = risk_coverage(confidence, right)
    return float(risk.mean()) if risk.size else None


def reliability(
    confidence: ArrayLike, right: ArrayLike, bins: int = CALIBRATION_BINS
) -> tuple[Bin, ...]:
    """Return the reliability table over bins of equal mass, least confident first.

    Equal confidences share a bin (that of the first of them), so the table does not depend on the
    order of the questions; empty bins are left out. Bins of equal mass after Nguyen and O'Connor
    2015, "Posterior calibration and exploratory analysis for NLP models", EMNLP.
    """
    scores = np.asarray(confidence, dtype=np.float64)
    correct = np.asarray(right, dtype=np.bool_)
    if not scores.size:
        return ()
    number = np.searchsorted(np.sort(scores), scores, side="left") * bins // scores.size
    members = [number == n for n in range(bins)]
    return tuple(
        Bin(int(member.sum()), float(scores[member].mean()), float(correct[member].mean()))
        for member in members
        if member.any()
    )


def expected_calibration_error(table: Sequence[Bin]) -> float | None:
    """Return ECE: the mean distance of confidence and accuracy, each bin weighted by its count.

    Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian
    binning", AAAI. None of an empty table.
    """
    total = sum(part.count for part in table)
    gaps = (part.count * abs(part.confidence - part.accuracy) for part in table)
    return sum(gaps) / total if total else None


def paired_randomisation_p(
    first: ArrayLike, second: ArrayLike, *, flips: int = FLIPS, seed: int = 0
) -> float:
    """Return the two-sided p-value that two systems' values on the same questions differ by luck.

    Fisher's paired randomisation test as Smucker, Allan and Carterette 2007 (CIKM) advise it: the
    share of `flips` random swaps whose mean difference is at least the one seen. The swap that was
    seen counts itself (Phipson and Smyth 2010), so p is never 0. The same seed, the same p.
    Raises `ValueError` where the two do not pair up.
    """
    ours, theirs = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if ours.ndim != 1 or ours.shape != theirs.shape:
        raise ValueError(f"shapes {ours.shape} and {theirs.shape}; expected two equal rows")
    difference = ours - theirs
    seen = abs(difference.sum()) - 1e-9
    generator = np.random.default_rng(seed)
    as_far = 0
    for done in range(0, flips, FLIPS_AT_ONCE):
        shape = (min(FLIPS_AT_ONCE, flips - done), difference.size)
        signs = generator.integers(0, 2, size=shape, dtype=np.int8) * np.int8(2) - np.int8(1)
        as_far += int((np.abs(signs @ difference) >= seen).sum())
    return (as_far + 1) / (flips + 1)
