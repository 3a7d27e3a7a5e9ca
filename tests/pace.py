"""Limits on seconds that hold on a slower machine as well: they grow with its pace.

A number of seconds says as much about the machine as about the code. What a test limits is
compared with a piece of work that is always the same, done in the same process at the same time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Clock = Callable[[], float]
"""Returns seconds: of the processor, or of the wall where the work is to wait or in a process."""

USUAL = 0.009
"""Seconds of the processor that the reference takes on a machine of the pace that the tests' limits
are stated for: the median of 300 runs on a core of an Intel Xeon that does nothing else."""

MOMENTS = 2.0
"""How much longer work may take than its limit at the measured pace: caches, garbage collection
and other programs slow the one and spare the other. It costs no test its meaning, for what the
tests are to find, such as time that grows with the square, takes hundreds of times its limit."""

REPEATS = 3
"""Runs of the reference, of which the quickest counts: a pause is none of the machine's pace."""

FRESH = 1.0
"""Seconds for which a measured pace holds, so that a hundred quick blocks are not slowed by it."""

LINES = 1_000
"""Of the reference: long enough to be timed to a percent, short beside what is limited."""

_TEXT = "The council met on Tuesday; it decided about the harbour wall, 3 to 2.\n" * LINES
_WORD = re.compile(r"(?<!\w)(?:[A-Z]?[a-z]{1,20}|\d{1,3})(?!\w)")
_measured: dict[Clock, tuple[float, float]] = {}


@contextmanager
def within(seconds: float, *, clock: Clock = time.process_time) -> Iterator[None]:
    """Fail where the block takes longer than `seconds` on a machine of the usual pace.

    A slower machine is given more, by the slower of its paces just before and just after the
    block; a faster one no less. A block that raises is not timed.
    """
    before = _recent_pace(clock)
    started = clock()
    yield
    taken = clock() - started
    if taken <= seconds:
        return
    pace = max(1.0, before, measure_pace(clock))
    limit = MOMENTS * pace * seconds
    assert taken <= limit, (
        f"took {taken:.3f} s, over the limit of {limit:.3f} s: {seconds:g} s,"
        f" times {pace:.2f} for this machine's pace, times {MOMENTS:g} for moments"
    )


def measure_pace(clock: Clock = time.process_time) -> float:
    """Return how many times as long as on the usual machine the reference takes here and now."""
    return min(_seconds_of_reference(clock) for _ in range(REPEATS)) / USUAL


def _recent_pace(clock: Clock) -> float:
    """Return the pace as measured less than FRESH seconds ago, or else now."""
    when, pace = _measured.get(clock, (-FRESH, 0.0))
    if time.monotonic() - when > FRESH:
        pace = measure_pace(clock)
        _measured[clock] = time.monotonic(), pace
    return pace


def _seconds_of_reference(clock: Clock) -> float:
    """Do what reading does: find words by a pattern, slice, compare, count, keep small objects."""
    started = clock()
    counts: dict[str, int] = {}
    spans = []
    for match in _WORD.finditer(_TEXT):
        word = match[0].lower()
        counts[word] = counts.get(word, 0) + 1
        spans.append((match.start(), match.end(), match[0].isupper()))
    assert len(counts) == 13
    assert len(spans) == 14 * LINES
    return clock() - started
