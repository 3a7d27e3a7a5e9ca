"""Periods that questions name: what is read, what is left alone, and which days it covers."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa import period_phrases, periods
from qa.period_phrases import named_periods
from qa.periods import EVENT_MARGIN, Calendar, Period
from qa.publication import asked_period
from tests.pace import within

SAMPLES = Calendar(date(2026, 2, 1), date(2025, 1, 6), date(2025, 12, 20))
"""An archive of 2025, asked later, the day of asking not stated."""

MANY_YEARS = Calendar(date(2024, 5, 15), date(2012, 1, 3), date(2024, 5, 14))
"""An archive that reaches today, a Wednesday."""


def on(day: str) -> Calendar:
    """Return the samples' archive, asked on a day that was stated."""
    return Calendar(date.fromisoformat(day), SAMPLES.first, SAMPLES.last, asked=True)


def bounds(text: str, calendar: Calendar = SAMPLES) -> tuple[str | None, str | None] | None:
    """Return the days that a question asks for, without the days in which events are reported."""
    asked = asked_period(text, calendar)
    if asked is None:
        return None
    first, last = asked.period.first, asked.period.last
    if first is not None and last is not None and " to " not in text and "between" not in text:
        last -= EVENT_MARGIN
    return first.isoformat() if first else None, last.isoformat() if last else None


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("Who resigned on 3 March 2025?", "2025-03-03", "2025-03-03"),
        ("Who resigned on March 3, 2025?", "2025-03-03", "2025-03-03"),
        ("Who resigned on the 3rd of March 2025?", "2025-03-03", "2025-03-03"),
        ("Who resigned on 2025-03-03?", "2025-03-03", "2025-03-03"),
        ("Who resigned on 13/03/2025?", "2025-03-13", "2025-03-13"),
        ("bridge news march 2025", "2025-03-01", "2025-03-31"),
        ("What happened in March 2025?", "2025-03-01", "2025-03-31"),
        ("Who sang on 31 February 2025?", "2025-02-01", "2025-02-28"),
        ("what happened in march", "2025-03-01", "2025-03-31"),
        ("What was decided in May?", "2025-05-01", "2025-05-31"),
        ("What happened in 2024?", "2024-01-01", "2024-12-31"),
        ("What opened in Q1 2025?", "2025-01-01", "2025-03-31"),
        ("What opened in the second quarter of 2025?", "2025-04-01", "2025-06-30"),
        ("What opened in the summer of 2025?", "2025-06-01", "2025-08-31"),
        ("What opened in summer 2025?", "2025-06-01", "2025-08-31"),
        ("What froze in winter 2024?", "2024-12-01", "2025-02-28"),
        ("What happened in the first week of June 2025?", "2025-06-01", "2025-06-07"),
        ("What happened in the last week of June 2025?", "2025-06-24", "2025-06-30"),
        ("What broke on the first weekend of August?", "2025-08-02", "2025-08-03"),
        ("What was said in late February?", "2025-02-18", "2025-02-28"),
        ("What was said in early March 2025?", "2025-03-01", "2025-03-10"),
        ("What was said in mid-March 2025?", "2025-03-11", "2025-03-21"),
        ("At the end of September a skipper was in court. Why?", "2025-09-23", "2025-09-30"),
        ("What opened at the start of 2025?", "2025-01-01", "2025-01-08"),
        ("What opened in the second half of 2025?", "2025-07-02", "2025-12-31"),
        ("What was found in the week before Christmas 2025?", "2025-12-18", "2025-12-24"),
        ("Who sang on Christmas Eve 2025?", "2025-12-24", "2025-12-24"),
        ("What closed between April and June?", "2025-04-01", "2025-06-30"),
        ("What closed from 3 April to 5 May 2025?", "2025-04-03", "2025-05-05"),
        ("What has closed since May?", "2025-05-01", None),
        ("What has closed from May on?", "2025-05-01", None),
        ("What had closed by 2 June 2025?", None, "2025-06-02"),
        ("What was known until June 2025?", None, "2025-06-30"),
        ("What was known before 2 June 2025?", None, "2025-06-01"),
        ("What was known after 2 June 2025?", "2025-06-03", None),
    ],
)
def test_dates_by_name_become_days(text: str, first: str | None, last: str | None) -> None:
    """Days, months, quarters, seasons and years are read, with what narrows or opens them."""
    assert bounds(text) == (first, last)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("Who won yesterday?", "2025-07-09", "2025-07-09"),
        ("who won yesterdays count?", "2025-07-09", "2025-07-09"),
        ("Who won the day before yesterday?", "2025-07-08", "2025-07-08"),
        ("Who won today?", "2025-07-10", "2025-07-10"),
        ("Who won this week?", "2025-07-03", "2025-07-10"),
        ("Who won last week?", "2025-06-30", "2025-07-09"),
        ("Who won last month?", "2025-06-01", "2025-06-30"),
        ("Who won this month?", "2025-07-01", "2025-07-10"),
        ("Who won last year?", "2024-01-01", "2024-12-31"),
        ("Who won earlier this year?", "2025-01-01", "2025-07-10"),
        ("Who won at the weekend?", "2025-07-05", "2025-07-06"),
        ("Who won last weekend?", "2025-07-05", "2025-07-06"),
        ("Who won in the past two weeks?", "2025-06-26", "2025-07-10"),
        ("Who won over the last 3 months?", "2025-04-10", "2025-07-10"),
        ("Who won two days ago?", "2025-07-08", "2025-07-08"),
        ("Who won three weeks ago?", "2025-06-16", "2025-06-22"),
        ("Who won a month ago?", "2025-06-01", "2025-06-30"),
        ("Who won last Tuesday?", "2025-07-08", "2025-07-08"),
        ("Who won on Tuesday?", "2025-07-08", "2025-07-08"),
        ("Who won last March?", "2025-03-01", "2025-03-31"),
        ("Who won last summer?", "2024-06-01", "2024-08-31"),
    ],
)
def test_dates_count_from_the_day_of_asking(text: str, first: str, last: str) -> None:
    """Relative dates are read against the stated day, here Thursday 10 July 2025."""
    assert bounds(text, on("2025-07-10")) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "May I park on Harker Street?",
        "Who may stand for mayor?",
        "Who led the march against the merger?",
        "What is in the 2024 budget?",
        "What did the July report say?",
        "how many bones did they find in the september dig",
        "Who drives in the Christmas parade?",
        "Who was kidnapped before the election?",
        "What was the record before this summer?",
        "What happened after the storm?",
        "How long ago did it live?",
        "What animal was frozen 46,000 years ago?",
        "Who founded it over 10 years ago?",
        "How many bones are 2025 metres away?",
        "What did it earn in its first summer?",
        "Is the museum open on Mondays?",
        "What is on sale for today's teens?",
        "How much does it cost these days?",
        "What will open next week?",
    ],
)
def test_names_of_things_are_no_dates(text: str) -> None:
    """A month, year or "before" that belongs to a thing limits nothing."""
    assert asked_period(text, SAMPLES) is None


def test_on_monday_is_a_date_only_in_the_news_of_the_week() -> None:
    """A bare weekday counts where the archive reaches the week of asking, else it may be any."""
    assert bounds("What did Apple release on Monday?", MANY_YEARS) == ("2024-05-13", "2024-05-13")
    assert asked_period("What did Apple release on Monday?", SAMPLES) is None


@pytest.mark.parametrize(
    ("calendar", "year"),
    [
        (SAMPLES, 2025),
        (on("2025-06-01"), 2025),
        (on("2025-02-01"), 2025),
        (MANY_YEARS, 2024),
        (Calendar(date(2024, 2, 1), date(2012, 1, 3), date(2024, 1, 31)), 2023),
        (Calendar(date(2026, 2, 1)), 2025),
    ],
)
def test_a_month_without_its_year_is_the_last_one(calendar: Calendar, year: int) -> None:
    """It is the latest that has come, or the archive's own where that lies before all articles."""
    assert bounds("What happened in March?", calendar) == (f"{year}-03-01", f"{year}-03-31")


def test_events_are_reported_some_days_later() -> None:
    """A closed period takes three days more; "until" is meant as it is said."""
    asked = asked_period("What depends on it on 3 November 2025?", SAMPLES)
    assert asked is not None
    assert asked.period.last == date(2025, 11, 3) + EVENT_MARGIN
    assert asked.period.label == "of 3 November 2025"
    assert asked.period.notice == "Articles of 3 November 2025"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Who won in the first week of June 2025?", "of 1 June 2025 to 7 June 2025"),
        ("How many had it by the second week of October?", "until 14 October 2025"),
        ("Who won since the second week of October?", "since 8 October 2025"),
        ("Who won since May?", "since May 2025"),
        ("Who won in late May?", "of late May 2025"),
        ("Who won at the end of May?", "of the end of May 2025"),
        ("Who won after 2 June 2025?", "after 2 June 2025"),
        ("Who won between April and June?", "of April 2025 to June 2025"),
    ],
)
def test_periods_are_told_in_words(text: str, label: str) -> None:
    """The person reads which days were understood, with the year that was taken."""
    asked = asked_period(text, SAMPLES)
    assert asked is not None
    assert asked.period.label == label


def test_only_words_counted_from_today_are_left_out_of_the_search() -> None:
    """An article may name March 2025; that it says "last week" means nothing."""
    relative = asked_period("Why did he quit last week?", SAMPLES)
    named = asked_period("Why did he quit in March 2025?", SAMPLES)
    assert relative is not None
    assert named is not None
    assert [span.of("Why did he quit last week?") for span in relative.spans] == ["last week"]
    assert named.spans == ()
    assert relative.period.relative
    assert not named.period.relative


def test_named_periods_do_not_overlap() -> None:
    """Each stretch of a text is read once, the longest name of it."""
    text = "from the first week of June 2025 to last Tuesday, 3 March 2025 and yesterday"
    spans = [named.span for named in named_periods(text, SAMPLES)]
    assert all(one.end <= two.start for one, two in pairwise(spans))
    assert [span.of(text) for span in spans] == [
        "the first week of June 2025", "last Tuesday", "3 March 2025", "yesterday",
    ]  # fmt: skip


WORDS = [
    *periods.MONTHS, *periods.WEEKDAYS, *periods.SEASONS, "in", "on", "the", "since", "until",
    "between", "and", "from", "to", "last", "this", "week", "year", "of", "first", "31", "29", "3",
    "2025", "2024", "ago", "two", "early", "before", "Q4", "christmas", "999", "months", "years",
]  # fmt: skip


OTHERS = [
    "yesterday", "today", "weekend", "the previous", "past", "this morning", "quarter", "at",
    "over", "third", "halloween", "New Year’s Eve", "valentine's day", "bonfire night", "1st",
    "boxing day", "Sept", "night", "day", "fortnight", "May", "mayor", "marched", "final", "(",
]  # fmt: skip


@given(
    st.lists(st.sampled_from([*WORDS, *OTHERS]), max_size=6),
    st.sampled_from([" ", "-", ", ", "“"]),
)
def test_a_text_that_is_passed_over_names_no_period(words: list[str], gap: str) -> None:
    """What is told at a glance to name none has none of the patterns in it."""
    text = gap.join(words)
    calendar = Calendar(date(2025, 3, 14), date(1990, 1, 1), date(2025, 3, 14), asked=True)
    found = named_periods(text, calendar)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(period_phrases, "_HINT", re.compile(""))
        assert found == named_periods(text, calendar)


@given(
    st.lists(st.sampled_from(WORDS), max_size=12), st.dates(date(1800, 1, 1), date(2100, 12, 31))
)
def test_any_words_give_a_period_in_order_or_none(words: list[str], today: date) -> None:
    """Whatever is put together, nothing is raised and no period ends before it starts."""
    text = " ".join(words)
    for calendar in (Calendar(today, asked=True), Calendar(today, date(1990, 1, 1), today)):
        asked = asked_period(text, calendar)
        if asked is not None and asked.period.first and asked.period.last:
            assert asked.period.first <= asked.period.last
        for named in named_periods(text, calendar):
            assert 0 <= named.span.start < named.span.end <= len(text)


@given(st.dates(date(1800, 1, 1), date(2100, 12, 31)), st.integers(-1200, 1200))
def test_months_are_counted_by_the_calendar(when: date, months: int) -> None:
    """Moved forth and back by months a day is the same, or the last of a shorter month."""
    moved = periods.months_after(when, months)
    assert (moved.year * 12 + moved.month) - (when.year * 12 + when.month) == months
    assert moved.day == when.day or (moved + timedelta(days=1)).day == 1


def test_parts_of_a_period_lie_inside_it() -> None:
    """The early, mid and late parts of each month follow one another inside it."""
    for number in range(1, 13):
        whole = periods.month(2024, number)
        early, mid, late = (periods.part(whole, name) for name in ("early", "mid", "late"))
        for part in (early, mid, late, periods.part(whole, "start"), periods.part(whole, "end")):
            assert whole.covers(str(part.first))
            assert whole.covers(str(part.last))
        assert early.last is not None
        assert mid.first == early.last + timedelta(days=1)
        assert late.last == whole.last


@pytest.mark.parametrize(
    ("period", "published", "covered"),
    [
        (Period(date(2025, 3, 1), date(2025, 3, 31), ""), "2025-03-01", True),
        (Period(date(2025, 3, 1), date(2025, 3, 31), ""), "2025-04-01", False),
        (Period(date(2025, 3, 1), None, ""), "2031-01-01", True),
        (Period(None, date(2025, 3, 31), ""), "2025-04-01", False),
        (Period(date(2025, 3, 1), date(2025, 3, 31), ""), None, True),
    ],
)
def test_what_a_period_covers(period: Period, published: str | None, covered: bool) -> None:
    """Both ends belong to it, an open side has none, and an article without a date may be of it."""
    assert period.covers(published) is covered


@pytest.mark.parametrize(
    "piece",
    ["in ", "March ", "1 ", "the first week of ", "2025 ", "1-1-", "from 1 March 2025 to ", "last ",
     "31/12/", "9", " ", "\u202e", "the last two weeks "],
)  # fmt: skip
def test_hostile_text_takes_no_time(piece: str) -> None:
    """100,000 characters of any pattern's own words are read in under a second."""
    text = piece * (100_000 // len(piece))
    with within(1):
        asked_period(text, SAMPLES)
