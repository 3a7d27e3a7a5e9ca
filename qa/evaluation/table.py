"""Read gold from a CSV or TSV table: question, answer, article, as a person keeps them."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Mapping
from pathlib import Path

from corpus.errors import ReadError, UsageError
from qa.evaluation.gold import GoldQuestion, Relevant

NEEDED = ("question", "answer", "article")
FALSE = frozenset({"false", "no", "0", "n"})
TRUE = frozenset({"true", "yes", "1", "y"})


def read_questions(path: Path) -> tuple[GoldQuestion, ...]:
    """Return the questions, in order; a row without an article is an unanswerable question.

    Columns besides `question`, `answer` and `article`: `id` (else the row's number), `kind`,
    `asked` and `standalone`. The delimiter is that of the heading: comma, semicolon or tab.
    Raises `ReadError` with the line where a row is incomplete.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read the gold questions {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    heading = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=heading.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    missing = [name for name in NEEDED if name not in reader.fieldnames]
    if missing:
        raise ReadError(
            f"{path}:1: no column {', '.join(missing)}; expected {', '.join(NEEDED)} in the heading"
        )
    found: dict[str, GoldQuestion] = {}
    try:
        for row in reader:
            question = _question(path, reader.line_num, row, len(found) + 1)
            if question.id in found:
                raise ReadError(f"{path}:{reader.line_num}: id {question.id!r} stands there twice")
            found[question.id] = question
    except csv.Error as error:
        raise ReadError(f"{path}:{reader.line_num}: no table: {error}") from error
    if not found:
        raise UsageError(f"{path} holds no question below its heading")
    return tuple(found.values())


def _question(path: Path, line: int, row: Mapping[str, str | None], number: int) -> GoldQuestion:
    def cell(name: str) -> str:
        return (row.get(name) or "").strip()

    if not cell("question"):
        raise ReadError(f"{path}:{line}: the question is blank")
    standalone = cell("standalone").lower()
    asked = cell("asked") or None
    try:
        asked = asked and datetime.date.fromisoformat(asked).isoformat()
    except ValueError:
        raise ReadError(f"{path}:{line}: asked is {asked!r}; expected YYYY-MM-DD") from None
    return GoldQuestion(
        id=cell("id") or f"row-{number}",
        question=cell("question"),
        answerable=bool(cell("article")),
        relevant=(Relevant(cell("article")),) if cell("article") else (),
        answers=(cell("answer"),) if cell("answer") else (),
        standalone=True if standalone in TRUE else False if standalone in FALSE else None,
        asked=asked,
        kind=cell("kind") or None,
        line=line,
    )
