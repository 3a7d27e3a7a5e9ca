"""Print an evaluation for a person at a terminal: measures, kinds of question, verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from qa.evaluation.judging import VERDICTS
from qa.evaluation.run import Evaluation
from qa.evaluation.showing import KIND_COLUMNS, kind_rows, measure_headings, measure_rows


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print the tables of an evaluation, one after the other, within the console's width."""
    console.print(_table(measure_headings(evaluation), measure_rows(evaluation)))
    if evaluation.by_kind:
        headings = [name.replace(".", "\n") for name in KIND_COLUMNS]
        console.print(_table(("kind", *headings), kind_rows(evaluation)))
    counts = Counter(row.verdict for row in evaluation.rows)
    verdicts = [(verdict, str(counts[verdict])) for verdict in VERDICTS]
    console.print(_table(("outcome", "questions"), verdicts))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table whose first column holds names and whose others hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(headings):
        justify: JustifyMethod = "right" if number else "left"
        table.add_column(heading, justify=justify, no_wrap=number > 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: brackets in a kind are no markup
    return table
