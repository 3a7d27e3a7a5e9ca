"""Limits on seconds grow with the machine's pace, and still catch what is slow."""

from __future__ import annotations

import pytest

from tests.pace import MOMENTS, USUAL, measure_pace, within


class Clock:
    """A clock of a machine on which the reference takes as many times as long as usual."""

    def __init__(self, pace: float) -> None:
        self.pace = pace
        self.now = 0.0

    def __call__(self) -> float:
        """Return the seconds, which pass by a reference's between any two readings."""
        self.now += self.pace * USUAL
        return self.now


@pytest.mark.parametrize("before", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("after", [0.1, 1.0, 5.0])
def test_a_limit_grows_with_the_slower_pace_and_never_shrinks(before: float, after: float) -> None:
    """Just within the limit passes and just over it fails, whichever side was the slower."""
    limit = MOMENTS * 20 * max(1.0, before, after)
    for seconds in (limit * 0.99, limit * 1.01):
        clock = Clock(before)
        if seconds > limit:
            with pytest.raises(AssertionError, match=f"limit of {limit:.3f} s: 20 s"):
                spend(clock, seconds, after)
        else:
            spend(clock, seconds, after)


def spend(clock: Clock, seconds: float, after: float) -> None:
    """Take seconds out of twenty, at the end of which the machine has another pace."""
    with within(20, clock=clock):
        clock.now += seconds
        clock.pace = after


def test_what_is_quick_needs_no_second_look() -> None:
    """Within its seconds, a block is not judged by a pace that is measured after it."""
    clock = Clock(1)
    with within(20, clock=clock):
        clock.now += 19
        before = clock.now
    assert clock.now - before == pytest.approx(USUAL)


def test_the_message_says_seconds_limit_and_pace() -> None:
    with pytest.raises(AssertionError) as caught, within(1, clock=(clock := Clock(3))):
        clock.now += 60
    told = str(caught.value).split("\n")[0]
    assert told == (
        "took 60.027 s, over the limit of 6.000 s: 1 s,"
        " times 3.00 for this machine's pace, times 2 for moments"
    )


def test_a_block_that_fails_says_its_own_fault() -> None:
    clock = Clock(1)

    def fail() -> None:
        clock.now += 60
        raise KeyError

    with pytest.raises(KeyError), within(1, clock=clock):
        fail()


def test_a_real_pace_is_measured_and_real_work_limited() -> None:
    """By the processor's clock: thousandfold work is over its limit on any machine."""
    assert 0 < measure_pace() < 100
    with pytest.raises(AssertionError, match="over the limit"), within(0.0001):
        sum(n * n for n in range(1_000_000))
    with within(60):
        sum(n * n for n in range(1_000_000))
