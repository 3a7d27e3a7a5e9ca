"""Run an evaluation as a command: files in; tables, JSON, a page and an exit code out."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from corpus.errors import UsageError
from embeddings.encoder import Encoder
from qa.archive import Archive
from qa.evaluation.archives import opened
from qa.evaluation.gold import GoldQuestion, read_gold
from qa.evaluation.inside import Inside
from qa.evaluation.page import render_page
from qa.evaluation.run import Evaluation, evaluate
from qa.evaluation.terminal import print_evaluation
from qa.evaluation.writing import check_folder, encode, to_json, write_file
from qa.samples import SAMPLE_ARTICLES, SAMPLE_GOLD

# `--json -`: JSON on stdout, and the tables move to stderr.
STDOUT = Path("-")
# Warnings printed one by one; of more, the page lists all and the terminal says how many.
SHOWN_WARNINGS = 10

EXIT_DONE = 0
EXIT_FAILED = 1


def evaluate_command(
    gold: Path | None = None,
    archive: Path | None = None,
    articles: Path | None = None,
    json_out: Path | None = None,
    report: Path | None = None,
    *,
    encoder: Encoder | None = None,
    reranker: str | None = None,
) -> int:
    """Evaluate an archive over gold questions; without `gold`, the shipped samples over theirs.

    Prints tables on stdout, progress and warnings on stderr; writes JSON and an HTML page where
    asked to (`json_out` may be `-` for stdout). `encoder` replaces the archive's model, `reranker`
    names a CrossEncoder that reorders the best passages. Returns the exit code: 1 where a citation
    does not slice back to its article, else 0. Raises the errors of `corpus.errors` for what cannot
    be read, opened or written.
    """
    for path in (json_out, report):
        if path is not None and path != STDOUT:
            check_folder(path)
    questions, articles = _inputs(gold, archive, articles)
    errors = Console(stderr=True)
    with ExitStack() as stack:
        with errors.status("reading the articles"):
            asked = stack.enter_context(
                opened(archive, articles, lambda line: _warn(errors, line), encoder=encoder)
            )
            asked.rerank_with(reranker)
        evaluation = _with_progress(asked, questions, errors)
    if report is not None:
        write_file(report, render_page(evaluation, f"Evaluation over {(gold or SAMPLE_GOLD).name}"))
    _print(evaluation, json_out, errors)
    return EXIT_FAILED if evaluation.offsets_wrong else EXIT_DONE


def _inputs(
    gold: Path | None, archive: Path | None, articles: Path | None
) -> tuple[tuple[GoldQuestion, ...], Path | None]:
    """Return the gold questions and the articles file, the samples where none is named."""
    if gold is not None:
        return read_gold(gold), articles
    if archive is not None or articles is not None:
        raise UsageError(
            f"no gold questions were given for {archive or articles}; "
            "expected a file: qa evaluate GOLD --archive DIR"
        )
    return read_gold(SAMPLE_GOLD), SAMPLE_ARTICLES


def _with_progress(
    archive: Archive, questions: tuple[GoldQuestion, ...], errors: Console
) -> Evaluation:
    """Evaluate with a bar on stderr that goes when done; without a terminal there is no bar."""
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("asking", total=len(questions))
        return evaluate(
            archive,
            questions,
            progress=lambda done, _: bar.update(task, completed=done),
            insight=Inside(archive),
        )


def _print(evaluation: Evaluation, json_out: Path | None, errors: Console) -> None:
    """Write the JSON, then print the tables, the warnings and any wrong offset."""
    if json_out == STDOUT:
        sys.stdout.write(encode(to_json(evaluation)).decode())
    elif json_out is not None:
        write_file(json_out, to_json(evaluation))
    print_evaluation(evaluation, errors if json_out == STDOUT else Console())
    _warn_all(errors, "warning", evaluation.warnings)
    _warn_all(errors, "wrong offset", evaluation.offsets_wrong)


def _warn_all(errors: Console, label: str, lines: tuple[str, ...]) -> None:
    """Print the first warnings, and how many there are besides."""
    for line in lines[:SHOWN_WARNINGS]:
        _warn(errors, line, label)
    if len(lines) > SHOWN_WARNINGS:
        _warn(errors, f"and {len(lines) - SHOWN_WARNINGS:,} more", label)


def _warn(errors: Console, line: str, label: str = "warning") -> None:
    """Print one line on stderr, brackets and all as they are."""
    errors.print(f"{label}: {line}", markup=False, highlight=False, soft_wrap=True)
