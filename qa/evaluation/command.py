"""Run an evaluation as a command: files in; tables, JSON, pages and an exit code out."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console

from corpus.errors import UsageError
from embeddings.encoder import Encoder
from embeddings.locations import locate
from qa.evaluation.asking import Options, ask_archive, warn
from qa.evaluation.comparing import compare
from qa.evaluation.comparing import read_run as read_saved
from qa.evaluation.external import evaluate_run
from qa.evaluation.floors import Floor, below, read_floors
from qa.evaluation.inputs import Gold, read_any
from qa.evaluation.page import render_comparison, render_page
from qa.evaluation.run import Evaluation
from qa.evaluation.terminal import print_comparison, print_evaluation
from qa.evaluation.trec import read_run, to_run
from qa.evaluation.writing import (
    check_folder,
    encode,
    to_csv,
    to_json,
    to_json_lines,
    write_file,
)
from qa.samples import SAMPLE_ARTICLES, SAMPLE_GOLD

# `--json -`: JSON on stdout, and the tables move to stderr.
STDOUT = Path("-")
# Warnings printed one by one; of more, the page lists all and the terminal says how many.
SHOWN_WARNINGS = 10

EXIT_DONE = 0
EXIT_FAILED = 1


def evaluate_command(
    gold: Path | None = None,
    archive: str | Path | None = None,
    articles: Path | None = None,
    json_out: Path | None = None,
    report: Path | None = None,
    options: Options = Options(),  # noqa: B008 - frozen
    *,
    encoder: Encoder | None = None,
) -> int:
    """Evaluate an archive over gold questions; without `gold`, the shipped samples over theirs.

    Prints tables on stdout, progress and warnings on stderr; writes JSON and an HTML page where
    asked to (`json_out` may be `-` for stdout). `encoder` replaces the archive's model. Returns the
    exit code: 1 where a citation does not slice back to its article or a floor does not hold, else
    0. Raises the errors of `corpus.errors` for what cannot be read, opened or written.
    """
    for path in (json_out, report, options.rows, options.table, options.trec):
        if path is not None and path != STDOUT:
            check_folder(path)
    floors = read_floors(options.fail_under)
    questions, articles = _inputs(gold, archive, articles, options)
    errors = Console(stderr=True)
    if options.run is not None:
        evaluation = evaluate_run(questions.questions, read_run(options.run))
    else:
        _check_texts(questions, gold)
        place = (archive, articles)
        evaluation = ask_archive(questions, place, options, errors, encoder=encoder)
    if report is not None:
        write_file(report, render_page(evaluation, f"Evaluation over {(gold or SAMPLE_GOLD).name}"))
    _write(evaluation, options)
    _print(evaluation, json_out, errors)
    return _verdict(evaluation, floors, errors)


def compare_command(
    runs: tuple[Path, Path], json_out: Path | None = None, report: Path | None = None, *, seed: int
) -> int:
    """Compare two runs that `--json` wrote; prints a table, writes JSON and a page if asked to."""
    for path in (json_out, report):
        if path is not None and path != STDOUT:
            check_folder(path)
    comparison = compare(read_saved(runs[0]), read_saved(runs[1]), seed=seed)
    text = json.dumps(comparison.to_dict(), ensure_ascii=False, indent=1) + "\n"
    if json_out == STDOUT:
        sys.stdout.write(encode(text).decode())
    elif json_out is not None:
        write_file(json_out, text)
    if report is not None:
        write_file(report, render_comparison(comparison))
    print_comparison(comparison, Console(stderr=json_out == STDOUT))
    return EXIT_DONE


def _inputs(
    gold: Path | None, archive: str | Path | None, articles: Path | None, options: Options
) -> tuple[Gold, Path | None]:
    """Return the gold questions and the articles file, the samples where none is named."""
    if gold is not None:
        return read_any(gold, topics=options.topics, split=options.split), articles
    if archive is not None or articles is not None or options.run is not None:
        place = None if archive is None else locate(archive)
        raise UsageError(
            f"no gold questions were given for {place or articles or options.run}; "
            "expected a file: qa evaluate GOLD --archive DIR"
        )
    return read_any(SAMPLE_GOLD), SAMPLE_ARTICLES


def _check_texts(gold: Gold, path: Path | None) -> None:
    """Raise `UsageError` where questions are nothing but ids: TREC qrels without their topics."""
    if all(question.question == question.id for question in gold.questions):
        raise UsageError(
            f"{path} holds judgements, but no questions; give their texts with --topics FILE,"
            " or judge a run with --run FILE"
        )


def _write(evaluation: Evaluation, options: Options) -> None:
    """Write the files that were asked for besides JSON and the page."""
    if options.rows is not None:
        write_file(options.rows, to_json_lines(evaluation.rows))
    if options.table is not None:
        write_file(options.table, to_csv(evaluation.rows))
    if options.trec is not None:
        write_file(options.trec, to_run(evaluation.rows))


def _print(evaluation: Evaluation, json_out: Path | None, errors: Console) -> None:
    """Write the JSON, then print the tables, the warnings and any wrong offset."""
    if json_out == STDOUT:
        sys.stdout.write(encode(to_json(evaluation)).decode())
    elif json_out is not None:
        write_file(json_out, to_json(evaluation))
    print_evaluation(evaluation, errors if json_out == STDOUT else Console())
    _warn_all(errors, "warning", evaluation.warnings)
    _warn_all(errors, "wrong offset", evaluation.offsets_wrong)


def _verdict(evaluation: Evaluation, floors: tuple[Floor, ...], errors: Console) -> int:
    """Return the exit code; each floor that does not hold is named."""
    fallen = below(floors, evaluation.measures)
    for line in fallen:
        warn(errors, line, "below the floor")
    return EXIT_FAILED if evaluation.offsets_wrong or fallen else EXIT_DONE


def _warn_all(errors: Console, label: str, lines: tuple[str, ...]) -> None:
    """Print the first warnings, and how many there are besides."""
    for line in lines[:SHOWN_WARNINGS]:
        warn(errors, line, label)
    if len(lines) > SHOWN_WARNINGS:
        warn(errors, f"and {len(lines) - SHOWN_WARNINGS:,} more", label)
