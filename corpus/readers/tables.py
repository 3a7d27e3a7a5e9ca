"""Read CSV and TSV: a header that names the fields, then one article a row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from corpus.errors import ReadError
from corpus.readers.decoding import decode
from corpus.readers.fields import (
    MAX_ARTICLE_CHARS,
    NAMES,
    Origin,
    article_of,
    is_fruitless,
    plain_name,
    told_once,
    with_own_ids,
)
from corpus.readers.formats import Parsed
from corpus.records import Article, Failure

DELIMITERS = ",;\t|"
"""What separates the columns, in order of trust when the header does not tell."""


def read(path: Path, data: bytes) -> Parsed:
    """Return one article a row; the delimiter is the one that the header's names show.

    Raises `ReadError` where the file is no text or no column holds the articles' text.
    """
    text, warnings = decode(data)
    rows = _rows(text)
    header = next(rows, _Row(1)).cells
    _check(header)
    articles: list[tuple[Article, Origin]] = []
    failures: list[Failure] = []
    notes = list(warnings)
    for n, row in enumerate(rows, 1):
        origin = Origin(path, n, f"line {row.line}")
        try:
            article, more = article_of(_record(header, row), origin)
        except ReadError as error:
            failures.append(origin.fail(str(error)))
            if is_fruitless(failures, articles):
                break
            continue
        articles.append((article, origin))
        notes += more
    if not articles and not failures:
        raise ReadError("no rows under the header: expected one article a row")
    kept, more = with_own_ids(articles)
    return Parsed(kept, told_once(failures, len(kept)), (*notes, *more))


@dataclass(frozen=True, slots=True)
class _Row:
    """The cells of a row and the number of its last line, or why the table cannot be read on."""

    line: int
    cells: list[str] = field(default_factory=list)
    problem: str | None = None


def _rows(text: str) -> Iterator[_Row]:
    """Yield each row that is not blank; the first fault is the last row."""
    previous = csv.field_size_limit(MAX_ARTICLE_CHARS)
    try:
        reader = csv.reader(_kept_lines(text), delimiter=_delimiter(text))
        for row in reader:
            if any(cell.strip() for cell in row):
                yield _Row(reader.line_num, row)
    except csv.Error as error:
        yield _Row(reader.line_num, problem=f"not CSV, the rest was not read: {error}")
    finally:
        csv.field_size_limit(previous)


def _kept_lines(text: str) -> Iterator[str]:
    """Yield the lines with their ends, so that line breaks inside a field stay as they came."""
    start = 0
    line_end = "\n" if "\n" in text else "\r"
    while start < len(text):
        end = text.find(line_end, start) + 1 or len(text)
        yield text[start:end]
        start = end


def _delimiter(text: str) -> str:
    """Return the delimiter that makes most known field names of the first line."""
    first = text.lstrip().partition("\n")[0]
    known = {name for names in NAMES.values() for name in names}

    def score(delimiter: str) -> int:
        return sum(plain_name(cell.strip(' "')) in known for cell in first.split(delimiter))

    return max(DELIMITERS, key=score)


def _check(header: list[str]) -> None:
    """Raise where no column is named as one that holds the text."""
    if not any(plain_name(name) in NAMES["text"] for name in header):
        shown = ", ".join(name[:40] for name in header[:12]) or "none"
        lists = any(plain_name(name) in NAMES["url"] for name in header)
        way = "; `qa index --urls` fetches pages from a list of addresses" if lists else ""
        raise ReadError(f"no column text, body or content in the header; found {shown}{way}")


def _record(header: list[str], row: _Row) -> dict[str, str]:
    """Return a row as fields; raise where it has more cells than the header has names."""
    if row.problem:
        raise ReadError(row.problem)
    found, expected = len(row.cells), len(header)
    if found > expected:
        raise ReadError(f"{found} cells: expected {expected}, is a quotation mark missing?")
    return dict(zip(header, row.cells, strict=False))
