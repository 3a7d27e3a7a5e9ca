"""The evaluation line: ask every gold question, check the offsets, judge, sum up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from corpus.errors import UsageError
from corpus.records import Article
from qa.evaluation.checks import check_gold, check_offsets
from qa.evaluation.gold import GoldQuestion
from qa.evaluation.judging import Judged, judge
from qa.evaluation.measures import Bin
from qa.evaluation.summary import (
    OFFSETS_WRONG,
    SECONDS,
    Measures,
    calibration,
    summarise_kinds,
    summarise_with_standalone,
)
from qa.records import Answer, Question

# Questions asked at once: enough to share the encoder's passes, few enough to show progress.
BATCH = 32

Progress = Callable[[int, int], None]
"""Called with the number of questions done and of all."""


class Asker(Protocol):
    """What is evaluated: an archive, or anything that answers and hands out its articles."""

    def ask_many(self, questions: Sequence[str | Question]) -> list[Answer]:
        """Return one answer a question, in their order; `UsageError` for one it cannot take."""
        ...

    def article(self, article_id: str) -> Article:
        """Return the article of that id; `UsageError` or `KeyError` where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a run over gold questions came to.

    `measures` are flat, by the names of the contract, None where undefined; `by_kind` the same for
    each kind of question. `rows` hold each question judged, in the order of the gold file.
    `offsets_wrong` names each citation that does not slice back to its article: always empty.
    """

    measures: Measures
    by_kind: dict[str, Measures]
    rows: tuple[Judged, ...]
    reliability: tuple[Bin, ...]
    offsets_wrong: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return flat measures, then `by_kind` and `per_question`, as plain JSON types."""
        return {
            **self.measures,
            "by_kind": self.by_kind,
            "per_question": [row.to_dict() for row in self.rows],
        }


@dataclass(slots=True)
class _Tally:
    """What piles up while the batches are asked."""

    rows: list[Judged]
    offsets_wrong: list[str]
    warnings: list[str]
    seconds: float = 0.0


def evaluate(
    archive: Asker, gold: Sequence[GoldQuestion], *, progress: Progress | None = None
) -> Evaluation:
    """Ask the gold questions of an archive and measure its answers.

    `seconds` is the time that the asking took, without the checks. A question that the archive
    refuses (`UsageError`) counts as one that returned nothing, with a warning.
    """
    tally = _Tally([], [], list(check_gold(archive, gold)))
    for batch in _batches(gold):
        begun = time.perf_counter()
        answers = _ask(archive, batch, tally.warnings)
        tally.seconds += time.perf_counter() - begun
        tally.offsets_wrong += check_offsets(archive, answers)
        tally.rows += [judge(*pair) for pair in zip(batch, answers, strict=True)]
        if progress:
            progress(len(tally.rows), len(gold))
    return _evaluation(tally)


def _evaluation(tally: _Tally) -> Evaluation:
    """Sum up what piled up."""
    measures = summarise_with_standalone(tally.rows)
    measures |= {SECONDS: round(tally.seconds, 3), OFFSETS_WRONG: len(tally.offsets_wrong)}
    return Evaluation(
        measures=measures,
        by_kind=summarise_kinds(tally.rows),
        rows=tuple(tally.rows),
        reliability=calibration(tally.rows),
        offsets_wrong=tuple(tally.offsets_wrong),
        warnings=tuple(tally.warnings),
    )


def _batches(gold: Sequence[GoldQuestion]) -> Iterator[Sequence[GoldQuestion]]:
    """Yield the questions in runs of `BATCH`."""
    for start in range(0, len(gold), BATCH):
        yield gold[start : start + BATCH]


def _ask(archive: Asker, batch: Sequence[GoldQuestion], warnings: list[str]) -> list[Answer | None]:
    """Ask a batch at once; where one question is refused, ask one by one and warn of it."""
    try:
        return list(archive.ask_many([question.to_request() for question in batch]))
    except UsageError as error:
        if len(batch) > 1:
            return [answer for question in batch for answer in _ask(archive, [question], warnings)]
        question = batch[0]
        warnings.append(f"line {question.line}, question {question.id!r}: refused, {error}")
        return [None]
