"""Open the archive that is evaluated: a given one, or one built of an articles file and kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus.errors import ArchiveError, ArchiveLockedError, ReadError, StorageError, UsageError
from embeddings.encoder import Encoder, file_sha256
from embeddings.locations import locate
from qa.archive import Archive
from qa.places import cache_directory

Warn = Callable[[str], None]

# Hex digits of the articles' digest in an archive's name: 64 bits, no two files will share them.
DIGEST_DIGITS = 16


@contextmanager
def opened(
    archive: str | Path | None, articles: Path | None, warn: Warn, *, encoder: Encoder | None = None
) -> Iterator[Archive]:
    """Yield the archive at `archive`, or one of the file `articles`, else the default one.

    An archive of an articles file is kept in the user's cache directory under the digest of the
    file, so that the next evaluation encodes nothing; where that cannot be, it is a temporary one.
    Raises `UsageError` where both are given, or the file is none.
    """
    if archive is not None and articles is not None:
        raise UsageError(
            f"both an archive ({locate(archive)}) and articles ({articles}) were given; "
            "expected one of --archive and --articles"
        )
    if articles is None:
        with Archive.open(archive, encoder=encoder) as existing:
            yield existing
    else:
        with _built(articles, warn, encoder) as built:
            yield built


@contextmanager
def _built(articles: Path, warn: Warn, encoder: Encoder | None) -> Iterator[Archive]:
    """Yield an archive of one articles file: the kept one, else a temporary one."""
    kept = _kept(articles, warn, encoder)
    if kept is not None:
        with kept:
            yield kept
        return
    with (
        tempfile.TemporaryDirectory(prefix="evaluation-") as folder,
        _filled(Path(folder) / "archive", articles, warn, encoder) as temporary,
    ):
        yield temporary


def _kept(articles: Path, warn: Warn, encoder: Encoder | None) -> Archive | None:
    """Return the kept archive of an articles file, or None where it cannot be used or written."""
    name = f"evaluation-{_digest(articles)[:DIGEST_DIGITS]}"
    try:
        return _filled(cache_directory() / name, articles, warn, encoder)
    except (OSError, StorageError, ArchiveError, ArchiveLockedError) as error:
        warn(f"the kept archive {name} cannot be used ({error}); building a temporary one")
        return None


def _filled(directory: Path, articles: Path, warn: Warn, encoder: Encoder | None) -> Archive:
    """Return the archive in `directory` with the articles in it; what is there already is kept."""
    archive = Archive.create(directory, encoder=encoder)
    try:
        report = archive.add([articles])
        for failure in report.failed:
            warn(f"{failure.path}: {failure.reason}")
        if not archive.status().articles:
            raise ReadError(f"{articles} holds no article that can be read; expected JSON lines")
    except BaseException:
        archive.close()
        raise
    return archive


def _digest(articles: Path) -> str:
    """Return the SHA-256 hex digest of an articles file."""
    if not articles.is_file():
        raise UsageError(f"{articles} is not a file; expected articles as JSON lines")
    return file_sha256(articles)
