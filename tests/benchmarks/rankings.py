"""Whether the quick encoder ranks as sentence-transformers does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.encoder import Vectors
from tests.benchmarks.rows import Row, alone

NEAREST = 10

TIED = 1e-5
"""Cosine by which two passages count as equally near; the two encoders' own scores differ by some
1e-6 (float32)."""


def rows(directory: Path, name: str, questions: Sequence[str], passages: int) -> list[Row]:
    """Compare the nearest passages of questions by both encoders, over some of an archive's."""
    found = alone(measure, directory, list(questions), passages)
    return [
        Row(f"rankings, {name}", "least cosine between the two encoders' vectors",
            found["cosine"], "", limit=0.9999, at_most=False),
        Row(f"rankings, {name}", "questions whose ten nearest differ, ties aside",
            float(found["differ"]), "", limit=0.0),
    ]  # fmt: skip


def measure(directory: str, questions: list[str], count: int) -> dict[str, Any]:
    """Encode questions and passages with both, and compare."""
    from embeddings import onnx
    from embeddings.transformer import SentenceTransformerEncoder
    from embeddings.writing import text_of
    from qa.archive import Archive

    quick = onnx.load(Path(directory), None)
    assert quick is not None
    slow = SentenceTransformerEncoder()
    with Archive.open(directory) as archive:
        chosen = list(archive.passages())[:count]
        texts = [text_of(archive.article(item.article_id), item) for item in chosen]
    ours, theirs = ({i: v.passage for i, v in e.encode_passages(texts)} for e in (quick, slow))
    one, other = (np.stack([found[i] for i in range(len(texts))]) for found in (ours, theirs))
    asked, wanted = quick.encode_questions(questions), slow.encode_questions(questions)
    cosines = [*(one * other).sum(axis=1), *(asked * wanted).sum(axis=1)]
    return {"cosine": float(min(cosines)), "differ": differing(asked @ one.T, wanted @ other.T)}


def differing(ours: Vectors, theirs: Vectors, tied: float = TIED) -> int:
    """Count the rows of scores, (questions, passages), whose nearest columns are not the same.

    Columns whose scores differ by less than `tied` may stand for one another.
    """
    count = 0
    for mine, wanted in zip(ours, theirs, strict=True):
        first = np.argsort(-mine, kind="stable")[:NEAREST]
        expected = np.sort(wanted)[::-1][:NEAREST]
        count += bool((np.abs(wanted[first] - expected) > tied).any())
    return count
