"""Fit the two models that ship as weights: the ranker's and the confidence's. Needs scipy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from qa.odds import chance
from qa.wording import Floats, Ints

STEPS = 500
"""Most steps of L-BFGS, which ends by itself after some 150. Held-out loss no longer falls after
40, but weights on their way tell what the last digits of their features were: single questions
changed from fit to fit, and with them the surest few."""

CONSTANT = 1e-4
"""Spread under which a feature is the same everywhere and gets no weight."""

TINY = 1e-300
"""Least sum that is divided by."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Sentences of several questions, one question after the other.

    `values` is float32 (sentences, features), `starts` (questions,) the first sentence of each
    question, `right` and `beside` (sentences,) mark sentences that hold an answer, and those whose
    passage does. Each question has one that is right; `weight` (questions,) is what it counts.
    """

    values: npt.NDArray[np.float32]
    starts: Ints
    right: Floats
    beside: Floats
    weight: Floats

    @classmethod
    def of(cls, parts: Sequence[tuple[Floats, Floats, Floats, float]]) -> Lists:
        """Put questions together; each is (values, right, beside, weight). Values are centred."""
        sizes = [len(part[1]) for part in parts]
        return cls(
            np.concatenate([part[0] - part[0].mean(axis=0) for part in parts], dtype="f4"),
            np.cumsum([0, *sizes[:-1]]),
            np.concatenate([part[1] for part in parts]),
            np.concatenate([part[2] for part in parts]),
            np.array([part[3] for part in parts]),
        )


def fit_ranker(lists: Lists, penalty: float, quote_share: float) -> Floats:
    """Return a weight a feature, float64 (features,): a listwise softmax with a squared penalty.

    The loss of a question is -log of the share that the right sentences have, `quote_share` of it,
    and of the share that their passages have, the rest. `penalty` weighs half the squared weights
    of features scaled to spread 1 within their questions.
    """
    spread = np.sqrt((lists.values**2).mean(axis=0))
    scale = np.where(spread > CONSTANT, spread, np.inf).astype(np.float32)
    values = lists.values / scale
    sizes = np.diff([*lists.starts, len(values)])
    question = np.repeat(np.arange(len(sizes)), sizes)
    parts = ((quote_share, lists.right), (1 - quote_share, lists.beside))

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = (values @ weights.astype(np.float32)).astype(np.float64)
        shares = np.exp(scores - np.maximum.reduceat(scores, lists.starts)[question])
        shares /= np.add.reduceat(shares, lists.starts)[question]
        slope, total = shares.copy(), 0.0
        for share, wanted in parts:
            got = np.maximum(np.add.reduceat(shares * wanted, lists.starts), TINY)
            total -= share * float(lists.weight @ np.log(got))
            slope -= share * shares * wanted / got[question]
        slope *= lists.weight[question]
        gradient = (slope.astype(np.float32) @ values).astype(np.float64)
        return total + penalty * float(weights @ weights) / 2, gradient + penalty * weights

    found = minimize(
        loss, np.zeros(values.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}
    )
    return np.asarray(found.x / scale, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic model: log odds are `values @ weights + bias`."""

    weights: Floats
    bias: float

    def log_odds(self, values: Floats) -> Floats:
        """Return the log odds of each row, (rows,)."""
        return np.asarray(values @ self.weights + self.bias, dtype=np.float64)

    def probability(self, values: Floats) -> Floats:
        """Return the probability of each row, (rows,)."""
        return chance(self.log_odds(values))


def fit_logistic(values: Floats, right: Floats, weight: Floats, penalty: float) -> Logistic:
    """Fit a logistic model to rows (n, signs) that are `right` (0 or 1) and weigh `weight`.

    `penalty` weighs half the squared weights of signs scaled to mean 0 and spread 1.
    """
    mean, spread = values.mean(axis=0), values.std(axis=0)
    scale = np.where(spread > CONSTANT, spread, np.inf)
    scaled = np.column_stack([(values - mean) / scale, np.ones(len(values))])
    penalised = np.append(np.full(values.shape[1], penalty), 0.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = scaled @ weights
        probability = chance(scores)
        total = float(weight @ (np.logaddexp(0, scores) - right * scores))
        total += float(penalised @ weights**2) / 2
        return total, scaled.T @ (weight * (probability - right)) + penalised * weights

    start = np.zeros(scaled.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    weights = found.x[:-1] / scale
    return Logistic(weights, float(found.x[-1] - weights @ mean))
