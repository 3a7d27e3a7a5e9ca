"""Signs -> log odds, by models small enough to be read: straight lines that may bend once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qa.wording import Floats

_PARTS = ("answerable", "right", "both", "level")

SURE = 500.0
"""Log odds beyond which a probability is 0 or 1 to the last digit."""

DIGITS = 4
"""Digits of a weight that are kept."""


@dataclass(frozen=True, slots=True)
class Bent:
    """Log odds that are a sum over signs, each a line that bends at one value.

    `weights`, `at` and `added` are float64 (signs,): the slope, where it bends, and what is added
    to it from there on.
    """

    names: tuple[str, ...]
    weights: Floats
    at: Floats
    added: Floats
    bias: float

    @classmethod
    def straight(cls, names: Sequence[str], weights: Floats, bias: float) -> Bent:
        """Return log odds that bend nowhere."""
        none = np.zeros(len(weights))
        return cls(tuple(names), weights, none, none, bias)

    @classmethod
    def stored(cls, told: Mapping[str, Any]) -> Bent:
        """Return the model that `shown` gave."""
        names = tuple(told["weights"])
        bends = [told["bends"].get(name, (0.0, 0.0)) for name in names]
        at, added = np.array(bends, dtype=np.float64).reshape(-1, 2).T
        return cls(names, np.array(list(told["weights"].values())), at, added, told["bias"])

    def shown(self) -> dict[str, Any]:
        """Return the model as it is written: weights by sign, and [where, what is added]."""
        bends = zip(self.names, self.at.tolist(), self.added.tolist(), strict=True)
        return {
            "bias": _short(self.bias),
            "weights": rounded(self.names, self.weights),
            "bends": {name: [_short(at), _short(added)] for name, at, added in bends if added},
        }

    def log_odds(self, values: Floats) -> Floats:
        """Return the log odds of rows of signs: (..., signs) -> (...)."""
        above = np.maximum(values - self.at, 0)
        return np.asarray(values @ self.weights + above @ self.added + self.bias, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Sureness:
    """How sure a quote is, from two models of the same signs.

    `answerable` tells whether the articles hold an answer at all, `right` whether it is quoted.
    `both` joins their log odds, and `level` brings what comes out to the share that is right.
    `least` and `most` (signs,) bound what signs count: further than they were seen nothing is known
    of them. Behind a long conversation they would go ten times as far.
    """

    answerable: Bent
    right: Bent
    both: Bent
    level: Bent
    least: Floats
    most: Floats

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the signs, in the order in which their values are taken."""
        return self.right.names

    @classmethod
    def stored(cls, told: Mapping[str, Any]) -> Sureness:
        """Return the model that `shown` gave. Raises ValueError where its parts do not agree."""
        answerable, right, both, level = (Bent.stored(told[part]) for part in _PARTS)
        names = right.names
        if answerable.names != names or tuple(told["bounds"]) != names:
            raise ValueError("the parts of a confidence are of other signs, or in another order")
        least, most = np.array([*told["bounds"].values()], dtype=np.float64).reshape(-1, 2).T
        return cls(answerable, right, both, level, least, most)

    def shown(self) -> dict[str, Any]:
        """Return the model as it is written."""
        bounds = zip(self.names, self.least.tolist(), self.most.tolist(), strict=True)
        parts = {part: getattr(self, part).shown() for part in _PARTS}
        return parts | {"bounds": {name: [_short(a), _short(b)] for name, a, b in bounds}}

    def probability(self, values: Floats) -> Floats:
        """Return the probability that quotes with these signs answer: (..., signs) -> (...)."""
        values = np.clip(values, self.least, self.most)
        parts = [self.answerable.log_odds(values), self.right.log_odds(values)]
        joined = self.both.log_odds(np.stack(parts, axis=-1))
        return chance(self.level.log_odds(joined[..., None]))


def chance(log_odds: Floats) -> Floats:
    """Return the probability that log odds stand for.

    Models of a few questions that can be told apart wholly know no bounds: from SURE on it is 1.
    """
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -SURE, SURE))), dtype=np.float64)


def rounded(names: Sequence[str], weights: Floats) -> dict[str, float]:
    """Return name -> weight, with DIGITS digits."""
    return {name: _short(weight) for name, weight in zip(names, weights.tolist(), strict=True)}


def _short(weight: float) -> float:
    return float(f"{weight:.{DIGITS}g}")
