"""Measure what things cost, each beside its floor: `python -m tests.benchmarks`.

python -m tests.benchmarks                       cold, warm, indexing, chat, rankings, a GPU
python -m tests.benchmarks --grow 1000 100000    archives of these sizes too
... --grow 100000 1000000 --project 10000000 100000000
                                                 and what larger ones would cost, computed
... --only warm chat                             these alone
... --check                                      exit code 1 where a limit is not kept
... --json FILE                                  the figures as JSON
... --work DIR                                   keep what is built, to be used again

Real articles and questions are read from ../shared/bench where that is there, else the samples'.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.benchmarks import chat, feeding, gpu, growth, indexing, projection, questions, rankings
from tests.benchmarks.machine import described
from tests.benchmarks.rows import BENCH, Row

PARTS = ("cold", "warm", "indexing", "feeding", "chat", "rankings", "gpu")

PASSAGES_RANKED = 400
"""Passages by which rankings are compared; encoding them twice takes a minute."""

SETS = ("newsqa", "realtimeqa")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts that were asked for; return the exit code."""
    asked = _parse(arguments)
    with ExitStack() as stack:
        work = asked.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = [row for part in _chosen(asked, work) for row in part()]
        grown = growth.measured(work, built(work, SETS[1]), tuple(asked.grow)) if asked.grow else {}
    found += growth.rows(grown)
    machine = described()
    _show(found, machine)
    if asked.project:
        speeds = (_value(found, what) for what in (indexing.INCLUDED, feeding.FED))
        projection.show(projection.costs_of(grown, *speeds), asked.project)
    if asked.json:
        told = {"machine": machine, "rows": [row.to_dict() for row in found]}
        asked.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    broken = [row for row in found if row.is_met is False]
    return 1 if asked.check and broken else 0


def _value(rows: Sequence[Row], what: str) -> float:
    return next(row.value for row in rows if row.what == what)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--grow", nargs="*", type=int, default=[])
    parser.add_argument("--project", nargs="*", type=int, default=[])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", type=Path)
    asked = parser.parse_args(arguments)
    if asked.project and (len({*asked.grow}) < 2 or not {"indexing", "feeding"} <= {*asked.only}):
        parser.error("--project takes two sizes with --grow, and the parts indexing and feeding")
    return asked


def _chosen(asked: argparse.Namespace, work: Path) -> list[Callable[[], list[Row]]]:
    """Return what to run; archives of real articles are built where something needs them."""
    known: dict[str, Callable[[], list[Row]]] = {
        "cold": questions.cold_rows,
        "warm": lambda: questions.warm_rows(built(work, SETS[1])),
        "indexing": indexing.rows,
        "feeding": feeding.rows,
        "chat": chat.rows,
        "rankings": lambda: _rankings(work),
        "gpu": gpu.rows,
    }
    return [known[name] for name in PARTS if name in asked.only]


def _rankings(work: Path) -> list[Row]:
    asked = questions.gold_questions(200)
    return [
        row
        for name in SETS
        for row in rankings.rows(built(work, name), name, asked, PASSAGES_RANKED)
    ]


def built(work: Path, name: str) -> Path:
    """Return an archive of a set of real articles, built where it is not there yet."""
    from qa.archive import Archive
    from qa.samples import SAMPLE_ARTICLES

    articles = BENCH / name / "articles.jsonl"
    work.mkdir(parents=True, exist_ok=True)
    with Archive.create(work / name) as archive:
        archive.add([articles if articles.is_file() else SAMPLE_ARTICLES])
    return work / name


def _show(rows: Sequence[Row], machine: str) -> None:
    table = Table(box=box.SIMPLE, title=machine, title_justify="left")
    for heading in ("", "what", "figure", "floor", "limit", "kept"):
        table.add_column(heading, justify="right" if heading in {"figure", "floor"} else "left")
    part = ""
    for row in rows:
        table.add_row(
            row.part if row.part != part else "",
            row.what,
            f"{number(row.value)} {row.unit}",
            f"{number(row.floor)} {row.floor_is}" if row.floor is not None else "",
            "" if row.limit is None else f"{'<=' if row.at_most else '>='} {number(row.limit)}",
            {None: "", True: "yes", False: "NO"}[row.is_met],
        )
        part = row.part
    Console(width=150 if not sys.stdout.isatty() else None).print(table)


def number(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
