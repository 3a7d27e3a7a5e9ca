"""Fit the confidence and judge how true it is, by models that had not seen the question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qa import confidence
from qa.evaluation.examples import FOLDS, Example, Sets, folds
from qa.evaluation.fitting import fit_logistic
from qa.evaluation.measures import auroc, expected_calibration_error, reliability
from qa.evaluation.parts import Report
from qa.evaluation.ranker import quote_is_right
from qa.odds import Bent, Sureness
from qa.ranking import weighed
from qa.wording import Flags, Floats, Ints

SIGN_PENALTY = 30.0
"""Penalty on the confidence's weights; figures are flat from 3 to 100."""

BEND = 0.8
"""Share of the questions below the value at which a sign bends. Of newsqa's 200 surest answers 15
in 100 are wrong without bends, and 9 with them; figures are flat from .7 to .85."""

SURE = 0.8
"""Log odds that the quote is right from which on these count, beside those that there is an answer.
Below, many quotes miss the marked words by a sentence, which says little of whether an answer is
there: counted from 0 on, the AUROC falls by .003; from 1.2 on, more of the surest are wrong."""

BALANCE = 0.25
"""Power of how many times larger the largest set is, by which a question of a smaller one counts: 0
counts all questions alike, 1 all sets."""

LEAST_SLOPE = 0.01
"""Least that log odds rise by where those that they come from rise by 1, whatever few questions
say."""

LEAST_GIVEN = 20
"""Answers from which on an error rate is believed."""

BELIEVED = 2.0
"""How many times an error rate may be measured where the confidences say it: of a hundred answers
luck alone makes half as much again. No threshold holds a rate that gold's own errors exceed."""

ERRORS = tuple(round(0.05 * step, 2) for step in range(1, 13))
"""Error rates for which thresholds are kept."""

SPOT = 0.1
"""Error rate for which it is reported how many are answered, and how many of these wrongly."""

DRAWS = 100
"""Draws of the calibration error by chance: its standard error is then under .003."""

DIGITS = 4
"""Digits of a threshold that are kept."""


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs of questions, (n, signs), with what they should tell.

    `taken_out` marks copies of questions whose articles were taken out; `number` (n,) is the
    example that a row comes from, and `set` (n,) its set, from 0.
    """

    names: tuple[str, ...]
    values: Floats
    answerable: Floats
    right: Floats
    taken_out: Floats
    number: Ints
    set: Ints

    @property
    def asked(self) -> Flags:
        """Mark the questions as they were asked, without the copies."""
        return np.asarray(self.taken_out == 0, dtype=np.bool_)

    @property
    def mixed(self) -> Flags:
        """Mark the rows of sets that ask what cannot be answered too, if there are any.

        Where all can be answered, a quote is right more often than people will find it, and what
        was taken out is the only thing that is told apart: articles, not answers.
        """
        lacking = np.unique(self.set[self.asked & (self.answerable == 0)])
        rows = np.isin(self.set, lacking)
        return rows if rows.any() else np.ones(len(rows), dtype=np.bool_)

    def of(self, chosen: Flags) -> Signs:
        """Return the rows that are chosen."""
        return Signs(
            self.names,
            self.values[chosen],
            self.answerable[chosen],
            self.right[chosen],
            self.taken_out[chosen],
            self.number[chosen],
            self.set[chosen],
        )


def signs_of(examples: Sequence[Example], weights: Sequence[Floats]) -> Signs:
    """Return the signs of examples, ranked by weights that had not seen them."""
    rows: list[tuple[dict[str, float], bool, bool, bool, int]] = []
    for number, (example, own) in enumerate(zip(examples, weights, strict=True)):
        shares = weighed(example.rows, own)
        told = confidence.signs(example.candidates, shares)
        rows.append((told, example.gold.answerable, quote_is_right(example, shares), False, number))
        if example.without is not None:
            candidates, without = example.without
            told = confidence.signs(candidates, weighed(without, own))
            rows.append((told, False, False, True, number))
    _, set_of = np.unique([examples[row[4]].set for row in rows], return_inverse=True)
    return Signs(
        tuple(rows[0][0]),
        np.array([list(row[0].values()) for row in rows]),
        np.array([row[1] for row in rows], dtype=np.float64),
        np.array([row[2] for row in rows], dtype=np.float64),
        np.array([row[3] for row in rows], dtype=np.float64),
        np.array([row[4] for row in rows]),
        set_of,
    )


def fit_confidence(signs: Signs) -> Sureness:
    """Fit the confidence on all rows of mixed sets."""
    signs = signs.of(signs.mixed)
    asked = signs.of(signs.asked)
    answerable = _fit(signs, signs.answerable, np.full(len(signs.names), np.inf))
    right = _fit(asked, asked.right, _bends(asked.values))
    odds = answerable.log_odds(asked.values), right.log_odds(asked.values)
    both = _joined(*odds, asked.right)
    level = _level(both.log_odds(np.stack(odds, 1)), asked.right)
    bounds = signs.values.min(axis=0), signs.values.max(axis=0)
    return Sureness(answerable, right, both, level, *bounds)


def _joined(answerable: Floats, right: Floats, wanted: Floats) -> Bent:
    """Return the sum of two models' log odds, the second from SURE on, that fits what is wanted.

    Each raises it: where few questions say otherwise, both count alike.
    """
    columns = np.column_stack([answerable, np.maximum(right - SURE, 0)])
    even = np.ones(len(wanted))
    found = fit_logistic(columns, wanted, even, 0.0)
    each, sure = found.weights.tolist()
    if min(each, sure) <= 0:
        found = fit_logistic(columns.sum(axis=1)[:, None], wanted, even, 0.0)
        each = sure = max(float(found.weights[0]), LEAST_SLOPE)
    slopes, bends = np.array([each, 0.0]), np.array([0.0, sure])
    return Bent(("answerable", "right"), slopes, np.array([0.0, SURE]), bends, found.bias)


def _bends(values: Floats) -> Floats:
    """Return where each sign bends, infinity where it does not: it has too few values."""
    at = np.quantile(values, BEND, axis=0)
    return np.where((values.min(axis=0) < at) & (at < values.max(axis=0)), at, np.inf)


def _fit(signs: Signs, wanted: Floats, at: Floats) -> Bent:
    """Fit log odds that bend where `at` says to what is wanted of each row, (n,) of 0 or 1.

    Sets have other shares of right answers, for which their signs are not to blame: each set has a
    level of its own while the model is fitted. Used is that of the largest.
    """
    sizes = np.bincount(signs.set)
    largest = int(sizes.argmax())
    weight = (sizes[largest] / sizes[signs.set]) ** BALANCE
    others = [number for number in np.unique(signs.set).tolist() if number != largest]
    levels = (signs.set[:, None] == np.array(others, dtype=np.int64)).astype(np.float64)
    bent = np.isfinite(at)
    above = np.maximum(signs.values[:, bent] - at[bent], 0)
    columns = np.column_stack([signs.values, above, levels])
    model = fit_logistic(columns, wanted, weight, SIGN_PENALTY)
    added = np.zeros(len(at))
    straight = len(signs.names)
    added[bent] = model.weights[straight : straight + above.shape[1]]
    where = np.where(bent, at, 0.0)
    return Bent(signs.names, model.weights[:straight], where, added, model.bias)


def _level(odds: Floats, right: Floats) -> Bent:
    """Return what brings log odds to the share that is right (Platt 1999), by two rising lines.

    One line is sure too soon at the top: what remains wrong there is what gold calls so. Where one
    of two would fall, it is one.
    """
    at = np.array([np.median(odds)])
    even = np.ones(len(odds))
    line = fit_logistic(np.column_stack([odds, np.maximum(odds - at, 0)]), right, even, 0.0)
    if min(line.weights[0], line.weights.sum()) > 0:
        return Bent(("both",), line.weights[:1], at, line.weights[1:], line.bias)
    line = fit_logistic(odds[:, None], right, even, 0.0)
    return Bent.straight(("both",), np.maximum(line.weights, LEAST_SLOPE), line.bias)


def held_out(signs: Signs, fold: Ints) -> Floats:
    """Return each row's confidence by a model that never saw its fold."""
    result = np.zeros(len(signs.values))
    own = fold[signs.number]
    for k in range(FOLDS):
        model = fit_confidence(signs.of(own != k))
        result[own == k] = model.probability(signs.values[own == k])
    return result


def given_at(rate: float, signs: Signs, probability: Floats, fold: Ints) -> Flags:
    """Mark the rows that are answered at an error rate, by thresholds of the other folds.

    Whether the rate is believed does not matter here: a fold that is wrong more often than others
    would be answered for that very reason, as these then seem right.
    """
    own, judged = fold[signs.number], signs.asked & signs.mixed
    given = np.zeros(len(own), dtype=np.bool_)
    for k in range(FOLDS):
        least = least_sure(rate, probability[judged & (own != k)])
        given |= signs.asked & (own == k) & (probability >= least)
    return given


def confidence_figures(
    examples: Sequence[Example], signs: Signs, probability: Floats
) -> dict[str, float]:
    """Return how well confidence tells unanswerable questions apart, and how true it is."""
    asked = signs.asked
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


def least_sure(rate: float, probability: Floats) -> float:
    """Return the least confidence that is answered at an error rate, 1 where LEAST_GIVEN are not.

    The rate is what the confidences say of all that is answered. What was measured of them would be
    set by the few answers about the threshold, and where it is low by luck: over six splits of
    newsqa into ten folds .13 to .28 of 60 answers were then wrong at .1, and .10 to .12 of 183 by
    the confidences.
    """
    falling = np.sort(probability)[::-1]
    said = 1 - np.cumsum(falling) / np.arange(1, len(falling) + 1)  # which only rises
    given = int(np.searchsorted(said, rate, side="right"))
    return float(falling[given - 1]) if given >= LEAST_GIVEN else 1.0


def thresholds(probability: Floats, right: Floats) -> list[tuple[float, float]]:
    """Return (error rate, least confidence that is answered for it), 1 where it cannot be held.

    It cannot where more than BELIEVED times as many answers are wrong as the confidences say, and
    no lower one can then.
    """
    table: list[tuple[float, float]] = []
    for rate in reversed(ERRORS):
        least = least_sure(rate, probability)
        given = probability >= least
        wrong = 1 - right[given].mean() if given.any() else 1.0
        is_held = wrong <= BELIEVED * rate and (not table or table[-1][1] < 1)
        table.append((rate, round(least, DIGITS) if is_held else 1.0))
    return table[::-1]


def train_confidence(
    sets: Sets,
    unseen: Mapping[str, Sequence[Floats]],
    report: Report,
    suffix: str = "",
) -> tuple[Sureness, list[tuple[float, float]]]:
    """Report the confidence's figures and return the model of all sets, with its thresholds.

    `unseen` has each set's weights by example, which never saw its article. `suffix` ends the names
    in the report.
    """
    every = [example for examples in sets.values() for example in examples]
    weights = [own for name in sets for own in unseen[name]]
    signs = signs_of(every, weights)
    fold = np.concatenate([folds(examples) for examples in sets.values()])
    probability = held_out(signs, fold)
    given = given_at(SPOT, signs, probability, fold)
    for number, name in enumerate(sorted(sets)):
        mine = signs.set == number
        own = signs.of(mine)
        found = confidence_figures(every, own, probability[mine])
        found |= {f"answers at {SPOT}": float(given[mine & signs.asked].mean())}
        if (given & mine).any():
            found |= {f"error at {SPOT}": float(1 - signs.right[given & mine].mean())}
        report.add(name, f"confidence, cross-validated{suffix}", found)
        if len(sets) > 1:
            model = fit_confidence(signs.of(~mine))
            found = confidence_figures(every, own, model.probability(own.values))
            report.add(name, f"confidence, from the other sets{suffix}", found)
    if len(sets) > 1 and given.any():
        every_set = {f"answers at {SPOT}": float(given[signs.asked].mean())}
        every_set[f"error at {SPOT}"] = float(1 - signs.right[given].mean())
        report.add("all sets", f"confidence, cross-validated{suffix}", every_set)
    judged = signs.asked & signs.mixed
    table = thresholds(probability[judged], signs.right[judged])
    return fit_confidence(signs), table
