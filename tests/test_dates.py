"""Dates as newspapers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.dates import MAX_DATE_CHARS, parse_date
from tests.pace import within


@pytest.mark.parametrize(
    "text",
    [
        "2023-03-02",
        "2023-03-02T23:59:00-05:00",
        "2023/3/2 14:05",
        "20230302",
        "20230302T140500Z",
        "1677715200",
        "1677715200000",
        "Thu, 02 Mar 2023 14:05:00 GMT",
        "Thu Mar  2 14:05:00 2023",
        "2 March 2023",
        "2nd of March, 2023",
        "02-Mar-2023",
        "March 2, 2023",
        "Mar. 2nd, 2023 at 2:05 p.m. ET",
        "Published 2 March 2023",
        "Last updated on Thursday, 2 March 2023 at 14:05 GMT",
        "02.03.2023",
    ],
)
def test_reads_the_notations_of_newspapers(text: str) -> None:
    """Every notation of one day gives that day, as it is written, in ISO 8601."""
    assert parse_date(text) == "2023-03-02"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("13/03/2023", "2023-03-13"), ("03/13/2023", "2023-03-13"), ("03/03/2023", "2023-03-03")],
)
def test_figures_that_read_one_way_count(text: str, expected: str) -> None:
    """A date in figures counts where day and month cannot be confused."""
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02/03/2023",
        "2 March",
        "March 2023",
        "2/3/23",
        "2023-02-30",
        "31 April 2023",
        "1799-12-31",
        "2101-01-01",
        "2 hours ago",
        "Sat",
        "14:05 GMT",
        "2 March 2023" + " " * MAX_DATE_CHARS + "x",
    ],
)
def test_gives_none_where_the_day_is_not_certain(text: str) -> None:
    """Ambiguous, incomplete, impossible and over-long dates give None rather than a guess."""
    assert parse_date(text) is None


@given(st.text(max_size=120))
def test_never_raises(text: str) -> None:
    """Any text gives a date of the calendar or None."""
    found = parse_date(text)
    assert found is None or len(found) == len("2023-03-02")


@pytest.mark.parametrize("unit", ["1", "1 ", "2 March ", "Jan ", "-", "2023-", " ", "12/"])
def test_hostile_strings_cost_nothing(unit: str) -> None:
    """A hundred thousand hostile characters take less than a second."""
    with within(1):
        parse_date(unit * 100_000)
        for length in range(MAX_DATE_CHARS):
            parse_date((unit * MAX_DATE_CHARS)[:length])
