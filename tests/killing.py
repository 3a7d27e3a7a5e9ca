"""A server of children that index and are killed: `python -m tests.killing`.

It reads one job a line as JSON, forks a child for it, which starts in a moment since everything is
imported, and prints how the child ended. A job is killed after some seconds, or at the n-th point
at which files change: an fsync, a rename, a link, a write, a commit.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import embeddings.building
import embeddings.indexing
import embeddings.writing
from embeddings import segments
from qa import Archive
from tests.archives import ROOT
from tests.fakes import HashingEncoder

WINDOW = 16
"""Passages committed at a time: an update is several commits."""


def serve() -> None:
    """Run jobs until there are no more."""
    embeddings.indexing.WINDOW = embeddings.writing.WINDOW = WINDOW
    segments.LARGE = 24
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if not child:
            os._exit(_work(job))
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        code = None if killed else os.waitstatus_to_exitcode(status)
        print(json.dumps({"killed": killed, "code": code}), flush=True)


def _work(job: dict[str, Any]) -> int:
    """Index in this process, which may not live to the end of it."""
    points = _Points(job.get("point"))
    points.watch()
    if job.get("seconds") is not None:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, max(job["seconds"], 1e-6))
    try:
        with Archive.create(job["archive"], encoder=HashingEncoder()) as archive:
            archive.add(job["news"], prune=True)
    except BaseException as error:  # a forked child has nobody above it
        print(repr(error), file=sys.stderr, flush=True)
        return 1
    if job.get("count"):
        with open(job["count"], "w", encoding="ascii") as stream:  # noqa: PTH123 - one of the points
            stream.write(str(points.passed))
    return 0


class Children:
    """Starts the server, and children of it that index."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.killing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def run(self, archive: Path | str, news: Path, **how: Any) -> bool:
        """Index in a child; tell whether it was killed. One that fails by itself is an error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        job = {"archive": str(archive), "news": str(news), **how}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        ended = json.loads(self._process.stdout.readline())
        assert ended["killed"] or ended["code"] == 0, ended
        return bool(ended["killed"])

    def stop(self) -> None:
        """End the server."""
        self._process.communicate()


class _Points:
    """Counts the points at which files change, and kills this process at one of them."""

    def __init__(self, fatal: int | None) -> None:
        self.passed = 0
        self._fatal = fatal

    def watch(self) -> None:
        """Count calls of the system that change files, and steps between SQLite's statements."""
        for name in ("fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir", "open"):
            setattr(os, name, self._counted(getattr(os, name)))
        from embeddings.sparse import SparseIndex
        from embeddings.sqlite import SqliteDatabase

        owners: list[tuple[Any, tuple[str, ...]]] = [
            (SqliteDatabase, ("execute", "execute_many", "empty_log")),
            (SparseIndex, ("update",)),
        ]
        with suppress(ImportError):  # the extra `shared`
            from embeddings.postgres.database import PostgresDatabase

            owners.append((PostgresDatabase, ("execute", "execute_many")))
        for owner, names in owners:
            for name in names:
                setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self._pass()
            result = call(*arguments, **options)
            self._pass()
            return result

        return counted

    def _pass(self) -> None:
        self.passed += 1
        if self.passed == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve()
