"""Write the values of measures as a person reads them, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Sequence

from qa.evaluation.run import Evaluation
from qa.evaluation.summary import OFFSETS_WRONG, SECONDS, STANDALONE, Measures

UNDEFINED = "n/a"
# Of each kind of question the report shows only these: more columns do not fit 80 characters.
KIND_COLUMNS = (
    "questions",
    "passage.Success@1",
    "passage.Success@5",
    "quote.Success@1",
    "answered",
)


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
    return shown(name, measures[STANDALONE + name])


def kind_rows(evaluation: Evaluation) -> Sequence[tuple[str, ...]]:
    """Return each kind of question with its `KIND_COLUMNS`."""
    return [
        (kind, *(shown(name, measures[name]) for name in KIND_COLUMNS))
        for kind, measures in evaluation.by_kind.items()
    ]
