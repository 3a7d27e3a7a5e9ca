"""Write the values of measures as a person reads them, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qa.evaluation.comparing import SIGNIFICANT, Comparison, bootstrap_interval
from qa.evaluation.run import Evaluation
from qa.evaluation.summary import (
    OFFSETS_WRONG,
    PER_QUESTION,
    SECONDS,
    STANDALONE,
    Measures,
    values_of,
)

UNDEFINED = "n/a"
# Of each kind of question the report shows only these: more columns do not fit 80 characters.
KIND_COLUMNS = (
    "questions",
    "passage.Success@1",
    "passage.Success@5",
    "quote.Success@1",
    "answered",
)

SHOWN_PARTS = 12
"""Parts of a slice that the report lists: outlets may be hundreds."""
FEW = 30
"""Questions under which a part gets a star: the interval of a share of .5 is then .36 wide."""
INTERVAL_RESAMPLES = 2_000
"""Bootstrap resamples of an interval that is shown with three digits."""


def shown(name: str, value: float | None) -> str:
    """Return a value with the digits that its measure deserves: counts whole, shares with three."""
    if value is None:
        return UNDEFINED
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if name in ("passage.tokens", SECONDS) else f"{value:.3f}"


def share(value: float | None) -> str:
    """Return a share of 1 as a percentage."""
    return UNDEFINED if value is None else f"{value:.0%}"


def measure_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Return name and value of each measure, with a third column where gold marks standalone."""
    measures = evaluation.measures
    names = [name for name in measures if not name.startswith(STANDALONE)]
    rows = [(name, shown(name, measures[name])) for name in names]
    if len(names) == len(measures):
        return list(rows)
    return [(name, value, _standalone(measures, name)) for name, value in rows]


def measure_headings(evaluation: Evaluation) -> tuple[str, ...]:
    """Return the headings over the columns of `measure_rows`."""
    has_standalone = any(name.startswith(STANDALONE) for name in evaluation.measures)
    return ("measure", "all", "standalone") if has_standalone else ("measure", "all")


def _standalone(measures: Measures, name: str) -> str:
    """Return the standalone value of a measure, nothing where it is one of the run as a whole."""
    if name in (SECONDS, OFFSETS_WRONG):
        return ""
    return shown(name, measures.get(STANDALONE + name))


def kind_rows(parts: Mapping[str, Measures]) -> list[tuple[str, ...]]:
    """Return each kind of question, or another part of a run, with its `KIND_COLUMNS`."""
    return [
        (part, *(shown(name, measures.get(name)) for name in KIND_COLUMNS))
        for part, measures in parts.items()
    ]


def slice_rows(parts: Mapping[str, Measures]) -> list[tuple[str, ...]]:
    """Return the largest parts with their `KIND_COLUMNS`; a part of few questions has a star."""
    listed = dict(list(parts.items())[:SHOWN_PARTS])
    starred = {
        f"{part} *" if (measures["questions"] or 0) < FEW else part: measures
        for part, measures in listed.items()
    }
    rows = kind_rows(starred)
    if len(parts) > SHOWN_PARTS:
        blanks = ("",) * len(KIND_COLUMNS)
        rows.append((f"and {len(parts) - SHOWN_PARTS:,} more, smaller ones: see --json", *blanks))
    return rows


def few() -> str:
    """Say what a star means."""
    return f"* under {FEW} questions: too few to tell this part from the others."


def interval_rows(evaluation: Evaluation, rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return rows of measures with the 95% interval of each mean over questions behind them."""
    return [(*row, _interval(evaluation, row[0])) for row in rows]


def _interval(evaluation: Evaluation, name: str) -> str:
    values = [
        found[name] for row in evaluation.rows if name in (found := values_of(row))
    ] if name in PER_QUESTION else []  # fmt: skip
    if len(values) < 2:
        return ""
    low, high = bootstrap_interval(np.array(values), resamples=INTERVAL_RESAMPLES)
    return f"{low:.3f} to {high:.3f}"


COMPARISON_HEADINGS = ("measure", "A", "B", "B - A", "95% interval", "p", "p (Holm)", "")


def comparison_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return each measure of two runs with its difference and how sure that is."""
    return [
        (
            item.measure,
            f"{item.first:.3f}",
            f"{item.second:.3f}",
            f"{item.difference:+.3f}",
            f"{item.low:+.3f} {item.high:+.3f}",
            f"{item.p:.4f}",
            f"{item.holm:.4f}",
            "differs" if item.is_declared else "",
        )
        for item in comparison.differences
    ]


def comparison_notes(comparison: Comparison) -> list[str]:
    """Return what a person must know to read the table: verdict, size, what was left out."""
    declared = [item for item in comparison.differences if item.is_declared]
    notes = [
        f"A is {comparison.first}, B is {comparison.second}: {comparison.questions:,} questions"
        " that both answered. p: paired randomisation; Holm's correction over"
        f" {len(comparison.differences)} measures."
    ]
    if declared:
        names = ", ".join(
            f"{item.measure} ({'B' if item.difference > 0 else 'A'} higher, p = {item.holm:.4f})"
            for item in declared
        )
        notes.append(f"Declared different at {SIGNIFICANT:g}: {names}.")
    else:
        notes.append(
            f"No difference is declared at {SIGNIFICANT:g}: what is seen may well be luck."
        )
    main = next(
        (item for item in comparison.differences if item.measure == comparison.deciding), None
    )
    if main is not None:
        small = "This is a small set. " if comparison.is_small else ""
        notes.append(
            f"{small}With {main.questions:,} questions, a true difference in {main.measure} under"
            f" {main.unseen:.3f} would go unseen two times in ten or more."
        )
    if comparison.only_first or comparison.only_second:
        notes.append(
            f"Left out: {comparison.only_first:,} questions that only A has and"
            f" {comparison.only_second:,} that only B has."
        )
    return notes
