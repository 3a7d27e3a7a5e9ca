"""What people say of answers, as candidates for gold questions: lines of the queue of reviews.

A sentence that a person pointed at, or an answer that they found right, is a candidate that waits
for `qa gold review`: `question`, `article`, `start`, `end`, `answer`, `answerable`, `kind`
("feedback"), `verdict`. `article` is null where nothing answers. An answer that was found wrong is
noted as an event of its own, which is no candidate. Lines are only ever added.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from corpus.errors import StorageError, UsageError
from corpus.records import Article, Span

MOST_BYTES = 64 << 20
"""Size of the file from which on nothing more is added: some 200,000 lines are enough to review."""

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
        if self.verdict == "bad":
            record["event"] = "verdict"
        return json.dumps(record)


def note(path: Path, feedback: Feedback) -> None:
    """Add a line to the file of candidates. Raises StorageError where it cannot be written.

    The line break in front ends a line that a crash cut short.
    """
    line = f"\n{feedback.to_line()}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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
