"""Keep the rows of a run while it goes on, so that an interrupted evaluation goes on later.

A journal is a file of JSON lines in the cache directory, named by the digest of everything that the
result depends on: gold, archive, weights, options, versions. It is removed when the run is done.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from qa.evaluation.failure import Excerpt, Failure, FailureKind
from qa.evaluation.judging import Judged
from qa.places import cache_directory

FOLDER = "evaluations"
PARTS = 3
"""Journals that are kept of interrupted runs; older ones are removed, newest first counted."""


class RunJournal:
    """Rows on disk, a line each. A line that was cut short by a crash is passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def named(cls, parts: Iterable[str]) -> RunJournal:
        """Return the journal of a run that depends on `parts` and on the shipped weights."""
        digest = hashlib.sha256()
        for part in (_version(), _weights(), *parts):
            digest.update(part.encode("utf-8", "backslashreplace") + b"\0")
        folder = cache_directory() / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        old = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in old[PARTS:]:
            path.unlink(missing_ok=True)
        return cls(folder / f"{digest.hexdigest()[:32]}.jsonl")

    def known(self) -> dict[str, Judged]:
        """Return the rows of an earlier, interrupted run of the same, by id."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except OSError:
            return {}
        rows: dict[str, Judged] = {}
        for line in lines:
            try:
                row = from_plain(json.loads(line))
            except (ValueError, TypeError, KeyError):
                continue
            rows[row.id] = row
        return rows

    def note(self, rows: Sequence[Judged]) -> None:
        """Append the rows of a batch in one write, after a newline in case the last was cut."""
        lines = "".join(f"{json.dumps(asdict(row))}\n" for row in rows)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"\n{lines}".encode())
        finally:
            os.close(descriptor)

    def done(self) -> None:
        """Remove the journal: the run is complete."""
        self.path.unlink(missing_ok=True)


def from_plain(record: dict[str, Any]) -> Judged:
    """Return a row from what `asdict` and JSON made of it."""
    values = {field.name: record[field.name] for field in fields(Judged)}
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(tuple(v) if isinstance(v, list) else v for v in value)
    failure = record["failure"]
    if failure is not None:
        values["failure"] = Failure(
            kind=FailureKind(failure["kind"]),
            detail=failure["detail"],
            missed_by=tuple(failure["missed_by"]),
            wanted=_excerpt(failure["wanted"]),
            instead=_excerpt(failure["instead"]),
        )
    return Judged(**values)


def _excerpt(record: dict[str, Any] | None) -> Excerpt | None:
    return None if record is None else Excerpt(**record)


def _version() -> str:
    """Return the version that runs; nothing where it runs from its sources, not installed."""
    try:
        return version("news-archive-qa")
    except PackageNotFoundError:
        return ""


def _weights() -> str:
    folder = files("qa.weights")
    names = ("ranking.json", "confidence.json")
    return "".join(hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest() for name in names)
