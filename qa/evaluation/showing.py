"""Write the values of measures as a person reads them, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qa.evaluation.comparing import SIGNIFICANT, Comparison, bootstrap_interval
from qa.evaluation.run import Evaluation
from qa.evaluation.summary import (
    OFFSETS_WRONG,
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

GLOSSARY = (
    "Success@k: the share of answerable questions with something right among the first k.",
    "RR@10: one over the rank of the first right one, 0 where it is not among ten.",
    "R@10: the share of all right articles that stand among the first ten.",
    "nDCG@10: like R@10, but earlier counts more and so do better grades, where gold has grades.",
    "AP: the precision at each right article, averaged. P@k: the share of k ranks that are right.",
    "Judged@10: the share of the first ten that gold says anything of. Where it is low, what looks"
    " like a miss may be none.",
    "article, passage, quote: what must be right. A passage or quote must hold a whole gold span.",
    "quote.F1: how far the words of quote and gold's answer overlap; a quote is a sentence, so that"
    " even right ones score low. quote.exact: the quote is gold's span and nothing more.",
    "abstention.AUROC: how often an answerable question has more confidence than an unanswerable"
    " one; .5 is luck.",
    "abstention.coverage@95: the share of answerable questions that can be answered when 95 of 100"
    " given answers must be right.",
    "abstention.ECE: how far the confidence is off, on average. abstention.AURC: the share of wrong"
    " answers, averaged over how many are given. Lower is better for both.",
    "answered: the share of all questions that got an answer; answered.precision: how many of those"
    " answers were right. passage.tokens: length of a shown passage in word pieces.",
    "standalone: the same over the questions that can be understood without their article.",
)
"""What the measures mean, for a person who reads them the first time."""

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
    """Return rows of measures with the 95% interval of each mean over questions behind it."""
    values: dict[str, list[float]] = {}
    for row in evaluation.rows:
        for name, value in values_of(row).items():
            values.setdefault(name, []).append(value)
    return [(*row[:2], _interval(values.get(row[0], [])), *row[2:]) for row in rows]


def _interval(values: Sequence[float]) -> str:
    if len(values) < 2:
        return ""
    low, high = bootstrap_interval(np.array(values), resamples=INTERVAL_RESAMPLES)
    return f"{low:.3f} to {high:.3f}"


COMPARISON_HEADINGS = ("measure", "A", "B", "B - A", "95% interval", "p", "")


def comparison_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return each measure of two runs with its difference and how sure that is."""
    return [
        (
            item.measure,
            f"{item.first:.3f}",
            f"{item.second:.3f}",
            f"{item.difference:+.3f}",
            f"{item.low:+.3f} {item.high:+.3f}",
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
        " that both were asked. p: paired randomisation, corrected (Holm) for"
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
