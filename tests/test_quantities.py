"""Numbers in text are read with what they measure, and stand where they say."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.quantities import LONGEST_SENTENCE, Quantity, measure_of, quantities


def read(text: str) -> list[tuple[str, float, set[str]]]:
    return [(q.span.of(text), q.value, set(q.measures)) for q in quantities(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Seventy-one homes were flooded.", ("Seventy-one", 71, {"homes"})),
        ("Some 1,140 houses stood dry.", ("1,140", 1140, {"homes", "stood", "dri"})),
        ("It was insured for £180,000, they said.", ("£180,000", 180_000, {"£"})),
        ("The bill could reach £2.4m.", ("£2.4m", 2.4e6, {"£"})),
        ("It cost $3 billion in all.", ("$3 billion", 3e9, {"$"})),
        ("They paid five million dollars.", ("five million", 5e6, {"$"})),
        ("Tin rose by 44 per cent.", ("44 per cent", 44, {"%"})),
        ("Tin rose by 83% this year.", ("83%", 83, {"%"})),
        ("There were 550 of us on the quay.", ("550", 550, {"people"})),
        ("The attendance was given as 4,112.", ("4,112", 4112, {"people"})),
        ("It would take on 45 people soon.", ("45", 45, {"jobs"})),
        ("Up to 60 new jobs are coming.", ("60", 60, {"jobs"})),
        ("Two hundred fans sang.", ("Two hundred", 200, {"people", "sang"})),
    ],
)
def test_numbers_with_their_measures(text: str, found: tuple[str, float, set[str]]) -> None:
    """Digits, words, scales, currencies and shares are read, and what is counted behind them."""
    assert read(text) == [found]


@pytest.mark.parametrize(
    "text",
    [
        "It opened in 1911 and closed in 2025.",
        "It shut on March 11.",
        "They won 2-1 on 11/3 at 9:30.",
        "Five people in six said no.",
        "Two in three said no.",
        "Route A12 and B1.2.3 and 1.2.3.4 are shut.",
        "",
    ],
)
def test_what_is_no_quantity(text: str) -> None:
    """Years, days, clock times, scores, shares of "two in three" and names are no quantities."""
    assert not [found for found in read(text) if found[2]]


@given(st.integers(2, 10**9).filter(lambda n: not 1500 <= n < 2100), st.sampled_from("£$€"))
def test_every_number_is_read_back(number: int, sign: str) -> None:
    """A number that is written with thousands' commas comes back whole, as count and as money."""
    assert [q.value for q in quantities(f"About {number:,} people came.")] == [number]
    assert [q.value for q in quantities(f"It cost {sign}{number:,}.")] == [number]


@given(st.text(alphabet="0123456789,.£%- kmtwohundredpl", max_size=80))
def test_spans_are_inside_in_order_and_disjoint(text: str) -> None:
    """Whatever the text, quantities slice to themselves and do not overlap."""
    found = quantities(text)
    assert all(0 <= q.span.start < q.span.end <= len(text) for q in found)
    assert all(a.span.end <= b.span.start for a, b in pairwise(found))


def test_hostile_length_is_cut() -> None:
    """Only the head of an endless sentence is read."""
    text = "7 people " * LONGEST_SENTENCE
    assert len(quantities(text)) <= LONGEST_SENTENCE // 9 + 1


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("300 people", "312 people", True),
        ("5,000 fans", "4,112 fans", False),
        ("18,000 people", "12,000 people", False),
        ("63 homes", "64 homes", False),
        ("£2.4m", "£2.1m", False),
        ("£2.4m", "£2,430,000", True),
    ],
)
def test_rounded_numbers_agree(one: str, other: str, agree: bool) -> None:
    """A round number agrees with what it may be rounded from, an exact one with itself only."""
    first, second = quantities(one)[0], quantities(other)[0]
    assert first.agrees(second) == second.agrees(first) == agree
    assert first.agrees(first)


def test_words_that_count_the_same_have_one_measure() -> None:
    """Homes are houses, fans are people; stop words and sizes measure nothing."""
    assert measure_of("houses") == measure_of("homes") == measure_of("properties")
    assert measure_of("fans") == measure_of("people")
    assert not measure_of("new")
    assert not measure_of("the")


def test_tolerance_by_hand() -> None:
    """Half of the place that a number is rounded to."""
    values = {300.0: 50, 4112.0: 0.5, 18_000.0: 500, 2.4e6: 50_000, 9.3: 0.005, 0.0: 0.5}
    for value, tolerance in values.items():
        assert Quantity(value, frozenset(), span=None).tolerance == tolerance  # type: ignore[arg-type]
