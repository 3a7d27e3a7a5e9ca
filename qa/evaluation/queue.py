"""Candidates for gold questions that wait for a person: a file of events, only ever added to.

Each line is a JSON object. A candidate has `question`, `article`, `start`, `end` (an `article` of
null: nothing answers it); a decision has `event` ("accepted", "rejected", "edited") and `id`.
Several programs may add at once: each event is one write at the end of the file. A line that was
cut short is passed over, and nothing is ever rewritten.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from corpus.errors import ReadError, StorageError, UsageError
from qa.evaluation.similar import AskedBefore

Decision = Literal["accepted", "rejected"]
State = Literal["pending", "accepted", "rejected"]

ID_DIGITS = 12
"""Hex digits of an id: 48 bits, so that a million candidates most likely have a million ids."""

FEEDBACK = "feedback"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that may become gold. The answer is `article.text[start:end]`.

    `article` is None where nothing answers it. `kind` says where it comes from: a draft's kind, or
    "feedback" from a chat.
    """

    question: str
    article: str | None
    start: int = 0
    end: int = 0
    answer: str = ""
    kind: str = FEEDBACK
    state: State = "pending"
    id: str = ""

    def to_gold(self) -> dict[str, Any]:
        """Return the candidate as a gold question, plain JSON types."""
        record: dict[str, Any] = {
            "id": self.id,
            "question": self.question,
            "answerable": self.article is not None,
            "relevant": [],
            "answers": [self.answer] if self.answer else [],
            "kind": self.kind,
        }
        if self.article is not None:
            record["relevant"] = [{"article": self.article, "start": self.start, "end": self.end}]
        return record


@dataclass(frozen=True, slots=True)
class Added:
    """What became of candidates that were added: new ones, known ones, near-duplicates."""

    new: int
    known: int
    repeated: int


class Queue:
    """The candidates of one archive. Reads the file anew each time: others may have added."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, candidates: Iterable[Candidate]) -> Added:
        """Add candidates; those that are there, or ask nearly the same as one there, are dropped.

        Raises `StorageError` where the file cannot be written.
        """
        there = self.candidates()
        asked = AskedBefore()
        for item in there.values():
            asked.remember(item.id, item.question)
        known = repeated = 0
        lines = []
        for candidate in candidates:
            item = replace(candidate, id=identity(candidate))
            if item.id in there:
                known += 1
            elif asked.repeats(item.question):
                repeated += 1
            else:
                there[item.id] = item
                asked.remember(item.id, item.question)
                lines.append(_event(item))
        self._append(lines)
        return Added(len(lines), known, repeated)

    def decide(self, name: str, decision: Decision) -> Candidate:
        """Accept or reject a candidate; the last decision holds. `UsageError` for an unknown id."""
        item = self._find(name)
        self._append([{"event": decision, "id": name}])
        return replace(item, state=decision)

    def edit(self, name: str, question: str) -> Candidate:
        """Change a candidate's question; its id stays. `UsageError` for a blank question."""
        item = self._find(name)
        words = " ".join(question.split())
        if not words:
            raise UsageError(f"the question of {name} cannot be blank; reject it instead")
        self._append([{"event": "edited", "id": name, "question": words}])
        return replace(item, question=words)

    def candidates(self) -> dict[str, Candidate]:
        """Return all candidates by id, oldest first, as the decisions left them."""
        found: dict[str, Candidate] = {}
        for record in self._records():
            _apply(found, record)
        return found

    def pending(self) -> list[Candidate]:
        """Return the candidates that nobody has decided on, oldest first."""
        return [item for item in self.candidates().values() if item.state == "pending"]

    def accepted(self) -> list[Candidate]:
        """Return the candidates that are gold now."""
        return [item for item in self.candidates().values() if item.state == "accepted"]

    def _find(self, name: str) -> Candidate:
        found = self.candidates().get(name)
        if found is None:
            raise UsageError(f"no candidate {name!r} in {self.path}: `qa gold review --list`")
        return found

    def _records(self) -> Iterable[Mapping[str, Any]]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise ReadError(f"cannot read {self.path}: {error.strerror}") from error
        for line in content.split(b"\n"):
            try:
                record = json.loads(line) if line.strip() else None
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                yield record

    def _append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Add events in one write; the newline in front ends a line that a crash cut short."""
        lines = "".join(json.dumps(record) + "\n" for record in records)
        if not lines:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                _write_all(descriptor, f"\n{lines}".encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StorageError(
                f"cannot write {self.path}: {error.strerror}; name another with --queue"
            ) from error


def _write_all(descriptor: int, content: bytes) -> None:
    written = os.write(descriptor, content)
    if written < len(content):  # a full disk: what is missing is tried once more, and then refused
        os.write(descriptor, content[written:])


def identity(candidate: Candidate) -> str:
    """Return a candidate's id: the same question on the same place is the same candidate."""
    parts = (candidate.question, candidate.article or "", candidate.start, candidate.end)
    digest = hashlib.sha256(json.dumps(parts).encode())
    return digest.hexdigest()[:ID_DIGITS]


def _event(item: Candidate) -> dict[str, Any]:
    return {
        "event": "candidate",
        "id": item.id,
        "question": item.question,
        "article": item.article,
        "start": item.start,
        "end": item.end,
        "answer": item.answer,
        "kind": item.kind,
    }


def _apply(found: dict[str, Candidate], record: Mapping[str, Any]) -> None:
    """Bring what is known up to date with one event; one that makes no sense is passed over."""
    event, name = record.get("event", "candidate"), record.get("id")
    if event == "candidate":
        item = candidate_of(record)
        if item is not None:
            found.setdefault(item.id, item)
    elif isinstance(name, str) and name in found:
        if event == "edited" and isinstance(record.get("question"), str):
            found[name] = replace(found[name], question=record["question"])
        elif event == "accepted":
            found[name] = replace(found[name], state="accepted")
        elif event == "rejected":
            found[name] = replace(found[name], state="rejected")


def candidate_of(record: Mapping[str, Any]) -> Candidate | None:
    """Return the candidate that a line describes, or None where it makes no sense."""
    question, article = record.get("question"), record.get("article")
    start, end = record.get("start") or 0, record.get("end") or 0
    if not isinstance(question, str) or not question.strip():
        return None
    if not isinstance(article, str | None) or type(start) is not int or type(end) is not int:
        return None
    if article is not None and not 0 <= start < end:
        return None
    answer, kind, name = (record.get(key) for key in ("answer", "kind", "id"))
    item = Candidate(
        question,
        article,
        start,
        end,
        answer if isinstance(answer, str) else "",
        kind if isinstance(kind, str) else FEEDBACK,
    )
    return replace(item, id=name if isinstance(name, str) and name else identity(item))
