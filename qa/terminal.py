"""What the command line prints for people: answers, reports, progress. Nothing is decided here."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from embeddings.indexing import IndexProgress, IndexReport, ProgressCallback
    from qa.records import Answer, Citation, Status

SHOWN_FAILURES = 20
"""Failed files that are listed; `--json` has them all."""

QUIET_SECONDS = 1.0
"""Seconds before a progress bar appears: what is done sooner needs none."""


def print_answer(answer: Answer, *, is_samples: bool) -> None:
    """Print an answer with its citations, or why there is none and what comes nearest."""
    console = _console()
    for notice in answer.query.notices:
        console.print(Text(notice, style="dim"))
    if answer.answered and answer.text is not None:
        console.print(Text(f"\n“{answer.text}”", style="bold"))
        _print_indented(console, Text(f"— {_attribution(answer.citations[0])} [1]"), 2)
        _print_indented(console, Text(f"confidence {answer.confidence:.0%}", style="dim"), 2)
    else:
        console.print(Text("\nNot in these articles.", style="bold yellow"))
        console.print(Text(answer.reason or ""))
    if answer.citations:
        console.print(Text("\nSources" if answer.answered else "\nNearest", style="bold"))
    for citation in answer.citations:
        _print_citation(console, citation)
    if is_samples:
        note = (
            "From the shipped sample collection (an invented town); `qa index FOLDER` adds yours."
        )
        console.print(Text(f"\n{note}", style="dim"))


def _print_citation(console: Console, citation: Citation) -> None:
    console.print(Text(f"[{citation.n}] ", style="cyan").append(_attribution(citation), "bold"))
    if citation.also_in:
        _print_indented(console, Text(f"also in {', '.join(citation.also_in)}"), 4)
    quote = citation.quote_in_passage
    text = Text(_flat(citation.passage[: quote.start]), style="dim")
    text.append(_flat(citation.passage[quote.start : quote.end]), "not dim bold")
    text.append(_flat(citation.passage[quote.end :]), "dim")
    _print_indented(console, text, 4)
    if citation.link:
        console.print(Text(f"    {citation.link}", style="blue"), soft_wrap=True)


def _print_indented(console: Console, text: Text, indent: int) -> None:
    """Print text wrapped to the terminal's width, each line behind `indent` spaces."""
    for line in text.wrap(console, max(console.width - indent, 10)):
        line.rstrip()
        console.print(Text(" " * indent).append_text(line), soft_wrap=True)


def _flat(text: str) -> str:
    """Return the text with line breaks as spaces, for a passage that is shown as one paragraph."""
    return text.replace("\r", " ").replace("\n\n", "\n").replace("\n", " ")


def _attribution(citation: Citation) -> str:
    title = f"“{citation.title}”" if citation.title else citation.article_id
    parts = [citation.source, title, readable_date(citation.published)]
    return ", ".join(part for part in parts if part)


def readable_date(published: str | None) -> str | None:
    """Return an ISO date as people write it: 2025-03-02 -> 2 March 2025."""
    if published is None:
        return None
    try:
        day = date.fromisoformat(published)
    except ValueError:
        return published
    months = "January February March April May June July August September October November December"
    return f"{day.day} {months.split()[day.month - 1]} {day.year}"


def print_report(report: IndexReport, directory: Path) -> None:
    """Print what an indexing run did."""
    console = _console()
    counts = [
        f"{count:,} {name}"
        for name, count in (
            ("added", report.added),
            ("updated", report.updated),
            ("unchanged", report.unchanged),
            ("removed", report.removed),
            ("failed", len(report.failed)),
        )
        if count or name == "added"
    ]
    console.print(
        Text(
            f"{', '.join(counts)}; the archive in {directory} holds"
            f" {report.passages:,} passages ({report.seconds:.1f} s)"
        )
    )
    for warning in report.warnings[:SHOWN_FAILURES]:
        print_error(f"warning: {warning}")
    for failure in report.failed[:SHOWN_FAILURES]:
        print_error(f"failed: {failure.path}: {failure.reason}")
    more = len(report.failed) - SHOWN_FAILURES
    if more > 0:
        print_error(f"... and {more} more that failed: `--json` lists them all")
    if not report.failed and report.passages:
        console.print(Text(f'Ask it: qa ask "..." --archive {directory}', style="dim"))


def print_status(status: Status) -> None:
    """Print what an archive holds."""
    console = _console()
    dates = f", {status.first} to {status.last}" if status.first else ""
    console.print(Text(f"{status.directory}", style="bold"))
    console.print(Text(f"{status.articles:,} articles, {status.passages:,} passages{dates}"))
    for name, count in status.sources:
        console.print(Text(f"{count:>9,}  {name}"))
    console.print(
        Text(f"model {status.model or 'none yet'}, {status.dimension or 0} dimensions"),
    )
    console.print(Text(f"{status.bytes / 1e6:.1f} MB on disk, commit {status.generation}"))


def print_problems(problems: Sequence[str], directory: Path) -> None:
    """Print what a check found."""
    console = _console()
    for problem in problems:
        console.print(Text(problem))
    verdict = f"{len(problems)} problems" if problems else "every byte and offset is right"
    console.print(Text(f"{directory}: {verdict}", style="bold"))


def print_removed(removed: int, unknown: Sequence[str]) -> None:
    """Print how many articles were removed, and which ids were none."""
    _console().print(Text(f"{removed} removed"))
    for article_id in unknown:
        print_error(f"no article has the id {article_id!r}: `qa export` lists them all")


def print_error(message: str) -> None:
    """Print one line on stderr."""
    print(f"qa: {message}", file=sys.stderr)  # noqa: T201 - the message itself


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
    """Give a callback that shows files, passages, rate and time left on stderr after a second."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} passages {task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    started = time.monotonic()
    task = bar.add_task("Indexing", total=1, rate="")

    def show(now: IndexProgress) -> None:
        elapsed = time.monotonic() - started
        if elapsed < QUIET_SECONDS:
            return
        bar.start()
        bar.update(
            task,
            completed=now.passages,
            total=max(now.total_passages, 1),
            description=f"Indexing, file {now.files:,} of {now.total_files:,}",
            rate=f"{now.passages / elapsed:.0f}/s",
        )

    try:
        yield show
    finally:
        bar.stop()


def _console() -> Console:
    """Return a console for stdout that neither interprets markup nor colours data."""
    return Console(markup=False, highlight=False, emoji=False)
