"""One writer an archive: a lock that the operating system drops when its holder dies."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from corpus.errors import ArchiveLockedError, StorageError

LOCK = "writer.lock"
HOLDER = "writer.json"


@contextmanager
def writer_lock(directory: Path, *, wait: float = 0) -> Iterator[None]:
    """Hold the archive's only writer's place within a block.

    Raises ArchiveLockedError after `wait` seconds, naming the holder, where another process has it.
    """
    lock = FileLock(directory / LOCK, timeout=wait)
    try:
        lock.acquire()
    except Timeout as error:
        raise ArchiveLockedError(
            f"the archive in {directory} is being written by {_holder(directory)}:"
            " wait until it has finished, or stop it"
        ) from error
    except OSError as error:
        raise StorageError(
            f"{directory} cannot be written ({error.strerror or error}):"
            " check the folder's permissions and the disk's free space"
        ) from error
    try:
        _note_holder(directory)
        yield
    finally:
        (directory / HOLDER).unlink(missing_ok=True)
        lock.release()


def _note_holder(directory: Path) -> None:
    """Leave word of who writes; only for messages, so a failure here stops nothing."""
    note = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    try:
        (directory / HOLDER).write_text(json.dumps(note), "utf-8")
    except OSError:
        return


def _holder(directory: Path) -> str:
    try:
        note = json.loads((directory / HOLDER).read_text("utf-8"))
        return f"process {note['pid']} on {note['host']} since {note['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
