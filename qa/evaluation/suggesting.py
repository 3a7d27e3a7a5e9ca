"""Fill the queue of candidates with drafts, and hand out what was accepted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from corpus.records import Article
from qa.archive import Archive
from qa.evaluation.drafting import PER_ARTICLE, Draft, draft
from qa.evaluation.queue import Added, Candidate, Queue, candidate_of
from qa.feedback import FILE
from qa.places import data_directory

SAMPLES = "samples"
FOLDER = "gold"


@dataclass(frozen=True, slots=True)
class Suggested:
    """What `suggest` came to: drafts by kind before any was dropped, and what became of them."""

    articles: int
    drafts: int
    templates: int
    added: Added


def queue_of(archive: Archive) -> Path:
    """Return where the candidates of an archive wait: in the person's data folder, by its id.

    The chat's feedback goes to the same file. Outside the archive, so that a new one does not take
    the work of reviewing with it.
    """
    name = SAMPLES if archive.is_samples else archive.id
    return data_directory() / FOLDER / f"{name}.jsonl"


def suggest(
    queue: Queue,
    articles: Iterable[Article],
    *,
    per_article: int = PER_ARTICLE,
    progress: Callable[[], None] | None = None,
) -> Suggested:
    """Draft questions from articles and add those that are new and not near-duplicates."""
    drafts: list[Draft] = []
    count = 0
    for article in articles:
        drafts += draft(article, per_article)
        count += 1
        if progress:
            progress()
    added = queue.add(
        Candidate(item.question, item.article, item.start, item.end, item.answer, item.kind)
        for item in drafts
    )
    templates = sum(item.kind.endswith("template") for item in drafts)
    return Suggested(count, len(drafts), templates, added)


def take_feedback(queue: Queue, archive: Archive) -> Added:
    """Add what people said of answers in the chat; what was added before is known.

    A sentence that was pointed at, or called good, is a candidate with its place; a "not in these
    articles" called good is one that nothing answers. A bad verdict names no answer: it is left to
    the file.
    """
    try:
        lines = (archive.home / FILE).read_bytes().split(b"\n")
    except OSError:
        return Added(0, 0, 0)
    return queue.add(found for line in lines if (found := _said(line)) is not None)


def _said(line: bytes) -> Candidate | None:
    """Return the candidate of a line of feedback, or None where it names no answer."""
    try:
        record = json.loads(line) if line.strip() else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("verdict") not in CONFIRMED:
        return None
    return candidate_of(record | {"id": None})


CONFIRMED = ("right", "good")
"""Verdicts by which a person says that what was quoted answers, or that nothing does."""


def to_gold_lines(candidates: Iterable[Candidate]) -> str:
    """Return accepted candidates as gold questions, JSON lines, in the format of the contract."""
    return "".join(
        json.dumps(candidate.to_gold(), ensure_ascii=False) + "\n" for candidate in candidates
    )
