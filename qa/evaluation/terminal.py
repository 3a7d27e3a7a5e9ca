"""Print an evaluation for a person at a terminal: measures, kinds of question, verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from qa.evaluation.comparing import Comparison
from qa.evaluation.failure import ADVICE, FailureKind
from qa.evaluation.judging import VERDICTS
from qa.evaluation.run import Evaluation
from qa.evaluation.showing import (
    COMPARISON_HEADINGS,
    KIND_COLUMNS,
    comparison_notes,
    comparison_rows,
    kind_rows,
    measure_headings,
    measure_rows,
)
from qa.terminal import visible

SHOWN_QUESTIONS = 10
"""Questions won, and lost, that are printed; the JSON lists all."""


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print the tables of an evaluation, one after the other, within the console's width."""
    console.print(_table(measure_headings(evaluation), measure_rows(evaluation)))
    if evaluation.by_kind:
        headings = [name.replace(".", "\n") for name in KIND_COLUMNS]
        console.print(_table(("kind", *headings), kind_rows(evaluation.by_kind)))
    counts = Counter(row.verdict for row in evaluation.rows)
    verdicts = [(verdict, str(counts[verdict])) for verdict in VERDICTS]
    console.print(_table(("outcome", "questions"), verdicts))
    if evaluation.failures:
        missed = sum(evaluation.failures.values())
        failures = [(kind, f"{count:,}") for kind, count in evaluation.failures.items()]
        failures.append(("misses in all", f"{missed:,}"))
        console.print(_table(("why questions failed", "questions"), failures))
        kind = FailureKind(next(iter(evaluation.failures)))
        console.print(Text(f"Most failed as “{kind}”. {ADVICE[kind]}"))


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print two runs side by side, what is declared a difference, and the questions that moved."""
    console.print(_table(COMPARISON_HEADINGS, comparison_rows(comparison)))
    for note in comparison_notes(comparison):
        console.print(Text(visible(note)))
    for heading, moved in (("won", comparison.won), ("lost", comparison.lost)):
        if moved:
            console.print(Text(f"\n{len(moved):,} {heading} by {comparison.deciding}", "bold"))
        for name, question in moved[:SHOWN_QUESTIONS]:
            console.print(Text(f"  {visible(question)} ({visible(name)})"))
        if len(moved) > SHOWN_QUESTIONS:
            console.print(Text(f"  and {len(moved) - SHOWN_QUESTIONS:,} more"))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table whose first column holds names and whose others hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(headings):
        justify: JustifyMethod = "right" if number else "left"
        table.add_column(heading, justify=justify, no_wrap=number > 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))  # Text: brackets are no markup
    return table
