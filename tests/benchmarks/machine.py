"""The machine, in general words, and the most that its arithmetic can do."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np

from tests.benchmarks.rows import worked

SHAPES = ((384, 384), (384, 1536), (1536, 384))
"""Weights of a MiniLM layer: attention, and the two maps of the feed-forward part."""


def described() -> str:
    """Return cores, vector instructions and memory; no names."""
    flags = _cpu_flags()
    known = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("asimd", "NEON"))
    vectors = next((name for flag, name in known if flag in flags), "no vector instructions known")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores ({platform.machine()}, {vectors}), {memory:.0f} GB of memory"


def _cpu_flags() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return set()
    lines = [line for line in text.splitlines() if line.startswith(("flags", "Features"))]
    return set(lines[0].split()) if lines else set()


def matmuls(tokens: int, least: float) -> list[tuple[float, float]]:
    """Multiply a layer's float32 matrices with numpy for some seconds.

    Returns (operations, seconds) of each turn, which has the products of a layer: four attention
    maps, two others.
    """
    chance = np.random.default_rng(0)
    pairs = [
        (
            chance.standard_normal((tokens, rows), dtype=np.float32),
            chance.standard_normal((rows, columns), dtype=np.float32),
        )
        for (rows, columns), often in zip(SHAPES, (4, 1, 1), strict=True)
        for _ in range(often)
    ]
    operations = float(sum(2 * left.size * right.shape[1] for left, right in pairs))
    turns: list[tuple[float, float]] = []
    while sum(seconds for _, seconds in turns) < least:
        turns.append((operations, worked(lambda: [left @ right for left, right in pairs])))
    return turns


def encoder_operations(tokens: int, layers: int = 6, width: int = 384, inner: int = 1536) -> float:
    """Return the operations of a pass over one text: the maps, and attention among its tokens."""
    maps = 2 * tokens * (4 * width * width + 2 * width * inner)
    return float(layers * (maps + 2 * 2 * tokens * tokens * width))
