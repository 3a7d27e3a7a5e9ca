"""Files that are on the disk when we say so."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

Link = Callable[[Path, Path], None]
"""Gives a file, the first, a second name."""


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that whoever reads it finds the old or the new content, nothing between."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def bytes_below(directory: Path) -> int:
    """Return the bytes of all files in a directory; one that goes meanwhile does not count."""
    total = 0
    for folder, _, names in os.walk(directory):  # which passes over folders that are gone
        for name in names:
            with suppress(OSError):
                total += Path(folder, name).stat().st_size
    return total


def remove_folder(folder: Path) -> None:
    """Remove a folder and what is in it, so that no thread can put a file back meanwhile.

    tantivy watches the folders that it has open and makes a lock file there whenever it likes;
    under another name the folder is out of its reach. What the disk keeps is left alone.
    """
    aside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.gone")
    try:
        folder.rename(aside)
    except OSError:
        aside = folder
    shutil.rmtree(aside, ignore_errors=True)


def link(file: Path, target: Path) -> None:
    """Give a file a second name; where the disk does not know that, copy it."""
    try:
        target.hardlink_to(file.resolve())
    except OSError:
        shutil.copyfile(file, target)


def link_softly(file: Path, target: Path) -> None:
    """Give a file a second name, on another disk where need be, that lasts as long as the first."""
    try:
        target.hardlink_to(file.resolve())
    except OSError:
        target.symlink_to(file.resolve())
