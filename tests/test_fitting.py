"""The two models are fitted as their docstrings say; expected numbers by hand or by scipy."""

from __future__ import annotations

import numpy as np
import pytest

from qa.evaluation.fitting import Lists, calibrated, fit_logistic, fit_ranker
from qa.evaluation.sureness import LEAST_GIVEN, chance_error, thresholds
from qa.wording import Floats

Question = tuple[Floats, Floats, Floats, float]


def question(seed: int, *, weight: float = 1.0, tells: int = 0) -> Question:
    """Return twelve sentences of four features; feature `tells` marks the right one."""
    values = np.random.default_rng(seed).standard_normal((12, 4))
    right = np.zeros(12)
    right[int(np.argmax(values[:, tells]))] = 1
    beside = np.repeat(np.maximum.reduceat(right, [0, 4, 8]), 4)
    return values, right, beside, weight


def fitted(questions: list[Question], penalty: float = 1.0) -> Floats:
    return fit_ranker(Lists.of(questions), penalty, 0.5)


def test_the_feature_that_tells_gets_the_weight() -> None:
    """Of four features the one that marks right sentences outweighs the others by far."""
    weights = fitted([question(seed, tells=2) for seed in range(40)])
    assert weights[2] > 5 * np.abs(np.delete(weights, 2)).max()


def test_a_weight_of_two_is_asking_twice() -> None:
    """What a question counts is the same as how often it stands there."""
    others = [question(seed) for seed in range(1, 6)]
    once = question(0, tells=1)
    heavy = (*once[:3], 2.0)
    spread = Lists.of([once, once, *others]).values.std()
    assert spread > 0
    # Features are scaled by their spread over all rows, so both lists must hold the same rows.
    silent = (*once[:3], 0.0)
    assert fitted([heavy, silent, *others]) == pytest.approx(
        fitted([once, once, *others]), abs=1e-3
    )


def test_penalty_shrinks() -> None:
    """A greater penalty leaves smaller weights, and a constant feature none."""
    questions = [question(seed) for seed in range(10)]
    small, great = (np.abs(fitted(questions, penalty)).sum() for penalty in (1.0, 100.0))
    assert great < small / 2
    constant = [(np.column_stack([q[0], np.ones(12)]), *q[1:]) for q in questions]
    assert fitted(constant)[4] == 0


def test_logistic_finds_the_odds() -> None:
    """One sign, no penalty: 3 of 4 right where it is 1 and 1 of 4 where not: odds of 3 and 1/3."""
    values = np.repeat([[0.0], [1.0]], 4, axis=0)
    right = np.array([1.0, 0, 0, 0, 1, 1, 1, 0])
    model = fit_logistic(values, right, np.ones(8), 0.0)
    assert model.log_odds(values[[0, -1]]) == pytest.approx([-np.log(3), np.log(3)], abs=1e-4)
    assert model.probability(values[[0, -1]]) == pytest.approx([0.25, 0.75], abs=1e-4)


def test_calibration_keeps_the_order_and_mends_the_level() -> None:
    """A model that is sure too soon is brought to what is right on average."""
    generator = np.random.default_rng(0)
    values = generator.standard_normal((400, 1))
    right = (generator.random(400) < 1 / (1 + np.exp(-values[:, 0]))).astype(float)
    rash = fit_logistic(10 * values, right, np.ones(400), 0.0)
    rash = type(rash)(rash.weights * 50, 3.0)
    mended = calibrated(rash, values, right)
    assert mended.probability(values).mean() == pytest.approx(right.mean(), abs=1e-3)
    assert (np.argsort(mended.log_odds(values)) == np.argsort(rash.log_odds(values))).all()


def test_true_confidences_err_by_chance() -> None:
    """Of few questions more than of many; of confidences that are certain, never."""
    few, many = (chance_error(np.linspace(0.1, 0.9, size)) for size in (50, 5000))
    assert 0.1 < few < 0.2
    assert many < 0.02
    assert chance_error(np.repeat([0.0, 1.0], 50)) == 0


def test_thresholds_are_read_off_the_answers() -> None:
    """A hundred answers, the surest forty right: 42 may be given at an error of .05, 80 at .5."""
    probability = np.linspace(1, 0, 101)[:-1]
    right = np.repeat([1.0, 0.0], [40, 60])
    table = dict(thresholds(probability, right))
    assert table[0.05] == pytest.approx(probability[41])  # 42 given, 2 wrong: .048
    assert table[0.5] == pytest.approx(probability[79])
    few = thresholds(probability[: LEAST_GIVEN - 1], right[: LEAST_GIVEN - 1])
    assert {least for _, least in few} == {1.0}
