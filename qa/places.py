"""Where things lie when nobody says: the person's archive, and what can be made again."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from pathlib import Path

from corpus.errors import ArchiveMissingError, StorageError
from embeddings.locations import Location, locate
from embeddings.schema import DATABASE
from embeddings.store import Store

ARCHIVE_VARIABLE = "QA_ARCHIVE"
"""Environment variable: the archive to use where none is given."""

_NAME = "news-archive"


def default_archive() -> Location:
    """Return where the archive is: what $QA_ARCHIVE says, else in the person's data folder."""
    asked = os.environ.get(ARCHIVE_VARIABLE)
    if asked:
        return locate(asked)
    return data_directory() / "archive"


def chosen_archive() -> Location | None:
    """Return the archive to ask where none is named, or None where that is the samples.

    It is the one that $QA_ARCHIVE names, else the person's own if there are articles in it.
    """
    place = default_archive()
    if os.environ.get(ARCHIVE_VARIABLE) or not isinstance(place, Path):
        return place
    if not (place / DATABASE).is_file():
        return None
    try:
        with closing(Store(place)) as store:
            return place if store.counts()["articles"] else None
    except ArchiveMissingError:
        return None


def data_directory() -> Path:
    """Return the person's folder for what cannot be made again; it may not be there yet."""
    return _home("XDG_DATA_HOME", ".local/share") / _NAME


def cache_directory() -> Path:
    """Return a folder to write what can be made again; a temporary one where HOME is read-only.

    Raises StorageError where neither can be written.
    """
    folder = _home("XDG_CACHE_HOME", ".cache") / _NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return _temporary_directory()


def _temporary_directory() -> Path:
    """Return this user's folder among the temporary files; a fresh one where it is someone else's.

    Others may write there too, so what stands under our name is used only if we own it.
    """
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"{_NAME}-{user}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        ours = not folder.is_symlink() and (user in ("user", status.st_uid))
        if ours and os.access(folder, os.W_OK):
            return folder
        return Path(tempfile.mkdtemp(prefix=f"{_NAME}-"))
    except OSError as error:
        raise StorageError(
            f"no folder can be written for the samples ({error.strerror or error}):"
            " set XDG_CACHE_HOME to one that can, or name an archive with --archive"
        ) from error


def _home(variable: str, below_home: str) -> Path:
    asked = Path(os.environ.get(variable, ""))
    if asked.is_absolute():
        return asked
    try:
        return Path.home() / below_home
    except RuntimeError:  # no HOME, and the system knows no user of our number
        return Path(tempfile.gettempdir()) / _NAME
