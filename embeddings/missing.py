"""Which files of an archive are gone, and which may only be out of reach for today."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from corpus.readers import FoundFiles


def gone_files(
    known: Iterable[str], paths: Sequence[str], found: FoundFiles, *, emptied: bool
) -> tuple[set[str], list[str]]:
    """Return which of the known files below `paths` are gone, and what is kept all the same.

    What lies below a place that could not be read is kept, and so is, but where `emptied` says that
    it is meant, what lay in a folder that holds nothing any more: a disk that is not mounted leaves
    such a one.
    """
    present = {str(path) for path in found.files}
    roots = [Path(path).expanduser().resolve() for path in paths]
    closed = [Path(failure.path) for failure in found.failures]
    missing = [path for path in known if path not in present and is_below(path, roots)]
    gone = {path for path in missing if not is_below(path, closed)}
    told = ["nothing was removed below what could not be read"] if len(gone) < len(missing) else []
    if emptied:
        return gone, told
    empty = {folder: _empty_place(folder, roots) for folder in {Path(path).parent for path in gone}}
    kept = {path: place for path in gone if (place := empty[Path(path).parent])}
    told += [
        f"nothing was removed below {place}, which held {count} files and is empty: mount what"
        " belongs there, or remove their articles with --prune-emptied"
        for place, count in sorted(Counter(kept.values()).items())
    ]
    return gone - kept.keys(), told


def is_below(path: str, places: Iterable[Path]) -> bool:
    """Tell whether a path is one of the places or lies below one."""
    return any(Path(path).is_relative_to(place) for place in places)


def _empty_place(folder: Path, roots: Sequence[Path]) -> Path | None:
    """Return the first folder that is there of a folder and those above it, if it holds nothing.

    None above the roots counts.
    """
    for place in (folder, *folder.parents):
        if not is_below(str(place), roots):
            break
        try:
            with os.scandir(place) as entries:
                return None if next(entries, None) else place
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            break
    return None
