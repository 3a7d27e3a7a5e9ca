"""Run as the sandbox: read the files sent on standard input, one at a time, within limits.

`python -m corpus.readers.worker`, started by `corpus.readers.sandbox` and by nobody else. Two
frames ask (the format and path as JSON, the bytes), one frame answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
from pathlib import Path
from typing import BinaryIO

from corpus.errors import PassingReadError, ReadError
from corpus.readers.dispatch import parse
from corpus.readers.formats import Format, Parsed
from corpus.readers.frames import packed, read_frame, write_frame
from corpus.readers.limits import MAX_FILE_BYTES, MAX_MEMORY_BYTES, MAX_SECONDS
from corpus.records import Failure

IDLE_SECONDS = 60.0
"""Seconds without a file after which the sandbox ends, so that a server does not keep it."""

MAX_REQUEST_BYTES = 65_536
"""Bytes of a format's name and a path."""


def main() -> None:
    """Answer until the other side is gone, falls silent, or memory has run out."""
    answers = os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # what a parser prints is no answer
    _limit_memory_and_files()
    with contextlib.suppress(EOFError, BrokenPipeError):
        fresh = True
        while _is_waiting() and _answer(sys.stdin.buffer, answers, fresh=fresh):
            fresh = False


def _answer(requests: BinaryIO, answers: BinaryIO, *, fresh: bool) -> bool:
    """Answer one request; tell whether there is memory to go on.

    Where earlier files may have taken the memory, no answer is given: the sandbox asks a new
    process.
    """
    request = json.loads(read_frame(requests, MAX_REQUEST_BYTES))
    data = read_frame(requests, MAX_FILE_BYTES)
    _limit_seconds()
    path = Path(request["path"])
    out_of_memory = False
    try:
        answer = packed(parse(Format(request["format"]), path, data))
    except MemoryError:
        if not fresh:
            return False
        out_of_memory = True
        limit = MAX_MEMORY_BYTES // 1_048_576
        reason = f"reading it takes over {limit} MB of memory: is it damaged?"
        answer = _refused(path, reason, passing=True)
    except ReadError as error:
        answer = _refused(path, str(error), passing=isinstance(error, PassingReadError))
    except RecursionError:
        answer = _refused(path, "nested too deeply: expected an article")
    except Exception as error:  # a parser's fault must cost one file, not the run
        answer = _refused(path, gave_up(error))
    write_frame(answers, answer)
    answers.flush()
    return not out_of_memory


def gave_up(error: Exception) -> str:
    """Return the reason for a file whose reader raised what it should not."""
    return f"the reader gave up ({type(error).__name__}): is it a whole, undamaged file?"


def _refused(path: Path, reason: str, *, passing: bool = False) -> bytes:
    """Return the answer for a file that brings nothing."""
    return packed(Parsed(failures=(Failure(str(path), reason, passing),)))


def _is_waiting() -> bool:
    """Wait for the next request; tell whether one came within `IDLE_SECONDS`."""
    if sys.platform == "win32":  # pipes cannot be waited for there
        return True
    ready, _, _ = select.select([sys.stdin.buffer], [], [], IDLE_SECONDS)
    return bool(ready)


def _limit_memory_and_files() -> None:
    """Take no more than `MAX_MEMORY_BYTES` from here on, and write no file, where Unix can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))


def _limit_seconds() -> None:
    """End with the time limit even where nobody is left to kill this process."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime + MAX_SECONDS) + 2
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


if __name__ == "__main__":
    main()
