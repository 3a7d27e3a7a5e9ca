"""What commands share: options for an archive, JSON and a reranker, and how one is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from qa import terminal

if TYPE_CHECKING:
    from qa.archive import Archive

ArchiveOption = Annotated[
    str | None,
    typer.Option(
        "--archive",
        "-a",
        metavar="DIR",
        help="The archive's directory, or the address of one that several machines share:"
        " postgresql://user@host/database?archive=name or milvus+http://host:19530/name. Default:"
        " $QA_ARCHIVE, else your own archive, else the shipped samples.",
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="PostgreSQL database for the articles of a new archive whose vectors are in Milvus."
        " Default: $QA_DATABASE.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
RerankerOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Reorder the best passages with a CrossEncoder: a folder, or a cached model's name.",
    ),
]
WorkersOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Encode on a Ray cluster: ray://HOST:10001, or ray for one on this machine. It is"
        " trusted wholly: the texts' word pieces go there, and whoever can reach it can run code on"
        " this machine. It has no password and no TLS unless Ray's own are set.",
    ),
]
PruneEmptiedOption = Annotated[
    bool,
    typer.Option(
        "--prune-emptied", help="The same where a folder is empty now: a disk may be missing."
    ),
]


@contextmanager
def open_archive(directory: str | None, reranker: str | None = None) -> Iterator[Archive]:
    """Open an archive with a progress bar for samples that are built on first use."""
    from qa.archive import Archive

    with terminal.progress_bar() as progress:
        archive = Archive.open(directory, reranker=reranker, progress=progress)
    with archive:
        yield archive
