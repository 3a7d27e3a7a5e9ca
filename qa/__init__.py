"""Ask a collection of news articles; get the sentence that answers, word for word, with its source.

>>> from qa import ask
>>> answer = ask("When will the bridge reopen?")  # doctest: +SKIP
"""

from __future__ import annotations

from corpus.errors import (
    ArchiveDamagedError,
    ArchiveError,
    ArchiveLockedError,
    ArchiveMismatchError,
    ArchiveMissingError,
    ModelError,
    NewsArchiveError,
    ReadError,
    StorageError,
    UsageError,
    WorkersError,
)
from corpus.records import Article, Passage, Span
from embeddings.reports import IndexReport
from qa.archive import Archive
from qa.asking import ask
from qa.records import Answer, Citation, Question, Status

__all__ = [
    "Answer",
    "Archive",
    "ArchiveDamagedError",
    "ArchiveError",
    "ArchiveLockedError",
    "ArchiveMismatchError",
    "ArchiveMissingError",
    "Article",
    "Citation",
    "IndexReport",
    "ModelError",
    "NewsArchiveError",
    "Passage",
    "Question",
    "ReadError",
    "Span",
    "Status",
    "StorageError",
    "UsageError",
    "WorkersError",
    "ask",
]
