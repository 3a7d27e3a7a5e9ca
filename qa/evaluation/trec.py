"""Read and write TREC's files: qrels (judgements) and runs (rankings).

The columns are those of trec_eval: `question 0 document grade` and `question Q0 document rank score
tag`, parted by blanks; ranks are ignored, the score orders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

from corpus.errors import ReadError, UsageError
from qa.evaluation.gold import GoldQuestion, Relevant
from qa.evaluation.judging import Judged

QREL_COLUMNS = 4
RUN_COLUMNS = 6
TAG = "news-archive-qa"

_WHOLE = re.compile(r"-?\d+")
_BLANK = re.compile(r"[\s%]")


def looks_like_qrels(head: str) -> bool:
    """Tell whether a file that starts so holds judgements: four columns, the last a number."""
    first = next((line for line in head.splitlines() if line.strip()), "").split()
    return len(first) == QREL_COLUMNS and bool(_WHOLE.fullmatch(first[3]))


def rows(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that are not blank, with their numbers from 1."""
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line


def read_qrels(path: Path, texts: Mapping[str, str]) -> tuple[GoldQuestion, ...]:
    """Return the judged questions; one that `texts` lacks has its id for a text."""
    return judged_questions(_judgements(path), texts, path, needs_text=bool(texts))


def judged_questions(
    judgements: Iterable[tuple[int, str, str, int]],
    texts: Mapping[str, str],
    path: Path,
    *,
    needs_text: bool = True,
) -> tuple[GoldQuestion, ...]:
    """Gather (line, question, document, grade) into questions, in the order of their first line.

    A grade of 1 or more is relevant; a question with none is left out, as trec_eval leaves it out
    of its means. Raises `ReadError` where a judged question has no text.
    """
    lines: dict[str, int] = {}
    graded: dict[str, dict[str, int]] = {}
    for number, question, document, grade in judgements:
        lines.setdefault(question, number)
        graded.setdefault(question, {})[document] = grade
    found: list[GoldQuestion] = []
    for name, documents in graded.items():
        if needs_text and name not in texts:
            raise ReadError(f"{path}:{lines[name]}: question {name!r} has no text in the questions")
        relevant = tuple(
            Relevant(document, grade=grade) for document, grade in documents.items() if grade > 0
        )
        rejected = tuple(document for document, grade in documents.items() if grade <= 0)
        if relevant:
            text = texts.get(name, name)
            found.append(
                GoldQuestion(name, text, True, relevant, line=lines[name], rejected=rejected)
            )
    if not found:
        raise UsageError(f"{path} judges no document relevant to any question")
    return tuple(found)


def _judgements(path: Path) -> Iterator[tuple[int, str, str, int]]:
    for number, line in rows(path):
        parts = line.split()
        if len(parts) != QREL_COLUMNS or not _WHOLE.fullmatch(parts[3]):
            raise ReadError(f"{path}:{number}: expected `question 0 document grade`")
        yield number, parts[0], unquote(parts[2]), int(parts[3])


def read_run(path: Path) -> dict[str, tuple[str, ...]]:
    """Return each question's documents, best first; equal scores go by document id.

    Raises `ReadError` with the line where one is not six columns or repeats a document.
    """
    scored: dict[str, dict[str, float]] = {}
    for number, line in rows(path):
        parts = line.split()
        try:
            question, _, document, _, score, _ = parts
            value = float(score)
        except ValueError:
            raise ReadError(
                f"{path}:{number}: expected `question Q0 document rank score tag`"
            ) from None
        if unquote(document) in scored.setdefault(question, {}):
            raise ReadError(f"{path}:{number}: document {document!r} is ranked twice")
        scored[question][unquote(document)] = value
    if not scored:
        raise UsageError(f"{path} ranks nothing; expected a TREC run")
    return {
        question: tuple(sorted(documents, key=lambda name: (-documents[name], name)))
        for question, documents in scored.items()
    }


def to_run(rows_: Sequence[Judged], tag: str = TAG) -> str:
    """Return the ranked articles of a run as TREC text; the score is 1 / rank.

    Blanks in an id would end the column: they are written %20 and so on, and read back.
    """
    return "".join(
        f"{_column(row.id)} Q0 {_column(article)} {rank} {1 / rank:.6f} {tag}\n"
        for row in rows_
        for rank, article in enumerate(row.articles, start=1)
    )


def _column(name: str) -> str:
    return _BLANK.sub(lambda match: quote(match[0]), name)
