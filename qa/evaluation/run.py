"""The evaluation line: ask every gold question, check the offsets, judge, sum up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from corpus.errors import UsageError
from corpus.records import Article
from qa.evaluation.checks import check_gold, check_offsets, find_article
from qa.evaluation.diagnosis import Case, diagnose, refused
from qa.evaluation.gold import GoldQuestion
from qa.evaluation.inside import Place
from qa.evaluation.judging import Judged, judge
from qa.evaluation.measures import Bin
from qa.evaluation.slicing import slices_of
from qa.evaluation.summary import (
    OFFSETS_WRONG,
    SECONDS,
    Measures,
    calibration,
    summarise_kinds,
    summarise_slices,
    summarise_with_standalone,
    values_of,
)
from qa.records import Answer, Query, Question

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


class Insight(Protocol):
    """What shows where the line lost an article: `qa.evaluation.inside.Inside`."""

    def places(
        self, queries: Sequence[Query], articles: Sequence[Sequence[str]]
    ) -> list[dict[str, Place]]:
        """Return for each query the places of these articles by id."""
        ...


class Journal(Protocol):
    """Where rows are kept while a run goes on, so that a broken one can be continued."""

    def known(self) -> dict[str, Judged]:
        """Return the rows of an earlier run of the same, by id."""
        ...

    def note(self, rows: Sequence[Judged]) -> None:
        """Keep the rows of a batch."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a run over gold questions came to.

    `measures` are flat, by the names of the contract, None where undefined; `by_kind` the same for
    each kind of question, `slices` for each part of the run by dimension. `rows` hold each
    question judged, in the order of the gold file. `offsets_wrong` names each citation that does
    not slice back to its article: always empty.
    """

    measures: Measures
    by_kind: dict[str, Measures]
    rows: tuple[Judged, ...]
    reliability: tuple[Bin, ...]
    offsets_wrong: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    slices: dict[str, dict[str, Measures]] = field(default_factory=dict)

    @property
    def failures(self) -> dict[str, int]:
        """Return how many questions failed in each way, most first; they add up to the misses."""
        counts = Counter(row.failure.kind.value for row in self.rows if row.failure)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @property
    def missed_by(self) -> dict[str, int]:
        """Return how many answers a retriever alone did not find, and how many neither did."""
        counts = Counter(
            " and ".join(row.failure.missed_by)
            for row in self.rows
            if row.failure and row.failure.missed_by
        )
        return dict(sorted(counts.items()))

    def to_dict(self) -> dict[str, Any]:
        """Return flat measures, then the parts and the questions, as plain JSON types."""
        return {
            **self.measures,
            "misses": sum(row.is_miss for row in self.rows),
            "failures": self.failures,
            "missed_by": self.missed_by,
            "by_kind": self.by_kind,
            "slices": self.slices,
            "per_question": [row.to_dict() | {"values": values_of(row)} for row in self.rows],
        }


@dataclass(slots=True)
class _Run:
    """What asks and judges, and what piles up while it does."""

    archive: Asker
    insight: Insight | None
    offsets_wrong: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def batch(self, gold: Sequence[GoldQuestion]) -> list[Judged]:
        """Ask some questions at once; return them judged, each miss with its reason."""
        begun = time.perf_counter()
        refusals: dict[str, str] = {}
        answers = self._ask(gold, refusals)
        self.seconds += time.perf_counter() - begun
        self.offsets_wrong += check_offsets(self.archive, answers)
        rows = [
            replace(judge(question, answer), slices=self._slices(question))
            for question, answer in zip(gold, answers, strict=True)
        ]
        return self._explained(gold, answers, rows, refusals)

    def _ask(self, batch: Sequence[GoldQuestion], refusals: dict[str, str]) -> list[Answer | None]:
        """Ask at once; where one is refused, ask each half, down to the one that is warned of."""
        try:
            return list(self.archive.ask_many([question.to_request() for question in batch]))
        except UsageError as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                halves = (batch[:middle], batch[middle:])
                return [answer for half in halves for answer in self._ask(half, refusals)]
            question = batch[0]
            refusals[question.id] = str(error)
            self.warnings.append(
                f"line {question.line}, question {question.id!r}: refused, {error}"
            )
            return [None]

    def _slices(self, gold: GoldQuestion) -> tuple[tuple[str, str], ...]:
        found = (find_article(self.archive, item.article) for item in gold.relevant)
        return slices_of(gold, next((article for article in found if article), None))

    def _explained(
        self,
        gold: Sequence[GoldQuestion],
        answers: Sequence[Answer | None],
        rows: list[Judged],
        refusals: dict[str, str],
    ) -> list[Judged]:
        """Return the rows with the reason of each miss."""
        missed = [n for n, row in enumerate(rows) if row.is_miss]
        asked = {n: answer for n in missed if (answer := answers[n]) is not None}
        places: dict[int, dict[str, Place]] = {}
        if self.insight is not None:
            queries = [answer.query for answer in asked.values()]
            wanted = [[item.article for item in gold[n].relevant] for n in asked]
            places = dict(zip(asked, self.insight.places(queries, wanted), strict=True))
        for n in missed:
            answer = asked.get(n)
            if answer is None:
                failure = refused(refusals.get(gold[n].id, "nothing was returned"))
            else:
                failure = diagnose(Case(gold[n], answer, rows[n], self.archive, places.get(n)))
            rows[n] = replace(rows[n], failure=failure)
        return rows


def evaluate(
    archive: Asker,
    gold: Sequence[GoldQuestion],
    *,
    progress: Progress | None = None,
    insight: Insight | None = None,
    journal: Journal | None = None,
) -> Evaluation:
    """Ask the gold questions of an archive and measure its answers.

    `seconds` is the time that the asking took, without checks and diagnosis. A question that the
    archive refuses (`UsageError`) counts as one that returned nothing, with a warning. With
    `insight`, reasons of misses reach back to cleaning, splitting and retrieval; without, the
    ranking alone tells. What a `journal` knows is not asked again.
    """
    run = _Run(archive, insight, warnings=list(check_gold(archive, gold)))
    done = journal.known() if journal else {}
    open_ = [question for question in gold if question.id not in done]
    for batch in _batches(open_):
        wrong = len(run.offsets_wrong)
        rows = run.batch(batch)
        done |= {row.id: row for row in rows}
        if journal and len(run.offsets_wrong) == wrong:
            journal.note(rows)
        if progress:
            progress(len(done), len(gold))
    return _evaluation(run, [done[question.id] for question in gold])


def _evaluation(run: _Run, rows: list[Judged]) -> Evaluation:
    """Sum up what piled up."""
    measures = summarise_with_standalone(rows)
    measures |= {SECONDS: round(run.seconds, 3), OFFSETS_WRONG: len(run.offsets_wrong)}
    return Evaluation(
        measures=measures,
        by_kind=summarise_kinds(rows),
        rows=tuple(rows),
        reliability=calibration(rows),
        offsets_wrong=tuple(run.offsets_wrong),
        warnings=tuple(run.warnings),
        slices=summarise_slices(rows),
    )


def _batches(gold: Sequence[GoldQuestion]) -> Iterator[Sequence[GoldQuestion]]:
    """Yield the questions in runs of `BATCH`."""
    for start in range(0, len(gold), BATCH):
        yield gold[start : start + BATCH]
