"""Compare two runs over the same questions, and tell a change that helped from luck."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus.errors import ReadError, UsageError
from qa.evaluation.judging import REFUSED, RIGHT
from qa.evaluation.measures import FLIPS, FloatArray, paired_randomisation_p
from qa.evaluation.whole_runs import WholeDifference, whole_differences

SIGNIFICANT = 0.05
RESAMPLES = 5_000
"""Bootstrap resamples: the ends of a 95% interval then vary by some 2% of its width."""
AT_ONCE = 250
"""Resamples drawn at once: 250 x 2,000 questions x 16 measures are 64 MB."""
DETECTED = 2.8
"""Standard errors that a true difference must have to be found in 8 of 10 comparisons at p = .05:
1.96 + .84, the normal quantiles of 1 - .05/2 and .8."""
SMALL = 100
"""Questions under which a set is called small: with these, differences under some .1 go unseen."""

NO_QUALITY = frozenset({"article.Judged@10"})
"""Measures that say something of gold, not of the run."""

OUTCOME = "outcome.right"
"""Right answers given and unanswerable questions declined, over all questions."""
DECIDING = ("quote.Success@1", "passage.Success@1", "article.Success@1")
"""The measure by which questions are won and lost: the first of these that both runs have."""


@dataclass(frozen=True, slots=True)
class Draws:
    """How many random draws the tests of a comparison make: sign flips, bootstrap resamples."""

    flips: int = FLIPS
    resamples: int = RESAMPLES


@dataclass(frozen=True, slots=True)
class RunFile:
    """What `qa evaluate --json` wrote: name, and a record a question by id."""

    name: str
    questions: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of two runs: means, `second - first`, and how sure that is.

    `low` to `high` is the 95% interval of the difference (percentile bootstrap over questions), `p`
    the two-sided paired randomisation test, `holm` the same after Holm's correction over all
    measures compared. `unseen` is the size of a true difference that so few questions would miss
    two times in ten or more often.
    """

    measure: str
    questions: int
    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    holm: float
    unseen: float

    @property
    def is_declared(self) -> bool:
        """Tell whether the runs differ by more than luck would explain."""
        return self.holm < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, side by side. `won` and `lost` are (id, question) by the measure `deciding`."""

    first: str
    second: str
    questions: int
    only_first: int
    only_second: int
    differences: tuple[Difference, ...]
    deciding: str | None
    won: tuple[tuple[str, str], ...]
    lost: tuple[tuple[str, str], ...]

    @property
    def is_small(self) -> bool:
        """Tell whether the set is too small for all but large differences."""
        return self.questions < SMALL

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON types."""
        return asdict(self) | {
            "small": self.is_small,
            "declared": [item.measure for item in self.differences if item.is_declared],
        }


def read_run(path: Path) -> RunFile:
    """Read what `qa evaluate --json` wrote. Raises `ReadError` where it is something else."""
    try:
        record = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; expected a run") from error
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path}: not JSON: {error}") from error
    rows = record.get("per_question") if isinstance(record, dict) else None
    if not isinstance(rows, list) or not all(map(_is_question, rows)):
        raise ReadError(
            f'{path}: no "per_question" with ids and values; expected what'
            " `qa evaluate GOLD --json OUT` writes"
        )
    return RunFile(path.name, {str(row["id"]): row for row in rows})


def _is_question(row: object) -> bool:
    """Tell whether a record has what is compared: an id, a verdict, numbers under their names."""
    if not isinstance(row, dict) or not {"id", "question", "verdict", "values"} <= row.keys():
        return False
    values = row["values"]
    return (
        isinstance(values, dict)
        and all(isinstance(value, int | float) for value in values.values())
        and isinstance(row.get("confidence", 0.0), int | float)
    )


def compare(
    first: RunFile, second: RunFile, *, seed: int = 0, draws: Draws | None = None
) -> Comparison:
    """Compare two runs over the questions that both have; the same seed, the same result.

    `draws` are how many the tests make, 10,000 flips and 5,000 resamples where None.
    Raises `UsageError` where they share no question.
    """
    shared = [name for name in first.questions if name in second.questions]
    if not shared:
        raise UsageError(
            f"{first.name} and {second.name} share no question; expected runs over the same gold"
        )
    ours = [_values(first.questions[name]) for name in shared]
    theirs = [_values(second.questions[name]) for name in shared]
    names = dict.fromkeys(key for row in ours for key in row if key not in NO_QUALITY)
    pairs = {name: _paired(name, ours, theirs) for name in names}
    pairs = {name: pair for name, pair in pairs.items() if pair.shape[1]}
    draws = draws or Draws()
    whole = whole_differences(
        [first.questions[name] for name in shared],
        [second.questions[name] for name in shared],
        flips=draws.flips,
        resamples=draws.resamples,
        seed=seed,
    )
    deciding = next((name for name in DECIDING if name in pairs), None)
    won, lost = _won_and_lost(first, shared, ours, theirs, deciding)
    return Comparison(
        first=first.name,
        second=second.name,
        questions=len(shared),
        only_first=len(first.questions) - len(shared),
        only_second=len(second.questions) - len(shared),
        differences=_differences(pairs, whole, seed, draws),
        deciding=deciding,
        won=won,
        lost=lost,
    )


def _values(row: Mapping[str, Any]) -> dict[str, float]:
    """Return a question's value of each measure, and whether its outcome was right."""
    outcome = float(row["verdict"] in (RIGHT, REFUSED))
    return {OUTCOME: outcome} | {name: float(value) for name, value in row["values"].items()}


def _paired(
    name: str, ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]]
) -> FloatArray:
    """Return the values of the questions that have the measure in both runs, float64 (2, n)."""
    both = [
        (a[name], b[name]) for a, b in zip(ours, theirs, strict=True) if name in a and name in b
    ]
    return np.array(both, dtype=np.float64).reshape(-1, 2).T


def _differences(
    pairs: Mapping[str, FloatArray],
    whole: Mapping[str, WholeDifference],
    seed: int,
    draws: Draws,
) -> tuple[Difference, ...]:
    """Return all differences: of means over questions, then of what a run has as a whole."""
    chances = {
        name: paired_randomisation_p(b, a, flips=draws.flips, seed=seed)
        for name, (a, b) in pairs.items()
    }
    corrected = holm(chances | {name: item.p for name, item in whole.items()})
    questions = max((pair.shape[1] for pair in pairs.values()), default=0)
    return (
        *(
            _difference(
                name,
                pair,
                (chances[name], corrected[name]),
                bootstrap_interval(pair[1] - pair[0], resamples=draws.resamples, seed=seed),
            )
            for name, pair in pairs.items()
        ),
        *(_of_whole(name, item, corrected[name], questions) for name, item in whole.items()),
    )


def _of_whole(name: str, item: WholeDifference, adjusted: float, questions: int) -> Difference:
    return Difference(
        measure=name,
        questions=questions,
        first=item.first,
        second=item.second,
        difference=item.second - item.first,
        low=item.low,
        high=item.high,
        p=item.p,
        holm=adjusted,
        unseen=DETECTED * item.error,
    )


def _difference(
    name: str, pair: FloatArray, chances: tuple[float, float], interval: tuple[float, float]
) -> Difference:
    """Return a difference from its p, plain and corrected, and its interval."""
    difference = pair[1] - pair[0]
    error = float(difference.std(ddof=1) / np.sqrt(difference.size)) if difference.size > 1 else 1.0
    return Difference(
        measure=name,
        questions=difference.size,
        first=float(pair[0].mean()),
        second=float(pair[1].mean()),
        difference=float(difference.mean()),
        low=interval[0],
        high=interval[1],
        p=chances[0],
        holm=chances[1],
        unseen=DETECTED * error,
    )


def holm(chances: Mapping[str, float]) -> dict[str, float]:
    """Return p-values corrected for there being several, by Holm's step-down method.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6. No assumption on how the measures hang together.
    """
    adjusted: dict[str, float] = {}
    highest = 0.0
    for place, name in enumerate(sorted(chances, key=lambda name: (chances[name], name))):
        highest = max(highest, min(1.0, (len(chances) - place) * chances[name]))
        adjusted[name] = highest
    return adjusted


def bootstrap_interval(
    values: FloatArray, *, resamples: int = RESAMPLES, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return the percentile interval of the mean over questions drawn with replacement.

    Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13. `values` (n,) must
    not be empty.
    """
    generator = np.random.default_rng(seed)
    means = np.empty(resamples)
    for done in range(0, resamples, AT_ONCE):
        count = min(AT_ONCE, resamples - done)
        drawn = generator.integers(0, values.size, size=(count, values.size))
        means[done : done + count] = values[drawn].mean(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _won_and_lost(
    first: RunFile,
    shared: Sequence[str],
    ours: Sequence[Mapping[str, float]],
    theirs: Sequence[Mapping[str, float]],
    deciding: str | None,
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Return the questions whose deciding measure rose, and those where it fell."""
    won: list[tuple[str, str]] = []
    lost: list[tuple[str, str]] = []
    for name, a, b in zip(shared, ours, theirs, strict=True):
        if deciding is None or deciding not in a or deciding not in b or a[deciding] == b[deciding]:
            continue
        side = won if b[deciding] > a[deciding] else lost
        side.append((name, str(first.questions[name]["question"])))
    return tuple(won), tuple(lost)
