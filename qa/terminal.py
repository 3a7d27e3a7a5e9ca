"""What the command line prints for people: answers, reports, progress. Nothing is decided here."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from qa.days import readable_date

if TYPE_CHECKING:
    from embeddings.reports import IndexProgress, IndexReport, ProgressCallback
    from qa.records import Answer, Citation, Status

SHOWN_FAILURES = 20
"""Failed files that are listed; `--json` has them all."""

_COMMANDS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)

QUIET_SECONDS = 1.0
"""Seconds before a progress bar appears: what is done sooner needs none."""


def print_answer(answer: Answer, *, is_samples: bool) -> None:
    """Print an answer with its citations, or why there is none and what comes nearest."""
    console = _console()
    for notice in answer.query.notices:
        console.print(Text(visible(notice), style="dim"))
    if answer.answered and answer.text is not None:
        console.print(Text(f"\n“{visible(answer.text)}”", style="bold"))
        _print_indented(console, Text(f"— {_attribution(answer.citations[0])} [1]"), 2)
        _print_indented(console, Text(_standing(answer), style="dim"), 2)
    else:
        console.print(Text("\nNot in these articles.", style="bold yellow"))
        console.print(Text(visible(answer.reason or "")))
    if answer.figures:
        console.print(Text(_figures(answer), style="yellow"))
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
        _print_indented(console, Text(f"also in {visible(', '.join(_copies(citation)))}"), 4)
    quote = citation.quote_in_passage
    text = Text(_flat(citation.passage[: quote.start]), style="dim")
    text.append(_flat(citation.passage[quote.start : quote.end]), "not dim bold")
    text.append(_flat(citation.passage[quote.end :]), "dim")
    _print_indented(console, text, 4)
    if citation.link:
        console.print(Text(f"    {visible(citation.link)}", style="blue"), soft_wrap=True)


def _standing(answer: Answer) -> str:
    """Return how sure an answer is, and which other outlets say the same in their own words."""
    standing = f"confidence {answer.confidence:.0%}"
    if answer.supported_by:
        standing += f"; also reported by {visible(', '.join(answer.supported_by))}"
    return standing


def _figures(answer: Answer) -> str:
    """Return the line that points out different numbers, each with its outlet and day."""
    told = []
    for figure in answer.figures:
        by = ", ".join(filter(None, (figure.source, readable_date(figure.published or ""))))
        told.append(f"{figure.text} ({by}) [{figure.n}]" if by else f"{figure.text} [{figure.n}]")
    return f"Figures differ: {visible('; '.join(told))}"


def _copies(citation: Citation) -> list[str]:
    """Return the outlets with the same story; the one that had it first says so."""
    return [f"{name} (first)" if name == citation.first_in else name for name in citation.also_in]


def _print_indented(console: Console, text: Text, indent: int) -> None:
    """Print text wrapped to the terminal's width, each line behind `indent` spaces."""
    for line in text.wrap(console, max(console.width - indent, 10)):
        line.rstrip()
        console.print(Text(" " * indent).append_text(line), soft_wrap=True)


def visible(text: str) -> str:
    """Return the text with a mark for each character that would command the terminal.

    Articles, file names and addresses come from anywhere: escape sequences could move the cursor,
    and marks of writing direction could turn words around.
    """
    return _COMMANDS.sub("\N{REPLACEMENT CHARACTER}", text)


def escaped(written: str) -> str:
    """Return JSON that says the same, with escapes for what would command the terminal."""
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def _flat(text: str) -> str:
    """Return the text with line breaks as spaces, for a passage that is shown as one paragraph."""
    return visible(text).replace("\r", " ").replace("\n\n", "\n").replace("\n", " ")


def _attribution(citation: Citation) -> str:
    title = f"“{citation.title}”" if citation.title else citation.article_id
    version = f"version {citation.version}" if citation.version > 1 else None
    parts = [citation.source, title, readable_date(citation.published or ""), version]
    return visible(", ".join(part for part in parts if part))


def print_report(report: IndexReport, address: str) -> None:
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
            f"{', '.join(counts)}; the archive in {address} holds"
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
        console.print(Text(f'Ask it: qa ask "..." --archive {_quoted(address)}', style="dim"))


def _quoted(address: str) -> str:
    """Return an address as a shell takes it: "?" and "&" are its own."""
    return address if "://" not in address else f"'{address}'"


def print_status(status: Status) -> None:
    """Print what an archive holds."""
    console = _console()
    dates = f", {status.first} to {status.last}" if status.first else ""
    console.print(Text(f"{status.directory}", style="bold"))
    console.print(Text(f"{status.articles:,} articles, {status.passages:,} passages{dates}"))
    for name, count in status.sources:
        console.print(Text(f"{count:>9,}  {visible(name)}"))
    console.print(
        Text(f"model {status.model or 'none yet'}, {status.dimension or 0} dimensions"),
    )
    console.print(Text(f"{status.bytes / 1e6:.1f} MB on disk, commit {status.generation}"))
    if status.searchable is not None and status.searchable < status.generation:
        behind = status.generation - status.searchable
        told = f"search indices of this machine: {behind:,} commits behind, made up with a question"
        console.print(Text(told))
    if status.corrections:
        last = readable_date((status.corrected or "")[:10])
        told = f"{status.corrections:,} earlier versions of articles kept, the last replaced {last}"
        console.print(Text(told))
    if status.spare_vectors:
        told = f"vectors of {status.spare_vectors:,} removed passages kept, in case they come back"
        console.print(Text(told))


def print_problems(problems: Sequence[str], address: str) -> None:
    """Print what a check found."""
    console = _console()
    for problem in problems:
        console.print(Text(visible(problem)))
    verdict = f"{len(problems)} problems" if problems else "every byte and offset is right"
    console.print(Text(f"{address}: {verdict}", style="bold"))


def print_repaired(repaired: Sequence[str]) -> None:
    """Print what was mended."""
    for line in repaired:
        _console().print(Text(f"repaired: {visible(line)}"))


def print_removed(removed: int, unknown: Sequence[str]) -> None:
    """Print how many articles were removed, and which ids were none."""
    _console().print(Text(f"{removed} removed"))
    for article_id in unknown:
        print_error(f"no article has the id {article_id!r}: `qa export` lists them all")


def print_line(line: str) -> None:
    """Print one line on stdout, with nothing in it that commands a terminal."""
    _console().print(Text(visible(line)), soft_wrap=True)


def print_error(message: str) -> None:
    """Print one line on stderr."""
    shown = visible(f"qa: {message}").replace("\r", "\N{REPLACEMENT CHARACTER}")
    print(shown, file=sys.stderr)  # noqa: T201 - the message itself


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
    """Give a callback that shows files, passages, rate and time left on stderr after a second."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} passages {task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    started = time.monotonic()
    task = bar.add_task("Indexing", total=1, rate="")

    def show(now: IndexProgress) -> None:
        elapsed = time.monotonic() - started
        if elapsed < QUIET_SECONDS or not console.is_terminal:
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
        if bar.live.is_started:
            bar.stop()


@contextmanager
def fetch_line() -> Iterator[Callable[[int, int], None]]:
    """Give a callback that shows on stderr how many addresses are done."""
    with Console(stderr=True).status("Fetching") as status:
        yield lambda done, total: status.update(f"Fetching page {done + 1:,} of {total:,}")


def _console() -> Console:
    """Return a console for stdout that neither interprets markup nor colours data."""
    return Console(markup=False, highlight=False, emoji=False)
