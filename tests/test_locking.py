"""One writer an archive: the second is told at once, and a dead one's place is free."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from corpus.errors import ArchiveLockedError, StorageError
from embeddings.locking import HOLDER, LOCK, writer_lock
from tests.archives import finish, run_python
from tests.pace import within

HOLD = """
import sys, time
from pathlib import Path
from embeddings.locking import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_writer_is_told_who_holds_it(tmp_path: Path) -> None:
    """Another process's place is named by its number, within a second, and with exit code 5."""
    process = run_python(HOLD, str(tmp_path))
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with (
            within(1, clock=time.monotonic),
            pytest.raises(ArchiveLockedError, match=str(process.pid)) as caught,
        ):
            writer_lock(tmp_path).__enter__()
        assert caught.value.exit_code == 5
    finally:
        process.kill()
        process.communicate()


def test_the_place_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    """What `kill -9` leaves behind locks nobody out."""
    process = run_python(HOLD, str(tmp_path))
    assert process.stdout is not None
    process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert (tmp_path / HOLDER).exists()
    with writer_lock(tmp_path):
        assert str(os.getpid()) in (tmp_path / HOLDER).read_text("utf-8")
    assert not (tmp_path / HOLDER).exists()


def test_threads_exclude_each_other_too(tmp_path: Path) -> None:
    """A second archive object in the same process is a second writer."""
    refused: list[BaseException] = []

    def second() -> None:
        try:
            with writer_lock(tmp_path):
                pass
        except ArchiveLockedError as error:
            refused.append(error)

    with writer_lock(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(refused) == 1
    with writer_lock(tmp_path):
        pass


def test_an_error_inside_gives_the_place_back(tmp_path: Path) -> None:
    """However the block ends, the next writer gets in."""
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), writer_lock(tmp_path):
            raise KeyboardInterrupt


@pytest.mark.parametrize("note", ["", "{", "[]", '{"pid": 1}'])
def test_a_note_that_cannot_be_read_still_names_a_process(tmp_path: Path, note: str) -> None:
    """The note is for messages only."""
    with writer_lock(tmp_path):
        (tmp_path / HOLDER).write_text(note, "utf-8")
        with pytest.raises(ArchiveLockedError, match="another process"):
            writer_lock(tmp_path).__enter__()


def test_a_folder_that_refuses_is_named(tmp_path: Path) -> None:
    """Where no lock can be made there is no writing."""
    (tmp_path / LOCK).mkdir()
    with pytest.raises(StorageError, match=str(tmp_path)):
        writer_lock(tmp_path).__enter__()


def test_the_lock_is_free_for_another_process_afterwards(tmp_path: Path) -> None:
    """Leaving the block is enough; the process need not end."""
    with writer_lock(tmp_path):
        pass
    finish(run_python(HOLD.replace("time.sleep(60)", "pass"), str(tmp_path)))
