"""Read Parquet, as data sets are published: one article a row; needs pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpus.errors import PassingReadError, ReadError
from corpus.readers.decoding import expect_start
from corpus.readers.fields import Origin, article_of, is_fruitless, told_once, with_own_ids
from corpus.readers.formats import Parsed
from corpus.readers.limits import MAX_UNPACKED_BYTES
from corpus.records import Article, Failure

INSTALL = 'pip install "news-archive-qa[parquet]"'
"""The command that brings pyarrow, which takes 150 MB and hardly anybody needs."""

ROWS = 500
"""Rows turned into Python objects at a time."""

MAX_GROUP_BYTES = MAX_UNPACKED_BYTES // 4
"""Bytes that one group of rows may unpack to: pyarrow holds it, and a copy of its pages."""


def read(path: Path, data: bytes) -> Parsed:
    """Return one article a row.

    Raises `ReadError` where pyarrow is missing, or for what is no Parquet or is a bomb.
    """
    expect_start(data, b"PAR1", "a Parquet file")
    articles: list[tuple[Article, Origin]] = []
    failures: list[Failure] = []
    notes: list[str] = []
    for n, record in enumerate(_rows(data), 1):
        origin = Origin(path, n, f"row {n}")
        try:
            article, more = article_of(record, origin)
        except ReadError as error:
            failures.append(origin.fail(str(error)))
            if is_fruitless(failures, articles):
                break
            continue
        articles.append((article, origin))
        notes += more
    if not articles and not failures:
        raise ReadError("no rows in this file: expected one article a row")
    kept, more = with_own_ids(articles)
    return Parsed(kept, told_once(failures, len(kept)), (*notes, *more))


def _rows(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the rows as fields; raise for a file that is not whole or would unpack to too much."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        reason = f"Parquet needs pyarrow, which is not installed: {INSTALL}"
        raise PassingReadError(reason) from error
    try:
        with parquet.ParquetFile(io.BytesIO(data)) as table:
            _check_size(table.metadata)
            for batch in table.iter_batches(batch_size=ROWS, use_threads=False):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        problem = str(error).partition("\n")[0][:200]
        raise ReadError(f"not a whole Parquet file: {problem}") from error


def _check_size(metadata: Any) -> None:
    """Raise where the file's own table of contents names more than the limits allow."""
    sizes = [metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups)]
    if sum(sizes) > MAX_UNPACKED_BYTES or max(sizes, default=0) > MAX_GROUP_BYTES:
        raise ReadError(f"it unpacks to over {MAX_GROUP_BYTES:,} bytes a group: not unpacked")
