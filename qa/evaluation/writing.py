"""Write results to files so that a reader sees the old file or the new one, never half of it."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from corpus.errors import StorageError, UsageError
from qa.evaluation.judging import Judged
from qa.evaluation.run import Evaluation
from qa.evaluation.summary import PER_QUESTION, values_of

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell of a spreadsheet must not begin with, or it is run: articles are others' words."""


def to_json(evaluation: Evaluation) -> str:
    """Return an evaluation as JSON text with a newline at the end; undefined measures are null."""
    return json.dumps(evaluation.to_dict(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def to_json_lines(rows: Sequence[Judged]) -> str:
    """Return one line of JSON a question, in the order of gold, with its own value of measures."""
    return "".join(
        json.dumps(row.to_dict() | {"values": values_of(row)}, ensure_ascii=False, allow_nan=False)
        + "\n"
        for row in rows
    )


def to_csv(rows: Sequence[Judged]) -> str:
    """Return a table with a row a question; texts that a spreadsheet would run begin with '."""
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    dimensions = list(dict.fromkeys(name for row in rows for name, _ in row.slices))
    dimensions = [name for name in dimensions if name not in ("kind", "standalone")]
    table.writerow([*_CELLS, *dimensions, *PER_QUESTION])
    for row in rows:
        record, slices, values = row.to_dict(), dict(row.slices), values_of(row)
        cells = [record[name] for name in _CELLS]
        cells += [slices.get(name) for name in dimensions]
        cells += [values.get(name) for name in PER_QUESTION]
        table.writerow(_cells(cells))
    return stream.getvalue()


def write_json_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records one by one, without holding them all: a file of this run's own."""
    with path.open("wb") as file:
        for record in records:
            file.write(encode(json.dumps(record, ensure_ascii=False)) + b"\n")


_CELLS = (
    *("id", "question", "kind", "standalone", "answerable", "answered", "confidence", "verdict"),
    *("failure", "article_rank", "passage_rank", "quote_hit", "quote"),
)


def _cells(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        is_formula = isinstance(value, str) and value.startswith(FORMULA)
        yield f"'{value}" if is_formula else value


def encode(text: str) -> bytes:
    """Return `text` as UTF-8; a lone surrogate becomes its escape, in JSON the same character."""
    return text.encode("utf-8", "backslashreplace")


def write_file(path: Path, content: str | bytes) -> None:
    """Write text or bytes in place of `path`, whole or not at all.

    Raises `StorageError` where the folder cannot be written.
    """
    try:
        _replace(path, encode(content) if isinstance(content, str) else content)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}; name a file in a folder that can be written"
        ) from error


def check_folder(path: Path) -> None:
    """Raise `UsageError` where `path` cannot be a file: known before hours of work, not after."""
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"cannot write {path}; expected a file name in a folder that exists")


def _replace(path: Path, content: bytes) -> None:
    """Write a temporary file beside `path`, then move it there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
