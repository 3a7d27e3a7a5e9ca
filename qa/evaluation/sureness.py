"""Fit the confidence and judge how true it is, by models that had not seen the question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qa import confidence
from qa.evaluation.examples import FOLDS, Example, folds
from qa.evaluation.fitting import Logistic, calibrated, fit_logistic
from qa.evaluation.measures import auroc, expected_calibration_error, reliability
from qa.evaluation.parts import Report
from qa.evaluation.ranker import quote_is_right, shares_of
from qa.wording import Floats, Ints

SIGN_PENALTY = 30.0
"""Penalty on the confidence's weights; figures are flat from 3 to 100."""

TAKEN_OUT_WEIGHT = 0.3
"""Weight of a question whose articles were taken out, against one that gold calls unanswerable."""

ANSWERABLE_SHARE = 0.8
"""Share of "can be answered" in the confidence's log odds; "the quote is right" has the rest."""

LEAST_GIVEN = 20
"""Answers from which on an error rate is believed."""

ERRORS = tuple(round(0.05 * step, 2) for step in range(1, 13))
"""Error rates for which thresholds are kept."""

DRAWS = 100
"""Draws of the calibration error by chance: its standard error is then under .003."""

DIGITS = 4
"""Digits of a threshold that are kept."""


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs of questions, (n, signs), with what they should tell.

    `taken_out` marks copies of questions whose articles were taken out; `number` (n,) is the
    example that a row comes from.
    """

    names: tuple[str, ...]
    values: Floats
    answerable: Floats
    right: Floats
    taken_out: Floats
    number: Ints


def signs_of(examples: Sequence[Example], weights: Sequence[Floats]) -> Signs:
    """Return the signs of examples, ranked by weights that had not seen them."""
    rows: list[tuple[dict[str, float], bool, bool, bool, int]] = []
    for number, (example, own) in enumerate(zip(examples, weights, strict=True)):
        shares = shares_of(example.rows, own)
        told = confidence.signs(example.candidates, shares)
        rows.append((told, example.gold.answerable, quote_is_right(example, shares), False, number))
        if example.without is not None:
            candidates, without = example.without
            told = confidence.signs(candidates, shares_of(without, own))
            rows.append((told, False, False, True, number))
    return Signs(
        tuple(rows[0][0]),
        np.array([list(row[0].values()) for row in rows]),
        np.array([row[1] for row in rows], dtype=np.float64),
        np.array([row[2] for row in rows], dtype=np.float64),
        np.array([row[3] for row in rows], dtype=np.float64),
        np.array([row[4] for row in rows]),
    )


def fit_confidence(signs: Signs, among: Floats) -> Logistic:
    """Fit the confidence on the rows that `among` marks."""
    kept = among.astype(bool)
    asked = kept & (signs.taken_out == 0)
    weight = np.where(signs.taken_out[kept] > 0, TAKEN_OUT_WEIGHT, 1.0)
    answerable = fit_logistic(signs.values[kept], signs.answerable[kept], weight, SIGN_PENALTY)
    even = np.ones(int(asked.sum()))
    right = fit_logistic(signs.values[asked], signs.right[asked], even, SIGN_PENALTY)
    mixed = answerable.mixed(right, ANSWERABLE_SHARE)
    return calibrated(mixed, signs.values[asked], signs.right[asked])


def held_out(signs: Signs, fold: Ints) -> Floats:
    """Return each row's confidence by a model that never saw its fold."""
    result = np.zeros(len(signs.values))
    own = fold[signs.number]
    for k in range(FOLDS):
        model = fit_confidence(signs, (own != k).astype(np.float64))
        result[own == k] = model.probability(signs.values[own == k])
    return result


def confidence_figures(
    examples: Sequence[Example], signs: Signs, probability: Floats
) -> dict[str, float]:
    """Return how well confidence tells unanswerable questions apart, and how true it is."""
    asked = signs.taken_out == 0
    alone = asked & np.array([bool(examples[at].gold.standalone) for at in signs.number])
    result = {}
    for prefix, rows in (("", asked), ("standalone.", alone)):
        if 0 < signs.answerable[rows].sum() < rows.sum():
            can = signs.answerable[rows] > 0
            value = auroc(probability[rows][can], probability[rows][~can])
            result[f"{prefix}abstention.AUROC"] = float(value or 0.0)
    error = expected_calibration_error(reliability(probability[asked], signs.right[asked]))
    result["calibration.ECE"] = float(error or 0.0)
    return result | {"ECE by chance": chance_error(probability[asked])}


def chance_error(probability: Floats) -> float:
    """Return the calibration error that true confidences show by chance, the mean over DRAWS.

    Each draw has answers right as often as their confidence says. With few questions the error is
    far from 0 then too: what is measured counts only as far as it is above.
    """
    generator = np.random.default_rng(0)
    errors = [
        expected_calibration_error(reliability(probability, generator.random(size) < probability))
        for size in [len(probability)] * DRAWS
    ]
    return float(np.mean([error or 0.0 for error in errors]))


def thresholds(probability: Floats, right: Floats) -> list[tuple[float, float]]:
    """Return (error rate, least confidence at which no more of the answers are wrong)."""
    order = np.argsort(-probability, kind="stable")
    given = np.arange(1, len(order) + 1)
    error = 1 - np.cumsum(right[order]) / given
    table = []
    for rate in ERRORS:
        fits = np.flatnonzero((error <= rate) & (given >= LEAST_GIVEN))
        least = float(probability[order[fits[-1]]]) if fits.size else 1.0
        table.append((rate, round(least, DIGITS)))
    return table


def train_confidence(
    sets: Mapping[str, Sequence[Example]],
    unseen: Mapping[str, Sequence[Floats]],
    report: Report,
    suffix: str = "",
) -> tuple[Logistic, Signs, list[tuple[float, float]]]:
    """Report the confidence's figures and return the model of all sets, with its thresholds.

    `unseen` has each set's weights by example, which never saw its article. `suffix` ends the names
    in the report.
    """
    every = [example for examples in sets.values() for example in examples]
    weights = [own for name in sets for own in unseen[name]]
    signs = signs_of(every, weights)
    fold = np.concatenate([folds(examples) for examples in sets.values()])
    probability = held_out(signs, fold)
    set_of = np.array([every[at].set for at in signs.number])
    for name in sets:
        own = _rows(signs, set_of == name)
        found = confidence_figures(every, own, probability[set_of == name])
        report.add(name, f"confidence, cross-validated{suffix}", found)
        if len(sets) > 1:
            model = fit_confidence(signs, (set_of != name).astype(np.float64))
            found = confidence_figures(every, own, model.probability(own.values))
            report.add(name, f"confidence, from the other sets{suffix}", found)
    asked = signs.taken_out == 0
    table = thresholds(probability[asked], signs.right[asked])
    return fit_confidence(signs, np.ones(len(signs.values))), signs, table


def _rows(signs: Signs, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> Signs:
    return Signs(
        signs.names,
        signs.values[chosen],
        signs.answerable[chosen],
        signs.right[chosen],
        signs.taken_out[chosen],
        signs.number[chosen],
    )
