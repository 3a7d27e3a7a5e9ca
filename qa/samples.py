"""The shipped sample collection as an archive, built on first use."""

from __future__ import annotations

import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.errors import ArchiveLockedError
from embeddings.encoder import Encoder, file_sha256
from embeddings.indexing import ProgressCallback
from embeddings.models import DEFAULT_MODEL
from qa.places import cache_directory

if TYPE_CHECKING:
    from qa.archive import Archive

_FOLDER = Path(str(files("corpus"))) / "samples"

SAMPLE_ARTICLES = _FOLDER / "articles.jsonl"
SAMPLE_GOLD = _FOLDER / "gold.jsonl"

WAIT_SECONDS = 120.0
"""How long to wait for another process that is building the same samples."""


def open_samples(
    *, encoder: Encoder | None = None, progress: ProgressCallback | None = None
) -> Archive:
    """Open the samples' archive in the cache folder, building it where it is not there yet."""
    from qa.archive import Archive

    model = encoder.settings.model if encoder else DEFAULT_MODEL
    place = cache_directory() / f"samples-{model}-{file_sha256(SAMPLE_ARTICLES)[:12]}"
    archive = Archive.create(place, encoder=encoder)
    deadline = time.monotonic() + WAIT_SECONDS
    while not archive.is_samples:
        try:
            archive.add([SAMPLE_ARTICLES], progress=progress)
            archive.mark_samples()
        except ArchiveLockedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    return archive
