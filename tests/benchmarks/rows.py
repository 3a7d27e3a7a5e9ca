"""What is measured, and a process of its own to measure it in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BENCH = ROOT.parent / "shared" / "bench"
"""Real articles and questions that are not shipped; the samples stand in where they are absent."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what it is, beside what it could be at best (`floor`) or has to be (`limit`).

    `at_most` tells on which side of the limit the figure has to be.
    """

    part: str
    what: str
    value: float
    unit: str
    floor: float | None = None
    floor_is: str = ""
    limit: float | None = None
    at_most: bool = True

    @property
    def is_met(self) -> bool | None:
        """Tell whether the limit is kept, None where there is none."""
        if self.limit is None:
            return None
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain JSON types."""
        return asdict(self) | {"is_met": self.is_met}


def alone(
    function: Callable[..., Any],
    *arguments: object,
    cores: int | None = None,
    env: Mapping[str, str] | None = None,
) -> Any:
    """Return what a function of a module returns in a process of its own, through JSON.

    With `cores`, the process may use no more of them: so threads of no library are overlooked.
    """
    code = (
        "import json, os, sys, importlib\n"
        "module, name, cores, arguments = json.loads(sys.argv[1])\n"
        "if cores: os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])\n"
        "found = getattr(importlib.import_module(module), name)(*arguments)\n"
        "print('\\n' + json.dumps(found))\n"
    )
    given = json.dumps([function.__module__, function.__name__, cores, arguments], default=str)
    done = subprocess.run(
        [sys.executable, "-c", code, given],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def resident_bytes() -> int:
    """Return the memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def timed(work: Callable[[], Any]) -> float:
    """Return how many seconds of a clock on the wall something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def worked(work: Callable[[], Any]) -> float:
    """Return how many seconds the processor works for something, in all threads of this process.

    What other programs do meanwhile counts for little: so two ways on one thread are compared.
    """
    started = time.process_time()
    work()
    return time.process_time() - started
