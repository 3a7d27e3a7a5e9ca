"""The errors of the project. Each says what was wrong, what was expected and what to do next.

NewsArchiveError
├── UsageError            a question, option or argument that cannot be used       exit code 2
├── ReadError             a file that cannot be read as articles                   exit code 1
│   └── PassingReadError       now, but perhaps later
├── ModelError            an embedding model that is missing, damaged or unfit     exit code 1
├── WorkersError          machines that encode for this one cannot be had or fail  exit code 1
├── StorageError          the disk, its permissions or its space                   exit code 1
│   └── UnreachableError       a shared archive's database or vector engine does not answer
│       └── NotReadyError      the search indices of this machine are being made
├── ArchiveError          no archive, or one that cannot be used as it is          exit code 4
│   ├── ArchiveMissingError
│   ├── ArchiveDamagedError
│   └── ArchiveMismatchError   made with another model, settings or format
└── ArchiveLockedError    another process is writing                               exit code 5
"""

from __future__ import annotations


class NewsArchiveError(Exception):
    """Base of all errors that this project raises on purpose; `exit_code` is the command line's."""

    exit_code = 1


class UsageError(NewsArchiveError):
    """A question, an option or an argument cannot be used as given."""

    exit_code = 2


class ReadError(NewsArchiveError):
    """A file cannot be read as articles."""


class PassingReadError(ReadError):
    """A file cannot be read now and may be later: it was slow, or a package is missing."""


class ModelError(NewsArchiveError):
    """An embedding model is missing, damaged or unfit."""


class WorkersError(NewsArchiveError):
    """The machines that were to encode passages cannot be reached, or failed."""


class StorageError(NewsArchiveError):
    """The disk refused: no space, no permission, no such folder."""


class UnreachableError(StorageError):
    """An engine of a shared archive does not answer now; it may soon again."""


class NotReadyError(UnreachableError):
    """A serving replica makes its first search indices."""


class ArchiveError(NewsArchiveError):
    """There is no archive, or it cannot be used as it is."""

    exit_code = 4


class ArchiveMissingError(ArchiveError):
    """There is no archive at the given place."""


class ArchiveDamagedError(ArchiveError):
    """The archive's truth does not agree with its digests or with itself."""


class ArchiveMismatchError(ArchiveError):
    """The archive was made with another model, other settings or a newer format."""


class ArchiveLockedError(NewsArchiveError):
    """Another process is writing to the archive."""

    exit_code = 5
