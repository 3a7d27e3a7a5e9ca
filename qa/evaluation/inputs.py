"""Read questions with judgements in whatever form they come: ours, BEIR, TREC, SQuAD, CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.errors import ReadError, UsageError
from qa.evaluation import beir, squad, table, trec
from qa.evaluation.gold import GoldQuestion, json_lines, read_gold

ArticleRecords = Callable[[], Iterator[Mapping[str, Any]]]
"""Yields articles in the format that `qa index` reads, anew at each call."""

HEAD = 4096
"""Bytes of a file that are looked at to tell its form: more than any first line that tells."""


@dataclass(frozen=True, slots=True)
class Gold:
    """Questions with judgements, and the articles where they come along.

    Where `is_loose`, articles may be named by headline or address, and answers are yet to be found
    in them: see `qa.evaluation.locating`.
    """

    questions: tuple[GoldQuestion, ...]
    articles: ArticleRecords | None = None
    is_loose: bool = False


def read_any(path: Path, *, topics: Path | None = None, split: str | None = None) -> Gold:
    """Read gold in any form.

    A folder is BEIR's (`split` names its qrels, else test, dev or train); .csv and .tsv are tables;
    JSON with "data" is SQuAD's; four columns are TREC qrels, whose questions stand in the file
    `topics`; anything else is JSON lines. Raises `UsageError` for what is not there, and
    `ReadError` with file and line for what cannot be understood.
    """
    if path.is_dir():
        return Gold(beir.read_questions(path, split), lambda: beir.articles(path))
    if split is not None:
        raise UsageError(f"--split {split} was given, but {path} is no BEIR folder")
    if path.suffix.lower() in (".csv", ".tsv"):
        return Gold(table.read_questions(path), is_loose=True)
    head = _head(path)
    if trec.looks_like_qrels(head):
        texts = {} if topics is None else read_topics(topics)
        return Gold(trec.read_qrels(path, texts))
    if topics is not None:
        raise UsageError(f"--topics {topics} was given, but {path} holds no TREC qrels")
    if squad.looks_like(head):
        data = squad.load(path)
        return Gold(squad.questions(path, data), lambda: squad.articles(data))
    return Gold(read_gold(path))


def read_topics(path: Path) -> dict[str, str]:
    """Return the questions of TREC qrels by id: a table `id<TAB>question`, or JSON lines.

    JSON lines have "_id" or "id", and "text" or "question".
    """
    if _head(path).lstrip().startswith("{"):
        return dict(_topic(line.record, line.fail) for line in json_lines(path))
    topics = {}
    for number, line in trec.rows(path):
        name, tab, text = line.partition("\t")
        if not tab or not text.strip():
            raise ReadError(f"{path}:{number}: expected an id, a tab and the question")
        topics[name.strip()] = text.strip()
    return topics


def _topic(record: Mapping[str, Any], fail: Callable[[str], Any]) -> tuple[str, str]:
    name, text = record.get("_id", record.get("id")), record.get("text", record.get("question"))
    if not isinstance(name, str | int) or not isinstance(text, str):
        fail('expected "_id" or "id", and "text" or "question"')
    return str(name), str(text)


def _head(path: Path) -> str:
    """Return the start of a file as text."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD).decode("utf-8-sig", "replace")
    except OSError as error:
        raise UsageError(
            f"cannot read the gold questions {path}: {error.strerror}; expected JSON lines, a BEIR"
            " folder, TREC qrels, SQuAD's JSON or a CSV table"
        ) from error
