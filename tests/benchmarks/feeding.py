"""How fast the one writer goes where others encode: what it reads, splits, cuts and commits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from embeddings.encoder import PassageText, PassageVectors, unit
from embeddings.onnx import FOLDER, OnnxEncoder
from embeddings.sending import units
from tests.benchmarks.indexing import ONE_THREAD, real_articles
from tests.benchmarks.rows import Row, alone, worked

ARTICLES = 200
"""Articles that go through: some 2,000 passages, two windows."""

FED = "passages/s that one writer feeds to workers"


class Elsewhere(OnnxEncoder):
    """An encoder whose passages are cut into units here and come back at once, as chance has it."""

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        """Yield (index, vectors), all there at once."""
        chance = np.random.default_rng(0)
        for part in units(self.batches(passages)):
            for item in (item for batch in part for item in batch):
                shape = (1 + len(item.sentences), self.settings.dimension)
                found = unit(chance.standard_normal(shape, dtype=np.float32))
                yield item.index, PassageVectors(found[0], found[1:])


def rows(articles: int = ARTICLES) -> list[Row]:
    """Return the passages a second that a writer can feed to workers."""
    fed = alone(measure, articles, cores=1, env=ONE_THREAD)
    return [Row("feeding", FED, fed, "1/s")]


def measure(articles: int) -> float:
    """Index so many real articles with vectors that cost nothing; return passages a second."""
    from embeddings.carrying import carry_bundled
    from qa.archive import Archive

    lines = real_articles().read_text("utf-8").splitlines(keepends=True)
    with tempfile.TemporaryDirectory() as folder:
        place, source = Path(folder), Path(folder) / "articles.jsonl"
        assert carry_bundled(place)
        encoder = Elsewhere(place / FOLDER)
        encoder.count_tokens(["Loaded before."])
        source.write_text("".join(lines[:articles]), "utf-8")
        with Archive.create(place / "archive", encoder=encoder) as archive:
            seconds = worked(lambda: archive.add([source]))
            return archive.status().passages / seconds
