"""The command line: `qa index`, `ask`, `evaluate`, `gold`, `status`, `verify`, `remove`, `export`.

What serves (`qa chat`, `mcp`, `access`) is in `qa.web.commands`. Answers and JSON go to stdout,
progress and messages to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from corpus.errors import NewsArchiveError, UsageError
from qa import terminal
from qa.cli_evaluate import evaluate
from qa.cli_gold import gold_app
from qa.options import (
    ArchiveOption,
    DatabaseOption,
    JsonOption,
    PruneEmptiedOption,
    RerankerOption,
    WorkersOption,
    open_archive,
)
from qa.places import default_archive
from qa.web.commands import add_commands

if TYPE_CHECKING:
    from corpus.web.fetching import Fetched
    from embeddings.reports import IndexReport
    from qa.archive import Archive
    from qa.records import Question

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NO_ANSWER = 3
EXIT_DAMAGED = 4
EXIT_INTERRUPTED = 130

FETCHED = "fetched"
"""Name of the folder in an archive's directory where pages of address lists are kept."""

app = typer.Typer(
    name="qa",
    help="Ask a collection of news articles; get the sentence that answers, word for word, with"
    " its source. Without an archive of your own, an invented sample collection answers.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 no answer in the articles, 4 no archive or a"
    " damaged one, 5 locked, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class _Options(TypedDict):
    """What `Archive.ask_many` is told beside the questions."""

    k: int
    max_error: float | None


@app.command()
def index(  # noqa: PLR0913, PLR0917 - the options of the command
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="Files, folders or globs of articles."),
    ] = None,
    archive: ArchiveOption = None,
    urls: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Fetch the pages whose addresses it lists, one a line."),
    ] = None,
    watch: Annotated[
        bool, typer.Option(help="Go on: index what changes below PATH, until Ctrl-C.")
    ] = False,
    database: DatabaseOption = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Embedding model: a folder, or a cached model's name."),
    ] = None,
    prune: Annotated[
        bool, typer.Option(help="Remove articles whose files below PATH are gone.")
    ] = False,
    prune_emptied: PruneEmptiedOption = False,
    strict: Annotated[
        bool, typer.Option(help="Exit with 1 where any file or record failed.")
    ] = False,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> int:
    """Add articles to an archive, or update them; unchanged ones cost nothing.

    Reads text, Markdown, HTML, MHTML, PDF, DOCX, ODT, RTF, EPUB, e-mail, RSS, Atom, JSON, JSON
    lines, CSV, Parquet, WARC, and ZIP and tar files of these; folders with everything below them.
    """
    from corpus.web.fetching import listed_addresses
    from qa.archive import Archive

    if watch:
        _check_watched({"--urls": urls, "--workers": workers, "--prune-emptied": prune_emptied})
    if not paths and not urls:
        raise UsageError("nothing to index: name files or folders, or a list with --urls")
    addresses = listed_addresses(urls) if urls else ()
    place = archive or default_archive()
    with Archive.create(place, model=model, database=database) as opened:
        if watch:
            return _watch(opened, paths or [], as_json=as_json)
        fetched = _fetched(opened, addresses)
        with terminal.progress_bar() as progress:
            places: list[str | Path] = [*(paths or []), *fetched.files]
            report = opened.add(
                places, prune=prune, emptied=prune_emptied, progress=progress, workers=workers
            )
        report = replace(report, failed=(*fetched.failures, *report.failed))
        address = opened.address
    if as_json:
        _print_json(report.to_dict())
    else:
        terminal.print_report(report, address)
    nothing_read = not (report.added or report.updated or report.unchanged or report.removed)
    failed = report.failed and (strict or nothing_read)
    return EXIT_FAILED if failed else EXIT_DONE


def _check_watched(options: dict[str, object]) -> None:
    """Refuse options that are for one run only."""
    for option in (name for name, value in options.items() if value):
        raise UsageError(f"{option} is for one run: index once with it, then --watch without")


def _fetched(archive: Archive, addresses: tuple[str, ...]) -> Fetched:
    """Fetch pages into the archive's folder; nothing where there are no addresses."""
    from corpus.web.fetching import Fetched, Fetcher

    if not addresses:
        return Fetched()
    with terminal.fetch_line() as progress:
        return Fetcher().fetch(addresses, archive.home / FETCHED, progress)


def _watch(archive: Archive, paths: list[str], *, as_json: bool) -> int:
    """Keep an archive in step with folders until Ctrl-C; each step's report is a line of JSON."""
    from qa.watching import keep_in_step

    def show(report: IndexReport) -> None:
        if as_json:
            _print_json(report.to_dict(), indent=None)
        else:
            terminal.print_report(report, archive.address)

    with terminal.progress_bar() as progress:
        reports = keep_in_step(archive, paths, progress=progress)
        first = next(reports)
    show(first)
    terminal.print_error("watching for changes; Ctrl-C ends it")
    for report in reports:
        show(report)
    return EXIT_DONE


@app.command()
def ask(  # noqa: PLR0913, PLR0917 - the options of the command
    question: Annotated[
        str, typer.Argument(metavar="QUESTION", help="The question; - reads one a line from stdin.")
    ],
    archive: ArchiveOption = None,
    source: Annotated[
        list[str] | None, typer.Option(metavar="OUTLET", help="Only this outlet; repeatable.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only articles of this day or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only articles of this day or earlier.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="Sources to show.")] = 5,
    max_error: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Answer only where at most this share of given answers is wrong. Default: 0.4.",
        ),
    ] = None,
    reranker: RerankerOption = None,
    as_json: JsonOption = False,
) -> int:
    """Answer a question with a quote and its sources; exit code 3 where the articles hold none."""
    limits: Question = {"sources": source or [], "since": since, "until": until}
    options: _Options = {"k": k, "max_error": max_error}
    with open_archive(archive, reranker) as opened:
        if question == "-":
            return _ask_lines(opened, limits, options)
        answer = opened.ask_many([{"question": question, **limits}], **options)[0]
        if as_json:
            _print_json(answer.to_dict())
        else:
            terminal.print_answer(answer, is_samples=opened.is_samples)
    return EXIT_DONE if answer.answered else EXIT_NO_ANSWER


def _ask_lines(archive: Archive, limits: Question, options: _Options) -> int:
    """Answer every line of stdin with a line of JSON; a bad question gives an error in its line."""
    for line in sys.stdin:
        if not line.strip():
            continue
        asked = line.rstrip("\n")
        try:
            answer = archive.ask_many([{"question": asked, **limits}], **options)[0]
            record = answer.to_dict()
        except UsageError as error:
            record = {"question": asked, "error": str(error)}
        _print_json(record, indent=None)
    return EXIT_DONE


app.command()(evaluate)
app.add_typer(gold_app, name="gold")


@app.command()
def status(archive: ArchiveOption = None, as_json: JsonOption = False) -> int:
    """Show what is in an archive."""
    with open_archive(archive) as opened:
        found = opened.status()
        if as_json:
            _print_json(found.to_dict())
        else:
            terminal.print_status(found)
    return EXIT_DONE


@app.command()
def verify(
    archive: ArchiveOption = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be made anew, then check again.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Check every byte and offset of an archive; exit code 4 where something is wrong."""
    with open_archive(archive) as opened:
        repaired = opened.repair() if repair else []
        problems = opened.verify()
        address = opened.address
    if as_json:
        report = {"archive": address, "problems": problems}
        _print_json(report | ({"repaired": repaired} if repair else {}))
    else:
        terminal.print_repaired(repaired)
        terminal.print_problems(problems, address)
    return EXIT_DAMAGED if problems else EXIT_DONE


@app.command()
def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of articles.")],
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> int:
    """Take articles out of an archive, by id (`qa export` lists them)."""
    with open_archive(archive) as opened:
        unknown = [article_id for article_id in ids if not opened.has(article_id)]
        removed = opened.remove(ids)
    if as_json:
        _print_json({"removed": removed, "unknown": unknown})
    else:
        terminal.print_removed(removed, unknown)
    return EXIT_FAILED if unknown else EXIT_DONE


@app.command()
def export(
    archive: ArchiveOption = None,
    articles: Annotated[bool, typer.Option("--articles", help="Articles (the default).")] = False,
    passages: Annotated[bool, typer.Option("--passages", help="Passages with offsets.")] = False,
) -> int:
    """Print the articles, or their passages, as JSON lines."""
    if articles and passages:
        raise UsageError("--articles and --passages were both given: choose one")
    with open_archive(archive) as opened:
        for record in opened.export_passages() if passages else opened.export_articles():
            print(json.dumps(record))  # noqa: T201 - the output itself
    return EXIT_DONE


add_commands(app)


def _print_json(value: dict[str, Any], indent: int | None = 2) -> None:
    """Print JSON on stdout, with letters as they are where its encoding has them all."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    written = json.dumps(value, ensure_ascii=not plain, indent=indent)
    print(terminal.escaped(written), flush=True)  # noqa: T201 - the output itself


def main() -> None:
    """Run the command line; every expected error is one line on stderr and an exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; return its exit code."""
    for stream in (sys.stdout, sys.stderr, sys.stdin):
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        code = int(app(arguments, prog_name="qa", standalone_mode=False) or EXIT_DONE)
        sys.stdout.flush()
        if code == EXIT_INTERRUPTED:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
    except NewsArchiveError as error:
        terminal.print_error(str(error))
        code = error.exit_code
    except typer.TyperException as error:
        code = _usage_error(error)
    except (KeyboardInterrupt, typer.Abort):
        terminal.print_error("interrupted: what was finished is kept; the same command goes on")
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        code = _reader_gone()
    except SystemExit as error:  # what typer and rich make of a reader that went away
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        code = _reader_gone()
    except OSError as error:
        code = _refused(error)
    return code


def _refused(error: OSError) -> int:
    """Say in one line what the system refused, wherever that was."""
    where = f" ({error.filename})" if error.filename else ""
    terminal.print_error(
        f"the system refused: {error.strerror or error}{where}: check free space, permissions"
        " and the number of open files; what was finished is kept"
    )
    return EXIT_FAILED


def _reader_gone() -> int:
    """End quietly, as in `qa export | head`: what Python still holds for stdout goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_DONE


def _usage_error(error: typer.TyperException) -> int:
    """Let typer explain a command line that it could not read."""
    show = getattr(error, "show", None)
    if show is None:
        terminal.print_error(str(error))
    else:
        show()
    return int(getattr(error, "exit_code", EXIT_USAGE))


if __name__ == "__main__":
    main()
