"""What people say of answers, kept as candidates for gold questions in the archive's folder.

One JSON object a line: `question`, `article`, `start`, `end`, `answer`, `answerable`, `kind`
("feedback") and the `verdict`: "right" (the person pointed at the sentence), "good" or "bad" (of
what was answered). `article` is null where the person says, rightly or not, that nothing answers.
Lines are only ever added, each in one write; a person reviews them before they count as gold.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from corpus.errors import StorageError, UsageError
from corpus.records import Article, Span

FILE = "feedback.jsonl"

MOST_BYTES = 16 << 20
"""Size of the file from which on nothing more is added: some 50,000 lines are enough to review."""

Verdict = Literal["right", "good", "bad"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """One verdict on an answer: the sentence it is about, or None for "not in these articles"."""

    question: str
    verdict: Verdict
    article: Article | None = None
    quote: Span | None = None

    def to_line(self) -> str:
        """Return the line of the file. Raises UsageError where the quote is not in the article."""
        record: dict[str, object] = {
            "question": self.question,
            "kind": "feedback",
            "verdict": self.verdict,
            "answerable": self.article is not None,
            "article": None,
        }
        if self.article is not None and self.quote is not None:
            start, end = self.quote.start, self.quote.end
            if not 0 <= start < end <= len(self.article.text):
                raise UsageError(
                    f"the span {start} to {end} is not in the article, which has"
                    f" {len(self.article.text)} characters"
                )
            answer = self.quote.of(self.article.text)
            record |= {"article": self.article.id, "start": start, "end": end, "answer": answer}
        return json.dumps(record) + "\n"


def note(folder: Path, feedback: Feedback) -> None:
    """Add a line to the archive's feedback. Raises StorageError where it cannot be written."""
    path, line = folder / FILE, feedback.to_line()
    try:
        if path.exists() and path.stat().st_size > MOST_BYTES:
            raise StorageError(f"{path} is full: review what is in it, and move it away")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError(
            f"the feedback {path} cannot be written ({error.strerror}): fix space or permissions"
        ) from error
