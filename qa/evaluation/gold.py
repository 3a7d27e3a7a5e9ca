"""Read gold questions: JSON lines with a question, whether it can be answered, and where."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from corpus.errors import ReadError, UsageError
from corpus.records import Span
from qa.records import Question

ROLES = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class Relevant:
    """An article that answers the question and, where known, the span of its text that does.

    `grade` says how well (1 or more), where gold has grades.
    """

    article: str
    span: Span | None = None
    grade: int = 1

    def held_by(self, article: str, span: Span) -> bool:
        """Tell whether `span` of `article` is a hit: it holds the gold span, if there is one."""
        return article == self.article and (self.span is None or span.contains(self.span))


@dataclass(frozen=True, slots=True)
class GoldQuestion:
    """One question with its gold judgements.

    `history` holds the (role, content) turns before it, `asked` the ISO date on which it was asked.
    `standalone` says whether it can be understood without its article (None: not marked), `kind`
    sorts questions for the breakdown of the report. `rejected` are articles that were judged and
    found not to answer (TREC's grade 0). `line` is its line in the file, from 1.
    """

    id: str
    question: str
    answerable: bool
    relevant: tuple[Relevant, ...] = ()
    answers: tuple[str, ...] = ()
    history: tuple[tuple[str, str], ...] = ()
    standalone: bool | None = None
    asked: str | None = None
    kind: str | None = None
    line: int = 0
    rejected: tuple[str, ...] = ()

    @property
    def grades(self) -> dict[str, int]:
        """Return each relevant article's grade, the best where several spans have one."""
        grades: dict[str, int] = {}
        for item in self.relevant if self.answerable else ():
            grades[item.article] = max(item.grade, grades.get(item.article, 0))
        return grades

    def to_request(self) -> Question:
        """Return the question as `Archive.ask_many` takes it."""
        request: Question = {"question": self.question}
        if self.history:
            request["history"] = [{"role": role, "content": text} for role, text in self.history]
        if self.asked:
            request["asked"] = self.asked
        return request


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a gold file and its place, which every complaint about it names."""

    path: Path
    number: int
    record: Mapping[str, Any]

    def fail(self, problem: str) -> NoReturn:
        """Raise `ReadError` that names the file and the line."""
        raise ReadError(f"{self.path}:{self.number}: {problem}")

    def text(self, name: str) -> str:
        """Return a field that must be a text with something in it."""
        value = self.record.get(name)
        if not isinstance(value, str) or not value.strip():
            self.fail(f'"{name}" is {_shown(value)}; expected a text that is not blank')
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a field that may be missing or null, else must be a text."""
        return None if self.record.get(name) is None else self.text(name)

    def flag(self, name: str) -> bool | None:
        """Return a field that may be missing or null, else must be true or false."""
        value = self.record.get(name)
        if value is not None and not isinstance(value, bool):
            self.fail(f'"{name}" is {_shown(value)}; expected true or false')
        return value

    def items(self, name: str, kind: type) -> list[Any]:
        """Return a field that may be missing or null, else must be a list of `kind`."""
        value = self.record.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
            wanted = "texts" if kind is str else "objects"
            self.fail(f'"{name}" is {_shown(value)}; expected a list of {wanted}')
        return value


def read_gold(path: Path) -> tuple[GoldQuestion, ...]:
    """Read the gold questions of a JSON lines file, in its order; blank lines are skipped.

    Raises `UsageError` where there is no such file or it holds no question, and `ReadError` with
    file and line where a line is not a gold question or repeats the id of an earlier one.
    """
    questions: list[GoldQuestion] = []
    lines: dict[str, int] = {}
    for line in json_lines(path):
        question = _question(line)
        if question.id in lines:
            line.fail(
                f"id {question.id!r} stands on line {lines[question.id]} too; "
                "give every question an id of its own"
            )
        lines[question.id] = line.number
        questions.append(question)
    if not questions:
        raise UsageError(f"{path} holds no question; expected JSON lines, one gold question a line")
    return tuple(questions)


def json_lines(path: Path) -> Iterator[Line]:
    """Yield the records of a file. Only LF ends a line: U+2028 may stand in a question."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read the gold questions {path}: {error.strerror}; expected a JSON lines file"
        ) from error
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if raw.strip():
            yield Line(path, number, _record(path, number, raw))


def _record(path: Path, number: int, raw: bytes) -> Mapping[str, Any]:
    """Parse one line, which must be a JSON object."""
    try:
        record = json.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}:{number}: not UTF-8 ({error.reason}); save it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ReadError(
            f"{path}:{number}: not JSON ({error}); expected one object a line"
        ) from error
    if not isinstance(record, dict):
        raise ReadError(f"{path}:{number}: {_shown(record)} is not a JSON object")
    return record


def _question(line: Line) -> GoldQuestion:
    """Check one record and return it as a gold question; names that we do not know are ignored."""
    answerable = line.flag("answerable")
    if answerable is None:
        line.fail('"answerable" is missing; expected true or false')
    return GoldQuestion(
        id=line.text("id"),
        question=line.text("question"),
        answerable=answerable,
        relevant=tuple(_relevant(line, item) for item in line.items("relevant", dict)),
        answers=tuple(line.items("answers", str)),
        history=tuple(_turn(line, item) for item in line.items("history", dict)),
        standalone=line.flag("standalone"),
        asked=_date(line, line.optional_text("asked")),
        kind=line.optional_text("kind"),
        line=line.number,
    )


def _relevant(line: Line, item: Mapping[str, Any]) -> Relevant:
    """Check one entry of "relevant": an article id, with both offsets or with neither."""
    article, start, end = item.get("article"), item.get("start"), item.get("end")
    if not isinstance(article, str) or not article:
        line.fail(f'"article" of "relevant" is {_shown(article)}; expected the id of an article')
    if start is None and end is None:
        return Relevant(article)
    if type(start) is not int or type(end) is not int or not 0 <= start < end:
        line.fail(
            f"the span of article {article!r} is {_shown(start)} to {_shown(end)}; expected "
            "whole numbers with 0 <= start < end, counted in characters of the article's text"
        )
    return Relevant(article, Span(start, end))


def _turn(line: Line, item: Mapping[str, Any]) -> tuple[str, str]:
    """Check one turn of "history"."""
    role, content = item.get("role"), item.get("content")
    if role not in ROLES or not isinstance(content, str):
        line.fail(
            f'a turn of "history" is {_shown(item)}; expected "role" user or assistant '
            'and "content" a text'
        )
    return str(role), content


def _date(line: Line, value: str | None) -> str | None:
    """Check an ISO date."""
    try:
        return None if value is None else datetime.date.fromisoformat(value).isoformat()
    except ValueError:
        line.fail(f'"asked" is {_shown(value)}; expected a date as YYYY-MM-DD')


def _shown(value: object, width: int = 60) -> str:
    """Return a value as JSON for a message, cut to `width` characters; "missing" for None."""
    text = "missing" if value is None else json.dumps(value, ensure_ascii=True)
    return text if len(text) <= width else text[: width - 3] + "..."
