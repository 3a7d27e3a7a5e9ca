"""What an archive larger than any that was measured would cost: computed, with the arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.benchmarks.machine import encoder_operations

DAY = 86_400.0
GIB = 2**30

MILVUS_BYTES = 2_000
"""Memory of a Milvus server for a vector, of which its 384 float32 are 1,536: measured with a
million by `python -m tests.engines server -- python -m tests.engines.million`."""

MILVUS_REPLICAS = 2
"""Copies of every vector in memory, so that one query node may fail."""

NODE_BYTES, NODE_SHARE = 64 * GIB, 0.7
"""Memory of a query node, and the share of it that vectors may fill: growing segments, compaction
and searches take the rest."""

TOKENS = 210
"""Word pieces of a passage, as in the articles by which the speeds are measured."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured: bytes and seconds a passage, and a question's time where it grows.

    `truth`, `vectors` and `words` are bytes on disk; `memory` is that of a process that asks, in
    bytes beside `memory_base`; `asked` is the p50 in ms at `size` passages, and `growth` the ms
    that FAISS and tantivy add to it with each passage. `encoded` and `fed` are passages a second
    of one core and of the writer.
    """

    size: int
    truth: float
    vectors: float
    words: float
    memory_base: float
    memory: float
    asked: float
    growth: float
    encoded: float
    fed: float


def costs_of(measured: Mapping[int, Mapping[str, Any]], encoded: float, fed: float) -> Costs:
    """Return the costs a passage, by the two largest archives that were measured."""
    less, most = sorted(measured)[-2:]
    small, large = measured[less], measured[most]
    between = most - less
    memory = (large["memory"] - small["memory"]) / between
    return Costs(
        size=most,
        **{part: large["parts"][part] / most for part in ("truth", "vectors", "words")},
        memory_base=large["memory"] - memory * most,
        memory=memory,
        asked=large["p50"],
        growth=max(large["floor"] - small["floor"], 0) / between,
        encoded=encoded,
        fed=fed,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One cost of an archive of N passages: a function of N, its unit, and how it is computed."""

    what: str
    of: Callable[[int], float]
    unit: str
    how: str


def lines(costs: Costs) -> list[Line]:
    """Return what an archive of N passages costs."""
    c = costs
    disk = c.truth + c.vectors + c.words
    share = NODE_SHARE * NODE_BYTES
    return [
        Line(
            "disk: the truth",
            lambda n: c.truth * n / 1e9,
            "GB",
            f"{c.truth:,.0f} B × N (SQLite; PostgreSQL keeps the same rows)",
        ),
        Line(
            "disk: FAISS and tantivy",
            lambda n: (disk - c.truth) * n / 1e9,
            "GB",
            f"({c.vectors:,.0f} + {c.words:,.0f}) B × N, again for each serving machine",
        ),
        Line(
            "memory of a process that asks",
            lambda n: (c.memory_base + c.memory * n) / 1e9,
            "GB",
            f"{c.memory_base / 1e6:,.0f} MB + {c.memory:,.0f} B × N",
        ),
        Line(
            "a question, p50",
            lambda n: c.asked + c.growth * (n - c.size),
            "ms",
            f"{c.asked:,.0f} ms + {1e6 * c.growth:,.1f} ms × (N - {c.size:,}) / 1,000,000",
        ),
        Line(
            "Milvus in place of FAISS: memory",
            lambda n: MILVUS_REPLICAS * MILVUS_BYTES * n / 1e9,
            "GB",
            f"{MILVUS_BYTES:,} B × N × {MILVUS_REPLICAS} replicas",
        ),
        Line(
            "Milvus: query nodes of 64 GiB",
            lambda n: MILVUS_REPLICAS * math.ceil(MILVUS_BYTES * n / share),
            "",
            f"{MILVUS_REPLICAS} replicas, each on nodes of its own: its memory /"
            f" ({NODE_SHARE} × 64 GiB = {share / 1e9:.1f} GB), rounded up",
        ),
        Line(
            "encoding all, one core",
            lambda n: n / c.encoded / DAY,
            "days",
            f"N / {c.encoded:,.1f} a second",
        ),
        Line(
            "the one writer alone",
            lambda n: n / c.fed / DAY,
            "days",
            f"N / {c.fed:,.0f} a second: reading, splitting, committing",
        ),
        Line(
            "cores that it keeps at work",
            lambda _: c.fed / c.encoded,
            "",
            f"{c.fed:,.0f} / {c.encoded:,.1f}: with more `--workers` it is what limits",
        ),
        Line(
            "a GPU that keeps up with it",
            lambda _: c.fed * encoder_operations(TOKENS) / 1e12,
            "TFLOP/s",
            f"{c.fed:,.0f} × {encoder_operations(TOKENS) / 1e9:.1f} GFLOP a passage: any does, so"
            " that encoding all on one takes as long as the writer",
        ),
    ]


def show(costs: Costs, sizes: Sequence[int]) -> None:
    """Print what archives of these sizes would cost, beside the largest that was measured."""
    title = f"computed from {costs.size:,} passages that were measured, and fewer"
    table = Table(box=box.SIMPLE, title=title, title_justify="left")
    table.add_column("")
    for size in (costs.size, *sizes):
        table.add_column(f"{size:,}", justify="right")
    table.add_column("how")
    for line in lines(costs):
        figures = [_figure(line.of(size)) for size in (costs.size, *sizes)]
        table.add_row(line.what, *(f"{n} {line.unit}".strip() for n in figures), line.how)
    Console(width=180).print(table)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
