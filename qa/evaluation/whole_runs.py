"""Compare measures that a run has as a whole, no question alone: AUROC and AURC of the confidence.

The tests are those of `qa.evaluation.comparing`, with the measure computed anew at each draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qa.evaluation.measures import BoolArray, FloatArray, area_under_risk_coverage, auroc

FLIPS = 2_000
RESAMPLES = 1_000
"""Draws at most: a measure of 2,000 questions takes .3 ms, twice a draw."""

NEEDED = {"confidence", "answerable", "quote", "quote_hit"}
_CONFIDENCE, _SCORE, _RIGHT, _ANSWERABLE = range(4)


@dataclass(frozen=True, slots=True)
class WholeDifference:
    """One measure of two runs, with the chance of the difference and its 95% interval.

    `error` is the standard error of the difference, from the bootstrap.
    """

    first: float
    second: float
    p: float
    low: float
    high: float
    error: float


def _auroc(outcomes: FloatArray) -> float | None:
    answerable = outcomes[:, _ANSWERABLE] > 0
    confidence = outcomes[:, _CONFIDENCE]
    return auroc(confidence[answerable], confidence[~answerable])


def _aurc(outcomes: FloatArray) -> float | None:
    return area_under_risk_coverage(outcomes[:, _SCORE], outcomes[:, _RIGHT])


WHOLE: dict[str, Callable[[FloatArray], float | None]] = {
    "abstention.AUROC": _auroc,
    "abstention.AURC": _aurc,
}


def whole_differences(
    first: Sequence[Mapping[str, Any]],
    second: Sequence[Mapping[str, Any]],
    *,
    flips: int = FLIPS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, WholeDifference]:
    """Return the differences of two runs, given the records of the same questions in one order.

    Empty where the records have no confidence or neither run has quotes; a measure that is
    undefined is left out.
    """
    if not all(row.keys() >= NEEDED for row in (*first, *second)):
        return {}
    if not any(row["quote"] is not None for row in (*first, *second)):
        return {}
    pair = np.stack([_outcomes(first), _outcomes(second)])
    found = {}
    for name, measure in WHOLE.items():
        values = [measure(side) for side in pair]
        if values[0] is not None and values[1] is not None:
            generator = np.random.default_rng(seed)
            seen = abs(values[1] - values[0]) - 1e-9
            chance = _chance(measure, pair, seen, min(flips, FLIPS), generator)
            drawn = _resampled(measure, pair, min(resamples, RESAMPLES), generator)
            low, high = np.quantile(drawn, [0.025, 0.975]) if drawn.size else (0.0, 0.0)
            error = float(drawn.std(ddof=1)) if drawn.size > 1 else 1.0
            found[name] = WholeDifference(
                values[0], values[1], chance, float(low), float(high), error
            )
    return found


def _outcomes(rows: Sequence[Mapping[str, Any]]) -> FloatArray:
    """Return float64 (n, 4): confidence, the same or -inf without a quote, right, answerable."""
    return np.array(
        [
            (
                row["confidence"],
                row["confidence"] if row["quote"] is not None else -np.inf,
                row["quote_hit"],
                row["answerable"],
            )
            for row in rows
        ],
        dtype=np.float64,
    )


def _chance(
    measure: Callable[[FloatArray], float | None],
    pair: FloatArray,
    seen: float,
    flips: int,
    generator: np.random.Generator,
) -> float:
    """Return the share of random swaps of the runs, question by question, that differ as much."""
    as_far = 0
    for _ in range(flips):
        swapped: BoolArray = np.asarray(generator.random((pair.shape[1], 1)) < 0.5)
        ours = np.where(swapped, pair[1], pair[0])
        theirs = np.where(swapped, pair[0], pair[1])
        as_far += abs((measure(theirs) or 0.0) - (measure(ours) or 0.0)) >= seen
    return (as_far + 1) / (flips + 1)


def _resampled(
    measure: Callable[[FloatArray], float | None],
    pair: FloatArray,
    resamples: int,
    generator: np.random.Generator,
) -> FloatArray:
    """Return the differences over questions drawn with replacement; undefined ones left out."""
    size = pair.shape[1]
    found = []
    for _ in range(resamples):
        drawn = generator.integers(0, size, size=size)
        ours, theirs = measure(pair[0, drawn]), measure(pair[1, drawn])
        if ours is not None and theirs is not None:
            found.append(theirs - ours)
    return np.array(found, dtype=np.float64)
