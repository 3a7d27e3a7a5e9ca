"""Read SQuAD-style JSON: each paragraph is an article, each answer a span of it.

The format is that of Rajpurkar et al. 2016 and 2018 (with "is_impossible").
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from corpus.errors import ReadError, UsageError
from corpus.records import Span
from qa.evaluation.gold import GoldQuestion, Relevant

_START = re.compile(r'\s*\{\s*"(?:version|data)"\s*:')


def looks_like(head: str) -> bool:
    """Tell whether a file that starts so is SQuAD's: one object with "data" or "version" first."""
    return bool(_START.match(head))


def load(path: Path) -> Mapping[str, Any]:
    """Return the parsed file. Raises `ReadError` where it is no JSON, or holds no list "data"."""
    try:
        data = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path}: not JSON: {error}") from error
    groups = data.get("data") if isinstance(data, dict) else None
    if not isinstance(groups, list) or not all(_is_group(group) for group in groups):
        raise ReadError(f'{path}: expected "data" with "paragraphs" of "qas", as in SQuAD')
    return dict(data)


def _is_group(group: object) -> bool:
    """Tell whether an entry of "data" has paragraphs whose questions and answers are objects."""
    paragraphs = group.get("paragraphs") if isinstance(group, dict) else None
    return isinstance(paragraphs, list) and all(
        isinstance(paragraph, dict)
        and all(
            isinstance(entry, dict)
            and all(isinstance(answer, dict) for answer in entry.get("answers") or ())
            for entry in paragraph.get("qas") or ()
        )
        for paragraph in paragraphs
    )


def articles(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each paragraph as an article, with the id that its questions name."""
    for name, title, paragraph in _paragraphs(data):
        record = {"id": name, "text": str(paragraph.get("context") or "")}
        yield record | ({"title": title} if title else {})


def questions(path: Path, data: Mapping[str, Any]) -> tuple[GoldQuestion, ...]:
    """Return the questions. Raises `ReadError` where one is incomplete or an answer misplaced."""
    found = tuple(
        _question(path, name, str(paragraph.get("context") or ""), entry)
        for name, _, paragraph in _paragraphs(data)
        for entry in paragraph.get("qas") or ()
    )
    if not found:
        raise UsageError(f'{path} holds no question; expected "qas" in its paragraphs')
    return found


def _paragraphs(data: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield id, headline and record of each paragraph; groups of one headline count on."""
    seen = Counter[str]()
    for number, group in enumerate(data["data"]):
        title = str(group.get("title") or "").replace("_", " ")
        name = title or str(number)
        for paragraph in group.get("paragraphs") or ():
            yield f"{name}#{seen[name]}", title, paragraph
            seen[name] += 1


def _question(path: Path, article: str, text: str, entry: Mapping[str, Any]) -> GoldQuestion:
    name, question = entry.get("id"), entry.get("question")
    if not name or not isinstance(question, str) or not question.strip():
        raise ReadError(f'{path}: a question of {article!r} lacks "id" or "question"')
    impossible = bool(entry.get("is_impossible"))
    answers = [] if impossible else list(entry.get("answers") or ())
    spans = {_span(path, str(name), text, answer): str(answer["text"]) for answer in answers}
    return GoldQuestion(
        id=str(name),
        question=question.strip(),
        answerable=bool(answers),
        relevant=tuple(Relevant(article, span) for span in spans),
        answers=tuple(dict.fromkeys(spans.values())),
    )


def _span(path: Path, name: str, text: str, answer: Mapping[str, Any]) -> Span:
    start, words = answer.get("answer_start"), answer.get("text")
    if type(start) is not int or not isinstance(words, str) or not words:
        raise ReadError(f'{path}: an answer of {name!r} lacks "text" or "answer_start"')
    if text[start : start + len(words)] != words:
        raise ReadError(
            f"{path}: the answer {words!r} of {name!r} is not at {start} of its paragraph"
        )
    return Span(start, start + len(words))
