"""The shipped sample collection as an archive, built on first use."""

from __future__ import annotations

import hashlib
import shutil
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.errors import ArchiveError, ArchiveLockedError
from corpus.passages import SPLITTER_VERSION
from corpus.versions import READER_VERSION
from embeddings.encoder import Encoder, file_sha256
from embeddings.models import DEFAULT_MODEL
from embeddings.reader import bundled_reader
from embeddings.reports import ProgressCallback
from embeddings.schema import FORMAT
from qa.places import cache_directory

if TYPE_CHECKING:
    from qa.archive import Archive

_FOLDER = Path(str(files("corpus"))) / "samples"

SAMPLE_ARTICLES = _FOLDER / "articles.jsonl"
SAMPLE_GOLD = _FOLDER / "gold.jsonl"

WAIT_SECONDS = 120.0
"""How long to wait for another process that is building the same samples."""

RETRY_SECONDS = 0.2
"""How often to look meanwhile."""


def open_samples(
    *, encoder: Encoder | None = None, progress: ProgressCallback | None = None
) -> Archive:
    """Open the samples' archive in the cache folder, building it where it is not there yet.

    One that is damaged is thrown away and built again.
    """
    place = cache_directory() / f"samples-{_made_from(encoder)}"
    try:
        return _open(place, encoder, progress)
    except ArchiveError:
        shutil.rmtree(place, ignore_errors=True)
        return _open(place, encoder, progress)


def _open(place: Path, encoder: Encoder | None, progress: ProgressCallback | None) -> Archive:
    from qa.archive import Archive

    archive = Archive.create(place, encoder=encoder)
    deadline = time.monotonic() + WAIT_SECONDS
    while not archive.is_samples:
        try:
            archive.add([SAMPLE_ARTICLES], progress=progress)
            archive.mark_samples()
        except ArchiveLockedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
    return archive


def _made_from(encoder: Encoder | None) -> str:
    """Return a short name for all that decides what the built samples hold."""
    model = encoder.settings.digest if encoder else DEFAULT_MODEL
    reader = bundled_reader().name
    parts = [
        *(file_sha256(SAMPLE_ARTICLES), READER_VERSION, SPLITTER_VERSION),
        *(str(FORMAT), reader, model),
    ]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]
