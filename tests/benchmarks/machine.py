"""The machine, in general words, and the most that its arithmetic can do."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np

from tests.benchmarks.rows import worked

SHAPES = ((384, 384), (384, 1536), (1536, 384))
"""Weights of a MiniLM layer: attention, and the two maps of the feed-forward part."""

TIMES = 12


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


def matmul_peak(tokens: int) -> float:
    """Return the operations a second of numpy's float32 products of a layer's shapes, best of all.

    The products stand in the proportion in which a layer has them: four attention maps, two others.
    """
    chance = np.random.default_rng(0)
    seconds, operations = 0.0, 0.0
    for (rows, columns), often in zip(SHAPES, (4, 1, 1), strict=True):
        left = chance.standard_normal((tokens, rows), dtype=np.float32)
        right = chance.standard_normal((rows, columns), dtype=np.float32)
        best = min(worked(lambda a=left, b=right: a @ b) for _ in range(TIMES))
        seconds += often * best
        operations += often * 2 * tokens * rows * columns
    return operations / seconds


def encoder_operations(tokens: int, layers: int = 6, width: int = 384, inner: int = 1536) -> float:
    """Return the operations of a pass over one text: the maps, and attention among its tokens."""
    maps = 2 * tokens * (4 * width * width + 2 * width * inner)
    return float(layers * (maps + 2 * 2 * tokens * tokens * width))
