"""The two models are fitted as their docstrings say; expected numbers by hand or by scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qa.evaluation.fitting import Lists, fit_logistic, fit_ranker
from qa.evaluation.sureness import (
    LEAST_GIVEN,
    Signs,
    _bends,
    _fit,
    _joined,
    _level,
    chance_error,
    fit_confidence,
    given_at,
    least_sure,
    thresholds,
)
from qa.odds import Sureness
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


def test_the_level_keeps_the_order_and_mends_what_is_sure_too_soon() -> None:
    """Confidences that grow five times too fast are brought to what is right, in both halves."""
    generator = np.random.default_rng(0)
    odds = generator.standard_normal(4000)
    right = (generator.random(4000) < 1 / (1 + np.exp(-odds))).astype(float)
    level = _level(5 * odds, right)
    mended = level.log_odds(5 * odds[:, None])
    assert mended == pytest.approx(odds, abs=0.25)
    assert (np.argsort(mended) == np.argsort(odds)).all()


def test_more_odds_never_lower_what_is_joined_or_levelled() -> None:
    """Few questions may say that an answer is the less likely the surer it is there."""
    odds = np.linspace(-3, 3, 60)
    chance = np.random.default_rng(0).random(60)
    falling = (chance < 1 / (1 + np.exp(odds))).astype(float)
    peaked = (chance < np.exp(-(odds**2) / 2)).astype(float)
    both = _joined(odds, odds, falling)
    assert both.weights[0] > 0
    assert both.added[1] > 0
    assert not _level(odds, peaked).added.any()


def signs_made(count: int, *, bend: float = 0.0, seed: int = 0) -> Signs:
    """Return questions with two signs: the first tells what is right, the second nothing.

    Half are of another set, of which more is right; a slope of `bend` is added where the first sign
    is among its greatest fifth.
    """
    generator = np.random.default_rng(seed)
    values = generator.standard_normal((count, 2))
    sets = np.arange(count) % 2
    odds = values[:, 0] + bend * np.maximum(values[:, 0] - 0.84, 0) + 2.0 * sets - 1
    right = (generator.random(count) < 1 / (1 + np.exp(-odds))).astype(float)
    return Signs(
        ("tells", "nothing"), values, np.ones(count), right, np.zeros(count), np.arange(count), sets
    )


def test_sets_differ_in_level_only() -> None:
    """What is right more often in one set is not put down to a sign; used is the larger's level."""
    signs = signs_made(20_000)
    larger = signs.of((signs.set == 0) | (signs.number < 10_000))
    model = _fit(larger, larger.right, np.full(2, np.inf))
    assert model.weights == pytest.approx([1.0, 0.0], abs=0.06)
    assert model.bias == pytest.approx(-1.0, abs=0.06)
    assert not model.added.any()


def test_a_sign_bends_where_it_is_told_to() -> None:
    """Of a slope of 1 that is 3 from the greatest fifth on, both are found."""
    signs = signs_made(40_000, bend=2.0)
    at = _bends(signs.values)
    assert at == pytest.approx([0.84, 0.84], abs=0.03)  # the normal distribution's .8 quantile
    model = _fit(signs, signs.right, at)
    assert model.weights[0] == pytest.approx(1.0, abs=0.1)
    assert model.added[0] == pytest.approx(2.0, abs=0.4)
    assert np.abs([model.weights[1], model.added[1]]).max() < 0.15


def test_what_has_two_values_does_not_bend() -> None:
    values = np.column_stack([np.arange(100) % 2, np.arange(100)]).astype(float)
    assert np.isfinite(_bends(values)).tolist() == [False, True]


def test_the_surest_are_told_by_the_quote() -> None:
    """A sign that tells a right quote counts at the top; below it is who has an answer at all."""
    signs = signs_made(4000, bend=4.0)
    gone = replace(
        signs,
        values=signs.values - [0, 3],
        answerable=np.zeros(4000),
        right=np.zeros(4000),
        taken_out=np.ones(4000),
    )
    fields = ("values", "answerable", "right", "taken_out", "number", "set")
    parts = [np.concatenate([getattr(part, name) for part in (signs, gone)]) for name in fields]
    model = fit_confidence(Signs(signs.names, *parts))
    assert abs(model.answerable.weights[0]) < 0.1 < model.answerable.weights[1]
    told = model.probability(signs.values)
    surest, there = (
        np.argsort(-by)[:400] for by in (told, model.answerable.log_odds(signs.values))
    )
    assert signs.right[surest].mean() > signs.right[there].mean() + 0.15
    assert told.mean() == pytest.approx(signs.right.mean(), abs=0.01)
    assert Sureness.stored(model.shown()).probability(signs.values) == pytest.approx(told, abs=2e-3)


def test_confidences_are_of_sets_where_some_cannot_be_answered() -> None:
    """A set of answerable questions alone is left out; where there is no other, it is not."""
    signs = signs_made(6)
    answerable = np.array([1.0, 1, 1, 0, 1, 1])  # question 3 is of the second set
    mixed = replace(signs, answerable=answerable, taken_out=np.array([0.0, 0, 0, 0, 0, 1]))
    assert mixed.mixed.tolist() == [False, True, False, True, False, True]
    assert signs.mixed.all()


def test_true_confidences_err_by_chance() -> None:
    """Of few questions more than of many; of confidences that are certain, never."""
    few, many = (chance_error(np.linspace(0.1, 0.9, size)) for size in (50, 5000))
    assert 0.1 < few < 0.2
    assert many < 0.02
    assert chance_error(np.repeat([0.0, 1.0], 50)) == 0


def test_thresholds_are_what_the_confidences_say() -> None:
    """A hundred answers whose confidence falls by a hundredth each: of 20 at most 1 in 10 fail."""
    probability = np.linspace(0.999, 0.009, 100)
    for count in (40, 18):  # answers that are right, the surest
        right = (np.arange(100) < count).astype(float)
        table = dict(thresholds(probability, right))
        assert table[0.2] == (pytest.approx(0.609) if count == 40 else 1)  # 22 of 40 are wrong
        assert table[0.1] == (pytest.approx(0.809) if count == 40 else 1)  # though 2 of 20 are
    few = thresholds(probability[: LEAST_GIVEN - 1], np.ones(LEAST_GIVEN - 1))
    assert {least for _, least in few} == {1.0}


def test_a_fold_is_answered_by_thresholds_of_the_others() -> None:
    """What a fold's own confidences say does not count: 4 is answered as 0 to 3 say."""
    fold = np.repeat(np.arange(5), 40)
    sure, unsure = np.linspace(0.98, 0.2, 40), np.linspace(0.85, 0.5, 40)
    probability = np.concatenate([*[sure] * 4, unsure])
    signs = signs_made(200)
    given = given_at(0.1, signs, probability, fold)
    assert probability[(fold == 4) & given].tolist() == unsure[unsure >= 0.82].tolist()
    assert least_sure(0.1, probability) > 0.82  # of all, fewer of them would be answered
