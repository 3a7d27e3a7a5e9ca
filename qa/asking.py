"""`ask()`: one question to an archive that stays open for the next one."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from embeddings.locations import Address, Location, locate
from qa.archive import Archive
from qa.places import chosen_archive
from qa.records import Answer


def ask(
    question: str,
    *,
    archive: Archive | Address | None = None,
    **options: Any,
) -> Answer:
    """Answer a question from an archive: one given, $QA_ARCHIVE, the default one, or the samples.

    The options are those of `Archive.ask`. An archive that is not given as an object stays open
    for the next call; where another one was put in its place meanwhile, that one is opened.
    """
    return (archive if isinstance(archive, Archive) else _kept(archive)).ask(question, **options)


_open: dict[tuple[int, str], Archive] = {}
"""Process and place ("" for the samples) -> archive; connections do not outlive a fork."""

_lock = threading.Lock()


def _name(place: Location | None) -> str:
    """Return what an open archive is known by."""
    return "" if place is None else str(place.absolute() if isinstance(place, Path) else place)


def _kept(directory: Address | None) -> Archive:
    """Return the open archive of a directory, opening it where it is not, or not any more."""
    place = chosen_archive() if directory is None else locate(directory)
    key = (os.getpid(), _name(place))
    with _lock:
        archive = _open.get(key)
        if archive is not None and archive.is_replaced:
            del _open[key]
            archive.close()
            archive = None
        if archive is None:
            archive = _open[key] = Archive.open(place)
        return archive
