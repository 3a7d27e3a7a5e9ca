"""Read a BEIR folder: corpus.jsonl, queries.jsonl and qrels/NAME.tsv.

The layout is that of Thakur et al. 2021, "BEIR: a heterogeneous benchmark for zero-shot evaluation
of information retrieval models", NeurIPS.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpus.errors import ReadError, UsageError
from qa.evaluation.gold import GoldQuestion, Line, json_lines
from qa.evaluation.trec import judged_questions, rows

SPLITS = ("test", "dev", "train")
"""Judgements taken where none are named: those that a system must not have been fitted on first."""

COLUMNS = 3


def read_questions(folder: Path, split: str | None = None) -> tuple[GoldQuestion, ...]:
    """Return the judged questions of a folder; questions without a judgement are left out.

    Raises `UsageError` where a part of the folder is missing.
    """
    qrels = _qrels(folder, split)
    texts = {_id(line): line.text("text") for line in _lines(folder, "queries.jsonl")}
    return judged_questions(_judgements(qrels), texts, qrels)


def articles(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the documents as articles: id, text, and headline and address where there are any."""
    for line in _lines(folder, "corpus.jsonl"):
        record = {"id": _id(line), "text": str(line.record.get("text") or "")}
        metadata = line.record.get("metadata")
        given = metadata if isinstance(metadata, dict) else {}
        for name in ("title", "url", "source", "published"):
            value = line.record.get(name) or given.get(name)
            if isinstance(value, str) and value.strip():
                record[name] = value
        if record["text"].strip() or "title" in record:
            record["text"] = record["text"] if record["text"].strip() else record["title"]
            yield record


def _lines(folder: Path, name: str) -> Iterator[Line]:
    if not (folder / name).is_file():
        raise UsageError(
            f"{folder} has no {name}; expected a BEIR folder: corpus.jsonl, queries.jsonl, qrels/"
        )
    return json_lines(folder / name)


def _id(line: Line) -> str:
    value = line.record.get("_id")
    if not isinstance(value, str | int) or str(value) == "":
        line.fail('"_id" is missing; expected the id of a document or question')
    return str(value)


def _qrels(folder: Path, split: str | None) -> Path:
    """Return the file of judgements."""
    names = [split] if split else list(SPLITS)
    files = [folder / "qrels" / f"{name}.tsv" for name in names]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        there = sorted(file.stem for file in (folder / "qrels").glob("*.tsv"))
        told = f"there are {', '.join(there)}" if there else "there are none"
        raise UsageError(f"{folder} has no qrels/{' or '.join(names)}.tsv; {told}")
    return found


def _judgements(path: Path) -> Iterator[tuple[int, str, str, int]]:
    """Yield line, question, document and grade; the heading is passed over."""
    for number, line in rows(path):
        parts = line.rstrip("\r\n").split("\t")
        if number == 1 and parts[-1].strip().lower() == "score":
            continue
        if len(parts) != COLUMNS or not parts[2].strip().lstrip("-").isdigit():
            raise ReadError(
                f"{path}:{number}: expected question, document and a whole number, by tabs"
            )
        yield number, parts[0], parts[1], int(parts[2])
