"""Refit the ranker and the confidence from gold sets: `python -m qa.evaluation.train GOLD ...`.

Every figure is of questions whose articles the weights had not seen: cross-validated by article,
and, for each set, from the other sets alone. Conversations are made of the questions; of these the
ranking is cross-validated, and the confidence has seen the same questions alone. Needs the [train]
extra (scipy).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from corpus.errors import NewsArchiveError, UsageError
from qa import confidence, ranking
from qa.evaluation.archives import opened
from qa.evaluation.examples import Example, Sets, examples_of, unread_example
from qa.evaluation.follow_ups import are_enough, train_follow_ups
from qa.evaluation.gold import read_gold
from qa.evaluation.parts import UNREAD_FIGURES, WITHOUT, Report, compare
from qa.evaluation.ranker import (
    HEADINGS,
    Weights,
    figures,
    fit,
    outcomes,
    read_by,
    weights_by_fold,
)
from qa.evaluation.sureness import train_confidence
from qa.evaluation.talks import talk_examples
from qa.evaluation.writing import check_folder, write_file
from qa.odds import Sureness, rounded
from qa.ranking import FOLLOW_UP, FOLLOW_UP_UNREAD, UNREAD, WITH_READER
from qa.wording import Floats

MAX_ERROR = 0.4
"""Default error rate: of ten answers that gold judges, six are right."""

WORSE = 0.005
"""By how much a cross-validated figure may fall before the new weights count as worse."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A ranker and the confidence that goes with it."""

    weights: Weights
    model: Sureness
    thresholds: Sequence[tuple[float, float]]

    @classmethod
    def on(cls, sets: Sets, sure: tuple[Sureness, list[tuple[float, float]]]) -> Fitted:
        """Fit the ranker on all sets; `sure` is what `train_confidence` returned for them."""
        every = [example for part in sets.values() for example in part]
        return cls(Weights(every[0].rows.names, fit(every)), *sure)

    def confidence(self) -> dict[str, Any]:
        """Return the confidence as it is written."""
        return {"thresholds": self.thresholds, **self.model.shown()}


_NUMBERS = re.compile(r"\[[-+.e\d,\s]+\]")


def _on_a_line(numbers: re.Match[str]) -> str:
    """Return a list of numbers on one line: a feature a line is what people read."""
    return " ".join(numbers[0].split()).replace("[ ", "[").replace(" ]", "]")


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run comes to: the sets, the models of single questions, the weights of follow-ups.

    Where conversations were too few, there are no such weights.
    """

    sets: tuple[str, ...]
    fitted: Mapping[str, Fitted]
    leaning: Mapping[str, Weights]


def write(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    """Write one weights file."""
    text = _NUMBERS.sub(_on_a_line, json.dumps(content, indent=1, ensure_ascii=False)) + "\n"
    write_file(folder / name, text)


def worse(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Say which cross-validated figures fell by more than WORSE, set by set."""
    return [
        f"{name} {figure} fell from {old:.3f} to {new:.3f}"
        for name, told in before.items()
        for figure, old in told.items()
        if figure in HEADINGS and (new := after.get(name, {}).get(figure, old)) < old - WORSE
    ]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    arguments = argparse.ArgumentParser(prog="python -m qa.evaluation.train", description=__doc__)
    arguments.add_argument("gold", nargs="+", type=Path, help="gold questions, JSON lines")
    arguments.add_argument(
        "--articles",
        nargs="+",
        type=Path,
        required=True,
        metavar="FILE",
        help="the articles of each gold set, in the same order",
    )
    arguments.add_argument("--parts", action="store_true", help="also leave out part after part")
    arguments.add_argument("--write", type=Path, metavar="DIR", help="write the weights here")
    arguments.add_argument(
        "--anyway", action="store_true", help="replace weights even where figures fell"
    )
    return arguments


def train(given: argparse.Namespace) -> int:
    """Fit, report and write; return the exit code."""
    if len(given.gold) != len(given.articles):
        raise UsageError(
            f"{len(given.gold)} gold sets and {len(given.articles)} articles files were given;"
            " expected one of each a set"
        )
    if given.write is not None:
        check_folder(given.write / ranking.WEIGHTS)
    sets: dict[str, list[Example]] = {}
    spoken: dict[str, list[Example]] = {}
    for gold, articles in zip(given.gold, given.articles, strict=True):
        name = gold.parent.name
        with opened(None, articles, _warn) as archive:
            asked = read_gold(gold)
            sets[name] = list(examples_of(name, archive, asked))
            spoken[name] = talk_examples(name, archive, asked)
    report = Report()
    alone = {name: [*map(unread_example, examples)] for name, examples in sets.items()}
    unread = weights_by_fold(alone)
    for name, examples in alone.items():
        report.add(name, UNREAD_FIGURES, figures(examples, outcomes(examples, unread[name])))
    plain = train_confidence(alone, unread, report, WITHOUT)
    read = _read_alone(sets, unread)
    unseen = weights_by_fold(read)
    compare(read, unseen, report, parts=given.parts)
    sure = train_confidence(read, unseen, report)
    talks = {name: found for name, found in spoken.items() if any(e.is_list for e in found)}
    leaning: dict[str, Weights] = {}
    if are_enough(talks):
        leaning = train_follow_ups(_mixed(alone), talks, sure[0], report)
    else:
        _warn("too few articles are asked of twice: the weights of follow-ups stay as they are")
    if given.write is None:
        return 0
    fitted = {UNREAD: Fitted.on(alone, plain), WITH_READER: Fitted.on(read, sure)}
    trained = Trained(tuple(sets), fitted, leaning)
    return _replace(given.write, report, trained, given.anyway)


def _read_alone(sets: Sets, weights: Mapping[str, Sequence[Floats]]) -> dict[str, list[Example]]:
    """Return the examples that lean on no conversation, as they were read, set by set.

    Sets without such an example are left out; UsageError where none has one.
    """
    read = {}
    for name, examples in sets.items():
        alone = [not example.candidates.query.context for example in examples]
        if any(alone):
            read[name] = read_by([*compress(examples, alone)], [*compress(weights[name], alone)])
    if not read:
        raise UsageError(
            "every question leans on a conversation: give a gold set whose questions stand alone"
        )
    return read


def _mixed(sets: Sets) -> Sets:
    """Return the sets that ask what cannot be answered too, all where there is none."""
    mixed = {n: part for n, part in sets.items() if not all(e.gold.answerable for e in part)}
    return mixed or sets


def _warn(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _replace(folder: Path, report: Report, trained: Trained, anyway: bool) -> int:
    """Write both files unless a figure fell; return the exit code.

    Weights of follow-ups that were not trained stay as they are there, or else as they ship.
    """
    told = {name: systems.get("cross-validated", {}) for name, systems in report.figures.items()}
    stored = folder / ranking.WEIGHTS
    before = json.loads(stored.read_text("utf-8")) if stored.is_file() else {}
    fell = worse(before.get("cross-validated", {}), told)
    if fell and not anyway:
        sys.stderr.write("the weights stay as they were: " + "; ".join(fell) + "\n")
        return 1
    by = {"about": "written by python -m qa.evaluation.train", "trained on": trained.sets}
    every = {which: found.weights for which, found in trained.fitted.items()}
    weights = {which: found.shown() for which, found in (every | dict(trained.leaning)).items()}
    kept = ranking.stored_weights() | before
    weights |= {name: kept[name] for name in (FOLLOW_UP, FOLLOW_UP_UNREAD) if name not in weights}
    write(folder, ranking.WEIGHTS, by | {"cross-validated": _shown(told)} | weights)
    sure = {
        name: systems.get("confidence, cross-validated", {})
        for name, systems in report.figures.items()
    }
    models = {which: found.confidence() for which, found in trained.fitted.items()}
    about = by | {"cross-validated": _shown(sure), "max_error": MAX_ERROR}
    write(folder, confidence.WEIGHTS, about | models[WITH_READER] | {UNREAD: models[UNREAD]})
    return 0


def _shown(told: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {name: rounded(list(f), np.array(list(f.values()))) for name, f in told.items() if f}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the training and return the exit code; a person's mistake is one line on stderr."""
    try:
        return train(parser().parse_args(arguments))
    except NewsArchiveError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
