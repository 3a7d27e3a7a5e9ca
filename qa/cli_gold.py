"""The commands `qa gold suggest`, `review` and `export`: making gold questions of one's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus.errors import UsageError
from qa.options import ArchiveOption, JsonOption, open_archive

if TYPE_CHECKING:
    from qa.archive import Archive
    from qa.evaluation.queue import Queue

EXIT_DONE = 0

gold_app = typer.Typer(
    name="gold",
    help="Make gold questions of your own: draft them, review them, export what was accepted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

QueueFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The file of candidates. Default: one for each archive."),
]


@gold_app.command()
def suggest(
    archive: ArchiveOption = None,
    queue: QueueFile = None,
    per_article: Annotated[
        int, typer.Option("-n", "--per-article", min=1, max=50, help="Most drafts of an article.")
    ] = 3,
    as_json: JsonOption = False,
) -> int:
    """Draft questions from the articles, without a language model; a person reviews them after."""
    from qa import terminal
    from qa.evaluation.suggesting import suggest as draft_all

    with _opened(archive, queue) as (opened, waiting):
        found = draft_all(waiting, opened.articles(), per_article=per_article)
        path = waiting.path
    counts = {
        "articles": found.articles,
        "drafts": found.drafts,
        "templates": found.templates,
        "new": found.added.new,
        "known": found.added.known,
        "repeated": found.added.repeated,
        "queue": str(path),
    }
    if as_json:
        _print_json(counts)
    else:
        terminal.print_line(
            f"{found.added.new:,} new drafts from {found.articles:,} articles"
            f" ({found.added.known:,} known, {found.added.repeated:,} near-duplicates dropped)"
            f" in {path}; next: qa gold review"
        )
    return EXIT_DONE


@gold_app.command()
def review(  # noqa: PLR0913, PLR0917 - the options of the command
    archive: ArchiveOption = None,
    queue: QueueFile = None,
    accept: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Accept this one; repeatable.")
    ] = None,
    reject: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Reject this one; repeatable.")
    ] = None,
    edit: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="ID QUESTION", help="Change the question of this one."),
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="Print what waits, and decide nothing.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Port to listen on.")] = None,
    as_json: JsonOption = False,
) -> int:
    """Accept, edit or reject drafts: on a page in the browser, or by id."""
    with _opened(archive, queue) as (opened, waiting):
        if accept or reject or edit:
            _decide(waiting, accept or (), reject or (), edit)
        elif listing or as_json:
            _list(opened, waiting, as_json=as_json)
        else:
            from qa.gold_page import serve_review
            from qa.web.commands import names_of
            from qa.web.doors import Rules

            rules = Rules(hosts=names_of(host))
            serve_review(opened, waiting, host=host, port=port, rules=rules)
    return EXIT_DONE


@gold_app.command()
def export(
    out: Annotated[
        Path | None, typer.Argument(metavar="[OUT]", help="File to write; without, stdout.")
    ] = None,
    archive: ArchiveOption = None,
    queue: QueueFile = None,
) -> int:
    """Write what was accepted as gold questions, JSON lines for `qa evaluate`."""
    from qa.evaluation.suggesting import to_gold_lines
    from qa.evaluation.writing import check_folder, encode, write_file

    if out is not None:
        check_folder(out)
    with _opened(archive, queue) as (_, waiting):
        accepted = waiting.accepted()
        path = waiting.path
    if not accepted:
        raise UsageError(f"nothing was accepted in {path} yet: `qa gold review`")
    lines = to_gold_lines(accepted)
    if out is None:
        sys.stdout.write(encode(lines).decode())
    else:
        write_file(out, lines)
    return EXIT_DONE


def _decide(
    waiting: Queue, accept: Sequence[str], reject: Sequence[str], edit: tuple[str, str] | None
) -> None:
    """Carry out decisions given by id; an unknown id stops before anything is decided."""
    from qa import terminal

    both = set(accept) & set(reject)
    if both:
        raise UsageError(f"{', '.join(sorted(both))}: accepted and rejected at once")
    known = waiting.candidates()
    unknown = [name for name in (*accept, *reject) if name not in known]
    if unknown:
        raise UsageError(
            f"no candidate {', '.join(unknown)} in {waiting.path}: `qa gold review --list`"
        )
    if edit is not None:
        waiting.edit(*edit)
    for name in accept:
        waiting.decide(name, "accepted")
    for name in reject:
        waiting.decide(name, "rejected")
    terminal.print_line(
        f"{len(accept):,} accepted, {len(reject):,} rejected, {len(waiting.pending()):,} waiting"
    )


def _list(archive: Archive, waiting: Queue, *, as_json: bool) -> None:
    """Print the candidates that wait, with the passage of each."""
    from qa import terminal
    from qa.evaluation.reviewing import lines_of, passage_of

    for candidate in waiting.pending():
        if as_json:
            _print_json(candidate.to_gold() | {"state": candidate.state}, indent=None)
            continue
        for line in lines_of(candidate, passage_of(archive, candidate)):
            terminal.print_line(line)


@contextmanager
def _opened(directory: str | None, queue: Path | None) -> Iterator[tuple[Archive, Queue]]:
    """Open an archive, and the file of its candidates with what people said in the chat."""
    from qa.evaluation.queue import Queue
    from qa.evaluation.suggesting import queue_of, take_feedback

    with open_archive(directory) as archive:
        waiting = Queue(queue or queue_of(archive))
        take_feedback(waiting, archive)
        yield archive, waiting


def _print_json(value: dict[str, Any], indent: int | None = 2) -> None:
    print(json.dumps(value, indent=indent), flush=True)  # noqa: T201 - the output itself
