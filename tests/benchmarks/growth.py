"""What growth costs: archives of a thousand to a million passages, each opened anew."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from embeddings import segments
from embeddings.durable import bytes_below
from embeddings.generations import DERIVED
from embeddings.schema import DATABASE
from tests.benchmarks.growing import Material, grow, material_of, mixed
from tests.benchmarks.questions import BareParts, gold_questions
from tests.benchmarks.rows import Row, alone, resident_bytes, worked

SIZES = (1_000, 10_000, 100_000, 1_000_000)

ASKED, WARM_UP = 100, 100
"""Questions that are measured on each size, and those before."""

COMPARED, NEIGHBOURS = 100, 10
"""Vectors that are searched for in the index and exactly, and how many neighbours of each."""

LATENCY_RATIO, RECALL, OPENING_SECONDS, BYTES_A_PASSAGE = 3.0, 0.98, 1.0, 1_500


def measured(folder: Path, real: Path, sizes: tuple[int, ...] = SIZES) -> dict[int, dict[str, Any]]:
    """Grow archives in a folder from one of real articles; return by size what `measure` did.

    An archive that is there already is measured as it is.
    """
    found: dict[int, dict[str, Any]] = {}
    for size in sizes:
        place = folder / f"grown-{size}"
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            alone(grow_one, place, real, size)
        found[size] = alone(measure, place, real, cores=1, env={"OMP_NUM_THREADS": "1"})
    return found


def rows(found: dict[int, dict[str, Any]]) -> list[Row]:
    """Return the figures of archives that were measured."""
    return [row for size in found for row in _rows(size, found[size], found.get(10_000))]


def grow_one(place: str, real: str, size: int) -> None:
    """Grow one archive; what marks it as complete is made last."""
    from embeddings.store import Store

    store = Store(Path(real))
    material = material_of(store)
    store.close()
    grow(Path(place), material, size)
    (Path(place) / "complete").touch()


def _rows(size: int, found: dict[str, Any], base: dict[str, Any] | None) -> list[Row]:
    part = f"growth, {size:,} passages"
    large = size >= 1_000_000
    slower = LATENCY_RATIO * base["p50"] if base and large else None
    most = float(BYTES_A_PASSAGE) if large else None
    return [
        Row(part, "Archive.ask, p50", found["p50"], "ms", found["floor"],
            "encoder, FAISS and tantivy alone", slower),
        Row(part, "Archive.ask, p99", found["p99"], "ms"),
        Row(part, "FAISS search", found["dense"], "ms"),
        Row(part, "recall@10 against exact search", found["recall"], "", limit=RECALL,
            at_most=False),
        Row(part, "opening", found["opening"], "s", limit=OPENING_SECONDS),
        Row(part, "memory added a passage", found["memory"] / size, "B", limit=most),
        Row(part, "disk a passage", found["disk"] / size, "B"),
    ]  # fmt: skip


def measure(place: str, real: str) -> dict[str, Any]:
    """Open an archive, ask it, and compare its search with the exact one."""
    from embeddings import onnx
    from qa.archive import Archive

    encoder = onnx.load(Path(real), None)
    assert encoder is not None
    encoder.encode_questions(["What is loaded first?"])
    before = resident_bytes()
    started = time.perf_counter()
    with Archive.open(place, encoder=encoder) as archive:
        first = archive.status().passages
        archive.ask("Who opens the archive?")
        opening = time.perf_counter() - started
        questions = gold_questions(WARM_UP + ASKED)
        for question in questions[:WARM_UP]:
            archive.ask(question)
        bare = BareParts(archive)
        floors = [worked(lambda q=question: bare.run(q)) for question in questions[WARM_UP:]]
        asked = [worked(lambda q=question: archive.ask(q)) for question in questions[WARM_UP:]]
        memory = resident_bytes() - before
        return {
            "passages": first,
            "opening": opening,
            "p50": 1e3 * float(np.median(asked)),
            "p99": 1e3 * float(np.percentile(asked, 99)),
            "floor": 1e3 * float(np.median(floors)),
            "memory": memory,
            "disk": bytes_below(Path(place)),
            "parts": _parts(Path(place)),
        } | _searches(archive, material_of_archive(real))


def _parts(place: Path) -> dict[str, int]:
    """Return the bytes of the truth, of FAISS's files and of tantivy's, by part."""
    parts = {"truth": (place / DATABASE).stat().st_size, "vectors": 0, "words": 0}
    ends = (segments.KEYS, segments.FLAT, segments.BITS, segments.BYTES, segments.SUMS)
    for path in (place / DERIVED).rglob("*"):
        if path.is_file():
            parts["vectors" if path.suffix in ends else "words"] += path.stat().st_size
    return parts


def material_of_archive(real: str) -> Material:
    """Return what archives are grown from."""
    from embeddings.store import Store

    return material_of(Store(Path(real)))


def _searches(archive: Any, material: Material) -> dict[str, float]:
    """Compare FAISS's neighbours of vectors like those stored with the exact ones."""
    asked = mixed(material, COMPARED, np.random.default_rng(7))
    dense = archive._indices.dense
    found, seconds = [], []
    for vector in asked:
        kept: list[list[tuple[int, float]]] = []
        seconds.append(worked(lambda v=vector, k=kept: k.extend(dense.search(v[None], NEIGHBOURS))))
        found.append({key for key, _ in kept[0]})
    exact = _exact(archive, asked)
    shared = [len(one & other) / NEIGHBOURS for one, other in zip(found, exact, strict=True)]
    return {"recall": float(np.mean(shared)), "dense": 1e3 * float(np.median(seconds))}


def _exact(archive: Any, asked: Any, portion: int = 20_000) -> list[set[int]]:
    """Return the keys of the nearest stored vectors, by comparing with all of them."""
    store = archive._store
    keys = [key for _, key in store.article_ids()]
    best = [np.empty((0, 2)) for _ in asked]
    step = max(portion // 8, 1)
    for at in range(0, len(keys), step):
        passages = sorted(store.passage_keys_of(keys[at : at + step]))
        found, _, vectors = store.passage_vectors(passages, asked.shape[1])
        scores = asked @ vectors.T
        for row, own in enumerate(scores):
            top = np.argpartition(-own, min(NEIGHBOURS, len(own) - 1))[:NEIGHBOURS]
            pairs = np.column_stack([np.asarray(found)[top], own[top]])
            both = np.concatenate([best[row], pairs])
            best[row] = both[np.argsort(-both[:, 1])][:NEIGHBOURS]
    return [{int(key) for key in pairs[:, 0]} for pairs in best]
