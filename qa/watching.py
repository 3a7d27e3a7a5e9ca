"""Keep an archive in step with its folders: what changes below them is indexed as it changes."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from watchfiles import Change, watch

from corpus.errors import ArchiveLockedError, UnreachableError, UsageError
from corpus.readers import is_found
from embeddings.indexing import is_own
from embeddings.reports import IndexReport, ProgressCallback
from qa.archive import Archive

SETTLE_MS = 1_600
"""Milliseconds within which changes count as one: programs write a file in several steps."""

STEP_MS = 100
"""Milliseconds without a change after which those before are taken."""

WAKE_MS = 250
"""Milliseconds after which the wait for a change is looked at, so that it can be started early."""

LOCKED_SECONDS = 1.0
"""Seconds between two tries while another process writes to the archive."""

AWAY_SECONDS = 30.0
"""Longest pause between two tries while a shared archive's database or Milvus is away."""

log = logging.getLogger(__name__)


def keep_in_step(
    archive: Archive,
    folders: Iterable[str | os.PathLike[str]],
    *,
    progress: ProgressCallback | None = None,
    stop: threading.Event | None = None,
) -> Iterator[IndexReport]:
    """Index `folders`, then whatever changes below them; yield a report of each step that did any.

    `progress` is told of the first step.

    Articles of files that are gone are removed. A change costs the file that changed and no other.
    Ends when `stop` is set, else with KeyboardInterrupt. Raises UsageError for what is no folder: a
    file that is written anew by most programs is another file to the system.
    """
    stop = stop or threading.Event()
    roots = [_root(folder) for folder in folders]
    if not roots:
        raise UsageError("nothing to watch: name the folders of your articles")
    changes = watch(
        *roots,
        watch_filter=lambda change, path: _counts(change, Path(path), roots),
        debounce=SETTLE_MS,
        step=STEP_MS,
        stop_event=stop,
        yield_on_timeout=True,
        rust_timeout=WAKE_MS,
        ignore_permission_denied=True,
    )
    next(changes, None)  # from here on nothing is missed
    yield archive.add(roots, prune=True, progress=progress)
    for seen in changes:
        report = _followed(archive, seen, roots, stop) if seen else None
        if report and (report.added or report.updated or report.removed or report.failed):
            yield report


def _followed(
    archive: Archive,
    seen: Iterable[tuple[Change, str]],
    roots: Iterable[Path],
    stop: threading.Event,
) -> IndexReport | None:
    """Index what has changed; wait for another writer, or for a database, until `stop`."""
    places = sorted({Path(path) for _, path in seen})
    there = [place for place in places if os.path.exists(place)]  # noqa: PTH110 - never raises
    whole = all(root.exists() for root in roots)  # a disk that was taken out is no deletion
    gone = [place for place in places if _is_gone(place)] if whole else []
    pause = LOCKED_SECONDS
    while True:
        try:
            return archive.add(there, gone=gone)
        except ArchiveLockedError:
            pause = LOCKED_SECONDS
        except UnreachableError as error:
            if pause == LOCKED_SECONDS:  # the first time
                log.warning("what changed waits to be indexed: %s", error)
            pause = min(2 * pause, AWAY_SECONDS)
        if stop.wait(pause):
            return None


def _is_gone(place: Path) -> bool:
    """Tell whether a place is surely not there: one that is closed or out of reach is not gone."""
    try:
        place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _root(path: str | os.PathLike[str]) -> Path:
    """Return a folder's path without links in it; raise where there is none."""
    place = Path(path).expanduser()
    try:
        root = place.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        root = place
    if not root.is_dir():
        raise UsageError(f"{path} cannot be watched: expected a folder that is there")
    return root


def _counts(change: Change, place: Path, roots: Iterable[Path]) -> bool:
    """Tell whether a change is one of the articles: not of a hidden, foreign or archive's file."""
    try:
        if change is Change.modified and place.is_dir():  # its entries tell themselves
            return False
        if change is Change.deleted:
            return not is_own(place)
        return is_found(place, roots) and not is_own(place)
    except OSError:  # it was closed meanwhile
        return False
