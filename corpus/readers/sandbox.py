"""Read a file in another process, which is killed when it takes too long or too much memory."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

from corpus.errors import PassingReadError
from corpus.readers.formats import Format, Parsed
from corpus.readers.frames import read_frame, unpacked, write_frame
from corpus.readers.limits import MAX_ANSWER_BYTES, MAX_SECONDS

MAX_FILES = 2_000
"""Files after which the process is replaced: memory that the parsers keep is given back, and the
start, half a second with its libraries, is spread over these."""

_LEAN = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}
"""Settings with which libraries take only the address space that they use: pyarrow by itself takes
1.5 GB of it, which counts against the limit, and 0.3 GB with these."""

_ROOT = Path(__file__).resolve().parents[2]


class Sandbox:
    """One process for one file at a time, started with the first and again after a kill.

    `seconds` is the wall-clock limit of a file. Safe for several threads, which wait in line.
    """

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._files = 0

    def read(self, kind: Format, path: Path, data: bytes) -> Parsed:
        """Return what the reader of a format makes of a file.

        Raises `PassingReadError` where it took too long or broke the process; the next file gets a
        new one.
        """
        with self._lock:
            try:
                return self._asked(kind, path, data)
            except BaseException:
                self._stop()
                raise

    @property
    def process_id(self) -> int | None:
        """Return the id of the running process, if there is one."""
        process = self._process
        return process.pid if process is not None else None

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._stop()

    def _asked(self, kind: Format, path: Path, data: bytes) -> Parsed:
        """Send a file and return the answer; a process that ended is replaced once.

        It may have ended by itself, idle, or for want of memory that earlier files had taken.
        """
        try:
            return self._once(kind, path, data)
        except (BrokenPipeError, EOFError):
            self._stop()
        try:
            return self._once(kind, path, data)
        except (BrokenPipeError, EOFError) as error:
            reason = "reading it breaks its reader: is it a whole, undamaged file?"
            raise PassingReadError(reason) from error

    def _once(self, kind: Format, path: Path, data: bytes) -> Parsed:
        """Send a file to a running process and return the answer within the time limit.

        Raises `PassingReadError` beyond it, and `EOFError` where the process ended by itself.
        """
        process = self._running()
        started = time.monotonic()
        watch = threading.Timer(self._seconds, process.kill)
        watch.daemon = True
        watch.start()
        try:
            _send(_pipe(process.stdin), kind, path, data)
            return unpacked(read_frame(_pipe(process.stdout), MAX_ANSWER_BYTES))
        except EOFError as error:
            if time.monotonic() - started < self._seconds:
                raise
            reason = f"reading it takes over {self._seconds:g} s: is it damaged?"
            raise PassingReadError(reason) from error
        finally:
            watch.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        """Return the process, a new one where it has ended or served its turn."""
        process = self._process
        if process is None or process.poll() is not None or self._files >= MAX_FILES:
            self._stop()
            process = self._process = _started()
        self._files += 1
        return process

    def _stop(self) -> None:
        """Kill the process and wait for its end."""
        process, self._process, self._files = self._process, None, 0
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            try:
                _pipe(pipe).close()
            except BrokenPipeError:  # the rest of a request that nobody will read
                continue


def _started() -> subprocess.Popen[bytes]:
    """Start the process: this Python, these modules, no signals of the terminal, no messages."""
    places = [str(_ROOT), *(place for place in sys.path if place)]
    return subprocess.Popen(
        [sys.executable, "-B", "-P", "-m", "corpus.readers.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_LEAN, "PYTHONPATH": os.pathsep.join(places)},
        start_new_session=True,
    )


def _send(pipe: BinaryIO, kind: Format, path: Path, data: bytes) -> None:
    """Write a request."""
    write_frame(pipe, json.dumps({"format": kind.value, "path": str(path)}).encode("ascii"))
    write_frame(pipe, data)
    pipe.flush()


def _pipe(pipe: object) -> BinaryIO:
    """Return a pipe of a process that was started with both."""
    return pipe  # type: ignore[return-value]


SANDBOX = Sandbox()
"""The one that `read_file` uses."""

atexit.register(SANDBOX.close)
