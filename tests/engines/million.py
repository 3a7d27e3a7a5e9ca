"""A million vectors in Milvus, beside FAISS over the same: how quick, how exact, how much memory.

    python -m tests.engines server -- python -m tests.engines.million --vectors 1000000

Vectors are grown from those of the sample articles (tests/benchmarks/growing.py), so that they are
as crowded as real ones. Exit code 1 where recall@10 is below .97 once the graphs are loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.dense import Added, DenseIndex
from embeddings.durable import bytes_below, link
from embeddings.encoder import Vectors
from embeddings.keys import Keys
from embeddings.milvus import Milvus, Rows, State, open_milvus
from embeddings.milvus_filters import expression
from embeddings.nearest import Bounds
from tests.benchmarks.growing import Material, material_of, mixed
from tests.benchmarks.rows import resident_bytes

LEAST_RECALL, BEST, DEPTH = 0.97, 10, 60
OUTLETS, DAYS, OF_AN_ARTICLE = 20, 336, 8
ASKED, PORTION = 300, 50_000

Passages = tuple[Keys, Keys, list[str], list[str], Vectors]


def portions(material: Material, count: int) -> Iterator[Passages]:
    """Yield passages: keys, articles, outlets, days and vectors; the same every time."""
    for first in range(0, count, PORTION):
        size = min(PORTION, count - first)
        keys = np.arange(first + 1, first + 1 + size, dtype=np.int64)
        vectors = mixed(material, size, np.random.default_rng(first))
        articles = keys // OF_AN_ARTICLE
        outlets = [f"Outlet {number % OUTLETS}" for number in articles.tolist()]
        days = [_day(number) for number in articles.tolist()]
        yield keys, articles, outlets, days, vectors


def _day(article: int) -> str:
    number = article * 7 % DAYS
    return f"2025-{number // 28 + 1:02d}-{number % 28 + 1:02d}"


def main() -> int:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--vectors", type=int, default=1_000_000)
    options = parser.parse_args()
    from qa.samples import open_samples

    with open_samples() as samples:
        material = material_of(samples._store)
    asked = mixed(material, ASKED, np.random.default_rng(7))
    exact = {filtered: _exact(material, options.vectors, asked, filtered) for filtered in (0, 1)}
    milvus = _in_milvus(material, options.vectors, asked, exact)
    print(json.dumps({"Milvus": milvus}, indent=1), flush=True)
    faiss = _in_faiss(material, options.vectors, asked, exact)
    print(json.dumps({"FAISS": faiss}, indent=1))
    return int(milvus["recall@10"] < LEAST_RECALL or milvus["recall@10, filtered"] < LEAST_RECALL)


def _within(articles: Keys) -> Any:
    """Tell which articles the filter takes: those of one outlet in 20, a quarter of its days."""
    day = articles * 7 % DAYS
    return (articles % OUTLETS == 3) & (day >= 84) & (day < 168)


BOUNDS = Bounds(range(10_000_000), ("Outlet 3",), "2025-04-01", "2025-06-28")


def _exact(material: Material, count: int, asked: Vectors, filtered: int) -> list[set[int]]:
    """Return the keys of the nearest of all, or of all within the filter."""
    best: list[list[tuple[float, int]]] = [[] for _ in asked]
    for keys, articles, _, _, vectors in portions(material, count):
        chosen = _within(articles) if filtered else np.ones(len(keys), dtype=np.bool_)
        scores = asked @ vectors[chosen].T
        for row, near in enumerate(scores):
            top = np.argpartition(-near, min(BEST, len(near) - 1))[:BEST]
            found = zip(near[top].tolist(), keys[chosen][top].tolist(), strict=True)
            best[row] = sorted([*best[row], *found], reverse=True)[:BEST]
    return [{key for _, key in row} for row in best]


def _timed(
    asked: Vectors, search: Callable[[Vectors], list[int]], exact: list[set[int]]
) -> tuple[float, float, float]:
    """Return recall@10 and p50, p99 in milliseconds, of one question at a time."""
    seconds, shared = [], 0
    for question, best in zip(asked, exact, strict=True):
        started = time.perf_counter()
        keys = search(question[None])
        seconds.append(time.perf_counter() - started)
        shared += len(best.intersection(keys[:BEST]))
    times = [1000 * float(np.percentile(seconds, point)) for point in (50, 99)]
    return round(shared / (BEST * len(exact)), 4), round(times[0], 1), round(times[1], 1)


def _in_milvus(
    material: Material, count: int, asked: Vectors, exact: dict[int, list[set[int]]]
) -> dict[str, Any]:
    place = open_milvus(f"milvus+{os.environ['QA_TEST_MILVUS']}/million")
    before = _server_bytes()
    made = place.begin(State("million", 0, "", material.vectors.shape[1]))
    started, writing = time.perf_counter(), 0.0
    for keys, articles, outlets, days, vectors in portions(material, count):
        began = time.perf_counter()
        place.put(made.name, Rows(keys, articles, outlets, days, vectors))
        writing += time.perf_counter() - began
        print(f"{int(keys[-1]):,} in {writing:.0f} s", file=sys.stderr, flush=True)
    place.record(made.name, State("million", 1, "all", material.vectors.shape[1]))
    place.switch(made.name)
    early = _asked(place, asked[:50], {n: e[:50] for n, e in exact.items()})
    waited = time.perf_counter()
    place.seal(made.name)
    whole = place.wait_until_indexed(made.name, 3_000)
    waited = time.perf_counter() - waited
    found = _asked(place, asked, exact)
    return {
        "vectors": count,
        "written, vectors/s": round(count / writing),
        "seconds until the graphs are loaded": round(waited, 1),
        "loaded": whole,
        "recall@10 before that": early["recall@10"],
        **found,
        "memory, MB": round((_server_bytes() - before) / 1e6),
        "disk, MB": round(bytes_below(_folder()) / 1e6),
        "seconds in all": round(time.perf_counter() - started),
    }


def _asked(place: Milvus, asked: Vectors, exact: dict[int, list[set[int]]]) -> dict[str, Any]:
    def search(told: str) -> Callable[[Vectors], list[int]]:
        return lambda question: place.search(question, DEPTH, told)[0][0].tolist()

    for question in asked[:20]:
        search("")(question[None])
    recall, p50, p99 = _timed(asked, search(""), exact[0])
    narrow, p50n, p99n = _timed(asked, search(expression(BOUNDS)), exact[1])
    return {
        "recall@10": recall,
        "p50, p99, ms": [p50, p99],
        "recall@10, filtered": narrow,
        "p50, p99, ms, filtered": [p50n, p99n],
    }


def _folder() -> Path:
    return Path(json.loads(os.environ["QA_TEST_ENGINE"])["folder"])


def _server_bytes() -> int:
    """Return the resident memory of all the engine's processes."""
    pids = json.loads(os.environ["QA_TEST_ENGINE"])["pids"].values()
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def _in_faiss(
    material: Material, count: int, asked: Vectors, exact: dict[int, list[set[int]]]
) -> dict[str, Any]:
    def added() -> Iterator[Added]:
        for keys, articles, _, _, vectors in portions(material, count):
            yield keys, articles, vectors

    with tempfile.TemporaryDirectory() as place:
        before, started = resident_bytes(), time.perf_counter()
        index = DenseIndex(material.vectors.shape[1])
        index = index.updated(Path(place) / "dense", added(), [], link)
        seconds = time.perf_counter() - started
        keys = index.keys()
        allowed = keys[_within(keys // OF_AN_ARTICLE)]

        def search(within: Keys | None) -> Callable[[Vectors], list[int]]:
            return lambda q: [key for key, _ in index.search(q, DEPTH, within)[0]]

        for question in asked[:20]:
            search(None)(question[None])
        recall, p50, p99 = _timed(asked, search(None), exact[0])
        narrow, p50n, p99n = _timed(asked, search(allowed), exact[1])
        return {
            "written, vectors/s (making them included)": round(count / seconds),
            "recall@10": recall,
            "p50, p99, ms": [p50, p99],
            "recall@10, filtered": narrow,
            "p50, p99, ms, filtered": [p50n, p99n],
            "memory, MB": round((resident_bytes() - before) / 1e6),
            "disk, MB": round(bytes_below(Path(place)) / 1e6),
        }


if __name__ == "__main__":
    sys.exit(main())
