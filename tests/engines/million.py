"""A million vectors in Milvus, beside FAISS over the same: how quick, how exact, how much memory.

    python -m tests.engines server -- python -m tests.engines.million --vectors 1000000

Vectors are grown from those of the sample articles (tests/benchmarks/growing.py), so that they are
as crowded as real ones. Exit code 1 where recall@10 is below .97 once the indices are loaded.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from embeddings import milvus, milvus_client
from embeddings.dense import DenseIndex
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
ASKED, PORTION = 200, 50_000


@dataclass(frozen=True, slots=True)
class Grown:
    """So many vectors on disk, float32 (n, dimension), under the keys 1 to n."""

    vectors: Vectors

    @classmethod
    def make(cls, material: Material, count: int, place: Path) -> Grown:
        """Grow vectors, the same every time, into a file."""
        shape = (count, material.vectors.shape[1])
        grown = np.lib.format.open_memmap(place, mode="w+", dtype=np.float32, shape=shape)
        for first in range(0, count, PORTION):
            size = min(PORTION, count - first)
            grown[first : first + size] = mixed(material, size, np.random.default_rng(first))
        return cls(grown)

    def leave_memory(self) -> None:
        """Let the system have the memory back in which the file's pages are."""
        pages = self.vectors._mmap  # type: ignore[attr-defined]
        pages.flush()
        pages.madvise(mmap.MADV_DONTNEED)

    def portions(self) -> Iterator[tuple[Keys, Keys, Vectors]]:
        """Yield keys, articles and vectors of some passages at a time."""
        for first in range(0, len(self.vectors), PORTION):
            vectors = np.array(self.vectors[first : first + PORTION])
            keys = np.arange(first + 1, first + 1 + len(vectors), dtype=np.int64)
            yield keys, keys // OF_AN_ARTICLE, vectors


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
    with tempfile.TemporaryDirectory() as place:
        grown = Grown.make(material, options.vectors, Path(place) / "vectors.npy")
        exact = _exact(grown, asked)
        found = _in_milvus(grown, asked, exact)
        print(json.dumps({"Milvus": found}, indent=1), flush=True)
        print(json.dumps({"FAISS": _in_faiss(grown, asked, exact)}, indent=1))
    return int(min(found["recall@10"], found["recall@10, filtered"]) < LEAST_RECALL)


def _within(articles: Keys) -> Any:
    """Tell which articles the filter takes: those of one outlet in 20, a quarter of its days."""
    day = articles * 7 % DAYS
    return (articles % OUTLETS == 3) & (day >= 84) & (day < 168)


BOUNDS = Bounds(range(10_000_000), ("Outlet 3",), "2025-04-01", "2025-06-28")


Exact = tuple[list[set[int]], list[set[int]]]
"""For each question the keys of the nearest, of all and of those that the filter takes."""


def _exact(grown: Grown, asked: Vectors) -> Exact:
    best: tuple[list[list[tuple[float, int]]], ...] = ([[] for _ in asked], [[] for _ in asked])
    for keys, articles, vectors in grown.portions():
        scores = asked @ vectors.T
        for found, chosen in zip(best, (slice(None), _within(articles)), strict=True):
            for row, near in enumerate(scores[:, chosen]):
                top = np.argpartition(-near, BEST)[:BEST]
                pairs = zip(near[top].tolist(), keys[chosen][top].tolist(), strict=True)
                found[row] = sorted([*found[row], *pairs], reverse=True)[:BEST]
    free, bound = ([{key for _, key in row} for row in found] for found in best)
    return free, bound


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


def _in_milvus(grown: Grown, asked: Vectors, exact: Exact) -> dict[str, Any]:
    milvus.SEARCH_TIMEOUT = 30.0  # all of a search is measured, however long it takes
    place = open_milvus(f"milvus+{os.environ['QA_TEST_MILVUS']}/million")
    before, count = _server_bytes(), len(grown.vectors)
    start = State(archive="million", dimension=grown.vectors.shape[1])
    made = place.begin(start)
    started, writing = time.perf_counter(), 0.0
    for keys, articles, vectors in grown.portions():
        outlets = [f"Outlet {number % OUTLETS}" for number in articles.tolist()]
        days = [_day(number) for number in articles.tolist()]
        began = time.perf_counter()
        place.put(made.name, Rows(keys, articles, outlets, days, vectors), again=False)
        writing += time.perf_counter() - began
        _say(f"{int(keys[-1]):,} written in {writing:.0f} s")
    place.record(made.name, replace(start, generation=1, commit="all"))
    place.switch(made.name)
    early = _asked(place, asked[:50], (exact[0][:50], exact[1][:50]))
    _say(f"before the indices are loaded: {early}")
    waited = time.perf_counter()
    whole = place.settle(made.name, 3_000)
    waited = time.perf_counter() - waited
    found = _asked(place, asked, exact)
    by_lists = _by_lists(place, asked, exact)
    return {
        "vectors": count,
        "written, vectors/s": round(count / writing),
        "seconds until the indices are loaded": round(waited, 1),
        "loaded": whole,
        "recall@10 before that, free and filtered": [
            early["recall@10"],
            early["recall@10, filtered"],
        ],
        **found,
        "free and filtered by lists read: recall@10, p50, p99 in ms": by_lists,
        "memory, MB": round((_server_bytes() - before) / 1e6),
        "disk, MB": round(bytes_below(_folder()) / 1e6),
        "seconds in all": round(time.perf_counter() - started),
    }


def _asked(place: Milvus, asked: Vectors, exact: Exact) -> dict[str, Any]:
    def search(told: str) -> Callable[[Vectors], list[int]]:
        return lambda question: place.search(question, DEPTH, told)[0][0].tolist()

    return _both(asked, search(""), search(expression(BOUNDS)), exact)


def _by_lists(place: Milvus, asked: Vectors, exact: Exact) -> dict[int, Any]:
    """Measure the search, free and filtered, by the number of lists that it reads."""
    told, found, kept = expression(BOUNDS), {}, milvus_client.PROBED
    for lists in (16, 32, 64, 128):
        milvus_client.PROBED = lists
        found[lists] = [
            _timed(asked, lambda q, t=t: place.search(q, DEPTH, t)[0][0].tolist(), e)
            for t, e in zip(("", told), exact, strict=True)
        ]
    milvus_client.PROBED = kept
    return found


def _both(
    asked: Vectors,
    free: Callable[[Vectors], list[int]],
    bound: Callable[[Vectors], list[int]],
    exact: Exact,
) -> dict[str, Any]:
    for question in asked[:20]:
        free(question[None])
    recall, *times = _timed(asked, free, exact[0])
    narrow, *narrower = _timed(asked, bound, exact[1])
    return {
        "recall@10": recall,
        "p50, p99, ms": times,
        "recall@10, filtered": narrow,
        "p50, p99, ms, filtered": narrower,
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _folder() -> Path:
    return Path(json.loads(os.environ["QA_TEST_ENGINE"])["folder"])


def _server_bytes() -> int:
    """Return the resident memory of all the engine's processes."""
    pids = json.loads(os.environ["QA_TEST_ENGINE"])["pids"].values()
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def _in_faiss(grown: Grown, asked: Vectors, exact: Exact) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        grown.leave_memory()
        before, started = resident_bytes(), time.perf_counter()
        index = DenseIndex(grown.vectors.shape[1])
        index = index.updated(Path(place) / "dense", grown.portions(), [], link)
        seconds = time.perf_counter() - started
        keys = index.keys()
        allowed = keys[_within(keys // OF_AN_ARTICLE)]

        def search(within: Keys | None) -> Callable[[Vectors], list[int]]:
            return lambda question: [key for key, _ in index.search(question, DEPTH, within)[0]]

        return {
            "written, vectors/s": round(len(grown.vectors) / seconds),
            **_both(asked, search(None), search(allowed), exact),
            "memory, MB": round(_without(grown, before) / 1e6),
            "disk, MB": round(bytes_below(Path(place)) / 1e6),
        }


def _without(grown: Grown, before: int) -> int:
    """Return how much more memory is held than before, without what is read from the file."""
    grown.leave_memory()
    return resident_bytes() - before


if __name__ == "__main__":
    sys.exit(main())
